use serde::{Deserialize, Serialize};

use waver_schema::BrowserFamily;

use super::change::{Ledger, Measured};
use super::loss::ExitPath;

/// Most gaps in the sequence numbers of one session.
pub(crate) const MOST_GAPS: usize = 256;
/// Largest sequence number: twelve events a second for as long as a session may last.
pub(crate) const LARGEST_SEQ: u64 = 1 << 20;

/// Which sequence numbers were seen: exact, as runs without a gap.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sequence {
    runs: Vec<Run>,
}

/// The numbers `first..=last`. The gap before them is dated by when `first` happened, and put down to what it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Run {
    first: u64,
    last: u64,
    at: u64,
    path: ExitPath,
}

/// An event as far as gaps are concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered {
    /// At least 1.
    pub(crate) seq: u64,
    /// When it happened.
    pub(crate) at: u64,
    /// What a gap before it is put down to.
    pub(crate) path: ExitPath,
}

/// What a sequence number turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Not seen before.
    New,
    /// Seen before.
    Duplicate,
    /// It would open one gap too many.
    Refused,
}

impl Sequence {
    /// Takes in an event of a browser of that family.
    pub(crate) fn insert(&mut self, event: Numbered, browser: BrowserFamily, ledger: &mut Ledger) -> Arrival {
        let Numbered { seq, at, path } = event;
        let next = self.runs.partition_point(|run| run.first <= seq);
        let previous = next.checked_sub(1);
        if previous.is_some_and(|previous| seq <= self.runs[previous].last) {
            return Arrival::Duplicate;
        }
        let extends_previous = previous.filter(|previous| self.runs[*previous].last + 1 == seq);
        let extends_next = self.runs.get(next).is_some_and(|run| seq + 1 == run.first);
        if extends_previous.is_none() && !extends_next && self.gaps() + 1 > MOST_GAPS {
            return Arrival::Refused;
        }
        self.date_gap(next, -1, browser, ledger);
        match (extends_previous, extends_next) {
            (Some(previous), true) => {
                self.runs[previous].last = self.runs[next].last;
                self.runs.remove(next);
            }
            (Some(previous), false) => {
                self.runs[previous].last = seq;
                self.date_gap(next, 1, browser, ledger);
            }
            (None, true) => {
                let run = &mut self.runs[next];
                (run.first, run.at, run.path) = (seq, at, path);
                self.date_gap(next, 1, browser, ledger);
            }
            (None, false) => {
                self.runs.reserve_exact(1);
                self.runs.insert(next, Run { first: seq, last: seq, at, path });
                self.date_gap(next, 1, browser, ledger);
                self.date_gap(next + 1, 1, browser, ledger);
            }
        }
        Arrival::New
    }

    /// Whether `seq` was seen.
    pub(crate) fn contains(&self, seq: u64) -> bool {
        let next = self.runs.partition_point(|run| run.first <= seq);
        next.checked_sub(1).is_some_and(|previous| seq <= self.runs[previous].last)
    }

    /// Everything from 1 up to this number has been seen.
    pub(crate) fn complete_through(&self) -> u64 {
        self.runs.first().filter(|run| run.first == 1).map_or(0, |run| run.last)
    }

    /// How many numbers below the largest were not seen.
    pub(crate) fn lost(&self) -> u64 {
        let seen: u64 = self.runs.iter().map(|run| run.last - run.first + 1).sum();
        self.runs.last().map_or(0, |run| run.last) - seen
    }

    fn gaps(&self) -> usize {
        self.runs.len() - usize::from(self.complete_through() > 0)
    }

    /// Counts the gap before run `index`, or takes it back.
    fn date_gap(&self, index: usize, sign: i64, browser: BrowserFamily, ledger: &mut Ledger) {
        let Some(run) = self.runs.get(index) else { return };
        let before = index.checked_sub(1).map_or(0, |previous| self.runs[previous].last);
        // Below 2^20 by `LARGEST_SEQ`, so the conversion is exact.
        let size = (run.first - 1 - before) as i64;
        if size > 0 {
            ledger.add(run.at, Measured::Lost { browser, path: run.path }, sign * size);
        }
    }
}

#[cfg(test)]
mod tests {
    use waver_schema::TrafficClass;

    use super::*;

    fn insert(sequence: &mut Sequence, seq: u64) -> (Arrival, i64) {
        let mut ledger = Ledger::of(TrafficClass::Shopper);
        let event = Numbered { seq, at: seq, path: ExitPath::SameView };
        let arrival = sequence.insert(event, BrowserFamily::Other, &mut ledger);
        (arrival, ledger.into_changes().iter().map(|change| change.by).sum())
    }

    #[test]
    fn gaps_open_and_close() {
        let mut sequence = Sequence::default();
        for (seq, lost) in [(1, 0), (2, 0), (6, 3), (4, -1), (3, -1), (8, 1), (7, -1), (5, -1)] {
            assert_eq!(insert(&mut sequence, seq), (Arrival::New, lost), "{seq}");
        }
        assert_eq!((sequence.complete_through(), sequence.lost(), sequence.runs.len()), (8, 0, 1));
        assert_eq!(insert(&mut sequence, 4), (Arrival::Duplicate, 0));
    }

    #[test]
    fn a_lost_beginning_is_a_gap_too() {
        let mut sequence = Sequence::default();
        assert_eq!(insert(&mut sequence, 5), (Arrival::New, 4));
        assert_eq!((sequence.complete_through(), sequence.lost()), (0, 4));
    }

    #[test]
    fn one_gap_too_many_is_refused_and_filling_one_still_works() {
        let mut sequence = Sequence::default();
        for gap in 1..=MOST_GAPS as u64 {
            assert_eq!(insert(&mut sequence, gap * 3).0, Arrival::New);
        }
        assert_eq!(insert(&mut sequence, 9_000), (Arrival::Refused, 0));
        assert_eq!(insert(&mut sequence, 4).0, Arrival::New);
        assert_eq!(sequence.gaps(), MOST_GAPS);
        assert_eq!(insert(&mut sequence, 5).0, Arrival::New);
        assert_eq!(insert(&mut sequence, 9_000).0, Arrival::New);
    }
}
