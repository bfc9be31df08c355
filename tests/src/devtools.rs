//! Chromium by its own DevTools protocol, over a socket: many tabs at once, each a shopper of its own, and input that does not wait for an answer to
//! the last movement. What needs neither goes by WebDriver, in [`crate::browser`].

mod chromium;
mod socket;
mod tab;
mod trace;

pub use chromium::Chromium;
pub use tab::{Screen, Tab};
pub use trace::{Recording, Slice};
