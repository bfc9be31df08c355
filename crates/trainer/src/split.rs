//! Splits that are honest: no group on both sides, or nothing of the future in what is fitted.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

use crate::{Dataset, TrainError};

/// How rows are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Groups are dealt to folds at random, so that each fold gets about as many positives as any other.
    #[default]
    Grouped,
    /// In order of time, by the first row of each group: each fold is judged by what was fitted on all before it, the first by nothing.
    Time,
}

/// One split: rows to fit on, and rows to judge with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows to fit on.
    pub fit: Vec<usize>,
    /// Rows to judge with.
    pub judge: Vec<usize>,
}

/// The splits of `rows` into so many folds.
///
/// # Errors
/// [`TrainError::TooLittle`] when there are fewer groups than folds, or a side of a split has only one class.
pub fn splits(data: &Dataset, rows: &[usize], kind: Kind, folds: usize, seed: u64) -> Result<Vec<Split>, TrainError> {
    let groups = groups_of(data, rows);
    if folds < 2 || groups.len() < folds {
        return Err(TrainError::TooLittle(format!("{} groups for {folds} folds", groups.len())));
    }
    let fold_of = match kind {
        Kind::Grouped => dealt(groups, folds, seed),
        Kind::Time => by_time(data, groups, folds),
    };
    let mut fold_of_group = vec![0; data.group_count()];
    for (group, fold) in fold_of {
        fold_of_group[group as usize] = fold;
    }
    let fold = |row: &usize| fold_of_group[data.groups[*row] as usize];
    let first = usize::from(kind == Kind::Time);
    (first..folds)
        .map(|judged| {
            let fit: Vec<usize> = rows
                .iter()
                .copied()
                .filter(|row| if kind == Kind::Time { fold(row) < judged } else { fold(row) != judged })
                .collect();
            let judge: Vec<usize> = rows.iter().copied().filter(|row| fold(row) == judged).collect();
            let positives = data.positives(&fit);
            if positives == 0 || positives == fit.len() || judge.is_empty() {
                return Err(TrainError::TooLittle(format!("fold {judged} leaves one class, or nothing to judge")));
            }
            Ok(Split { fit, judge })
        })
        .collect()
}

/// A group, its positives, its rows and its first time.
type Group = (u32, usize, usize, f64);

fn groups_of(data: &Dataset, rows: &[usize]) -> Vec<Group> {
    let mut groups: Vec<Group> = (0..data.group_count() as u32).map(|group| (group, 0, 0, f64::INFINITY)).collect();
    for &row in rows {
        let (_, positives, count, first) = &mut groups[data.groups[row] as usize];
        *positives += usize::from(data.labels[row]);
        *count += 1;
        *first = first.min(data.times[row]);
    }
    groups.retain(|(_, _, count, _)| *count > 0);
    groups
}

/// Shuffled, then the groups with most positives first, each to the fold that has fewest positives so far, or fewest rows among those.
fn dealt(mut groups: Vec<Group>, folds: usize, seed: u64) -> Vec<(u32, usize)> {
    groups.shuffle(&mut ChaCha12Rng::seed_from_u64(seed));
    groups.sort_by_key(|(_, positives, _, _)| std::cmp::Reverse(*positives));
    let mut filled = vec![(0, 0); folds];
    groups
        .into_iter()
        .map(|(group, positives, count, _)| {
            let fold = (0..folds).min_by_key(|fold| if positives > 0 { filled[*fold] } else { (filled[*fold].1, 0) });
            let fold = fold.unwrap_or_default();
            filled[fold].0 += positives;
            filled[fold].1 += count;
            (group, fold)
        })
        .collect()
}

fn by_time(data: &Dataset, mut groups: Vec<Group>, folds: usize) -> Vec<(u32, usize)> {
    debug_assert!(!data.is_empty());
    groups.sort_by(|a, b| a.3.total_cmp(&b.3).then(a.0.cmp(&b.0)));
    let count = groups.len();
    groups.into_iter().enumerate().map(|(place, (group, _, _, _))| (group, place * folds / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 60 groups of 1 to 4 rows, every fifth positive.
    fn data() -> Dataset {
        let mut data = Dataset::of(vec!["x".to_owned()]);
        for group in 0..60 {
            for row in 0..=group % 4 {
                data.push(&[f64::from(row)], group % 5 == 0, group, 0, f64::from(group));
            }
        }
        data
    }

    #[test]
    fn no_group_is_on_both_sides_and_every_row_is_judged_once() {
        let data = data();
        let rows: Vec<usize> = (0..data.len()).collect();
        let splits = splits(&data, &rows, Kind::Grouped, 5, 7).expect("enough");
        let mut judged: Vec<usize> = splits.iter().flat_map(|split| split.judge.clone()).collect();
        judged.sort_unstable();
        assert_eq!(judged, rows);
        for Split { fit, judge } in &splits {
            assert!(fit.iter().all(|row| judge.iter().all(|other| data.groups[*row] != data.groups[*other])));
            assert!((4..=8).contains(&data.positives(judge)), "{}", data.positives(judge));
        }
    }

    #[test]
    fn by_time_nothing_later_is_fitted_on() {
        let data = data();
        let rows: Vec<usize> = (0..data.len()).collect();
        for Split { fit, judge } in splits(&data, &rows, Kind::Time, 4, 7).expect("enough") {
            let last = fit.iter().map(|row| data.times[*row]).fold(0.0, f64::max);
            assert!(judge.iter().all(|row| data.times[*row] > last));
        }
    }

    #[test]
    fn one_class_or_too_few_groups_are_refused() {
        let mut data = data();
        let rows: Vec<usize> = (0..data.len()).collect();
        assert!(splits(&data, &rows, Kind::Grouped, 61, 7).is_err());
        data.labels.fill(false);
        assert!(splits(&data, &rows, Kind::Grouped, 5, 7).is_err());
    }
}
