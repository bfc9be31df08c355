use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use waver_core::window::{HOUR_MS, HOURS_KEPT_MS};
use waver_schema::SiteKey;
use waver_schema::limits::MAX_SAFE_INTEGER;
use waver_store::decoders::journal_lines;
use waver_store::{Journal, StoreError};

/// How much may be learnt by exports with noise: of each hour of a site's data so much epsilon in all, and no more, whoever asks and however
/// often the collector was started in between.
///
/// A session is in each number once, in one hour, and every export has all numbers, each with noise for its share of the export's epsilon. So
/// what all exports together tell of one session is at most what one hour may cost, also where the session lasted for several.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Thousandths of epsilon for each hour.
    limit_milli: u64,
    spent: Mutex<Spent>,
}

#[derive(Debug)]
struct Spent {
    journal: Journal,
    /// Thousandths of epsilon by site and start of the hour.
    hours: BTreeMap<(SiteKey, u64), u64>,
}

/// What was spent at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    site: SiteKey,
    /// Start of the first hour and end of the last, Unix milliseconds.
    from: u64,
    to: u64,
    epsilon_milli: u64,
    /// When, Unix milliseconds.
    at: u64,
}

impl Line {
    /// Whether it tells of hours as an export has them. Anything else would be counted for a long time.
    fn is_sound(&self) -> bool {
        let Line { from, to, .. } = *self;
        let whole = from.is_multiple_of(HOUR_MS) && to.is_multiple_of(HOUR_MS);
        whole && from < to && to - from <= HOURS_KEPT_MS && to <= MAX_SAFE_INTEGER
    }

    fn count(&self, hours: &mut BTreeMap<(SiteKey, u64), u64>) {
        for number in self.from / HOUR_MS..self.to / HOUR_MS {
            let sum = hours.entry((self.site.clone(), number * HOUR_MS)).or_default();
            *sum = sum.saturating_add(self.epsilon_milli);
        }
    }
}

/// The decoder of what was spent, for the fuzz target alone: thousandths of epsilon by site and hour.
pub(crate) fn spent_hours(file: &[u8]) -> Option<Vec<(SiteKey, u64, u64)>> {
    let lines: Vec<Line> = journal_lines(file).ok()?.lines;
    if !lines.iter().all(Line::is_sound) {
        return None;
    }
    let mut hours = BTreeMap::new();
    lines.iter().for_each(|line| line.count(&mut hours));
    Some(hours.into_iter().map(|((site, hour), spent)| (site, hour, spent)).collect())
}

/// Why nothing was spent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BudgetError {
    /// There is not enough left.
    #[error(
        "of the hour {} only {left_milli} thousandths of epsilon are left; ask for less, or for other hours",
        humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_millis(*hour))
    )]
    Spent {
        /// Start of the hour with the least left, Unix milliseconds.
        hour: u64,
        /// Thousandths of epsilon that are left of it.
        left_milli: u64,
    },
    /// It could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Budget {
    /// Opens what was spent, in the file at `path`. Of hours that ended `kept_ms` before the last spending nothing is remembered: their data
    /// is gone.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be used or is damaged.
    pub(super) fn open(path: &Path, limit_milli: u64, kept_ms: u64) -> Result<Budget, StoreError> {
        let (mut journal, mut lines) = Journal::open::<Line>(path)?;
        if !lines.iter().all(Line::is_sound) {
            let reason = "it tells of a time that no export has".to_owned();
            return Err(StoreError::Unreadable { path: path.to_owned(), reason });
        }
        let before = lines.iter().map(|line| line.at).max().unwrap_or_default().saturating_sub(kept_ms);
        let all = lines.len();
        lines.retain(|line| line.to > before);
        if lines.len() < all {
            journal.rewrite(&lines)?;
        }
        let mut spent = Spent { journal, hours: BTreeMap::new() };
        lines.iter().for_each(|line| line.count(&mut spent.hours));
        Ok(Budget { limit_milli, spent: Mutex::new(spent) })
    }

    /// Spends `epsilon_milli` thousandths of epsilon on each hour of `from..to` (Unix milliseconds, whole hours), or nothing. What is spent
    /// is on disk when this returns, and is spent also if nothing comes of it.
    ///
    /// # Errors
    /// [`BudgetError`].
    pub(crate) fn spend(
        &self,
        site: &SiteKey,
        from: u64,
        to: u64,
        epsilon_milli: u64,
        now: u64,
    ) -> Result<u64, BudgetError> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let hours = (from / HOUR_MS..to / HOUR_MS).map(|number| number * HOUR_MS);
        let left = |hour: u64| {
            let used = spent.hours.get(&(site.clone(), hour)).copied().unwrap_or_default();
            self.limit_milli.saturating_sub(used)
        };
        let least = hours.map(|hour| (left(hour), hour)).min();
        let Some((left_milli, hour)) = least else { return Ok(self.limit_milli) };
        if epsilon_milli > left_milli {
            return Err(BudgetError::Spent { hour, left_milli });
        }
        let line = Line { site: site.clone(), from, to, epsilon_milli, at: now };
        // Counted first: after a failure nobody knows whether it is on disk, and then it is taken to be.
        line.count(&mut spent.hours);
        spent.journal.append(&[line])?;
        Ok(left_milli - epsilon_milli)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: u64 = 100 * HOUR_MS;

    #[test]
    fn each_hour_has_its_own_and_none_is_exceeded_whatever_was_asked_before_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spent");
        let (demo, other) = (SiteKey::parse("demo").expect("valid"), SiteKey::parse("other").expect("valid"));
        let open = || Budget::open(&path, 1_000, KEPT).expect("opens");
        let hour = |number: u64| number * HOUR_MS;
        assert_eq!(open().spend(&demo, hour(1), hour(4), 600, 9).expect("there is enough"), 400);
        let refused = open().spend(&demo, hour(3), hour(9), 401, 9).expect_err("not of the third hour");
        assert!(matches!(refused, BudgetError::Spent { hour, left_milli: 400 } if hour == 3 * HOUR_MS), "{refused}");
        assert_eq!(open().spend(&demo, hour(4), hour(9), 1_000, 9).expect("these are untouched"), 0);
        assert_eq!(open().spend(&other, hour(1), hour(9), 1_000, 9).expect("another site"), 0);
        assert_eq!(open().spend(&demo, hour(1), hour(4), 400, 9).expect("exactly what is left"), 0);
        assert!(open().spend(&demo, hour(2), hour(3), 1, 9).is_err());
        // What a torn write left behind was never answered.
        let mut bytes = std::fs::read(&path).expect("reads");
        bytes.extend(b"{\"site\":\"demo\",\"from\":36000");
        std::fs::write(&path, bytes).expect("writes");
        assert!(open().spend(&demo, hour(2), hour(3), 1, 9).is_err());
        assert_eq!(open().spend(&demo, hour(10), hour(11), 1, 9 + KEPT).expect("another hour"), 999);
    }
}
