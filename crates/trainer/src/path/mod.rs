//! The task `path`: models of a [`Shape`](waver_core::path::Shape), fitted on reaches of which is known whether their target changed on the way, and
//! judged on others and on ordinary work.
//!
//! A model is fitted on each reach several times: as it was recorded, sampled more slowly, and up to some moments after the change, so that it does
//! not depend on the browser's sampling and speaks before the reach is over. It is judged on whole reaches, on moments after the change
//! ([`Latency`]) and on slower sampling ([`Sampling`]).

mod fit;
mod judge;
mod reaches;
mod trial;
mod work;

use std::path::Path;

use crate::train::{Evaluation, Trained, evaluated, hash, write_down};
use crate::{Mapping, TrainError};

pub use judge::{Latency, PathReport, Sampling, cross_validate};
pub use reaches::{Input, Reaches};
pub use work::{Alarms, Work, WorkReport};

/// Judges the recipe by cross-validation, then fits it on all trials.
///
/// # Errors
/// As [`cross_validate`].
pub fn train(input: &Input, seed: u64, say: impl FnMut(usize, usize)) -> Result<Trained<PathReport>, TrainError> {
    let report = cross_validate(input, seed, say)?;
    let trials: Vec<usize> = (0..input.trials).collect();
    let model = fit::fit(input, &trials, seed)?;
    let latency = report.latency.iter().map(|at| (format!("cv_roc_auc_after_{}_ms", at.after_ms), at.roc_auc));
    let more: Vec<(String, f64)> = latency.collect();
    let (artifact, card) = write_down(&model, &input.rows, &trials, &report.report, &more, seed)?;
    Ok(Trained { artifact, card, report })
}

/// Judges the model in a file on these reaches.
///
/// # Errors
/// [`TrainError::File`], [`TrainError::Model`].
pub fn evaluate_file(model: &Path, input: &Input, seed: u64) -> Result<Evaluation<PathReport>, TrainError> {
    evaluated(model, &input.rows.mapping, input.rows.hash, |model| judge::evaluate(input, model, seed))
}

/// Judges the model in a file on the work in another.
///
/// # Errors
/// [`TrainError::Asked`] when the mapping has no `[work]`; [`TrainError::File`], [`TrainError::Data`], [`TrainError::Model`].
pub fn evaluate_on_work(model: &Path, mapping: &Mapping, data: &Path) -> Result<Evaluation<WorkReport>, TrainError> {
    let Some(work) = &mapping.work else {
        return Err(TrainError::Asked("the mapping knows no work".to_owned()));
    };
    evaluated(model, mapping, hash(&[data])?, |model| work.evaluate(data, model))
}
