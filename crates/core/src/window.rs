//! Aggregates per site: tumbling windows in event time, minutes and hours, added up from the [`Change`]s of the session fold.
//!
//! Every count is a sum and every sketch merges, so that windows do: two halves of a stream, folded apart and merged, equal the fold of
//! the whole, in any order. [`METRICS`] says which shape of window serves which metric. What is kept is bounded: minutes for
//! [`KEPT_MS`], hours for [`HOURS_KEPT_MS`], or as long as [`Windows::expire`] is told; closed vocabularies as keys, at most
//! [`MOST_CURRENCIES`] currencies and less than 3,000 buckets of each distribution a window, and two KiB for distinct sessions.
//! The fullest hour takes 27 KB encoded, most take a tenth (`tests/footprint.rs`). Longer windows are made of these on reading
//! ([`Windows::report`]).
//!
//! Lateness: the watermark follows the newest change at a distance of [`WATERMARK_DELAY_MS`], so it is a function of the log. No event is
//! newer than its receipt, so no client's clock can push it ahead. A change behind the watermark corrects the window it belongs to and is
//! counted as late; one behind everything that is kept is counted as too late and left out.

mod counts;
mod distinct;
mod earlier;
mod panes;
mod release;
mod released;
mod report;
mod shape;
mod spread;
mod tally;

use serde::{Deserialize, Serialize};
use waver_schema::limits;

pub use earlier::EarlierWindows;
pub use release::OncePerSession;
pub use released::{ReleasedEnded, ReleasedOffers, ReleasedQuantilesMs, ReleasedStages, ReleasedWindow};
pub use report::{
    AutomatedCount, DropCount, EndedSessions, FrustrationCount, HesitationCount, Lateness, LossCount, OfferCounts,
    QuantilesMs, Report, StageCounts, StageMoveCount, WindowReport,
};
pub use shape::{METRICS, Metric, Shape};
pub use tally::MOST_CURRENCIES;

use crate::session::{Change, Measured};
use panes::Panes;
use shape::RECENT_PANES;

/// Length of a window.
pub const WINDOW_MS: u64 = 60 * 1000;
/// Length of a window that is kept long.
pub const HOUR_MS: u64 = 60 * WINDOW_MS;
/// How far the watermark is behind the newest change.
pub const WATERMARK_DELAY_MS: u64 = 2 * 60 * 1000;
/// For how long after its end a session still takes what comes late.
pub const LATENESS_MS: u64 = 10 * 60 * 1000;
/// How far back minutes are kept at most, counted from the newest: a whole session, and the lateness. So no event of a session that is
/// kept is too late.
pub const KEPT_MS: u64 = limits::SESSION_MAX_MS + LATENESS_MS;
/// How far back hours are kept at most, counted from the newest: thirteen months, so that a month can be held against that of last year.
pub const HOURS_KEPT_MS: u64 = 400 * 24 * HOUR_MS;

/// For how long windows are kept, by the clock of whoever says so. Never longer than [`KEPT_MS`] and [`HOURS_KEPT_MS`] behind the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Minutes, milliseconds after their end. Below [`KEPT_MS`], events of live sessions may be too late for them; the hours have them.
    pub minutes_ms: u64,
    /// Hours, milliseconds after their end.
    pub hours_ms: u64,
}

impl Default for Kept {
    /// As long as may be.
    fn default() -> Kept {
        Kept { minutes_ms: KEPT_MS, hours_ms: HOURS_KEPT_MS }
    }
}

/// The windows of one site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    minutes: Panes<WINDOW_MS, KEPT_MS>,
    hours: Panes<HOUR_MS, HOURS_KEPT_MS>,
    lateness: Lateness,
}

impl Windows {
    /// No windows.
    pub fn new() -> Windows {
        Windows::default()
    }

    /// Adds changes up.
    pub fn fold(&mut self, changes: &[Change]) {
        for change in changes {
            let in_minutes = self.minutes.add(change);
            let in_hours = self.hours.add(change);
            let is_event = change.by > 0 && matches!(change.what, Measured::Event | Measured::AutomatedEvent(_));
            if is_event && !in_minutes && !in_hours {
                self.lateness.too_late += 1;
            } else if is_event && self.lateness.watermark.is_some_and(|watermark| end_of_window(change.at) <= watermark)
            {
                self.lateness.late += 1;
            }
            self.lateness.watermark = self.lateness.watermark.max(Some(change.at.saturating_sub(WATERMARK_DELAY_MS)));
        }
    }

    /// Adds up changes that were folded once already, and were left out since: how late they came is counted already.
    pub fn give_again(&mut self, changes: &[Change]) {
        for change in changes {
            self.minutes.add(change);
            self.hours.add(change);
        }
    }

    /// Adds changes up that were counted once before and taken away since: none of them is late.
    pub fn fold_again(&mut self, changes: &[Change]) {
        for change in changes {
            self.minutes.add(change);
            self.hours.add(change);
        }
    }

    /// The same windows with the lateness of `all`, which are these and more, and kept as far back as they are.
    #[must_use]
    pub fn as_late_as(&self, all: &Windows) -> Windows {
        let mut windows = Windows { lateness: all.lateness, ..self.clone() };
        windows.minutes.keep_as(&all.minutes);
        windows.hours.keep_as(&all.hours);
        windows
    }

    /// Adds up what another fold counted for the same site.
    pub fn merge(&mut self, other: &Windows) {
        self.minutes.merge(&other.minutes);
        self.hours.merge(&other.hours);
        self.lateness = Lateness {
            watermark: self.lateness.watermark.max(other.lateness.watermark),
            late: self.lateness.late + other.lateness.late,
            too_late: self.lateness.too_late + other.lateness.too_late,
        };
    }

    /// Forgets the windows whose time to be kept is over at `now` (Unix milliseconds). Gives how many that were. What comes for them later is
    /// too late for them.
    pub fn expire(&mut self, now: u64, kept: &Kept) -> usize {
        self.minutes.expire(now, kept.minutes_ms) + self.hours.expire(now, kept.hours_ms)
    }

    /// Unix milliseconds up to which events are taken to have come; `None` before the first.
    pub const fn watermark(&self) -> Option<u64> {
        self.lateness.watermark
    }

    /// How late events came.
    pub const fn lateness(&self) -> Lateness {
        self.lateness
    }

    /// Events that came late and corrected their window.
    pub const fn late(&self) -> u64 {
        self.lateness.late
    }

    /// Events that came too late for any window.
    pub const fn too_late(&self) -> u64 {
        self.lateness.too_late
    }

    /// Whether `other` counted the same, however late it came: what any order of the same changes has in common.
    pub fn counts_alike(&self, other: &Windows) -> bool {
        self.minutes.counts_alike(&other.minutes) && self.hours.counts_alike(&other.hours)
    }

    /// The same without the sketches of distinct sessions, which can take nothing back: what a run without an erased session has in common
    /// with the windows that it was taken back from.
    #[must_use]
    pub fn without_distinct(&self) -> Windows {
        Windows {
            minutes: self.minutes.without_distinct(),
            hours: self.hours.without_distinct(),
            lateness: self.lateness,
        }
    }

    /// What was counted in `from..to` (Unix milliseconds), in steps of `step_ms`. Where the minutes do not reach back to `from`, hours are used.
    /// Bounds and step are widened to whole minutes or hours, the range is cut to what may be kept, and the step widened so that there are
    /// no more rows than minutes are kept. Steps without anything are there, at zero.
    pub fn report(&self, from: u64, to: u64, step_ms: u64) -> Report {
        let minutes_begin = self.minutes.oldest().max(to.div_ceil(WINDOW_MS).saturating_sub(KEPT_MS / WINDOW_MS));
        if from / WINDOW_MS < minutes_begin.min(to.div_ceil(WINDOW_MS)) {
            self.report_of(&self.hours, from, to, step_ms)
        } else {
            self.report_of(&self.minutes, from, to, step_ms)
        }
    }

    /// The live activity: the minute of `now` (Unix milliseconds) and the four before it, a window that slides by one minute.
    pub fn recent(&self, now: u64) -> WindowReport {
        let end = now / WINDOW_MS + 1;
        let first = end.saturating_sub(RECENT_PANES);
        WindowReport::of(first * WINDOW_MS, &self.minutes.sum(first, end))
    }

    /// Start of the oldest hour in which something was counted, Unix milliseconds.
    pub fn oldest_hour(&self) -> Option<u64> {
        self.hours.first().map(|hour| hour * HOUR_MS)
    }

    /// What may leave of the hour that begins at `start` (Unix milliseconds), when at least `k` sessions must stand behind each number.
    pub fn release(&self, start: u64, k: u64) -> ReleasedWindow {
        let hour = start / HOUR_MS;
        release::release(hour * HOUR_MS, &self.hours.sum(hour, hour + 1), k)
    }

    /// What sessions did first in the hour that begins at `start` (Unix milliseconds).
    pub fn once_per_session(&self, start: u64) -> OncePerSession {
        let hour = start / HOUR_MS;
        OncePerSession::of(&self.hours.sum(hour, hour + 1))
    }

    fn report_of<const LENGTH_MS: u64, const KEPT: u64>(
        &self,
        panes: &Panes<LENGTH_MS, KEPT>,
        from: u64,
        to: u64,
        step_ms: u64,
    ) -> Report {
        const MOST_ROWS: u64 = KEPT_MS / WINDOW_MS;
        let most = Panes::<LENGTH_MS, KEPT>::MOST;
        let end = to.div_ceil(LENGTH_MS).min(u64::MAX / LENGTH_MS);
        let start = (from / LENGTH_MS).max(end.saturating_sub(most)).min(end);
        let step = step_ms.div_ceil(LENGTH_MS).clamp(1, most).max((end - start).div_ceil(MOST_ROWS));
        let mut windows = Vec::new();
        let mut total = tally::Tally::default();
        for first in (start..end).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let sum = panes.sum(first, end.min(first + step));
            total.merge(&sum);
            windows.push(WindowReport::of(first * LENGTH_MS, &sum));
        }
        let total = WindowReport::of(start * LENGTH_MS, &total);
        let (from, to, step_ms) = (start * LENGTH_MS, end * LENGTH_MS, step * LENGTH_MS);
        Report { from, to, step_ms, windows, total, lateness: self.lateness }
    }
}

/// When the minute of `at` ends, Unix milliseconds.
fn end_of_window(at: u64) -> u64 {
    (at / WINDOW_MS + 1).saturating_mul(WINDOW_MS)
}
