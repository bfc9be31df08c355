//! The simulated world around a collector: a shop's web server, and shoppers who behave like people.
//!
//! [`shop`] serves the demo storefront. [`shopper`] is pure: a seed and a persona give the signals that a browser's sensors would see.
//! [`visit`] is one shopper's browser without a page: signals go through the engine and the consent gate of `waver-core`, and what
//! may leave goes to the collector over its public HTTP API. [`crowd`] lets many of them come and go. [`clickstream`] reads
//! recorded sessions for shoppers to follow; [`reaches`] writes simulated reaches for the trainer.

pub mod clickstream;
pub mod crowd;
mod origin;
pub mod reaches;
pub mod shop;
pub mod shopper;
mod stop;
pub mod visit;

pub use origin::{InvalidOrigin, Origin};
pub use stop::Stop;
