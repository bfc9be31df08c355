use crate::experiment::{ALPHA, Moments, widening};

/// The mean of an arm, how uncertain it is, and of how many sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    /// Variance of the mean; infinite where nothing is known.
    pub(super) variance: f64,
    pub(super) sessions: f64,
}

impl Estimate {
    /// What is known without a session.
    pub(super) const ZERO: Estimate = Estimate { mean: 0.0, variance: 0.0, sessions: 0.0 };

    pub(super) fn of(arm: &Moments) -> Estimate {
        // An arm whose sessions all came to the same says nothing of its variance yet.
        let variance = arm.variance() / arm.count as f64;
        let variance = if variance > 0.0 { variance } else { f64::INFINITY };
        Estimate { mean: arm.mean(), variance, sessions: arm.count as f64 }
    }
}

/// Whether in a stratum some arm is better, beyond doubt, than the one that is best in all together: whether the interval of their difference, which
/// holds at all times and for all arms together, is above zero.
///
/// A stratum has less to learn from than all together, and the best of several noisy arms looks better than it is. So personalising that is
/// not better beyond doubt costs more than it brings.
pub(super) fn is_another_arm_better(pooled: &[Estimate], own: &[Estimate]) -> bool {
    let Some((best, _)) = pooled.iter().enumerate().max_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean)) else {
        return false;
    };
    let Some(incumbent) = own.get(best) else { return false };
    let level = ALPHA / own.len().max(2).saturating_sub(1) as f64;
    own.iter().enumerate().any(|(arm, other)| {
        let variance = other.variance + incumbent.variance;
        let sessions = other.sessions + incumbent.sessions;
        arm != best && variance.is_finite() && other.mean - incumbent.mean > variance.sqrt() * widening(sessions, level)
    })
}
