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
        let hash = hash(&[file])?;
        let data = mapping.read(file)?;
        if data.is_empty() {
            return Err(TrainError::TooLittle(format!("no row in {}", file.display())));
        }
        Ok(Input { mapping, data, hash })
    }
}

/// First eight bytes of the hash of these files, one after the other.
pub(crate) fn hash(files: &[&Path]) -> Result<u64, TrainError> {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let io = |error| TrainError::File(file.to_path_buf(), error);
        hasher.update_reader(std::fs::File::open(file).map_err(io)?).map_err(io)?;
    }
    let mut hash = [0; 8];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    Ok(u64::from_le_bytes(hash))
}

/// A model and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained<R = Report> {
    /// The artifact, for the collector and the browser.
    pub artifact: Vec<u8>,
    /// The model card, Markdown.
    pub card: String,
    /// What cross-validation found of the recipe.
    pub report: R,
}

/// What there is to tell of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation<R = Report> {
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
    pub report: R,
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
    let rows: Vec<usize> = (0..input.data.len()).collect();
    let model = fit(&input.data, &rows, &input.mapping.recipe(), seed)?;
    let (artifact, card) = write_down(&model, input, &rows, &report, &[], seed)?;
    Ok(Trained { artifact, card, report })
}

/// The artifact and the card of a model that was fitted on these rows; `more` are figures beside those of the report.
pub(crate) fn write_down(
    model: &Model,
    Input { mapping, data, hash }: &Input,
    rows: &[usize],
    report: &Report,
    more: &[(String, f64)],
    seed: u64,
) -> Result<(Vec<u8>, String), TrainError> {
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
    figures.extend_from_slice(more);
    figures.retain(|(_, figure)| figure.is_finite());
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let summary = Summary {
        origin: mapping.terms.into(),
        data: mapping.name.clone(),
        data_hash: *hash,
        seed,
        rows: count(rows.len()),
        positives: count(data.positives(rows)),
        groups: count(data.group_count()),
        figures,
    };
    let artifact = model.encode(&summary).map_err(|error| TrainError::Model(error.to_string()))?;
    let card = card::write(model, &summary, mapping, report, artifact.len());
    Ok((artifact, card))
}

/// The bytes of an artifact, unless they are more than `most`.
pub(crate) fn artifact_bytes(file: &Path, most: usize) -> Result<Vec<u8>, TrainError> {
    let io = |error| TrainError::File(file.to_path_buf(), error);
    let length = std::fs::metadata(file).map_err(io)?.len();
    if length > most as u64 {
        return Err(TrainError::Model(format!("{} is larger than any artifact", file.display())));
    }
    std::fs::read(file).map_err(io)
}

/// The mapping that an artifact of any kind names.
///
/// # Errors
/// As [`load`].
pub fn mapping_of(file: &Path) -> Result<String, TrainError> {
    match crate::uplift::load(file) {
        Ok((_, summary, _)) => Ok(summary.data),
        Err(_) => Ok(load(file)?.1.data),
    }
}

/// A model from its file.
///
/// # Errors
/// [`TrainError::File`], [`TrainError::Model`].
pub fn load(file: &Path) -> Result<(Model, Summary, usize), TrainError> {
    let bytes = artifact_bytes(file, MAX_BYTES)?;
    let (model, summary) = Summary::decode(&bytes).map_err(|error| TrainError::Model(error.to_string()))?;
    Ok((model, summary, bytes.len()))
}

/// Judges the model in a file on the rows of `input`.
///
/// # Errors
/// As [`load`] and [`evaluate`].
pub fn evaluate_file(model: &Path, input: &Input, seed: u64) -> Result<Evaluation, TrainError> {
    evaluated(model, &input.mapping, input.hash, |model| evaluate(model, &input.data, seed))
}

/// What `judge` finds of the model in a file, with what there is to tell of the model.
pub(crate) fn evaluated<R>(
    model: &Path,
    mapping: &Mapping,
    hash: u64,
    judge: impl FnOnce(&Model) -> Result<R, TrainError>,
) -> Result<Evaluation<R>, TrainError> {
    let (model, summary, bytes) = load(model)?;
    let report = judge(&model)?;
    let parts = model.parts();
    Ok(Evaluation {
        task: parts.task.clone(),
        model: parts.name.clone(),
        mapping: mapping.name.clone(),
        nodes: parts.trees.iter().map(Vec::len).sum(),
        bytes,
        seen: summary.data_hash == hash,
        report,
    })
}
