use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::distinct::Distinct;
use super::tally::Tally;
use crate::session::Change;

/// Tumbling windows of `LENGTH_MS` milliseconds each, kept for `KEPT_MS` behind the newest, or until they are forgotten.
///
/// A copy shares the windows until one side changes them, so that a snapshot of a year of hours costs pointers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Panes<const LENGTH_MS: u64, const KEPT_MS: u64> {
    /// By number: start divided by the length.
    tallies: BTreeMap<u64, Arc<Tally>>,
    /// Number of the oldest window that is kept.
    oldest: u64,
}

impl<const LENGTH_MS: u64, const KEPT_MS: u64> Panes<LENGTH_MS, KEPT_MS> {
    /// Most windows that are kept: the newest, and those behind it.
    pub(crate) const MOST: u64 = KEPT_MS / LENGTH_MS + 1;

    /// Windows by number, of which none before `oldest` is kept.
    pub(super) fn of(oldest: u64, tallies: impl IntoIterator<Item = (u64, Arc<Tally>)>) -> Panes<LENGTH_MS, KEPT_MS> {
        Panes { tallies: tallies.into_iter().collect(), oldest }
    }

    /// What `of` makes of each window, by number.
    #[cfg(test)]
    pub(super) fn map<T>(&self, of: impl Fn(&Tally) -> T) -> Vec<(u64, T)> {
        self.tallies.iter().map(|(number, tally)| (*number, of(tally))).collect()
    }

    /// Number of the oldest window that is kept.
    pub(crate) const fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Number of the oldest window in which something was counted.
    pub(crate) fn first(&self) -> Option<u64> {
        self.tallies.first_key_value().map(|(number, _)| *number)
    }

    /// Adds a change to its window, unless that is not kept any more. Says whether it did.
    pub(crate) fn add(&mut self, change: &Change) -> bool {
        let number = change.at / LENGTH_MS;
        if number < self.oldest {
            return false;
        }
        let tally = self.tallies.entry(number).or_default();
        Arc::make_mut(tally).add(change.what, change.by);
        // A window that corrections emptied is as if it had never been.
        if tally.is_empty() {
            self.tallies.remove(&number);
        }
        self.forget_behind(number);
        true
    }

    /// Whether both hold the same windows. How far back more would be kept is not compared: a change that was taken back since, such as a
    /// gap that was filled, may have moved that.
    pub(crate) fn counts_alike(&self, other: &Panes<LENGTH_MS, KEPT_MS>) -> bool {
        self.tallies == other.tallies
    }

    /// The same without what counts distinct sessions.
    pub(crate) fn without_distinct(&self) -> Panes<LENGTH_MS, KEPT_MS> {
        let without = |tally: &Tally| Tally { active: Distinct::default(), ..tally.clone() };
        let tallies = self.tallies.iter().map(|(number, tally)| (*number, Arc::new(without(tally))));
        Panes { tallies: tallies.filter(|(_, tally)| !tally.is_empty()).collect(), oldest: self.oldest }
    }

    /// Adds up what others counted.
    pub(crate) fn merge(&mut self, other: &Panes<LENGTH_MS, KEPT_MS>) {
        self.forget_before(other.oldest);
        for (number, tally) in other.tallies.range(self.oldest..) {
            let sum = self.tallies.entry(*number).or_default();
            Arc::make_mut(sum).merge(tally);
            if sum.is_empty() {
                self.tallies.remove(number);
            }
        }
        if let Some((newest, _)) = self.tallies.last_key_value() {
            self.forget_behind(*newest);
        }
    }

    /// Forgets the windows whose end is `kept_ms` or more before `now`. Gives how many that were.
    pub(crate) fn expire(&mut self, now: u64, kept_ms: u64) -> usize {
        self.forget_before(now.saturating_sub(kept_ms) / LENGTH_MS)
    }

    /// Forgets what `other` has forgotten.
    pub(crate) fn keep_as(&mut self, other: &Panes<LENGTH_MS, KEPT_MS>) {
        self.forget_before(other.oldest);
    }

    /// The sum of the windows `first..end`.
    pub(crate) fn sum(&self, first: u64, end: u64) -> Tally {
        let mut sum = Tally::default();
        if first < end {
            for (_, tally) in self.tallies.range(first..end) {
                sum.merge(tally);
            }
        }
        sum
    }

    fn forget_behind(&mut self, newest: u64) {
        self.forget_before(newest.saturating_sub(KEPT_MS / LENGTH_MS));
    }

    /// What is older never comes back: half a window would look like a whole one.
    fn forget_before(&mut self, oldest: u64) -> usize {
        let before = self.tallies.len();
        self.oldest = self.oldest.max(oldest);
        while self.tallies.first_key_value().is_some_and(|(number, _)| *number < self.oldest) {
            self.tallies.pop_first();
        }
        before - self.tallies.len()
    }
}

impl<const LENGTH_MS: u64, const KEPT_MS: u64> Serialize for Panes<LENGTH_MS, KEPT_MS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tallies: Vec<(u64, &Tally)> = self.tallies.iter().map(|(number, tally)| (*number, &**tally)).collect();
        (self.oldest, tallies).serialize(serializer)
    }
}

impl<'de, const LENGTH_MS: u64, const KEPT_MS: u64> Deserialize<'de> for Panes<LENGTH_MS, KEPT_MS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (oldest, tallies) = <(u64, Vec<(u64, Tally)>)>::deserialize(deserializer)?;
        Ok(Panes::of(oldest, tallies.into_iter().map(|(number, tally)| (number, Arc::new(tally)))))
    }
}
