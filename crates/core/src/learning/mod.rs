//! Which arm to choose, learned from what arms came to: Thompson sampling with its probabilities in the open.
//!
//! Thompson sampling draws from each arm's posterior and takes the best. Here the probability of that is worked out first
//! ([`chances`]), mixed with a uniform floor ([`with_floor`]), and the arm is drawn from exactly that vector ([`draw`]), so that the propensity
//! that is logged is the one that acted. Nothing here is random: the same sums give the same bits everywhere.
//!
//! [`choose`] is for arms that any of the same sessions could get; [`worth_of_offers`] is for offers of which each has sessions of its own, and
//! controls among them. Both hold a stratum of the context against all strata together, and personalise only where that is better beyond
//! doubt. The collector and the trainer link this; the browser module does not.

mod belief;
mod doubt;
mod knowledge;
mod offers;

pub use belief::{Belief, MOST_ARMS, chances};
pub use knowledge::{Goal, Knowledge};
pub use offers::{OfferSums, OfferWorth, worth_of_offers};

use crate::experiment::Moments;
use doubt::{Estimate, is_another_arm_better};

/// How arms are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Share of choices that are made evenly among all arms, 0..=1, so that nothing is ever unlearnable and every propensity has a floor.
    pub explore: f64,
    /// What the posterior's deviations are multiplied by. Below 1 it explores less than Thompson sampling does by itself, which Chapelle and Li
    /// ("An empirical evaluation of Thompson sampling", NIPS 2011, section 3) found to lose less in the time that shops have. Here it halves the
    /// variance. With a quarter of it, which they tried too, one run in twelve on Hillstrom's developers' rows stayed with the second best arm.
    pub reshape: f64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { explore: 0.01, reshape: 0.7 }
    }
}

/// What a session's reward is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reward {
    /// 1 or 0.
    Binary,
    /// Any amount.
    Amount,
}

/// The probability of each arm, summing to 1, where any session may get any of them; do-nothing is an arm like the others.
///
/// `pooled` is what all sessions came to by arm, `own` what those of the stratum at hand did; empty where there are no strata. The stratum's own
/// sums decide only where they show, beyond doubt, that another arm is better there than the one that is best for all.
pub fn choose(pooled: &[Moments], own: &[Moments], reward: Reward, settings: &Settings) -> Vec<f64> {
    let estimates = |arms: &[Moments]| arms.iter().map(Estimate::of).collect::<Vec<_>>();
    let personal = is_another_arm_better(&estimates(pooled), &estimates(own));
    let arms = if personal { own } else { pooled };
    with_floor(&chances(&beliefs(arms, reward, settings.reshape)), settings.explore)
}

/// What is believed of each arm's mean.
fn beliefs(arms: &[Moments], reward: Reward, reshape: f64) -> Vec<Belief> {
    let all = arms.iter().fold(Moments::default(), |all, arm| all.and(*arm));
    let of = |arm: &Moments| match reward {
        Reward::Binary => Belief::rate(arm.sum, arm.count as f64 - arm.sum, reshape),
        // The variance of all arms together, as if there were one session more of the mean of all: an arm that nobody got is wide open.
        Reward::Amount => {
            let count = arm.count as f64 + 1.0;
            Belief::normal((arm.sum + all.mean()) / count, reshape * (all.variance() / count).sqrt())
        }
    };
    arms.iter().map(of).collect()
}

/// The same with a share `explore` spread evenly.
pub fn with_floor(chances: &[f64], explore: f64) -> Vec<f64> {
    let even = 1.0 / chances.len() as f64;
    chances.iter().map(|chance| (1.0 - explore) * chance + explore * even).collect()
}

/// The arm on which `unit`, even in 0..1, falls.
pub fn draw(probabilities: &[f64], unit: f64) -> usize {
    let mut sum = 0.0;
    let falls_in = |probability: &f64| {
        sum += probability;
        unit < sum
    };
    // Sums of fractions may end a little below 1; the last arm that may be chosen has the rest.
    let last = || probabilities.iter().rposition(|probability| *probability > 0.0).unwrap_or_default();
    probabilities.iter().position(falls_in).unwrap_or_else(last)
}

#[cfg(test)]
mod tests;
