//! Judging: a model on rows it has not seen, or a recipe on folds of the rows there are.

use serde::Serialize;
use waver_core::model::Model;

use crate::fit::{Recipe, fit};
use crate::metrics::{Figures, Judged};
use crate::split::{Kind, Split, splits};
use crate::{Dataset, TrainError};

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Rows that were judged with.
    pub rows: usize,
    /// How many of them came about.
    pub positives: usize,
    /// Groups they are of.
    pub groups: usize,
    /// Over all rows.
    #[serde(flatten)]
    pub figures: Figures,
    /// Mean and standard deviation over the folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<Folds>,
    /// By block, where there are blocks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// What the thresholds, fixed where the model was fitted, do here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<AtThreshold>,
}

/// Figures of the folds, each by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Folds {
    /// How many.
    pub count: usize,
    /// Their means.
    pub mean: Figures<f64>,
    /// Their standard deviations.
    pub sd: Figures<f64>,
}

/// Figures of one block.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Block {
    /// Which.
    pub block: u32,
    /// Its rows.
    pub rows: usize,
    /// How many of them came about.
    pub positives: usize,
    /// ROC-AUC.
    pub roc_auc: f64,
    /// PR-AUC.
    pub pr_auc: f64,
}

/// Shares at a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtThreshold {
    /// Its name in the model.
    pub name: String,
    /// The threshold; of cross-validation, the mean of those of the folds.
    pub threshold: f64,
    /// Share of those that came about.
    pub tpr: f64,
    /// Share of those that did not.
    pub fpr: f64,
}

/// Judges scores as they are.
pub fn report(judged: &Judged, seed: u64) -> Report {
    let mut blocks: Vec<u32> = judged.blocks.clone();
    blocks.sort_unstable();
    blocks.dedup();
    let blocks = if blocks.len() > 1 { blocks } else { Vec::new() };
    let mut groups = judged.groups.clone();
    groups.sort_unstable();
    groups.dedup();
    Report {
        rows: judged.len(),
        positives: judged.labels.iter().filter(|label| **label).count(),
        groups: groups.len(),
        figures: judged.figures_with_intervals(seed),
        folds: None,
        blocks: blocks
            .into_iter()
            .map(|block| {
                let rows = judged.block(block);
                let Figures { roc_auc, pr_auc, .. } = rows.figures();
                let positives = rows.labels.iter().filter(|label| **label).count();
                Block { block, rows: rows.len(), positives, roc_auc, pr_auc }
            })
            .collect(),
        thresholds: Vec::new(),
    }
}

/// Judges a fitted model.
///
/// # Errors
/// [`TrainError::Model`] when the features are others; [`TrainError::TooLittle`] without rows.
pub fn evaluate(model: &Model, data: &Dataset, seed: u64) -> Result<Report, TrainError> {
    if data.is_empty() {
        return Err(TrainError::TooLittle("no row to judge with".to_owned()));
    }
    let judged = Judged {
        scores: data.scores(model)?,
        labels: data.labels.clone(),
        groups: data.groups.clone(),
        blocks: data.blocks.clone(),
    };
    let thresholds =
        model.parts().thresholds.iter().map(|(name, threshold)| at(name, f64::from(*threshold), &judged)).collect();
    Ok(Report { thresholds, ..report(&judged, seed) })
}

fn at(name: &str, threshold: f64, judged: &Judged) -> AtThreshold {
    let rates = judged.rates(threshold);
    AtThreshold { name: name.to_owned(), threshold, tpr: rates.tpr, fpr: rates.fpr }
}

/// What cross-validation found: the report, and what each fold's model says of the rows it has not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidated {
    /// The report.
    pub report: Report,
    /// For each row of the data the score by the model that has not seen it; `None` where every model has, or none was fitted (the first
    /// part of a split by time).
    pub scores: Vec<Option<f64>>,
}

/// Fits `recipe` on every fold's other rows, calibration and thresholds included, and judges it with the fold. `say` is told how many folds of
/// how many are done.
///
/// # Errors
/// As [`fit`].
pub fn cross_validate(
    data: &Dataset,
    recipe: &Recipe,
    kind: Kind,
    folds: usize,
    seed: u64,
    mut say: impl FnMut(usize, usize),
) -> Result<CrossValidated, TrainError> {
    let rows: Vec<usize> = (0..data.len()).collect();
    let splits = splits(data, &rows, kind, folds, seed)?;
    let (mut pooled, mut by_fold, mut reached) = (Judged::default(), Vec::new(), Vec::new());
    let mut scores = vec![None; data.len()];
    for (done, Split { fit: seen, judge }) in splits.iter().enumerate() {
        say(done, splits.len());
        let model = fit(data, seen, recipe, seed)?;
        let mut fold = Judged::default();
        for &row in judge {
            let score = model.score(data.row(row));
            scores[row] = Some(score);
            for judged in [&mut fold, &mut pooled] {
                judged.push(score, data.labels[row], data.groups[row], data.blocks[row]);
            }
        }
        by_fold.push(fold.figures());
        for (name, threshold) in &model.parts().thresholds {
            reached.push((at(name, f64::from(*threshold), &fold), fold.labels.len()));
        }
    }
    say(splits.len(), splits.len());
    let folds = Folds { count: by_fold.len(), mean: over(&by_fold, mean), sd: over(&by_fold, deviation) };
    let names = recipe.false_alarms.len();
    let thresholds = (0..names)
        .map(|place| {
            let of: Vec<&AtThreshold> = reached.iter().skip(place).step_by(names).map(|(at, _)| at).collect();
            let mean_of = |pick: fn(&AtThreshold) -> f64| mean(&of.iter().map(|at| pick(at)).collect::<Vec<_>>());
            AtThreshold {
                name: of[0].name.clone(),
                threshold: mean_of(|at| at.threshold),
                tpr: mean_of(|at| at.tpr),
                fpr: mean_of(|at| at.fpr),
            }
        })
        .collect();
    let report = Report { folds: Some(folds), thresholds, ..report(&pooled, seed) };
    Ok(CrossValidated { report, scores })
}

fn over(folds: &[Figures<f64>], of: fn(&[f64]) -> f64) -> Figures<f64> {
    let each = |pick: fn(&Figures<f64>) -> f64| of(&folds.iter().map(pick).collect::<Vec<_>>());
    Figures {
        roc_auc: each(|figures| figures.roc_auc),
        pr_auc: each(|figures| figures.pr_auc),
        brier: each(|figures| figures.brier),
        ece10: each(|figures| figures.ece10),
        log_loss: each(|figures| figures.log_loss),
        c_auc: each(|figures| figures.c_auc),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    libm::sqrt(values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / values.len() as f64)
}
