//! Whether the arms have the shares of sessions that they should have: the sequential multinomial test of Lindon and Malek, "Anytime-valid
//! inference for multinomial count data" (NeurIPS 2022). Where they have not, something loses or adds sessions in one arm, and no other number
//! of the experiment is to be believed.

/// Below this the shares are taken to be wrong. A sound experiment comes below it, ever, once in a hundred.
pub const ALARM: f64 = 0.01;
/// Weight of the expected shares in the prior of the alternative, in sessions: shares within some three hundredths of them are its business.
const WEIGHT: f64 = 100.0;

/// Looks at counts that grow, and remembers the strongest evidence there ever was that they are not of the shares expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRatio {
    strongest: f64,
}

impl Default for SampleRatio {
    fn default() -> SampleRatio {
        SampleRatio { strongest: 0.0 }
    }
}

impl SampleRatio {
    /// Looks at the counts as they are now: for each group of sessions that were assigned with the same probabilities, how many there are of each
    /// arm, and the share that each arm should have (above 0, summing to 1). Groups are independent, so that their evidence adds up.
    pub fn look<'a>(&mut self, groups: impl Iterator<Item = (&'a [u64], &'a [f64])>) {
        let evidence = groups.map(|(counts, shares)| log_bayes_factor(counts, shares)).sum();
        self.strongest = self.strongest.max(evidence);
    }

    /// The p-value that holds however often it is looked at.
    pub fn p_value(&self) -> f64 {
        libm::exp(-self.strongest)
    }

    /// Whether the shares are wrong beyond doubt.
    pub fn is_alarm(&self) -> bool {
        self.p_value() < ALARM
    }
}

/// The logarithm of how much likelier `counts` are if the shares may be any (a Dirichlet distribution around `shares`) than if they are
/// `shares`. The paper's equation 4.
fn log_bayes_factor(counts: &[u64], shares: &[f64]) -> f64 {
    let total = counts.iter().sum::<u64>() as f64;
    let mut log = libm::lgamma(WEIGHT) - libm::lgamma(WEIGHT + total);
    for (count, share) in counts.iter().zip(shares) {
        let (count, prior) = (*count as f64, WEIGHT * share);
        log += libm::lgamma(prior + count) - libm::lgamma(prior) - count * libm::log(*share);
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_expected_are_no_evidence_and_a_lost_arm_is() {
        let p = |counts: [u64; 2]| {
            let mut ratio = SampleRatio::default();
            ratio.look([(counts.as_slice(), [0.9, 0.1].as_slice())].into_iter());
            ratio.p_value()
        };
        assert!(p([9_000, 1_000]) > 0.99);
        assert!(p([9_000, 850]) < ALARM, "{}", p([9_000, 850]));
        assert!(p([0, 0]) > 0.99);
    }

    #[test]
    fn a_factor_is_what_the_definition_gives_for_one_session() {
        // One session in the second arm: under the alternative as likely as its prior share, which is the expected one.
        assert!(log_bayes_factor(&[0, 1], &[0.9, 0.1]).abs() < 1e-9);
        // Two there: the second one is likelier by (WEIGHT * 0.1 + 1) / (WEIGHT + 1) against 0.1.
        let expected = ((WEIGHT * 0.1 + 1.0) / (WEIGHT + 1.0) / 0.1_f64).ln();
        assert!((log_bayes_factor(&[0, 2], &[0.9, 0.1]) - expected).abs() < 1e-9);
    }
}
