use std::sync::LazyLock;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::report::VelocityMs;

/// The longest time from a signal to its offer that is told apart, ten minutes; what takes longer counts as this.
const LONGEST_MS: u64 = 10 * 60 * 1000;

/// The scale of Gil Tene's HDR histogram: whole milliseconds up to [`LONGEST_MS`] at two significant digits, which puts every quantile within
/// one percent and makes less than 2,000 buckets.
static SCALE: LazyLock<Histogram<u64>> = LazyLock::new(|| {
    Histogram::new_with_bounds(1, LONGEST_MS, 2).expect("the bounds are in order and the digits at most five")
});

/// The distribution of the milliseconds from a shopper's signal to the offer on the page, as a mergeable sketch.
///
/// Kept as the sums of the histogram's buckets that are not empty, since most minutes see few offers or none, and since sums can take back
/// what a correction takes back, before or after it comes. The histogram itself is filled on reading.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Velocity {
    /// By the smallest value of the bucket.
    buckets: Counts<u64>,
}

impl Velocity {
    /// Adds `by` offers that took `since_signal_ms`.
    pub(crate) fn add(&mut self, since_signal_ms: u32, by: i64) {
        self.buckets.add(SCALE.lowest_equivalent(u64::from(since_signal_ms).min(LONGEST_MS)), by);
    }

    /// Adds everything of `other`.
    pub(crate) fn merge(&mut self, other: &Velocity) {
        self.buckets.merge(&other.buckets);
    }

    /// Count and quantiles; `None` without any offer.
    pub(crate) fn summary(&self) -> Option<VelocityMs> {
        if self.buckets.is_empty() {
            return None;
        }
        let mut histogram = SCALE.clone();
        for (ms, count) in self.buckets.iter() {
            histogram.saturating_record_n(ms, count);
        }
        let quantile = |share| histogram.value_at_quantile(share);
        (!histogram.is_empty()).then(|| VelocityMs {
            count: histogram.len(),
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
        })
    }
}
