//! Intervals that may be looked at every day: asymptotic confidence sequences.
//!
//! Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (Annals of
//! Statistics 2024, arXiv 2103.06476). An ordinary 95 % interval covers the truth 95 times in a hundred if it is looked at once, at a time that
//! was fixed before; whoever looks daily and stops when it pleases is misled far more often. These cover it at all times together.

use super::Moments;

/// How sure intervals are: they miss the truth, ever, in this share of experiments at most.
pub const ALPHA: f64 = 0.05;
/// The number of sessions at which intervals are tightest. They hold at all others too.
const TIGHTEST_AT: f64 = 10_000.0;
/// So many sessions of each arm must have done what is measured, and as many have not, before there is an interval: it rests on a central
/// limit, which the few orders of a small arm are not near yet.
pub const FEWEST: u64 = 20;

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The difference of the means.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` is in it.
    pub fn covers(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// One arm against another within a group of sessions that were assigned with the same probabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Contrast {
    /// The sessions that were offered something.
    pub treated: Moments,
    /// Those that were not.
    pub control: Moments,
}

/// The difference of means, treated less control, over groups that were assigned with different probabilities: each group's difference by its
/// share of the sessions, so that groups of different worth do not pass for an effect. `None` without two sessions of each arm
/// anywhere; a group that has not two of each is left out.
///
/// It is the difference that a doubly robust estimate with the means of the arms as its regression gives, with a variance for each session of
/// `variance(treated) / share(treated) + variance(control) / share(control)`; theorem 2.2 and section 3 of the paper.
pub fn difference(groups: &[Contrast], alpha: f64) -> Option<Interval> {
    let (estimate, variance, sessions) = estimate(groups)?;
    let radius = variance.sqrt() * widening(sessions, alpha);
    Some(Interval { estimate, low: estimate - radius, high: estimate + radius })
}

/// The estimate, the variance of it, and of how many sessions it is.
pub(crate) fn estimate(groups: &[Contrast]) -> Option<(f64, f64, f64)> {
    let usable = || groups.iter().filter(|group| group.treated.count.min(group.control.count) >= 2);
    let sessions: f64 = usable().map(Contrast::sessions).sum();
    if sessions == 0.0 {
        return None;
    }
    let (mut estimate, mut variance) = (0.0, 0.0);
    for group in usable() {
        let share = group.sessions() / sessions;
        let Contrast { treated, control } = group;
        estimate += share * (treated.mean() - control.mean());
        let of_group = treated.variance() / treated.count as f64 + control.variance() / control.count as f64;
        variance += share * share * of_group;
    }
    Some((estimate, variance, sessions))
}

impl Contrast {
    fn sessions(&self) -> f64 {
        (self.treated.count + self.control.count) as f64
    }
}

/// By what the standard error is multiplied to give the radius of an interval that holds at all times together, at `sessions` of them. A
/// fixed-time interval would have 1.96 here.
///
/// `sqrt(2 (t r + 1) / (t r) * ln(sqrt(t r + 1) / alpha))` with `r` the square of the paper's rho, which sets where the interval is
/// tightest (its appendix B.2).
pub fn widening(sessions: f64, alpha: f64) -> f64 {
    let twice = -2.0 * libm::log(alpha);
    let rho_squared = (twice + libm::log(twice) + 1.0) / TIGHTEST_AT;
    let scaled = sessions * rho_squared;
    (2.0 * (scaled + 1.0) / scaled * libm::log((scaled + 1.0).sqrt() / alpha)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widening_is_that_of_the_paper() {
        // Worked out apart, to ten digits, for t = 10,000 and alpha = 0.05.
        let rho_squared = (5.991_464_547_1 + 1.790_335_880_9 + 1.0) / 10_000.0;
        let scaled: f64 = 10_000.0 * rho_squared;
        assert!((scaled - 8.781_800_428).abs() < 1e-6);
        assert!((widening(10_000.0, 0.05) - 3.035_446).abs() < 1e-5, "{}", widening(10_000.0, 0.05));
        // Wider than a fixed-time interval everywhere, and widest far from where it is tightest.
        assert!(widening(100.0, 0.05) > widening(10_000.0, 0.05) && widening(1e7, 0.05) > widening(10_000.0, 0.05));
    }

    #[test]
    fn groups_of_different_worth_do_not_pass_for_an_effect() {
        // The same rate in both arms of each group, and three times as many controls in the group that buys more.
        let group = |treated, control, rate: f64| Contrast {
            treated: Moments::of_rate(treated, (treated as f64 * rate) as u64),
            control: Moments::of_rate(control, (control as f64 * rate) as u64),
        };
        let groups = [group(1_000, 100, 0.02), group(1_000, 1_000, 0.2)];
        let apart = difference(&groups, ALPHA).expect("there is one");
        assert!(apart.estimate.abs() < 1e-12 && apart.covers(0.0));
        let together = Contrast {
            treated: groups[0].treated.and(groups[1].treated),
            control: groups[0].control.and(groups[1].control),
        };
        assert!(difference(&[together], ALPHA).expect("there is one").estimate < -0.05);
        assert_eq!(difference(&[group(1, 1_000, 0.0)], ALPHA), None);
    }
}
