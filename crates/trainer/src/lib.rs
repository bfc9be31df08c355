//! Fits and judges models: the other end of [`waver_core::model`], which scores them.
//!
//! The walk of one training: a [`Mapping`] says what the columns of a file mean; [`read`](Mapping::read) makes a [`Dataset`] of it, for tables
//! of events by the features of `waver_core` itself (invariant I5); [`fit`](fit::fit) takes rows of it and gives a calibrated model;
//! [`validate`] does so on folds that keep groups and duplicates together, and [`metrics`] judges what was never fitted on. Whatever is random
//! follows from one seed, and nothing depends on the number of cores: the same file and seed give the same artifact, byte by byte.

pub mod boosting;
mod calibration;
mod card;
mod dataset;
pub mod events;
pub mod fit;
pub mod linear;
pub mod mapping;
pub mod metrics;
pub mod offpolicy;
pub mod path;
mod rows;
pub mod split;
mod table;
pub mod train;
pub mod uplift;
pub mod validate;

pub use dataset::Dataset;
pub use mapping::Mapping;
pub use train::{Input, Trained, train};

use std::path::PathBuf;

/// Why nothing could be fitted or judged.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// There is no built-in mapping of that name, nor a file.
    #[error("{0} is neither a mapping file nor one of the built-in mappings ({1})")]
    NoMapping(String, String),
    /// The mapping is not right.
    #[error("{0} is no mapping: {1}")]
    Mapping(String, String),
    /// The mapping and what it was asked for do not go together.
    #[error("{0}")]
    Asked(String),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// The data are not what the mapping says.
    #[error("{file} line {line}: {what}")]
    Data {
        /// The file.
        file: PathBuf,
        /// Its line, from 1 on; 0 where it is about the file as a whole.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// There is too little to fit or judge: a class without rows, fewer groups than folds.
    #[error("too little data: {0}")]
    TooLittle(String),
    /// The model is none, or does not fit what it is asked to score.
    #[error("the model cannot be used: {0}")]
    Model(String),
}
