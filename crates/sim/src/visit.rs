//! One shopper's visit: a browser without a page. Signals go through the engine, what it records through the consent gate, and what the
//! gate lets out to the collector, over its public HTTP API and nothing else.

mod collector;
mod consent;
mod http;
mod outbox;
mod session;
mod shopper;
mod tally;
#[cfg(test)]
mod tests;
mod transport;

pub use collector::Refused;
pub use http::Http;
pub use session::{World, visit};
pub use shopper::{Choice, Shopper};
pub use tally::{Count, Tally};
pub use transport::{Reply, Route, Transport, Unreachable};
