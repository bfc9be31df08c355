use serde::Serialize;
use waver_core::model::Model;

use super::fit::{fit, flagged, score};
use super::reaches::{Input, VIEWS};
use super::trial::View;
use crate::TrainError;
use crate::metrics::Judged;
use crate::split::splits;
use crate::validate::{AtThreshold, Report, report};

/// What was found of a model of the task `path`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathReport {
    /// Of whole reaches, as they were recorded.
    #[serde(flatten)]
    pub report: Report,
    /// How soon after the change it can be told.
    pub latency: Vec<Latency>,
    /// How much the sampling of the pointer matters.
    pub sampling: Vec<Sampling>,
}

/// How well changes are told from none so long after them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Milliseconds after the change. A reach without one counts from where one would have been; one that ended before is taken as it ended.
    pub after_ms: u64,
    /// ROC-AUC.
    pub roc_auc: f64,
}

/// The same reaches, sampled otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sampling {
    /// Milliseconds between samples; 0 as they were recorded.
    pub sample_ms: u64,
    /// ROC-AUC.
    pub roc_auc: f64,
    /// At the same thresholds.
    pub thresholds: Vec<AtThreshold>,
}

/// What models said of trials: a score per view, and which thresholds it came to.
#[derive(Default)]
struct Told {
    scores: Vec<(usize, Vec<Option<f64>>)>,
    /// Name and sum over trials of the threshold, then by view whether it was reached, in the order of `scores`.
    thresholds: Vec<(String, f64, Vec<Vec<bool>>)>,
}

impl Told {
    fn add(&mut self, input: &Input, model: &Model, trials: &[usize]) {
        for &trial in trials {
            let scores: Vec<Option<f64>> = (0..VIEWS.len()).map(|view| score(input, model, view, trial)).collect();
            for (place, (name, threshold)) in model.parts().thresholds.iter().enumerate() {
                if self.thresholds.len() == place {
                    self.thresholds.push((name.clone(), 0.0, vec![Vec::new(); VIEWS.len()]));
                }
                let (_, sum, reached) = &mut self.thresholds[place];
                *sum += f64::from(*threshold);
                for (view, score) in scores.iter().enumerate() {
                    reached[view].push(flagged(input, *score, view, trial, f64::from(*threshold)));
                }
            }
            self.scores.push((trial, scores));
        }
    }

    fn judged(&self, input: &Input, view: usize) -> Judged {
        let mut judged = Judged::default();
        for (trial, scores) in &self.scores {
            // Where nothing is to be seen, no change is claimed.
            judged.push(scores[view].unwrap_or(0.0), input.rows.data.labels[*trial], input.rows.data.groups[*trial], 0);
        }
        judged
    }

    fn rates(&self, input: &Input, view: usize) -> Vec<AtThreshold> {
        let share = |reached: &[bool], class: bool| {
            let of: Vec<bool> = self
                .scores
                .iter()
                .zip(reached)
                .filter(|((trial, _), _)| input.rows.data.labels[*trial] == class)
                .map(|(_, reached)| *reached)
                .collect();
            of.iter().filter(|reached| **reached).count() as f64 / of.len() as f64
        };
        self.thresholds
            .iter()
            .map(|(name, sum, reached)| AtThreshold {
                name: name.clone(),
                threshold: sum / self.scores.len() as f64,
                tpr: share(&reached[view], true),
                fpr: share(&reached[view], false),
            })
            .collect()
    }

    fn report(&self, input: &Input, seed: u64) -> PathReport {
        let area = |view: usize| self.judged(input, view).figures().roc_auc;
        let (mut latency, mut sampling) = (Vec::new(), Vec::new());
        for (place, view) in VIEWS.into_iter().enumerate() {
            match view {
                View::After(after_ms) => latency.push(Latency { after_ms, roc_auc: area(place) }),
                View::Sampled(sample_ms) => {
                    let thresholds = self.rates(input, place);
                    sampling.push(Sampling { sample_ms, roc_auc: area(place), thresholds });
                }
            }
        }
        latency.sort_by_key(|at| at.after_ms);
        let report = Report { thresholds: self.rates(input, 0), ..report(&self.judged(input, 0), seed) };
        PathReport { report, latency, sampling }
    }
}

/// Judges a model on these reaches.
pub(super) fn evaluate(input: &Input, model: &Model, seed: u64) -> Result<PathReport, TrainError> {
    if model.parts().features != input.rows.data.features {
        return Err(TrainError::Model("its features are not those of a reach".to_owned()));
    }
    let mut told = Told::default();
    told.add(input, model, &(0..input.trials).collect::<Vec<_>>());
    Ok(told.report(input, seed))
}

/// Judges the recipe of the mapping: each person's reaches by a model fitted on other people, thresholds and all. `say` is told how many folds of how
/// many are done.
///
/// # Errors
/// [`TrainError::TooLittle`], [`TrainError::Model`].
pub fn cross_validate(input: &Input, seed: u64, mut say: impl FnMut(usize, usize)) -> Result<PathReport, TrainError> {
    let validation = input.rows.mapping.validation;
    let trials: Vec<usize> = (0..input.trials).collect();
    let splits = splits(&input.rows.data, &trials, validation.split, validation.folds, seed)?;
    let mut told = Told::default();
    for (done, split) in splits.iter().enumerate() {
        say(done, splits.len());
        told.add(input, &fit(input, &split.fit, seed)?, &split.judge);
    }
    say(splits.len(), splits.len());
    Ok(told.report(input, seed))
}
