//! What to expect of a choice: the `q` of the doubly robust estimate.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Parts of the rows, each of which expects what the others had.
pub const FOLDS: usize = 5;

/// What a cell of the table has before a row is counted.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Rewards.
    pub rewards: f64,
    /// Rows.
    pub rows: f64,
}

impl Prior {
    /// What is wrong with it, if something is.
    pub fn fault(&self) -> Option<String> {
        let sound = self.rows > 0.0 && self.rows.is_finite() && self.rewards.is_finite();
        (!sound).then(|| "a cell of expected rewards begins with more than 0 rows".to_owned())
    }
}

/// Mean rewards by cell, such as an arm in its place, drawn to the prior.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<K> {
    prior: Prior,
    cells: BTreeMap<K, (f64, f64)>,
}

impl<K: Ord> Table<K> {
    /// Nothing but the prior.
    pub fn of(prior: Prior) -> Table<K> {
        Table { prior, cells: BTreeMap::new() }
    }

    /// Counts a reward.
    pub fn add(&mut self, cell: K, reward: f64) {
        let (rewards, rows) = self.cells.entry(cell).or_default();
        *rewards += reward;
        *rows += 1.0;
    }

    /// What to expect: `(rewards + prior rewards) / (rows + prior rows)`.
    pub fn expected(&self, cell: &K) -> f64 {
        let (rewards, rows) = self.cells.get(cell).copied().unwrap_or_default();
        (rewards + self.prior.rewards) / (rows + self.prior.rows)
    }
}

/// For each fold the table of the rows of all others, so that no row expects its own reward (cross-fitting: Chernozhukov et al. 2018). Row `n` is of the
/// fold `n % FOLDS`. The prior is the mean of those rows, which weighs as much as `weight` rows.
pub fn cross_fitted<K: Ord + Clone>(rows: &[(K, f64)], weight: f64) -> Vec<Table<K>> {
    (0..FOLDS)
        .map(|fold| {
            let others = || rows.iter().enumerate().filter(move |(row, _)| row % FOLDS != fold).map(|(_, row)| row);
            let sum: f64 = others().map(|(_, reward)| reward).sum();
            let mean = sum / (others().count() as f64).max(1.0);
            let mut table = Table::of(Prior { rewards: mean * weight, rows: weight });
            others().for_each(|(cell, reward)| table.add(cell.clone(), *reward));
            table
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_drawn_to_the_prior() {
        let mut table = Table::of(Prior { rewards: 1.0, rows: 250.0 });
        (0..50).for_each(|n| table.add("a", f64::from(u8::from(n < 5))));
        assert!((table.expected(&"a") - 6.0 / 300.0).abs() < 1e-15);
        assert!((table.expected(&"never seen") - 1.0 / 250.0).abs() < 1e-15);
    }

    #[test]
    fn no_row_expects_its_own_reward() {
        let rows: Vec<(u8, f64)> = (0..10).map(|n| (0, if n == 0 { 1.0 } else { 0.0 })).collect();
        let tables = cross_fitted(&rows, 1.0);
        assert_eq!(tables[0].expected(&0), 0.0);
        assert!(tables[1].expected(&0) > 0.1);
    }
}
