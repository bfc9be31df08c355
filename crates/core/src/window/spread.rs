use std::sync::LazyLock;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use waver_schema::limits::SESSION_MAX_MS;

use super::counts::Counts;
use super::report::QuantilesMs;

/// The longest time that is told apart, as long as a session may last; what takes longer counts as this.
const LONGEST_MS: u64 = SESSION_MAX_MS;

/// The scale of Gil Tene's HDR histogram: whole milliseconds up to [`LONGEST_MS`] at two significant digits, which puts every quantile within
/// one percent and makes less than 3,000 buckets.
static SCALE: LazyLock<Histogram<u64>> = LazyLock::new(|| {
    Histogram::new_with_bounds(1, LONGEST_MS, 2).expect("the bounds are in order and the digits at most five")
});

/// A distribution of milliseconds, as a mergeable sketch.
///
/// Kept as the sums of the histogram's buckets that are not empty, since most minutes see few or none, and since sums can take back
/// what a correction takes back, before or after it comes. The histogram itself is filled on reading.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// By the smallest value of the bucket.
    buckets: Counts<u64>,
}

impl Spread {
    /// Adds `by` times `ms`.
    pub(crate) fn add(&mut self, ms: u64, by: i64) {
        self.buckets.add(SCALE.lowest_equivalent(ms.min(LONGEST_MS)), by);
    }

    /// Adds everything of `other`.
    pub(crate) fn merge(&mut self, other: &Spread) {
        self.buckets.merge(&other.buckets);
    }

    /// Count and quantiles; `None` without any.
    pub(crate) fn summary(&self) -> Option<QuantilesMs> {
        if self.buckets.is_empty() {
            return None;
        }
        let mut histogram = SCALE.clone();
        for (ms, count) in self.buckets.iter() {
            histogram.saturating_record_n(ms, count);
        }
        let quantile = |share| histogram.value_at_quantile(share);
        (!histogram.is_empty()).then(|| QuantilesMs {
            count: histogram.len(),
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
        })
    }
}
