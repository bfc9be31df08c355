//! Shoppers, pure: what a seed and a persona do, as the signals that a browser's sensors would see. No clock, no network.
//!
//! A [`Script`] takes one step after the other: open a page, read, waver, put something into the cart, leave. Each step moves the hand
//! over the screen, and the hand writes down what the sensors see. What shoppers of a persona tend to do stands in one table, from
//! which [`Persona::traits`] reads.

mod basket;
mod dice;
mod habits;
mod hand;
mod persona;
mod plan;
mod reach;
mod screen;
mod script;
mod storefront;
#[cfg(test)]
mod tests;
mod trials;

use waver_core::Signal;

pub use dice::{Dice, Stream};
pub use persona::{Persona, Traits};
pub use plan::{Deed, Plan, Recorded};
pub use reach::{OVERSHOOTS, minimum_jerk, reach};
pub use script::{Beat, Script};
pub use storefront::Product;
pub use trials::{Trial, trials};

/// Everything that a shopper of this persona does in one session, if nobody makes an offer: signals in order of time, the first of
/// them a view at `t` = 0. The same seed and persona always give the same signals.
pub fn script(seed: u64, persona: Persona) -> impl Iterator<Item = Signal> {
    Script::new(seed, 0, persona, Plan::Own).filter_map(|beat| match beat {
        Beat::Signal(signal) => Some(signal),
        Beat::Offer { .. } => None,
    })
}
