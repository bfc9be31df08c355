use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use waver_core::path::{COUNT, NAMES};

use super::trial::{Sample, Trial, View};
use crate::rows::Rows;
use crate::table::{Label, Words, stands};
use crate::train;
use crate::{Dataset, Mapping, TrainError};

/// What the columns of recorded reaches mean: one file of samples, one of trials.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reaches {
    /// Columns of the samples.
    pub samples: Samples,
    /// Columns of the trials.
    pub trials: Trials,
}

/// Columns of the pointer's samples.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// Whose sample it is.
    pub trial: String,
    /// Milliseconds from any beginning on; rows of one trial are in order.
    pub time_ms: String,
    /// Pixels to the right.
    pub x: String,
    /// Pixels down; for trials from where they began.
    pub y: String,
}

/// Columns of the trials.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trials {
    /// The trial, as the samples call it.
    pub trial: String,
    /// The columns that say together who it was.
    pub group: Vec<String>,
    /// Whether the target changed.
    pub label: Label,
    /// Only rows where in each of these columns one of the words stands.
    #[serde(default)]
    pub only: Vec<Words>,
    /// Only rows where less stands in this column.
    #[serde(default)]
    pub below: Option<Below>,
    /// The column that says when it changed; of a trial without a change, when it would have. May be empty.
    pub change_ms: String,
    /// Where it would have, if the column does not say: shares of the height that is gone from the origin on, taken by turns.
    #[serde(default)]
    pub change_shares: Vec<f64>,
}

/// A bound.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Below {
    /// The column.
    pub column: String,
    /// The bound.
    pub value: f64,
}

/// How each reach is looked at, whole and as it was recorded first.
pub(crate) const VIEWS: [View; 10] = [
    View::Sampled(0),
    View::Sampled(33),
    View::Sampled(66),
    View::Sampled(110),
    View::After(450),
    View::After(600),
    View::After(900),
    View::After(0),
    View::After(150),
    View::After(300),
];
/// So many of these a model is fitted on. At the change itself and soon after it nothing can be seen yet: nobody reacts within 300 ms.
pub(crate) const FITTED: usize = 7;

/// Reaches and what they look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// A row per view and trial: all trials in the first view, then all in the second.
    pub(crate) rows: train::Input,
    /// Whether the row is a reach to judge. `None` if there was nothing to see.
    pub(crate) reach: Vec<Option<bool>>,
    pub(crate) trials: usize,
}

impl Input {
    /// Reads the samples and the trials by the mapping.
    ///
    /// # Errors
    /// [`TrainError::Asked`] when the mapping has no `[reaches]`, [`TrainError::File`], [`TrainError::Data`], [`TrainError::TooLittle`].
    pub fn read(mapping: Mapping, samples: &Path, trials: &Path) -> Result<Input, TrainError> {
        let Some(reaches) = &mapping.reaches else {
            return Err(TrainError::Asked("the mapping knows no reaches".to_owned()));
        };
        let read = reaches.read(samples, trials)?;
        if read.is_empty() {
            return Err(TrainError::TooLittle(format!("no trial in {}", trials.display())));
        }
        let mut data = Dataset::of(NAMES.map(str::to_owned).to_vec());
        let mut reach = Vec::new();
        for (block, view) in VIEWS.into_iter().enumerate() {
            for (place, trial) in read.iter().enumerate() {
                let shape = trial.shape(view, place as u64 * 37);
                let values = shape.map_or([0.0; COUNT], |shape| shape.values);
                data.push(&values, trial.label, trial.group, block as u32, 0.0);
                reach.push(shape.map(|shape| shape.reach));
            }
        }
        let hash = train::hash(&[samples, trials])?;
        Ok(Input { rows: train::Input { mapping, data, hash }, reach, trials: read.len() })
    }

    /// The row of a trial in a view.
    pub(crate) fn row(&self, view: usize, trial: usize) -> usize {
        view * self.trials + trial
    }
}

impl Reaches {
    fn read(&self, samples: &Path, trials: &Path) -> Result<Vec<Trial>, TrainError> {
        let mut ways = self.samples.read(samples)?;
        let mut rows = Rows::open(trials)?;
        let of = &self.trials;
        let (trial, change_ms) = (rows.column(&of.trial)?, rows.column(&of.change_ms)?);
        let label = rows.column(&of.label.column)?;
        let group = of.group.iter().map(|column| rows.column(column)).collect::<Result<Vec<_>, _>>()?;
        let below = of.below.as_ref().map(|below| Ok((rows.column(&below.column)?, below.value))).transpose()?;
        let only = of.only.iter().map(|only| Ok((rows.column(&only.column)?, &only.words)));
        let only = only.collect::<Result<Vec<_>, TrainError>>()?;
        let (mut read, mut groups) = (Vec::new(), HashMap::new());
        while rows.advance()? {
            let wanted = only.iter().all(|(column, words)| stands(rows.text(*column), words));
            let quick = below.map(|(column, value)| Ok(rows.number(column)? < value)).transpose()?;
            if !wanted || quick == Some(false) {
                continue;
            }
            let who: Vec<String> = group.iter().map(|column| rows.text(*column).to_owned()).collect();
            let next = groups.len() as u32;
            let group = *groups.entry(who).or_insert(next);
            let label = of.label.read(&rows, label)?;
            let Some(samples) = ways.remove(rows.text(trial)) else {
                return Err(rows.fault(format!("there is no sample of the trial {:?}", rows.text(trial))));
            };
            let share = of.change_shares.get(read.len() % of.change_shares.len().max(1)).copied();
            let change_ms = match rows.text(change_ms) {
                "" => passed(&samples, share),
                _ => rows.number(change_ms)?.clamp(0.0, MOST_MS) as u64,
            };
            read.push(Trial { samples, label, group, change_ms });
        }
        Ok(read)
    }
}

/// When `share` of the height was passed, from the origin to where it ended; at its end without a share.
fn passed(samples: &[Sample], share: Option<f64>) -> u64 {
    let (end_ms, height) = samples.last().map_or((0, 0.0), |last| (last.0, f64::from(last.2)));
    let bound = share.unwrap_or(1.0) * height * height;
    let passes = |sample: &&Sample| f64::from(sample.2) * height >= bound;
    samples.iter().find(passes).map_or(end_ms, |sample| sample.0)
}

/// Latest time and farthest place that a sample can have.
pub(crate) const MOST_MS: f64 = 1e12;
const MOST_PX: f64 = 1e7;

impl Samples {
    /// Where the columns stand.
    pub(crate) fn columns(&self, rows: &Rows) -> Result<[usize; 4], TrainError> {
        Ok([rows.column(&self.trial)?, rows.column(&self.time_ms)?, rows.column(&self.x)?, rows.column(&self.y)?])
    }

    /// The sample in this row.
    pub(crate) fn sample(&self, rows: &Rows, [_, time_ms, x, y]: [usize; 4]) -> Result<Sample, TrainError> {
        let t = rows.number(time_ms)?;
        let (x, y) = (rows.number(x)?, rows.number(y)?);
        if !(0.0..=MOST_MS).contains(&t) || x.abs() > MOST_PX || y.abs() > MOST_PX {
            return Err(rows.fault("no time, or no place on a screen".to_owned()));
        }
        Ok((t as u64, x.round() as i32, y.round() as i32))
    }

    fn read(&self, file: &Path) -> Result<HashMap<String, Vec<Sample>>, TrainError> {
        let mut rows = Rows::open(file)?;
        let columns = self.columns(&rows)?;
        let mut ways: HashMap<String, Vec<Sample>> = HashMap::new();
        while rows.advance()? {
            let sample = self.sample(&rows, columns)?;
            let trial = rows.text(columns[0]);
            match ways.get_mut(trial) {
                Some(way) if way.last().is_some_and(|last| last.0 > sample.0) => {
                    return Err(rows.fault("it is earlier than the sample before it".to_owned()));
                }
                Some(way) => way.push(sample),
                None => {
                    ways.insert(trial.to_owned(), vec![sample]);
                }
            }
        }
        Ok(ways)
    }
}
