//! What a learner would have got: it is run on a log of choices that were all made alike, and keeps what it would have chosen itself (Li, Chu, Langford &
//! Wang 2011, "Unbiased offline evaluation of contextual-bandit-based news article recommendation algorithms", WSDM).
//!
//! The learner is the collector's own ([`waver_core::learning`]). Each shuffle of the rows is a world of its own.

use std::collections::BTreeMap;
use std::path::Path;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::Serialize;
use waver_core::experiment::Moments;
use waver_core::learning::{Reward, Settings, choose, draw};

use super::file::Logged;
use crate::{Mapping, TrainError};

/// How far the rows of an arm may be from an even share, in standard deviations: beyond, the choices were not made alike.
const MOST_UNEVEN: f64 = 6.0;
/// What is known must grow by this share before probabilities are worked out anew: they would hardly move.
const NEWS: f64 = 0.01;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// The mapping that read the rows.
    pub mapping: String,
    /// Rows of the log.
    pub rows: usize,
    /// Shuffles.
    pub shuffles: usize,
    /// Mean reward of each arm by itself.
    pub arms: Vec<OfArm>,
    /// Mean reward of choosing all arms alike.
    pub random: f64,
    /// The learner that begins with nothing.
    pub cold: Rate,
    /// The learner that begins with the rows of another log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm: Option<Rate>,
}

/// An arm by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfArm {
    /// Its name.
    pub arm: String,
    /// Its rows.
    pub rows: u64,
    /// Their mean reward.
    pub mean: f64,
}

/// What a learner got for a choice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Mean over the shuffles.
    pub mean: f64,
    /// Standard deviation over the shuffles.
    pub sd: f64,
    /// Choices that were kept, a shuffle.
    pub decisions: f64,
}

/// A row of the log, in numbers.
struct Row {
    stratum: usize,
    arm: usize,
    reward: f64,
}

/// Names as numbers, in order of appearance.
#[derive(Default)]
struct Names<K>(BTreeMap<K, usize>);

impl<K: Ord> Names<K> {
    fn number(&mut self, name: K) -> usize {
        let next = self.0.len();
        *self.0.entry(name).or_insert(next)
    }
}

/// Runs the learner on the rows of `data`; once more after it has seen those of `warm`. `say` is told how many shuffles of how many are done.
///
/// # Errors
/// [`TrainError::Asked`] where the choices of the log were not all made alike; [`TrainError::File`], [`TrainError::Data`]; [`TrainError::TooLittle`]
/// without rows, arms or shuffles.
pub fn replay(
    mapping: &Mapping,
    data: &Path,
    warm: Option<&Path>,
    shuffles: usize,
    seed: u64,
    mut say: impl FnMut(usize, usize),
) -> Result<Replayed, TrainError> {
    let Some(logged) = &mapping.logged else {
        return Err(TrainError::Asked(format!("the mapping {} is of no log of choices", mapping.name)));
    };
    if logged.propensity.is_some() {
        let what = "a learner can be run only on choices that were all made alike, and this mapping has a column of their probabilities";
        return Err(TrainError::Asked(what.to_owned()));
    }
    let (mut arms, mut strata) = (Names::default(), Names::default());
    let mut rows = read(logged, data, &mut arms, &mut strata)?;
    let before = warm.map(|file| read(logged, file, &mut arms, &mut strata)).transpose()?;
    let mut pooled = vec![Moments::default(); arms.0.len()];
    rows.iter().for_each(|row| pooled[row.arm].add(row.reward));
    if rows.is_empty() || pooled.len() < 2 || shuffles == 0 {
        return Err(TrainError::TooLittle(format!("{} rows, {} arms, {shuffles} shuffles", rows.len(), pooled.len())));
    }
    let even = rows.len() as f64 / pooled.len() as f64;
    let deviation = libm::sqrt(even * (1.0 - 1.0 / pooled.len() as f64));
    if pooled.iter().any(|arm| (arm.count as f64 - even).abs() > MOST_UNEVEN * deviation) {
        let what = "the arms of the log are not equally frequent, so that its choices cannot all have been made alike";
        return Err(TrainError::Asked(what.to_owned()));
    }
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let (mut cold, mut warmed) = (Vec::new(), Vec::new());
    for done in 0..shuffles {
        say(done, shuffles);
        rows.shuffle(&mut random);
        let fresh = || Learner::new(arms.0.len(), strata.0.len());
        cold.push(fresh().run(&rows, &mut random));
        if let Some(before) = &before {
            let mut learner = fresh();
            before.iter().for_each(|row| learner.learn(row));
            warmed.push(learner.run(&rows, &mut random));
        }
    }
    say(shuffles, shuffles);
    let named = |(arm, number): (String, usize)| {
        let Moments { count, .. } = pooled[number];
        OfArm { arm, rows: count, mean: pooled[number].mean() }
    };
    let arms: Vec<OfArm> = arms.0.into_iter().map(named).collect();
    Ok(Replayed {
        mapping: mapping.name.clone(),
        rows: rows.len(),
        shuffles,
        random: arms.iter().map(|arm| arm.mean).sum::<f64>() / arms.len() as f64,
        arms,
        cold: Rate::of(&cold),
        warm: before.map(|_| Rate::of(&warmed)),
    })
}

fn read(
    logged: &Logged,
    file: &Path,
    arms: &mut Names<String>,
    strata: &mut Names<Vec<String>>,
) -> Result<Vec<Row>, TrainError> {
    let mut rows = Vec::new();
    logged.read(file, |_, row| {
        let ((_, context), arm, reward) = (row.place, row.arm, row.reward);
        rows.push(Row { stratum: strata.number(context), arm: arms.number(arm), reward });
    })?;
    Ok(rows)
}

impl Rate {
    /// Of shuffles: the choices that were kept, and their mean reward.
    fn of(runs: &[(f64, f64)]) -> Rate {
        let mean_of = |pick: fn(&(f64, f64)) -> f64| runs.iter().map(pick).sum::<f64>() / runs.len() as f64;
        let mean = mean_of(|run| run.1);
        let variance = runs.iter().map(|run| (run.1 - mean) * (run.1 - mean)).sum::<f64>() / runs.len() as f64;
        Rate { mean, sd: libm::sqrt(variance), decisions: mean_of(|run| run.0) }
    }
}

/// The collector's learner: sums by arm, of all and of each stratum, and the probabilities that follow.
struct Learner {
    pooled: Vec<Moments>,
    own: Vec<Vec<Moments>>,
    seen: f64,
    /// Of each stratum, with what had been seen when it was worked out.
    probabilities: Vec<Option<(Vec<f64>, f64)>>,
}

impl Learner {
    fn new(arms: usize, strata: usize) -> Learner {
        let none = vec![Moments::default(); arms];
        Learner { pooled: none.clone(), own: vec![none; strata], seen: 0.0, probabilities: vec![None; strata] }
    }

    fn learn(&mut self, row: &Row) {
        self.pooled[row.arm].add(row.reward);
        self.own[row.stratum][row.arm].add(row.reward);
        self.seen += 1.0;
    }

    fn probabilities(&mut self, stratum: usize) -> &[f64] {
        let (pooled, seen) = (&self.pooled, self.seen);
        // With a single stratum there is nothing to hold against all.
        let own: &[Moments] = if self.own.len() > 1 { &self.own[stratum] } else { &[] };
        let known = &mut self.probabilities[stratum];
        let is_old = known.as_ref().is_none_or(|(_, then)| seen > then * (1.0 + NEWS));
        if is_old {
            *known = Some((choose(pooled, own, Reward::Binary, &Settings::default()), seen));
        }
        known.as_ref().map_or(&[], |(probabilities, _)| probabilities)
    }

    /// How many of the rows it would have chosen itself, and their mean reward.
    fn run(mut self, rows: &[Row], random: &mut ChaCha12Rng) -> (f64, f64) {
        let mut kept = Moments::default();
        for row in rows {
            if draw(self.probabilities(row.stratum), random.random_range(0.0..1.0)) == row.arm {
                kept.add(row.reward);
                self.learn(row);
            }
        }
        (kept.count as f64, kept.mean())
    }
}
