//! Aggregates per site: tumbling windows of one minute in event time, added up from the [`Change`]s of the session fold.
//!
//! Every count is a sum, so that windows merge: two halves of a stream, folded apart and merged, equal the fold of the whole, in any
//! order. What is kept is bounded: one minute each for the newest day and the allowed lateness, closed vocabularies as keys, at most
//! [`MOST_CURRENCIES`] currencies and less than 2,000 buckets of velocity a window. Longer windows are made of minutes on reading ([`Windows::report`]).

mod counts;
mod report;
mod tally;
mod velocity;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::limits;

pub use report::{
    FrustrationCount, HesitationCount, OfferCounts, Report, StageCounts, StageMoveCount, VelocityMs, WindowReport,
};
pub use tally::MOST_CURRENCIES;

use crate::session::Change;
use tally::Tally;

/// Length of a window.
pub const WINDOW_MS: u64 = 60 * 1000;
/// How late a change may be and still correct its window: a change is later than this if newer ones push its window out of the day.
pub const LATENESS_MS: u64 = 10 * 60 * 1000;
/// How far back windows are kept, counted from the newest: a whole session, and the lateness.
pub const KEPT_MS: u64 = limits::SESSION_MAX_MS + LATENESS_MS;

/// The windows of one site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    /// By number: start divided by [`WINDOW_MS`].
    minutes: BTreeMap<u64, Tally>,
}

impl Windows {
    /// No windows.
    pub fn new() -> Windows {
        Windows::default()
    }

    /// Adds changes up. Returns how many came too late, for windows that are not kept any more.
    pub fn fold(&mut self, changes: &[Change]) -> u64 {
        let mut late = 0;
        for change in changes {
            let minute = change.at / WINDOW_MS;
            if self.oldest_kept().is_some_and(|oldest| minute < oldest) {
                late += 1;
                continue;
            }
            let tally = self.minutes.entry(minute).or_default();
            tally.add(change.what, change.by);
            // A window that corrections emptied is as if it had never been.
            if tally.is_empty() {
                self.minutes.remove(&minute);
            }
        }
        self.forget();
        late
    }

    /// Adds up what another fold counted for the same site.
    pub fn merge(&mut self, other: &Windows) {
        for (minute, tally) in &other.minutes {
            let sum = self.minutes.entry(*minute).or_default();
            sum.merge(tally);
            if sum.is_empty() {
                self.minutes.remove(minute);
            }
        }
        self.forget();
    }

    /// What was counted in `from..to` (Unix milliseconds), in steps of `step_ms`. Bounds and step are widened to whole minutes, and cut to what
    /// is kept: at most one row a minute for [`KEPT_MS`]. Steps without anything are there, at zero.
    pub fn report(&self, from: u64, to: u64, step_ms: u64) -> Report {
        let step = step_ms.div_ceil(WINDOW_MS).clamp(1, KEPT_MS / WINDOW_MS);
        let end = to.div_ceil(WINDOW_MS).min(u64::MAX / WINDOW_MS);
        let start = (from / WINDOW_MS).max(end.saturating_sub(KEPT_MS / WINDOW_MS)).min(end);
        let mut total = Tally::default();
        let mut windows = Vec::new();
        for first in (start..end).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let mut tally = Tally::default();
            for (_, minute) in self.minutes.range(first..end.min(first + step)) {
                tally.merge(minute);
            }
            total.merge(&tally);
            windows.push(WindowReport::of(first * WINDOW_MS, &tally));
        }
        let total = WindowReport::of(start * WINDOW_MS, &total);
        Report { from: start * WINDOW_MS, to: end * WINDOW_MS, step_ms: step * WINDOW_MS, windows, total }
    }

    /// Number of the oldest window that is kept.
    fn oldest_kept(&self) -> Option<u64> {
        self.minutes.last_key_value().map(|(newest, _)| newest.saturating_sub(KEPT_MS / WINDOW_MS))
    }

    fn forget(&mut self) {
        if let Some(oldest) = self.oldest_kept() {
            while self.minutes.first_key_value().is_some_and(|(minute, _)| *minute < oldest) {
                self.minutes.pop_first();
            }
        }
    }
}
