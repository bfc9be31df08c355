//! The shape of a reach: the way a pointer takes to a target, from which a change of mind on the way can be read (Freeman and Ambady 2010,
//! Behav Res Methods 42:226; Maldonado, Dunbar and Chemla 2019, Behav Res Methods 51:1085).
//!
//! A [`Reach`] takes the pointer's samples one by one and finds where a reach begins and ends; a [`Shape`] is what it measures of the
//! reach so far. Nothing looks ahead: a shape at an instant follows from the samples until then. Lengths are shares of the distance covered, so that
//! screens and buttons of any size compare; samples at 16 to 110 ms are brought to one grid of time and smoothed over the longest of
//! these, so that the browser's sampling does not show. Turning or mirroring a reach changes nothing.
//!
//! What a shape says is left to a model of the task [`TASK`] (see [`crate::model`]).

mod reach;
mod shape;
mod weights;

pub use reach::{REST_MS, Reach};
pub use shape::{COUNT, NAMES, Shape};
pub(crate) use weights::turned;

/// Task of the models that score a [`Shape`]: the probability that the shopper changed their mind on the way.
pub const TASK: &str = "path";

#[cfg(test)]
pub(crate) mod tests;
