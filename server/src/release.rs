//! What of the aggregates leaves the collector, and when.
//!
//! Sites whose threshold is 0 or 1 release everything as it stands, at once: for a demo, a bench, a test. For all others there are two ways out.
//!
//! - *Publications*: each hour is published once, an hour after its end, with the numbers that at least `k` sessions stand behind
//!   (`waver_core::window`). What was published is kept and never computed again, so that no two answers about an hour differ: whoever asks
//!   for overlapping stretches, or again after a late event or an erasure, learns nothing by subtracting. Longer windows are sums of what
//!   was published. What goes on now is told in steps of `k`.
//! - *Exports with noise*: counts under differential privacy, from a budget that does not come back.
//!
//! The books (what became of events) are exact: they are how an operator sees that nothing was lost, and say of no session what it did.

mod budget;
pub(crate) mod command;
mod noise;
mod noisy_export;
mod publications;

use std::sync::Arc;

use waver_core::window::{HOUR_MS, KEPT_MS, Lateness, ReleasedWindow, WINDOW_MS, Windows};
use waver_store::{EmbeddedState, StoreError};

use crate::config::Config;
use crate::keeper::millis;
use crate::shadow::Calibration;
use crate::site::{SiteIndex, Sites};

pub(crate) use budget::{Budget, BudgetError, spent_hours};
pub(crate) use noisy_export::{Asked, ExportError, MOST_EPSILON_MILLI, NoisyAggregates, export};
pub(crate) use publications::{Publications, rewritten as rewritten_publications};

/// How long after its end an hour is published: by then its sessions have ended and said so (half an hour without an event, ten minutes of
/// grace), and what is late is here. What comes later still is in no released number.
pub(crate) const SETTLE_MS: u64 = HOUR_MS;
/// How far back an answer goes where nothing else is asked for.
const DAY_MS: u64 = 24 * HOUR_MS;
/// Most windows of an answer.
const MOST_ROWS: u64 = KEPT_MS / WINDOW_MS;

/// What is released of the sites, and what it may cost.
#[derive(Debug)]
pub(crate) struct Releases {
    k: u64,
    publications: Publications,
    pub(crate) budget: Budget,
}

/// Aggregates over a stretch of time as they may leave.
pub(crate) struct Released {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) step_ms: u64,
    pub(crate) windows: Vec<ReleasedWindow>,
    pub(crate) total: ReleasedWindow,
    pub(crate) recent: ReleasedWindow,
    pub(crate) lateness: Lateness,
    /// Unix milliseconds up to which hours were published; `None` where everything is released at once.
    pub(crate) published_until: Option<u64>,
}

impl Releases {
    /// Opens what was published before, and what was spent.
    ///
    /// # Errors
    /// [`StoreError`] if a file cannot be used or is damaged.
    pub(crate) fn open(config: &Config, sites: &Sites) -> Result<Releases, StoreError> {
        let folder = config.server.data_dir.join("released");
        let keys: Vec<&str> = sites.iter().map(|(_, site)| site.key.as_str()).collect();
        let kept_ms = millis(config.retention.hours);
        Ok(Releases {
            k: config.release.k,
            publications: Publications::open(&folder, &keys, config.release.k, kept_ms)?,
            budget: Budget::open(&folder.join("spent"), config.release.budget(), kept_ms)?,
        })
    }

    /// How many sessions must stand behind each number.
    pub(crate) const fn k(&self) -> u64 {
        self.k
    }

    /// Whether every number leaves as it stands.
    pub(crate) const fn is_open(&self) -> bool {
        self.k <= 1
    }

    /// Whether of `sessions` both those that did something and those that did not are enough.
    pub(crate) const fn are_enough_of_each(&self, sessions: u64, did: u64) -> bool {
        self.is_open() || (did >= self.k && sessions - did >= self.k)
    }

    /// Whether the sums of a table of calibration may be shown.
    pub(crate) fn may_show(&self, table: &Calibration) -> bool {
        table.sessions() > 0 && self.are_enough_of_each(table.sessions(), table.bought())
    }

    /// A number of sessions that changes from moment to moment: in steps of `k`, since exact numbers of two moments tell who came and went
    /// between them. `None` below `k`.
    pub(crate) fn in_steps(&self, sessions: u64) -> Option<u64> {
        if self.is_open() {
            return Some(sessions);
        }
        let steps = sessions / self.k * self.k;
        (steps > 0).then_some(steps)
    }

    /// The aggregates of a site in `from..to` (Unix milliseconds), in steps of `step_ms`: the last hour by the minute where everything is
    /// released, the last day by the hour where not. Publishes what is due.
    ///
    /// # Errors
    /// [`StoreError::Write`] if a publication cannot be stored; then it does not leave either.
    pub(crate) fn read(
        &self,
        rows: &EmbeddedState,
        site: SiteIndex,
        now: u64,
        from: Option<u64>,
        to: Option<u64>,
        step_ms: Option<u64>,
    ) -> Result<Released, StoreError> {
        let end = to.unwrap_or((now / WINDOW_MS + 1) * WINDOW_MS);
        if self.is_open() {
            let from = from.unwrap_or(end.saturating_sub(HOUR_MS));
            let read =
                |windows: &Windows| (windows.report(from, end, step_ms.unwrap_or(WINDOW_MS)), windows.recent(now));
            let (report, recent) = rows.with_windows(site.number(), read);
            return Ok(Released {
                from: report.from,
                to: report.to,
                step_ms: report.step_ms,
                windows: report.windows.into_iter().map(ReleasedWindow::whole).collect(),
                total: ReleasedWindow::whole(report.total),
                recent: ReleasedWindow::whole(recent),
                lateness: report.lateness,
                published_until: None,
            });
        }
        let from = from.unwrap_or(end.saturating_sub(DAY_MS));
        let hours = self.publications.read(rows, site, now, from, end)?;
        let step =
            step_ms.unwrap_or(HOUR_MS).div_ceil(HOUR_MS).max((hours.windows.len() as u64).div_ceil(MOST_ROWS)).max(1);
        let steps = hours.windows.chunks(usize::try_from(step).unwrap_or(usize::MAX));
        let windows: Vec<_> = steps.filter_map(|some| Some(ReleasedWindow::sum(some.first()?.start, some))).collect();
        Ok(Released {
            from: hours.from,
            to: hours.to,
            step_ms: step * HOUR_MS,
            total: ReleasedWindow::sum(hours.from, &hours.windows),
            windows,
            recent: ReleasedWindow::nothing(now / WINDOW_MS * WINDOW_MS),
            lateness: self.coarse(rows.with_windows(site.number(), Windows::lateness)),
            published_until: Some(hours.until),
        })
    }

    /// When the newest event happened is something of one session, and so is that one came late.
    fn coarse(&self, Lateness { watermark, late, too_late }: Lateness) -> Lateness {
        let steps = |events| self.in_steps(events).unwrap_or_default();
        Lateness { watermark: watermark.map(|at| at / HOUR_MS * HOUR_MS), late: steps(late), too_late: steps(too_late) }
    }
}

/// Shared by the handlers.
pub(crate) type SharedReleases = Arc<Releases>;
