//! What another policy would have been worth, by the log of the one that was in force: off-policy evaluation.
//!
//! Each logged choice is a [`Step`]. Three estimates are made of all of them (Dudík, Langford & Li 2011; Swaminathan & Joachims 2015 for the second),
//! by the definitions of the Open Bandit Pipeline (`obp` 0.4.1; Saito et al. 2021), against which a test holds them:
//!
//! - **IPW** `mean(w r)`: without bias where every choice of the policy was tried, and at the mercy of large weights;
//! - **SNIPW** `sum(w r) / sum(w)`: a little bias, for far less variance;
//! - **DR** `mean(E[q] + w (r - q))`: `q` is what was expected, see [`rewards`]; good where either `q` or the propensities are right.
//!
//! `w` is the probability of the logged choice under the policy in question, divided by the one it was made with. An answer that the log cannot
//! support is [refused](Estimates::refused), in words.

mod choices;
mod file;
pub mod replay;
pub mod rewards;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::Serialize;

use crate::metrics::Figure;

pub use choices::Choices;
pub use file::{Asked, Backtest, Block, Logged, Of, backtest};

/// Resamplings behind an interval.
const RESAMPLES: usize = 1_000;
/// Choices that the log must be worth, at least: with fewer, a handful of rows is the answer.
pub const LEAST_SAMPLE: f64 = 50.0;
/// Choices of the policy that must have been rewarded, at least: with fewer, chance is the answer.
pub const LEAST_REWARDED: usize = 20;
/// Share of what the policy would choose that the log may never have tried, at most: IPW counts it as worth nothing.
pub const MOST_UNTRIED: f64 = 0.05;

/// A logged choice, as far as an estimate depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Probability of the choice under the policy in question, divided by the one it was made with.
    pub weight: f64,
    /// What came of it.
    pub reward: f64,
    /// What was expected of it.
    pub expected: f64,
    /// What was expected of the policy in question there.
    pub expected_of_policy: f64,
    /// Probability, 0..=1, with which the policy would have chosen there what the log's policy never does.
    pub untried: f64,
}

/// What was found. Where it is refused, the figures stand apart, so that nobody takes them for an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimates {
    /// Logged choices.
    pub rows: usize,
    /// Rewarded ones among those that the policy in question might have made.
    pub rewarded: usize,
    /// How many choices of the policy itself the log is worth: `sum(w)^2 / sum(w^2)` (Kish 1965).
    pub effective_sample_size: f64,
    /// Mean probability with which the policy chooses what the log never tried.
    pub untried: f64,
    /// What the policy that was in force got: the mean reward.
    pub logged: Figure,
    /// Why there is no answer, in words; empty where there is one.
    pub refused: Vec<String>,
    /// The answer.
    pub estimates: Option<Values>,
    /// Where it is refused: what the formulas give all the same. No answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsupported_estimates: Option<Values>,
}

/// The value of a policy, the mean reward of a choice, by each estimator; intervals by resampling choices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Values {
    /// Inverse propensity weighting.
    pub ipw: Figure,
    /// The same, with weights that sum to the number of choices.
    pub snipw: Figure,
    /// Doubly robust.
    pub dr: Figure,
}

/// Sums of which everything follows.
#[derive(Clone, Copy, Default)]
struct Sums {
    rows: f64,
    rewards: f64,
    weights: f64,
    weighted_rewards: f64,
    doubly_robust: f64,
}

impl Sums {
    fn add(&mut self, step: &Step) {
        self.rows += 1.0;
        self.rewards += step.reward;
        self.weights += step.weight;
        self.weighted_rewards += step.weight * step.reward;
        self.doubly_robust += step.expected_of_policy + step.weight * (step.reward - step.expected);
    }

    /// The logged policy's mean, then IPW, SNIPW and DR.
    fn values(&self) -> [f64; 4] {
        let Sums { rows, rewards, weights, weighted_rewards, doubly_robust } = *self;
        [rewards / rows, weighted_rewards / rows, weighted_rewards / weights, doubly_robust / rows]
    }
}

/// The estimates of these choices. Whatever is random follows from `seed`.
pub fn estimate(steps: &[Step], seed: u64) -> Estimates {
    let mut sums = Sums::default();
    steps.iter().for_each(|step| sums.add(step));
    let of_squares: f64 = steps.iter().map(|step| step.weight * step.weight).sum();
    let effective_sample_size = if of_squares > 0.0 { sums.weights * sums.weights / of_squares } else { 0.0 };
    let rewarded = steps.iter().filter(|step| step.weight > 0.0 && step.reward != 0.0).count();
    let untried = steps.iter().map(|step| step.untried).sum::<f64>() / (steps.len() as f64).max(1.0);
    let [logged, ipw, snipw, dr] = with_intervals(steps, sums.values(), seed);
    let refused = refusals(steps.len(), rewarded, effective_sample_size, untried);
    let values = Values { ipw, snipw, dr };
    let (estimates, unsupported_estimates) =
        if refused.is_empty() { (Some(values), None) } else { (None, Some(values)) };
    let rows = steps.len();
    Estimates { rows, rewarded, effective_sample_size, untried, logged, refused, estimates, unsupported_estimates }
}

/// Choices are drawn with replacement, as many as there are.
fn with_intervals(steps: &[Step], values: [f64; 4], seed: u64) -> [Figure; 4] {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let resamples = if steps.is_empty() { 0 } else { RESAMPLES };
    let mut resampled: [Vec<f64>; 4] = std::array::from_fn(|_| Vec::with_capacity(resamples));
    for _ in 0..resamples {
        let mut sums = Sums::default();
        for _ in steps {
            sums.add(&steps[random.random_range(0..steps.len())]);
        }
        for (all, value) in resampled.iter_mut().zip(sums.values()) {
            // A draw in which no weight is left says nothing.
            if value.is_finite() {
                all.push(value);
            }
        }
    }
    std::array::from_fn(|which| {
        resampled[which].sort_by(f64::total_cmp);
        let all = &resampled[which];
        let at = |share: f64| all.get((all.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        Figure { value: values[which], low: at(0.025), high: at(0.975) }
    })
}

fn refusals(rows: usize, rewarded: usize, effective_sample_size: f64, untried: f64) -> Vec<String> {
    let mut refused = Vec::new();
    if rows == 0 {
        refused.push("the log has no choice to judge by".to_owned());
        return refused;
    }
    if effective_sample_size < LEAST_SAMPLE {
        refused.push(format!(
            "the policy would choose so differently that {rows} logged choices are worth only {effective_sample_size:.1} of its own, and at least \
             {LEAST_SAMPLE:.0} are needed: a handful of rows would decide the answer"
        ));
    }
    if rewarded < LEAST_REWARDED {
        refused.push(format!(
            "only {rewarded} of the choices that the policy might have made were rewarded, and at least {LEAST_REWARDED} are needed: chance would \
             decide the answer"
        ));
    }
    if untried > MOST_UNTRIED {
        refused.push(format!(
            "{:.0} % of what the policy would choose was never tried where it would choose it, and at most {:.0} % may be: the log cannot know what \
             would have come of it",
            untried * 100.0,
            MOST_UNTRIED * 100.0
        ));
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(weight: f64, reward: f64, expected: f64, expected_of_policy: f64) -> Step {
        Step { weight, reward, expected, expected_of_policy, untried: 0.0 }
    }

    /// Worked by hand: weights 2, 0.5, 0 and 1 with rewards 1, 0, 1 and 1.
    #[test]
    fn a_small_case() {
        let steps =
            [step(2.0, 1.0, 0.5, 0.25), step(0.5, 0.0, 0.5, 0.5), step(0.0, 1.0, 0.25, 0.75), step(1.0, 1.0, 0.5, 0.5)];
        let found = estimate(&steps, 1);
        let Some(Values { ipw, snipw, dr }) = found.unsupported_estimates else { panic!("{found:?}") };
        assert_eq!((found.rows, found.rewarded, found.logged.value), (4, 2, 0.75));
        assert!((found.effective_sample_size - 3.5 * 3.5 / 5.25).abs() < 1e-12);
        assert!((ipw.value - 3.0 / 4.0).abs() < 1e-12);
        assert!((snipw.value - 3.0 / 3.5).abs() < 1e-12);
        // 0.25 + 1, 0.5 - 0.25, 0.75 + 0, 0.5 + 0.5.
        assert!((dr.value - 3.25 / 4.0).abs() < 1e-12);
        assert_eq!(found.estimates, None);
        assert_eq!(found.refused.len(), 2, "{:?}", found.refused);
    }

    #[test]
    fn what_the_log_cannot_tell_is_refused() {
        let steps = |count: usize, rewarded: usize, heavy: f64| -> Vec<Step> {
            (0..count)
                .map(|n| step(if n == 0 { heavy } else { 1.0 }, f64::from(u8::from(n < rewarded)), 0.0, 0.0))
                .collect()
        };
        assert_eq!(estimate(&steps(100, 20, 1.0), 1).refused, Vec::<String>::new());
        assert!(estimate(&steps(100, 19, 1.0), 1).refused[0].contains("only 19"));
        let trap = estimate(&steps(1_000, 100, 20_000.0), 1);
        assert!(trap.effective_sample_size < 2.0 && trap.refused[0].contains("worth only 1.1 of its own"), "{trap:?}");
        assert!(trap.estimates.is_none());
        let mut untried = steps(100, 50, 1.0);
        untried.iter_mut().take(6).for_each(|step| step.untried = 1.0);
        assert!(estimate(&untried, 1).refused[0].starts_with("6 % of what the policy would choose"));
        assert!(estimate(&[], 1).refused[0].contains("no choice"));
    }

    /// Rows of a known world: a coin with .2 or .6, logged three to one the wrong way round.
    #[test]
    fn intervals_hold_the_truth_about_as_often_as_they_promise() {
        let mut random = ChaCha12Rng::seed_from_u64(5);
        let covered = (0..200)
            .filter(|run| {
                let steps: Vec<Step> = (0..400)
                    .map(|_| {
                        let better = random.random_range(0..4) == 0;
                        let reward = f64::from(u8::from(random.random_range(0..10) < if better { 6 } else { 2 }));
                        step(if better { 4.0 } else { 0.0 }, reward, if better { 0.5 } else { 0.3 }, 0.5)
                    })
                    .collect();
                let found = estimate(&steps, *run).estimates.expect("plenty");
                [found.ipw, found.snipw, found.dr].iter().all(|of| (of.low..=of.high).contains(&0.6))
            })
            .count();
        // All three at once: a little below 95 %.
        assert!((176..200).contains(&covered), "{covered} of 200");
    }
}
