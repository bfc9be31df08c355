//! What offers are worth: sums over sessions by arm, and what may be said of them at any time.
//!
//! A session that is over adds once what it came to ([`Sums`]), for each offer that it was assigned to; sums of whole numbers, which any
//! order adds up to the same. From them follow differences of means with intervals that hold however often they are looked at
//! ([`difference`]), and whether the arms have the sessions that they should have ([`SampleRatio`]). The collector and the trainer link this; the
//! browser module does not.

mod moments;
mod report;
mod sample_ratio;
mod sequence;
#[cfg(test)]
mod shop;
mod sums;
mod trials;

pub use moments::Moments;
pub use report::{ArmReport, Effect, Effects, Measure, OfferReport, RatioReport, Standing, harm, report};
pub use sample_ratio::{ALARM, SampleRatio};
pub use sequence::{ALPHA, Contrast, FEWEST, Interval, difference, widening};
pub use sums::{MOST_CURRENCIES, Money, OrderOutcome, Outcome, Sums, Total};
pub use trials::{Assignment, DAY_MS, MOST_CELLS, Trial, Trials, day_of};
