//! The brain of Waver, pure: no input or output, no clock, no randomness, no async, no browser.
//!
//! Shells hand in what happened and when ([`Signal`]) and carry out what comes back ([`Effect`]). The same code runs in the
//! browser, in the collector, in replay and in the trainer, and gives the same bits in each: the only transcendental functions
//! used are those of `libm`, since the platforms' own differ in the last bit.
//!
//! The walk of one event: a signal updates the [`features`] and the evidence of each detector in [`hesitation`] and [`frustration`]; [`intent`] scores
//! the features; [`Engine`] turns crossings of thresholds into effects; [`consent`] alone decides whether an effect may become
//! something that leaves ([`consent::Consented`]). At the collector, [`session`] folds events into sessions, [`window`] into
//! aggregates, and [`decision`] answers whether something is offered.

pub mod consent;
pub mod decision;
pub mod detector;
mod engine;
mod evidence;
#[cfg(any(feature = "collector", feature = "trainer"))]
pub mod experiment;
pub mod features;
pub mod frustration;
pub mod hesitation;
pub mod intent;
mod items;
#[cfg(any(feature = "collector", feature = "trainer"))]
pub mod learning;
pub mod model;
pub mod path;
#[cfg(test)]
mod scene;
#[cfg(feature = "collector")]
pub mod session;
mod signal;
#[cfg(feature = "collector")]
pub mod window;

pub use engine::{Effect, Engine, Snapshot};
pub use frustration::DEAD_CLICK_MS;
pub use signal::{
    Edge, FieldAct, FieldClass, KeyClass, PointerType, Press, Pressed, PressedBy, Selected, Signal, SignalKind,
};
