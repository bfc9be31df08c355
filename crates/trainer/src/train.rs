//! The whole of a training: read, judge by cross-validation, fit on everything, write down how.

use std::path::Path;

use serde::Serialize;
use waver_core::model::{MAX_BYTES, Model, Summary};

use crate::fit::fit;
use crate::validate::{Report, cross_validate, evaluate};
use crate::{Dataset, Mapping, TrainError, card};

/// Where the rows come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// What they mean.
    pub mapping: Mapping,
    /// The rows.
    pub data: Dataset,
    /// First eight bytes of the hash of the file.
    pub hash: u64,
}

impl Input {
    /// Reads a file by the mapping.
    ///
    /// # Errors
    /// As [`Mapping::read`].
    pub fn read(mapping: Mapping, file: &Path) -> Result<Input, TrainError> {
        let io = |error| TrainError::File(file.to_path_buf(), error);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(file).map_err(io)?).map_err(io)?;
        let mut hash = [0; 8];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        let data = mapping.read(file)?;
        if data.is_empty() {
            return Err(TrainError::TooLittle(format!("no row in {}", file.display())));
        }
        Ok(Input { mapping, data, hash: u64::from_le_bytes(hash) })
    }
}

/// A model and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The artifact, for the collector and the browser.
    pub artifact: Vec<u8>,
    /// The model card, Markdown.
    pub card: String,
    /// What cross-validation found of the recipe.
    pub report: Report,
}

/// What there is to tell of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// What it estimates.
    pub task: String,
    /// The model.
    pub model: String,
    /// The mapping that read the rows.
    pub mapping: String,
    /// Nodes of its trees.
    pub nodes: usize,
    /// Bytes of its artifact.
    pub bytes: usize,
    /// Whether the rows are the ones it was fitted on, so that the figures say nothing of others.
    pub seen: bool,
    /// What was found.
    #[serde(flatten)]
    pub report: Report,
}

/// Judges the recipe of the mapping by cross-validation.
///
/// # Errors
/// [`TrainError::TooLittle`], [`TrainError::Model`].
pub fn judge(input: &Input, seed: u64, say: impl FnMut(usize, usize)) -> Result<Report, TrainError> {
    let Mapping { validation, .. } = &input.mapping;
    let recipe = input.mapping.recipe();
    Ok(cross_validate(&input.data, &recipe, validation.split, validation.folds, seed, say)?.report)
}

/// Judges the recipe by cross-validation, then fits it on every row.
///
/// # Errors
/// As [`judge`].
pub fn train(input: &Input, seed: u64, say: impl FnMut(usize, usize)) -> Result<Trained, TrainError> {
    let report = judge(input, seed, say)?;
    let Input { mapping, data, hash } = input;
    let rows: Vec<usize> = (0..data.len()).collect();
    let model = fit(data, &rows, &mapping.recipe(), seed)?;
    let mut figures: Vec<(String, f64)> = [
        ("cv_roc_auc", report.figures.roc_auc.value),
        ("cv_pr_auc", report.figures.pr_auc.value),
        ("cv_brier", report.figures.brier.value),
        ("cv_ece10", report.figures.ece10.value),
        ("cv_c_auc", report.figures.c_auc.value),
    ]
    .map(|(name, figure)| (name.to_owned(), figure))
    .to_vec();
    for at in &report.thresholds {
        figures.push((format!("cv_tpr_{}", at.name), at.tpr));
        figures.push((format!("cv_fpr_{}", at.name), at.fpr));
    }
    figures.retain(|(_, figure)| figure.is_finite());
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let summary = Summary {
        origin: mapping.terms.into(),
        data: mapping.name.clone(),
        data_hash: *hash,
        seed,
        rows: count(data.len()),
        positives: count(data.positives(&rows)),
        groups: count(data.group_count()),
        figures,
    };
    let artifact = model.encode(&summary).map_err(|error| TrainError::Model(error.to_string()))?;
    let card = card::write(&model, &summary, mapping, &report, artifact.len());
    Ok(Trained { artifact, card, report })
}

/// A model from its file.
///
/// # Errors
/// [`TrainError::File`], [`TrainError::Model`].
pub fn load(file: &Path) -> Result<(Model, Summary, usize), TrainError> {
    let io = |error| TrainError::File(file.to_path_buf(), error);
    let length = std::fs::metadata(file).map_err(io)?.len();
    if length > MAX_BYTES as u64 {
        return Err(TrainError::Model(format!("{} is larger than any artifact", file.display())));
    }
    let bytes = std::fs::read(file).map_err(io)?;
    let (model, summary) = Summary::decode(&bytes).map_err(|error| TrainError::Model(error.to_string()))?;
    Ok((model, summary, bytes.len()))
}

/// Judges the model in a file on the rows of `input`.
///
/// # Errors
/// As [`load`] and [`evaluate`].
pub fn evaluate_file(model: &Path, input: &Input, seed: u64) -> Result<Evaluation, TrainError> {
    let (model, summary, bytes) = load(model)?;
    let report = evaluate(&model, &input.data, seed)?;
    let parts = model.parts();
    Ok(Evaluation {
        task: parts.task.clone(),
        model: parts.name.clone(),
        mapping: input.mapping.name.clone(),
        nodes: parts.trees.iter().map(Vec::len).sum(),
        bytes,
        seen: summary.data_hash == input.hash,
        report,
    })
}
