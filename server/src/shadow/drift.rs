use waver_schema::Feature;

/// Bins of a histogram.
const BINS: usize = 20;
/// Sessions that both sides need. With no change at all the index of two samples of n is some 2 * bins / n, so 0.08 here, below the 0.1 from
/// which it is usually said that something moved.
pub(crate) const LEAST_SESSIONS: u64 = 500;

/// How often a feature had which size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Histogram([u64; BINS]);

impl Histogram {
    /// Counts one value. Fractions have bins of equal width; counts and times one for 0 and one for each doubling.
    pub(crate) fn add(&mut self, feature: Feature, value: f64) {
        let bin = match feature {
            Feature::PBuy => value * BINS as f64,
            _ if value < 1.0 => 0.0,
            _ => 1.0 + value.log2(),
        };
        // A cast of a float to an integer ends at the integer's own bounds.
        self.0[(bin as usize).min(BINS - 1)] += 1;
    }

    pub(crate) fn merge(&mut self, other: &Histogram) {
        self.0.iter_mut().zip(other.0).for_each(|(here, there)| *here += there);
    }

    fn sessions(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The population stability index of `now` against `before`: the sum over bins of (p - q) ln(p / q), half a session being added to each bin that
/// either side has, so that an empty one has a logarithm. Below 0.1 nothing moved, above 0.25 much did, by the custom of credit scoring
/// (Siddiqi 2006). `None` where a side has fewer than [`LEAST_SESSIONS`].
pub(crate) fn psi(before: &Histogram, now: &Histogram) -> Option<f64> {
    if before.sessions().min(now.sessions()) < LEAST_SESSIONS {
        return None;
    }
    let used: Vec<(f64, f64)> = before
        .0
        .iter()
        .zip(&now.0)
        .filter(|(before, now)| **before + **now > 0)
        .map(|(before, now)| (*before as f64 + 0.5, *now as f64 + 0.5))
        .collect();
    let sums = used.iter().fold((0.0, 0.0), |sums, (before, now)| (sums.0 + before, sums.1 + now));
    Some(
        used.iter()
            .map(|(before, now)| (now / sums.1 - before / sums.0) * ((now / sums.1) / (before / sums.0)).ln())
            .sum(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl Iterator<Item = f64>) -> Histogram {
        let mut histogram = Histogram::default();
        values.for_each(|value| histogram.add(Feature::Views, value));
        histogram
    }

    #[test]
    fn the_same_does_not_drift_and_what_doubles_does() {
        let counts = |factor: u32| histogram((0..2_000).map(move |number| f64::from(factor * (number % 16))));
        assert_eq!(psi(&counts(1), &counts(1)), Some(0.0));
        let moved = psi(&counts(1), &counts(2)).expect("enough");
        assert!(moved > 0.25, "{moved}");
        assert!((moved - psi(&counts(2), &counts(1)).expect("enough")).abs() < 1e-9, "it is symmetric");
        // By hand: of two bins one has 3/4 and then 1/4 of a thousand, and half a session more.
        let two = |small: u32| histogram((0..1_000).map(move |number| if number < small { 0.0 } else { 1.0 }));
        let (large, little) = (750.5_f64 / 1_001.0, 250.5 / 1_001.0);
        let expected = 2.0 * (large - little) * (large / little).ln();
        assert!((psi(&two(750), &two(250)).expect("enough") - expected).abs() < 1e-9);
    }

    #[test]
    fn too_few_sessions_say_nothing() {
        let of = |sessions: u32| histogram((0..sessions).map(f64::from));
        assert_eq!(psi(&of(499), &of(5_000)), None);
        assert_eq!(psi(&of(5_000), &of(499)), None);
        assert!(psi(&of(500), &of(500)).is_some());
    }

    #[test]
    fn every_value_has_a_bin() {
        let mut histogram = Histogram::default();
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 0.999, 1.0, 1.999, 2.0] {
            histogram.add(Feature::EngagedMs, value);
        }
        for value in [0.0, 0.999, 1.0, 2.0] {
            histogram.add(Feature::PBuy, value);
        }
        assert_eq!(histogram.sessions(), 13);
    }
}
