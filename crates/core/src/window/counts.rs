use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A sum for each key. Keys whose sum is zero are not there, so that equal sums are equal maps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counts<K>(BTreeMap<K, i64>);

impl<K> Default for Counts<K> {
    fn default() -> Counts<K> {
        Counts(BTreeMap::new())
    }
}

impl<K: Ord + Copy> Counts<K> {
    /// Adds `by` to the sum of `key`.
    pub(crate) fn add(&mut self, key: K, by: i64) {
        let sum = self.0.entry(key).or_default();
        *sum = sum.saturating_add(by);
        if *sum == 0 {
            self.0.remove(&key);
        }
    }

    /// Adds every sum of `other`.
    pub(crate) fn merge(&mut self, other: &Counts<K>) {
        for (key, by) in &other.0 {
            self.add(*key, *by);
        }
    }

    /// The sum of `key`; zero while its corrections outweigh it.
    pub(crate) fn get(&self, key: K) -> u64 {
        self.0.get(&key).map_or(0, |sum| whole(*sum))
    }

    /// The sum of all keys.
    pub(crate) fn total(&self) -> u64 {
        whole(self.0.values().fold(0, |total: i64, sum| total.saturating_add(*sum)))
    }

    /// Keys with their sums, where these are above zero.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, u64)> {
        self.0.iter().map(|(key, sum)| (*key, whole(*sum))).filter(|(_, sum)| *sum > 0)
    }

    /// Whether every sum is zero.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the `most` smallest keys. A key among the smallest of a whole is among the smallest of any part of it, so that its sum is complete.
    pub(crate) fn keep_smallest(&mut self, most: usize) {
        while self.0.len() > most {
            self.0.pop_last();
        }
    }
}

/// A sum as a count. Parts of a stream may hold a correction without what it corrects; only the whole counts.
pub(crate) fn whole(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
}

// As a list of pairs, since not every format has maps with such keys.
impl<K: Serialize> Serialize for Counts<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de, K: Ord + Deserialize<'de>> Deserialize<'de> for Counts<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Counts<K>, D::Error> {
        Ok(Counts(Vec::<(K, i64)>::deserialize(deserializer)?.into_iter().collect()))
    }
}
