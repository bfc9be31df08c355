use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use waver_core::model::{Model, Parts};

use super::reaches::{FITTED, Input};
use crate::TrainError;
use crate::calibration::platt;
use crate::fit::calibrated;
use crate::split::{Kind, splits};

/// Inner folds, on whose unseen people calibration and thresholds are fitted.
const INNER_FOLDS: usize = 5;
/// The share of reaches without a change that the threshold [`CHANGE`] lets pass among people it does not know.
const FALSE_ALARMS: f64 = 0.06;
/// How sure that is: in so many of a hundred groups of people.
const SURE: f64 = 0.99;
/// Times that people are drawn to find this out.
const DRAWS: usize = 2_000;
/// The share of changes that the threshold [`SURE_CHANGE`] finds.
const FOUND: f64 = 0.25;
/// Name of the threshold with few false alarms.
const CHANGE: &str = "change";
/// Name of the threshold with hardly any.
const SURE_CHANGE: &str = "sure";

/// What the model says of the trial in the view: `None` where there is nothing to see.
pub(super) fn score(input: &Input, model: &Model, view: usize, trial: usize) -> Option<f64> {
    let row = input.row(view, trial);
    input.reach[row].map(|_| model.score(input.rows.data.row(row)))
}

/// Whether it is a reach to judge and its score comes to the threshold.
pub(super) fn flagged(input: &Input, score: Option<f64>, view: usize, trial: usize, threshold: f64) -> bool {
    input.reach[input.row(view, trial)] == Some(true) && score.is_some_and(|score| score >= threshold)
}

/// Fits the recipe of the mapping on these trials: the learner on all of them, calibration and thresholds on what learners fitted on four fifths
/// of the people say of the last fifth.
pub(super) fn fit(input: &Input, trials: &[usize], seed: u64) -> Result<Model, TrainError> {
    let recipe = input.rows.mapping.recipe();
    let model = |parts: Parts| {
        let parts = Parts { task: recipe.task.clone(), name: recipe.name.clone(), ..parts };
        Model::new(parts).map_err(|error| TrainError::Model(error.to_string()))
    };
    let learn = |trials: &[usize]| {
        let rows = (0..FITTED).flat_map(|view| trials.iter().map(move |trial| input.row(view, *trial)));
        let rows: Vec<usize> = rows.filter(|row| input.reach[*row].is_some()).collect();
        recipe.learner.learn(&input.rows.data, &rows, seed)
    };
    let mut unseen = Vec::new();
    for split in splits(&input.rows.data, trials, Kind::Grouped, INNER_FOLDS, seed)? {
        let inner = model(learn(&split.fit))?;
        let seen = split.judge.into_iter().filter(|trial| input.reach[*trial].is_some());
        unseen.extend(seen.map(|trial| (trial, inner.log_odds(input.rows.data.row(trial)))));
    }
    let sums: Vec<f64> = unseen.iter().map(|(_, sum)| *sum).collect();
    let labels: Vec<bool> = unseen.iter().map(|(trial, _)| input.rows.data.labels[*trial]).collect();
    let calibration = platt(&sums, &labels);
    let scores = calibrated(&calibration, &sums)?;
    let scored: Vec<Scored> = unseen
        .iter()
        .zip(scores)
        .filter(|((trial, _), _)| input.reach[*trial] == Some(true))
        .map(|((trial, _), score)| Scored {
            score,
            label: input.rows.data.labels[*trial],
            group: input.rows.data.groups[*trial],
        })
        .collect();
    let thresholds =
        [(CHANGE, few_false_alarms(&scored, input, trials, seed)), (SURE_CHANGE, found(&scored, input, trials))]
            .map(|(name, threshold)| (name.to_owned(), threshold.min(1.0) as f32))
            .to_vec();
    model(Parts { calibration, thresholds, ..learn(trials) })
}

/// A reach to judge, by a model that had not seen its person.
struct Scored {
    score: f64,
    label: bool,
    group: u32,
}

/// The threshold that finds the share [`FOUND`] of all changes.
fn found(scored: &[Scored], input: &Input, trials: &[usize]) -> f64 {
    let mut scores: Vec<f64> = scored.iter().filter(|of| of.label).map(|of| of.score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let wanted = (input.rows.data.positives(trials) as f64 * FOUND).ceil() as usize;
    scores.get(wanted.max(1) - 1).copied().unwrap_or(1.0)
}

/// The lowest threshold at which a third as many people as there are, drawn at random, make at most [`FALSE_ALARMS`] false alarms, all taken
/// together, in the share [`SURE`] of the draws. People differ: a rate that holds for all of them together is exceeded by many another group.
fn few_false_alarms(scored: &[Scored], input: &Input, trials: &[usize], seed: u64) -> f64 {
    let groups = input.rows.data.group_count();
    let mut reaches = vec![0.0; groups];
    for trial in trials.iter().filter(|trial| !input.rows.data.labels[**trial]) {
        reaches[input.rows.data.groups[*trial] as usize] += 1.0;
    }
    let people: Vec<usize> = (0..groups).filter(|group| reaches[*group] > 0.0).collect();
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let draws: Vec<Vec<usize>> = (0..DRAWS)
        .map(|_| (0..people.len().div_ceil(3)).map(|_| people[random.random_range(0..people.len())]).collect())
        .collect();
    let holds = |threshold: f64| {
        let mut alarms = vec![0.0; groups];
        for of in scored.iter().filter(|of| !of.label && of.score >= threshold) {
            alarms[of.group as usize] += 1.0;
        }
        let share = |draw: &Vec<usize>| {
            let sum = |of: &[f64]| draw.iter().map(|group| of[*group]).sum::<f64>();
            sum(&alarms) / sum(&reaches)
        };
        let within = draws.iter().filter(|draw| share(draw) <= FALSE_ALARMS).count();
        within as f64 >= SURE * DRAWS as f64
    };
    let mut scores: Vec<f64> = scored.iter().filter(|of| !of.label).map(|of| of.score.next_up()).collect();
    scores.sort_by(f64::total_cmp);
    scores.get(scores.partition_point(|threshold| !holds(*threshold))).copied().unwrap_or(1.0)
}
