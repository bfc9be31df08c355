//! From rows to a calibrated model.

use serde::{Deserialize, Serialize};
use waver_core::model::{Model, Parts};

use crate::boosting::{Boosting, boost};
use crate::calibration::platt;
use crate::linear::{Linear, regress};
use crate::metrics::Judged;
use crate::split::{Kind, splits};
use crate::{Dataset, TrainError};

/// Inner folds, on whose unseen rows calibration and thresholds are fitted.
const INNER_FOLDS: usize = 5;

/// What learns, and how.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Learner {
    /// Boosted trees.
    Trees(Boosting),
    /// Logistic regression.
    Linear(Linear),
}

impl Default for Learner {
    fn default() -> Learner {
        Learner::Trees(Boosting::default())
    }
}

impl Learner {
    /// What is wrong with it, if something is.
    pub fn fault(&self) -> Option<String> {
        match self {
            Learner::Trees(how) => how.fault(),
            Learner::Linear(how) => how.fault(),
        }
    }

    pub(crate) fn learn(&self, data: &Dataset, rows: &[usize], seed: u64) -> Parts {
        match self {
            Learner::Trees(how) => boost(data, rows, how, seed),
            Learner::Linear(how) => regress(data, rows, how),
        }
    }
}

/// Everything that, with rows and a seed, makes a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What is estimated, such as `p_buy`.
    pub task: String,
    /// Name of the model.
    pub name: String,
    /// What learns.
    pub learner: Learner,
    /// Shares of false alarms for which the model gets a threshold; that for 0.05 is called `fpr0.05`.
    pub false_alarms: Vec<f64>,
}

/// Fits `recipe` on `rows`: the learner on all of them, calibration and thresholds on what learners fitted on four fifths of the groups say of
/// the last fifth.
///
/// # Errors
/// [`TrainError::TooLittle`], or [`TrainError::Model`] when what was learned is not a model.
pub fn fit(data: &Dataset, rows: &[usize], recipe: &Recipe, seed: u64) -> Result<Model, TrainError> {
    let model = |parts: Parts| {
        let parts = Parts { task: recipe.task.clone(), name: recipe.name.clone(), ..parts };
        Model::new(parts).map_err(|error| TrainError::Model(error.to_string()))
    };
    let (mut sums, mut unseen) = (Vec::new(), Judged::default());
    for split in splits(data, rows, Kind::Grouped, INNER_FOLDS, seed)? {
        let inner = model(recipe.learner.learn(data, &split.fit, seed))?;
        for row in split.judge {
            sums.push(inner.log_odds(data.row(row)));
            unseen.push(0.0, data.labels[row], data.groups[row], data.blocks[row]);
        }
    }
    let calibration = platt(&sums, &unseen.labels);
    unseen.scores = calibrated(&calibration, &sums)?;
    let thresholds = recipe
        .false_alarms
        .iter()
        .map(|share| (format!("fpr{share}"), unseen.threshold_at(*share).min(1.0) as f32))
        .collect();
    model(Parts { calibration, thresholds, ..recipe.learner.learn(data, rows, seed) })
}

/// The probabilities of these sums by that calibration.
pub(crate) fn calibrated(calibration: &[(f32, f32)], sums: &[f64]) -> Result<Vec<f64>, TrainError> {
    // A model whose sum is its one feature.
    let term = waver_core::model::Term {
        feature: 0,
        transform: waver_core::model::Transform::Identity,
        centre: 0.0,
        weight: 1.0,
    };
    let parts = Parts {
        task: "calibration".to_owned(),
        name: "calibration".to_owned(),
        features: vec!["sum".to_owned()],
        terms: vec![term],
        calibration: calibration.to_vec(),
        ..Parts::default()
    };
    let model = Model::new(parts).map_err(|error| TrainError::Model(error.to_string()))?;
    Ok(sums.iter().map(|sum| model.score(&[*sum])).collect())
}
