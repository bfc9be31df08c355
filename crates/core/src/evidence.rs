use serde::{Deserialize, Serialize};

/// An amount that halves every `half_life_ms` unless something is added: what was seen long ago counts less.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Decaying {
    amount: f64,
    at: u64,
}

impl Decaying {
    /// The amount left at `now`, milliseconds of the session.
    pub(crate) fn at(&self, now: u64, half_life_ms: f64) -> f64 {
        let elapsed = now.saturating_sub(self.at);
        // Skipping the factor 1 keeps an undisturbed amount exact and the common case cheap.
        if elapsed == 0 || self.amount == 0.0 {
            self.amount
        } else {
            self.amount * libm::exp2(-(elapsed as f64) / half_life_ms)
        }
    }

    /// Adds `amount` at `now`.
    pub(crate) fn add(&mut self, now: u64, half_life_ms: f64, amount: f64) {
        *self = Decaying { amount: self.at(now, half_life_ms) + amount, at: now };
    }
}

/// Evidence as a score in 0..1: `1 - exp(-evidence)`, the chance of at least one event of a Poisson process of that mean. Independent pieces
/// of evidence add up before this and each further piece moves the score less. Negative evidence counts as none.
pub(crate) fn score(evidence: f64) -> f64 {
    if evidence > 0.0 { -libm::expm1(-evidence) } else { 0.0 }
}

/// How sure one can be after `count` observations when `half` of them make one half sure: `count / (count + half)`.
pub(crate) fn confidence(count: f64, half: f64) -> f64 {
    count / (count + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_halves_and_adds_up() {
        let mut evidence = Decaying::default();
        evidence.add(1_000, 500.0, 2.0);
        assert_eq!(evidence.at(1_000, 500.0), 2.0);
        assert_eq!(evidence.at(1_500, 500.0), 1.0);
        evidence.add(2_000, 500.0, 1.0);
        assert_eq!(evidence.at(2_000, 500.0), 1.5);
    }

    #[test]
    fn scores_stay_between_zero_and_one() {
        assert_eq!(score(-1.0), 0.0);
        assert_eq!(score(0.0), 0.0);
        assert!(score(1.0) > 0.63 && score(1.0) < 0.64);
        assert!(score(1e9) <= 1.0);
    }
}
