use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use waver_core::window::{HOUR_MS, ReleasedWindow, Windows};
use waver_schema::limits::MAX_SAFE_INTEGER;
use waver_store::decoders::journal_lines;
use waver_store::{EmbeddedState, Journal, StoreError};

use super::SETTLE_MS;
use crate::site::SiteIndex;

/// The hours that were published, by site, as they were published.
#[derive(Debug)]
pub(crate) struct Publications {
    sites: Vec<Mutex<OfSite>>,
    k: u64,
    kept_ms: u64,
}

#[derive(Debug)]
struct OfSite {
    journal: Journal,
    /// By start, without a gap.
    hours: BTreeMap<u64, Line>,
}

/// One hour, published.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    /// Unix milliseconds.
    start: u64,
    /// Of how many sessions each number had to be.
    k: u64,
    /// `None` where nothing was released.
    window: Option<ReleasedWindow>,
}

/// Published hours of a stretch of time.
pub(super) struct Hours {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) windows: Vec<ReleasedWindow>,
    /// End of the last hour that was or is just now published.
    pub(super) until: u64,
}

impl Publications {
    /// Opens those of `sites` in `folder`, to be published from now on with at least `k` sessions behind each number, and kept for `kept_ms`.
    ///
    /// # Errors
    /// [`StoreError`] if a file cannot be used or is damaged.
    pub(super) fn open(folder: &Path, sites: &[&str], k: u64, kept_ms: u64) -> Result<Publications, StoreError> {
        let open = |site: &&str| {
            let (journal, lines) = Journal::open::<Line>(&folder.join(format!("{site}.jsonl")))?;
            let hours = by_start(lines).ok_or_else(|| StoreError::Unreadable {
                path: journal.path().to_owned(),
                reason: "its lines are not one hour after the other".to_owned(),
            })?;
            Ok(Mutex::new(OfSite { journal, hours }))
        };
        Ok(Publications { sites: sites.iter().map(open).collect::<Result<_, StoreError>>()?, k, kept_ms })
    }

    /// Publishes the hours of a site that are due at `now`, and gives the published ones among those that `from..to` touches.
    ///
    /// # Errors
    /// [`StoreError::Write`] if one cannot be stored.
    pub(super) fn read(
        &self,
        rows: &EmbeddedState,
        site: SiteIndex,
        now: u64,
        from: u64,
        to: u64,
    ) -> Result<Hours, StoreError> {
        let mut of_site = self.sites[usize::from(site.0)].lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_sub(SETTLE_MS) / HOUR_MS * HOUR_MS;
        // Computed under the lock of the windows, and stored without it.
        let lines = rows.with_windows(site.number(), |windows| of_site.due(windows, self.k, due));
        of_site.publish(lines)?;
        of_site.forget(now.saturating_sub(self.kept_ms))?;
        let until = of_site.until().unwrap_or(due);
        let to = to.div_ceil(HOUR_MS).saturating_mul(HOUR_MS).min(until);
        let oldest = of_site.hours.keys().next().copied().unwrap_or(to);
        let from = (from / HOUR_MS * HOUR_MS).max(oldest).min(to);
        // What was published when k was smaller is not shown any more.
        let shown = |line: &Line| line.window.clone().filter(|_| line.k >= self.k);
        let published = of_site.hours.range(from..to);
        let windows = published.map(|(start, line)| shown(line).unwrap_or_else(|| ReleasedWindow::nothing(*start)));
        let windows = windows.collect();
        Ok(Hours { from, to, windows, until })
    }
}

/// The lines by their start; `None` if they are not whole hours without a gap, as they were written.
fn by_start(lines: Vec<Line>) -> Option<BTreeMap<u64, Line>> {
    let is_hour = |line: &Line| line.start.is_multiple_of(HOUR_MS) && line.start <= MAX_SAFE_INTEGER;
    let follows = |pair: &[Line]| pair[1].start == pair[0].start + HOUR_MS;
    let sound = lines.iter().all(is_hour) && lines.windows(2).all(follows);
    sound.then(|| lines.into_iter().map(|line| (line.start, line)).collect())
}

/// The decoder of a site's publications, for the fuzz target alone: what is written for them.
pub(crate) fn rewritten(file: &[u8]) -> Option<Vec<u8>> {
    let hours = by_start(journal_lines(file).ok()?.lines)?;
    let mut written = Vec::new();
    for line in hours.values() {
        serde_json::to_writer(&mut written, line).ok()?;
        written.push(b'\n');
    }
    Some(written)
}

impl OfSite {
    /// End of the last hour that was published.
    fn until(&self) -> Option<u64> {
        self.hours.keys().next_back().map(|start| start + HOUR_MS)
    }

    /// The hours before `due` that were not published, the first ones of all beginning with the oldest that is known.
    fn due(&self, windows: &Windows, k: u64, due: u64) -> Vec<Line> {
        let Some(from) = self.until().or_else(|| windows.oldest_hour()) else { return Vec::new() };
        let line = |number: u64| {
            let start = number * HOUR_MS;
            let window = windows.release(start, k);
            Line { start, k, window: (window != ReleasedWindow::nothing(start)).then_some(window) }
        };
        (from / HOUR_MS..due / HOUR_MS).map(line).collect()
    }

    fn publish(&mut self, lines: Vec<Line>) -> Result<(), StoreError> {
        if !lines.is_empty() {
            self.journal.append(&lines)?;
            self.hours.extend(lines.into_iter().map(|line| (line.start, line)));
        }
        Ok(())
    }

    /// Forgets what was published of hours before `before`, a day's worth at a time. The last one stays: it says where to go on.
    fn forget(&mut self, before: u64) -> Result<(), StoreError> {
        let (Some(oldest), Some(until)) = (self.hours.keys().next().copied(), self.until()) else { return Ok(()) };
        let first = (before / HOUR_MS * HOUR_MS).min(until - HOUR_MS);
        if first < oldest.saturating_add(24 * HOUR_MS) {
            return Ok(());
        }
        let kept = self.hours.split_off(&first);
        self.hours = kept;
        self.journal.rewrite(&self.hours.values().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use waver_core::session::{Change, Measured};
    use waver_schema::SiteKey;
    use waver_store::{Commit, StateStore};

    use super::*;

    const SITE: SiteIndex = SiteIndex(0);
    const BEGUN: u64 = 500_000 * HOUR_MS;
    const DAY_MS: u64 = 24 * HOUR_MS;

    /// A state in which `sessions` began in each of the `hours` from [`BEGUN`] on.
    async fn state(hours: u64, sessions: u64) -> EmbeddedState {
        let state = EmbeddedState::new(vec![SiteKey::parse("demo").expect("valid")], 0);
        let begin = |hour| Change { at: BEGUN + hour * HOUR_MS, what: Measured::Session, by: 1 };
        let changes = (0..hours).flat_map(|hour| (0..sessions).map(move |_| begin(hour))).collect();
        let commit = Commit {
            from: 0,
            upto: 1,
            clock: BEGUN,
            writes: Vec::new(),
            changes: vec![(SITE.number(), changes)],
            ..Commit::default()
        };
        state.commit(commit).await.expect("commits");
        state
    }

    fn sessions(hours: &Hours) -> Vec<Option<u64>> {
        hours.windows.iter().map(|window| window.sessions).collect()
    }

    #[tokio::test]
    async fn hours_come_back_and_a_larger_k_shows_less_but_publishes_nothing_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |k| Publications::open(folder.path(), &["demo"], k, 400 * DAY_MS).expect("opens");
        let (few, more) = (state(3, 6).await, state(9, 30).await);
        let now = BEGUN + 4 * HOUR_MS;
        let read = |k, rows, now| open(k).read(rows, SITE, now, 0, u64::MAX).expect("publishes");
        assert_eq!(sessions(&read(5, &few, now)), [Some(6); 3]);
        assert_eq!(read(5, &few, now + HOUR_MS / 2).until, BEGUN + 3 * HOUR_MS);
        assert_eq!(sessions(&read(7, &more, now)), [None; 3], "of fewer than seven, and published already");
        assert_eq!(sessions(&read(7, &more, now + HOUR_MS)), [None, None, None, Some(30)]);
        assert_eq!(sessions(&read(5, &more, now)), [Some(6), Some(6), Some(6), Some(30)]);
        let none = open(5).read(&state(0, 0).await, SITE, now, BEGUN, BEGUN).expect("reads");
        assert_eq!((none.from, none.to, none.windows.len()), (BEGUN, BEGUN, 0));
    }

    #[tokio::test]
    async fn what_is_past_its_time_is_gone_from_disk_within_a_day_and_is_not_published_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = state(80, 9).await;
        let open = || Publications::open(folder.path(), &["demo"], 5, 2 * DAY_MS).expect("opens");
        let lines = || std::fs::read_to_string(folder.path().join("demo.jsonl")).expect("reads").lines().count();
        let read = |publications: &Publications, hours: u64| {
            publications.read(&rows, SITE, BEGUN + hours * HOUR_MS, 0, u64::MAX).expect("publishes").windows.len()
        };
        let publications = open();
        assert_eq!((read(&publications, 71), lines()), (70, 70), "a day's worth is not over yet");
        assert_eq!((read(&publications, 72), lines()), (47, 47));
        assert_eq!((read(&publications, 73), lines()), (48, 48));
        assert_eq!((read(&open(), 73), lines()), (48, 48));
        // After a long rest all of it is old; what comes goes on from there.
        assert_eq!((read(&open(), 400), lines()), (47, 47));
    }
}
