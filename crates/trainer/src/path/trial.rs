use waver_core::path::{Reach, Shape};

/// A sample: milliseconds, and pixels to the right and down.
pub(crate) type Sample = (u64, i32, i32);

/// A reach of which is known whether its target changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trial {
    pub(crate) samples: Vec<Sample>,
    pub(crate) label: bool,
    pub(crate) group: u32,
    /// When the target changed, or would have.
    pub(crate) change_ms: u64,
}

/// How a reach is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Whole, sampled about so often; 0 is as it was recorded.
    Sampled(u64),
    /// As it was so long after the change.
    After(u64),
}

impl Trial {
    /// The shape that a browser would have seen; `phase` shifts the sampling.
    pub(crate) fn shape(&self, view: View, phase: u64) -> Option<Shape> {
        let last = self.samples.last()?.0;
        match view {
            View::Sampled(0) => shape(&self.samples, last),
            View::Sampled(sample_ms) => shape(&thin(&self.samples, sample_ms, phase), last),
            View::After(ms) => {
                let until = self.change_ms.saturating_add(ms);
                let seen = self.samples.partition_point(|sample| sample.0 <= until);
                shape(&self.samples[..seen], until.min(last))
            }
        }
    }
}

fn shape(samples: &[Sample], until: u64) -> Option<Shape> {
    let mut reach = Reach::default();
    samples.iter().for_each(|&(t, x, y)| reach.moved(t, x, y));
    reach.shape(until)
}

/// The samples that are left when one is taken at most each `sample_ms`; the first and the last stay.
pub(crate) fn thin(samples: &[Sample], sample_ms: u64, phase: u64) -> Vec<Sample> {
    let Some(first) = samples.first() else { return Vec::new() };
    let mut next = first.0.saturating_add(phase % sample_ms.max(1));
    let mut left = vec![*first];
    for (place, sample) in samples.iter().enumerate().skip(1) {
        if sample.0 >= next || place + 1 == samples.len() {
            left.push(*sample);
            let passed = sample.0.saturating_sub(next) / sample_ms.max(1) + 1;
            next = next.saturating_add(passed * sample_ms);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_way_keeps_its_ends_and_its_pace() {
        let samples: Vec<Sample> = (0..101).map(|n| (1_000 + n * 16, n as i32 * 5, 0)).collect();
        let left = thin(&samples, 110, 40);
        assert_eq!((left[0], left[left.len() - 1]), (samples[0], samples[100]));
        // 1,600 ms at 110 ms, and both ends.
        assert!((15..=17).contains(&left.len()), "{}", left.len());
        assert!(left[1..left.len() - 1].windows(2).all(|pair| (96..=126).contains(&(pair[1].0 - pair[0].0))));
    }

    #[test]
    fn nothing_after_the_moment_changes_what_was_seen_then() {
        let samples: Vec<Sample> = (0..60).map(|n: i32| (n as u64 * 16, n * 10, -n * 7)).collect();
        let trial = Trial { samples, label: false, group: 0, change_ms: 300 };
        let mut other = trial.clone();
        other.samples.iter_mut().filter(|sample| sample.0 > 450).for_each(|sample| sample.1 = 9);
        assert!(trial.shape(View::After(150), 0).is_some());
        assert_eq!(trial.shape(View::After(150), 0), other.shape(View::After(150), 0));
        assert_ne!(trial.shape(View::After(300), 0), other.shape(View::After(300), 0));
    }
}
