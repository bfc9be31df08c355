//! How good scores are, with intervals by resampling whole groups.
//!
//! ROC-AUC counts ties half (Hanley & McNeil 1982); PR-AUC is the average precision over distinct thresholds, without interpolation, as in
//! scikit-learn; Brier 1950; ECE10 is the mean distance of confidence and frequency over ten bins of equal width, weighted by their rows (Naeini
//! et al. 2015); C-AUC is the ROC-AUC within blocks, each weighted by its pairs of a positive and a negative.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::Serialize;

/// Resamplings behind an interval.
const RESAMPLES: usize = 1_000;
/// Bins of the calibration error.
const ECE_BINS: usize = 10;

/// Scores with what came about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// The scores, 0..=1.
    pub scores: Vec<f64>,
    /// Whether it came about.
    pub labels: Vec<bool>,
    /// See [`crate::Dataset::groups`].
    pub groups: Vec<u32>,
    /// See [`crate::Dataset::blocks`].
    pub blocks: Vec<u32>,
}

/// A figure and where it may as well lie: the middle 95 % of its resamplings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// On the rows as they are.
    pub value: f64,
    /// 2.5 % of the resamplings lie below.
    pub low: f64,
    /// 2.5 % of the resamplings lie above.
    pub high: f64,
}

/// All figures; `NaN` where there is one class only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures<T = Figure> {
    /// Area under the curve of true over false positive rate.
    pub roc_auc: T,
    /// Average precision.
    pub pr_auc: T,
    /// Mean squared error of the probabilities.
    pub brier: T,
    /// Expected calibration error over ten bins.
    pub ece10: T,
    /// Mean negative log-likelihood.
    pub log_loss: T,
    /// ROC-AUC within blocks.
    pub c_auc: T,
}

/// Share of each class that reaches a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Of those that came about.
    pub tpr: f64,
    /// Of those that did not.
    pub fpr: f64,
}

impl Judged {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// Adds a row.
    pub fn push(&mut self, score: f64, label: bool, group: u32, block: u32) {
        self.scores.push(score);
        self.labels.push(label);
        self.groups.push(group);
        self.blocks.push(block);
    }

    /// The rows of one block.
    pub fn block(&self, block: u32) -> Judged {
        let mut judged = Judged::default();
        for row in (0..self.len()).filter(|row| self.blocks[*row] == block) {
            judged.push(self.scores[row], self.labels[row], self.groups[row], block);
        }
        judged
    }

    /// The figures of these rows.
    pub fn figures(&self) -> Figures<f64> {
        Ranked::of(self).figures(&vec![1.0; self.len()])
    }

    /// The figures with their intervals: groups drawn with replacement, as many as there are.
    pub fn figures_with_intervals(&self, seed: u64) -> Figures {
        let ranked = Ranked::of(self);
        let plain = ranked.figures(&vec![1.0; self.len()]);
        let group_count = self.groups.iter().max().map_or(0, |most| *most as usize + 1);
        let mut present = vec![false; group_count];
        self.groups.iter().for_each(|group| present[*group as usize] = true);
        let present: Vec<usize> = (0..group_count).filter(|group| present[*group]).collect();
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let resampled: Vec<Figures<f64>> = (0..RESAMPLES)
            .map(|_| {
                let mut times = vec![0.0; group_count];
                for _ in &present {
                    times[present[random.random_range(0..present.len())]] += 1.0;
                }
                let weights: Vec<f64> = self.groups.iter().map(|group| times[*group as usize]).collect();
                ranked.figures(&weights)
            })
            .collect();
        let interval = |of: fn(&Figures<f64>) -> f64| {
            let mut values: Vec<f64> = resampled.iter().map(of).filter(|value| value.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values.get((values.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
            Figure { value: of(&plain), low: at(0.025), high: at(0.975) }
        };
        Figures {
            roc_auc: interval(|figures| figures.roc_auc),
            pr_auc: interval(|figures| figures.pr_auc),
            brier: interval(|figures| figures.brier),
            ece10: interval(|figures| figures.ece10),
            log_loss: interval(|figures| figures.log_loss),
            c_auc: interval(|figures| figures.c_auc),
        }
    }

    /// The shares that reach `threshold`.
    pub fn rates(&self, threshold: f64) -> Rates {
        let share = |class: bool| {
            let of_class = self.labels.iter().filter(|label| **label == class).count() as f64;
            let reach =
                self.scores.iter().zip(&self.labels).filter(|(score, label)| **label == class && **score >= threshold);
            reach.count() as f64 / of_class
        };
        Rates { tpr: share(true), fpr: share(false) }
    }

    /// The lowest threshold that at most the share `fpr` of those reach that did not come about.
    pub fn threshold_at(&self, fpr: f64) -> f64 {
        let mut negatives: Vec<f64> =
            self.scores.iter().zip(&self.labels).filter(|(_, label)| !**label).map(|(score, _)| *score).collect();
        negatives.sort_by(|a, b| b.total_cmp(a));
        let allowed = (negatives.len() as f64 * fpr) as usize;
        // The first that must not reach it; a hair above.
        negatives.get(allowed).map_or(0.0, |score| score.next_up().min(1.0))
    }
}

/// Rows by falling score, so that a resampling needs no sorting.
struct Ranked<'a> {
    judged: &'a Judged,
    order: Vec<usize>,
    /// The same, by block.
    blocks: Vec<Vec<usize>>,
}

impl Ranked<'_> {
    fn of(judged: &Judged) -> Ranked<'_> {
        let mut order: Vec<usize> = (0..judged.len()).collect();
        order.sort_by(|a, b| judged.scores[*b].total_cmp(&judged.scores[*a]).then(a.cmp(b)));
        let mut known: Vec<u32> = judged.blocks.clone();
        known.sort_unstable();
        known.dedup();
        let blocks = known
            .iter()
            .map(|block| order.iter().copied().filter(|row| judged.blocks[*row] == *block).collect())
            .collect();
        Ranked { judged, order, blocks }
    }

    fn figures(&self, weights: &[f64]) -> Figures<f64> {
        let Judged { scores, labels, .. } = self.judged;
        let total: f64 = weights.iter().sum();
        let (mut brier, mut log_loss) = (0.0, 0.0);
        let mut bins = [(0.0, 0.0, 0.0); ECE_BINS];
        for (row, weight) in weights.iter().enumerate() {
            let (score, label) = (scores[row], f64::from(u8::from(labels[row])));
            brier += weight * (score - label) * (score - label);
            let likelihood = if labels[row] { score } else { 1.0 - score };
            log_loss -= weight * libm::log(likelihood.max(1e-15));
            let bin = &mut bins[((score * ECE_BINS as f64) as usize).min(ECE_BINS - 1)];
            *bin = (bin.0 + weight, bin.1 + weight * score, bin.2 + weight * label);
        }
        let ece10 = bins.iter().map(|(_, scores, labels)| (scores - labels).abs()).sum::<f64>() / total;
        let (concordant, pairs) = self.pairs(&self.order, weights);
        let within: (f64, f64) = self
            .blocks
            .iter()
            .map(|order| self.pairs(order, weights))
            .fold((0.0, 0.0), |sum, block| (sum.0 + block.0, sum.1 + block.1));
        Figures {
            roc_auc: concordant / pairs,
            pr_auc: self.average_precision(weights),
            brier: brier / total,
            ece10,
            log_loss: log_loss / total,
            c_auc: within.0 / within.1,
        }
    }

    /// Pairs of a positive and a negative in the right order, ties half, and all such pairs.
    fn pairs(&self, order: &[usize], weights: &[f64]) -> (f64, f64) {
        let (mut concordant, mut above, mut below) = (0.0, 0.0, 0.0);
        for tied in order.chunk_by(|a, b| self.judged.scores[*a] == self.judged.scores[*b]) {
            let (positives, negatives) = self.classes(tied, weights);
            concordant += negatives * (above + positives / 2.0);
            above += positives;
            below += negatives;
        }
        (concordant, above * below)
    }

    fn average_precision(&self, weights: &[f64]) -> f64 {
        let (mut sum, mut positives, mut all) = (0.0, 0.0, 0.0);
        for tied in self.order.chunk_by(|a, b| self.judged.scores[*a] == self.judged.scores[*b]) {
            let (here, rest) = self.classes(tied, weights);
            positives += here;
            all += here + rest;
            if here > 0.0 {
                sum += here * positives / all;
            }
        }
        sum / positives
    }

    fn classes(&self, rows: &[usize], weights: &[f64]) -> (f64, f64) {
        rows.iter().fold((0.0, 0.0), |(positives, negatives), row| {
            let weight = weights[*row];
            if self.judged.labels[*row] { (positives + weight, negatives) } else { (positives, negatives + weight) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(rows: &[(f64, bool, u32)]) -> Judged {
        let mut judged = Judged::default();
        for (place, &(score, label, block)) in rows.iter().enumerate() {
            judged.push(score, label, place as u32, block);
        }
        judged
    }

    /// Worked by hand: of four pairs three are in order, one is tied.
    #[test]
    fn figures_of_a_small_case() {
        let figures = judged(&[(0.9, true, 1), (0.5, false, 1), (0.5, true, 2), (0.1, false, 2)]).figures();
        assert_eq!(figures.roc_auc, 3.5 / 4.0);
        assert_eq!(figures.pr_auc, (1.0 + 2.0 / 3.0) / 2.0);
        assert!((figures.brier - (0.01 + 0.25 + 0.25 + 0.01) / 4.0).abs() < 1e-12);
        assert!((figures.ece10 - (0.1 + 0.0 + 0.1) / 4.0).abs() < 1e-12);
        assert_eq!(figures.c_auc, 1.0);
    }

    #[test]
    fn a_threshold_keeps_what_it_promises() {
        let rows: Vec<(f64, bool, u32)> = (0..100).map(|n| (f64::from(n) / 100.0, n % 2 == 1, 0)).collect();
        let judged = judged(&rows);
        let threshold = judged.threshold_at(0.1);
        let rates = judged.rates(threshold);
        assert_eq!((rates.fpr, rates.tpr), (0.1, 0.12));
        assert_eq!(judged.rates(0.0), Rates { tpr: 1.0, fpr: 1.0 });
    }

    #[test]
    fn an_interval_holds_its_figure_and_shrinks_with_rows() {
        let rows = |count: u32| -> Vec<(f64, bool, u32)> {
            (0..count).map(|n| (f64::from(n * 37 % 101) / 101.0, n * 37 % 101 + n * 61 % 83 > 90, 0)).collect()
        };
        let [few, many] = [100, 1_600].map(|count| judged(&rows(count)).figures_with_intervals(1).roc_auc);
        assert!(few.low < few.value && few.value < few.high, "{few:?}");
        assert!(many.high - many.low < (few.high - few.low) / 2.0, "{few:?} {many:?}");
    }

    proptest! {
        /// By the definition, pair by pair.
        #[test]
        fn the_area_is_the_share_of_pairs(rows in prop::collection::vec((0..8_u8, any::<bool>(), 0..3_u32), 2..40)) {
            let rows: Vec<(f64, bool, u32)> = rows.into_iter().map(|(s, l, b)| (f64::from(s) / 8.0, l, b)).collect();
            let share = |same_block: bool| -> f64 {
                let (mut right, mut pairs) = (0.0_f64, 0.0);
                for a in rows.iter().filter(|row| row.1) {
                    for b in rows.iter().filter(|row| !row.1 && (!same_block || row.2 == a.2)) {
                        pairs += 1.0;
                        right += if a.0 > b.0 { 1.0 } else if a.0 == b.0 { 0.5 } else { 0.0 };
                    }
                }
                right / pairs
            };
            let figures = judged(&rows).figures();
            for (told, expected) in [(figures.roc_auc, share(false)), (figures.c_auc, share(true))] {
                prop_assert!(told.is_nan() && expected.is_nan() || (told - expected).abs() < 1e-12);
            }
        }
    }
}
