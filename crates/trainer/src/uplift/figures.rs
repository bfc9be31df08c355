//! How good a ranking by uplift is.
//!
//! Of the first `k` rows by falling score, `Q(k) = Yt - Yc Nt / Nc` is what treatment gained among them: the outcomes of the treated less those of the
//! others, scaled to as many. The **area** `(mean Q - Q(N)/2) / Nt` (Radcliffe 2007, per treated row) is what the ranking gains over a random one, whose
//! line goes straight from 0 to `Q(N)` (and whose mean over the N steps is a hair, `Q(N)/2N`, above the half). Rows of one score are taken together: their part of the curve is straight.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::Serialize;

use crate::metrics::Figure;

/// Resamplings behind an interval.
const RESAMPLES: usize = 1_000;
/// Share of the rows at either end that is looked at.
const END: f64 = 0.3;

/// Who was treated, and what came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trials {
    /// Whether the row was treated.
    pub treated: Vec<bool>,
    /// What came of it.
    pub outcomes: Vec<f64>,
    /// Whose row it is, as in [`crate::Dataset::groups`]; those of one group are drawn together.
    pub groups: Vec<u32>,
}

/// What was found; each figure with its 95 % interval by resampling groups. `NaN` where one of the two groups is empty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct UpliftFigures<T = Figure> {
    /// Gain over a random ranking, per treated row.
    pub area: T,
    /// Gain of treating everybody, per row.
    pub uplift: T,
    /// Gain among the 30 % with the highest scores.
    pub top: T,
    /// Gain among the 30 % with the lowest scores.
    pub bottom: T,
}

/// Sums over rows: how many, and their outcomes; of the treated, then of the others.
#[derive(Clone, Copy, Default)]
struct Sums {
    rows: [f64; 2],
    outcomes: [f64; 2],
}

impl Sums {
    fn add(&mut self, other: &Sums, share: f64) {
        for side in 0..2 {
            self.rows[side] += other.rows[side] * share;
            self.outcomes[side] += other.outcomes[side] * share;
        }
    }

    fn all(&self) -> f64 {
        self.rows[0] + self.rows[1]
    }

    /// `Q`.
    fn gained(&self) -> f64 {
        let control = if self.rows[1] > 0.0 { self.outcomes[1] * self.rows[0] / self.rows[1] } else { 0.0 };
        self.outcomes[0] - control
    }

    fn uplift(&self) -> f64 {
        self.outcomes[0] / self.rows[0] - self.outcomes[1] / self.rows[1]
    }
}

impl Trials {
    /// Adds a row; whose it is, whoever asks says.
    pub(crate) fn push(&mut self, treated: bool, outcome: f64) {
        self.treated.push(treated);
        self.outcomes.push(outcome);
    }

    /// The figures of a ranking by these scores.
    pub fn figures(&self, scores: &[f64]) -> UpliftFigures<f64> {
        self.of_ranking(&ranking(scores), scores, &vec![1.0; scores.len()])
    }

    /// The figures with their intervals.
    pub fn figures_with_intervals(&self, scores: &[f64], seed: u64) -> UpliftFigures {
        let ranking = ranking(scores);
        let plain = self.of_ranking(&ranking, scores, &vec![1.0; scores.len()]);
        let mut present = self.groups.clone();
        present.sort_unstable();
        present.dedup();
        let mut times = vec![0.0; present.last().map_or(0, |most| *most as usize + 1)];
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let resampled: Vec<UpliftFigures<f64>> = (0..RESAMPLES)
            .map(|_| {
                times.fill(0.0);
                for _ in &present {
                    times[present[random.random_range(0..present.len())] as usize] += 1.0;
                }
                let weights: Vec<f64> = self.groups.iter().map(|group| times[*group as usize]).collect();
                self.of_ranking(&ranking, scores, &weights)
            })
            .collect();
        let interval = |of: fn(&UpliftFigures<f64>) -> f64| {
            let mut values: Vec<f64> = resampled.iter().map(of).filter(|value| value.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values.get((values.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
            Figure { value: of(&plain), low: at(0.025), high: at(0.975) }
        };
        UpliftFigures {
            area: interval(|figures| figures.area),
            uplift: interval(|figures| figures.uplift),
            top: interval(|figures| figures.top),
            bottom: interval(|figures| figures.bottom),
        }
    }

    fn of_ranking(&self, ranking: &[usize], scores: &[f64], weights: &[f64]) -> UpliftFigures<f64> {
        let tied: Vec<Sums> = ranking
            .chunk_by(|a, b| scores[*a] == scores[*b])
            .map(|rows| {
                let mut sums = Sums::default();
                for &row in rows {
                    let side = usize::from(!self.treated[row]);
                    sums.rows[side] += weights[row];
                    sums.outcomes[side] += weights[row] * self.outcomes[row];
                }
                sums
            })
            .collect();
        let (mut sums, mut gained, mut under) = (Sums::default(), 0.0, 0.0);
        for here in &tied {
            sums.add(here, 1.0);
            let (rows, next) = (here.all(), sums.gained());
            // The sum of Q over as many steps of a straight line.
            under += rows * gained + (next - gained) * (rows + 1.0) / 2.0 * f64::from(u8::from(rows > 0.0));
            gained = if rows > 0.0 { next } else { gained };
        }
        // A random ranking's mean over as many steps, so that whoever scores all alike gains exactly nothing.
        let chance = gained * (sums.all() + 1.0) / 2.0;
        let area = (under - chance) / sums.all() / sums.rows[0];
        let end = sums.all() * END;
        UpliftFigures {
            area,
            uplift: sums.uplift(),
            top: first(tied.iter(), end).uplift(),
            bottom: first(tied.iter().rev(), end).uplift(),
        }
    }
}

/// The sums of the first `rows` rows; of rows that are tied at the end, their share.
fn first<'a>(tied: impl Iterator<Item = &'a Sums>, rows: f64) -> Sums {
    let mut sums = Sums::default();
    for here in tied {
        let room = rows - sums.all();
        if here.all() > room {
            sums.add(here, room / here.all());
            break;
        }
        sums.add(here, 1.0);
    }
    sums
}

/// Rows by falling score.
fn ranking(scores: &[f64]) -> Vec<usize> {
    let mut ranking: Vec<usize> = (0..scores.len()).collect();
    ranking.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    ranking
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials(rows: &[(bool, f64)]) -> Trials {
        let mut trials = Trials::default();
        for (group, (treated, outcome)) in (0..).zip(rows) {
            trials.push(*treated, *outcome);
            trials.groups.push(group);
        }
        trials
    }

    /// Worked by hand: Q is 1 all along, and half of that on average for a random ranking.
    #[test]
    fn a_small_case() {
        let trials = trials(&[(true, 1.0), (false, 0.0), (true, 0.0), (false, 0.0)]);
        let figures = trials.figures(&[4.0, 3.0, 2.0, 1.0]);
        assert!((figures.area - (1.0 - 5.0 / 8.0) / 2.0).abs() < 1e-12, "{figures:?}");
        assert!((figures.uplift - 0.5).abs() < 1e-12);
        assert!((trials.figures(&[1.0, 3.0, 2.0, 4.0]).area) < 0.0);
    }

    /// The mean over all orders of the two that are tied.
    #[test]
    fn rows_of_one_score_are_neither_before_nor_behind_each_other() {
        let rows = [(true, 1.0), (false, 0.0), (true, 1.0), (false, 1.0)];
        let tied = trials(&rows).figures(&[2.0, 2.0, 1.0, 1.0]);
        // Q: 0.5 and 1, then halfway to 2 - 1 = 1, and 1.
        assert!((tied.area - ((0.5 + 1.0 + 1.0 + 1.0) / 4.0 - 5.0 / 8.0) / 2.0).abs() < 1e-12, "{tied:?}");
        let alike = trials(&rows).figures(&[1.0; 4]);
        assert_eq!(alike.area, 0.0);
        assert!((alike.top - alike.uplift).abs() < 1e-12);
    }

    #[test]
    fn an_interval_holds_the_truth_and_excludes_chance_where_there_is_something() {
        let mut random = ChaCha12Rng::seed_from_u64(3);
        let (mut rows, mut knowing, mut guessing) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..4_000 {
            let (treated, movable) = (random.random_range(0..2) == 0, random.random_range(0..2) == 0);
            let chance = if treated && movable { 60 } else { 30 };
            rows.push((treated, f64::from(u8::from(random.random_range(0..100) < chance))));
            knowing.push(f64::from(u8::from(movable)));
            guessing.push(f64::from(random.random_range(0..1_000)));
        }
        let trials = trials(&rows);
        let found = trials.figures_with_intervals(&knowing, 1);
        // Half gain .3 and come first: Q rises to .15 a row and stays, a quarter of that above the straight line.
        assert!(found.area.low > 0.0 && (found.area.low..=found.area.high).contains(&0.0375), "{found:?}");
        assert!(
            (found.top.low..=found.top.high).contains(&0.3) && (found.bottom.low..=found.bottom.high).contains(&0.0)
        );
        let guessed = trials.figures_with_intervals(&guessing, 1);
        assert!(guessed.area.low < 0.0 && guessed.area.high > 0.0, "{guessed:?}");
    }
}
