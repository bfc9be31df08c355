use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::choices::{Choices, Place};
use super::rewards::{FOLDS, Prior, Table, cross_fitted};
use super::{Estimates, Step, Values, estimate};
use crate::rows::Rows;
use crate::train::hash;
use crate::{Mapping, TrainError};

/// What the columns of a log of choices mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logged {
    /// The column of what is judged apart, such as the campaign; without it, all rows together.
    #[serde(default)]
    pub block: Option<String>,
    /// The column that says which policy chose; without it, one did.
    #[serde(default)]
    pub policy: Option<String>,
    /// Columns that the choice may depend on.
    #[serde(default)]
    pub context: Vec<String>,
    /// The column of what was chosen.
    pub arm: String,
    /// The column of what came of it: a number.
    pub reward: String,
    /// The column of the probability with which it was chosen; without it, every arm of the block was chosen alike.
    #[serde(default)]
    pub propensity: Option<String>,
    /// The column of the probability in tables of choices.
    #[serde(default = "probability")]
    pub choice: String,
    /// What a cell of expected rewards begins with.
    pub expected: Prior,
}

fn probability() -> String {
    "probability".to_owned()
}

/// Where the columns of a place stand.
pub(super) struct PlaceColumns(Option<usize>, Vec<usize>);

impl PlaceColumns {
    pub(super) fn place(&self, rows: &Rows) -> Place {
        let text = |column: &usize| rows.text(*column).to_owned();
        (self.0.as_ref().map_or("all".to_owned(), text), self.1.iter().map(text).collect())
    }
}

/// A row of the log.
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) arm: String,
    pub(super) reward: f64,
    /// `None`: as every other arm.
    propensity: Option<f64>,
}

impl Logged {
    /// What is wrong with it, if something is.
    pub fn fault(&self) -> Option<String> {
        self.expected.fault()
    }

    pub(super) fn place_columns(&self, rows: &Rows) -> Result<PlaceColumns, TrainError> {
        let block = self.block.as_deref().map(|column| rows.column(column)).transpose()?;
        let context = self.context.iter().map(|column| rows.column(column)).collect::<Result<_, _>>()?;
        Ok(PlaceColumns(block, context))
    }

    /// Tells `row` every row, with the policy that chose.
    pub(super) fn read(&self, file: &Path, mut row: impl FnMut(&str, Row)) -> Result<(), TrainError> {
        let mut rows = Rows::open(file)?;
        let places = self.place_columns(&rows)?;
        let [arm, reward] = [rows.column(&self.arm)?, rows.column(&self.reward)?];
        let propensity = self.propensity.as_deref().map(|column| rows.column(column)).transpose()?;
        let policy = self.policy.as_deref().map(|column| rows.column(column)).transpose()?;
        while rows.advance()? {
            let propensity = propensity.map(|column| rows.number(column)).transpose()?;
            if propensity.is_some_and(|propensity| !(propensity > 0.0 && propensity <= 1.0)) {
                return Err(rows.fault("what was chosen had a probability above 0 and at most 1".to_owned()));
            }
            let (place, arm, reward) = (places.place(&rows), rows.text(arm).to_owned(), rows.number(reward)?);
            row(policy.map_or("", |column| rows.text(column)), Row { place, arm, reward, propensity });
        }
        Ok(())
    }
}

/// Which policy is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// That of a table of choices.
    Choices(&'a Path),
    /// The one that chooses every arm alike.
    Uniform,
}

/// What is asked of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The log.
    pub data: &'a Path,
    /// Rows of this policy are the log; all of them, if none is named.
    pub logged_by: Option<&'a str>,
    /// The policy in question.
    pub of: Of<'a>,
    /// Rows of the same policy, of which the table of expected rewards is made; without them, each fifth of the log expects what the others had.
    pub rewards_from: Option<&'a Path>,
    /// What everything random follows from.
    pub seed: u64,
}

/// What was found in a log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backtest {
    /// The mapping that read it.
    pub mapping: String,
    /// First eight bytes of the hash of the log, hexadecimal.
    pub data: String,
    /// The policy whose choices are the log.
    pub logged_by: String,
    /// The policy in question.
    pub of: String,
    /// Where the expected rewards of DR are from: `table` or `cross_fitted`.
    pub expected: &'static str,
    /// What was found, by block.
    pub blocks: Vec<Block>,
}

/// What was found in a block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Block {
    /// The block.
    pub block: String,
    /// IPW of the policy in question, divided by what was logged; only where there is an answer.
    pub relative: Option<f64>,
    /// The estimates.
    #[serde(flatten)]
    pub found: Estimates,
    /// DR with expected rewards that are cross-fitted, where the others are of a table; refused with the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dr_cross_fitted: Option<crate::metrics::Figure>,
}

impl Backtest {
    /// Whether there is no answer at all.
    pub fn is_refused(&self) -> bool {
        self.blocks.iter().all(|block| block.found.estimates.is_none())
    }
}

/// Estimates what a policy would have been worth by the log in a file.
///
/// # Errors
/// [`TrainError::Asked`] where the mapping is of no log; [`TrainError::File`], [`TrainError::Data`]; [`TrainError::TooLittle`] without a row.
pub fn backtest(mapping: &Mapping, asked: Asked<'_>) -> Result<Backtest, TrainError> {
    let Some(logged) = &mapping.logged else {
        return Err(TrainError::Asked(format!("the mapping {} is of no log of choices", mapping.name)));
    };
    if asked.logged_by.is_some() && logged.policy.is_none() {
        return Err(TrainError::Asked("the mapping does not say which column names the policy".to_owned()));
    }
    let of_log = |policy: &str| asked.logged_by.is_none_or(|named| named == policy);
    let mut blocks: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut arms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut places: BTreeSet<Place> = BTreeSet::new();
    logged.read(asked.data, |policy, row| {
        let known = arms.entry(row.place.0.clone()).or_default();
        if !known.contains(&row.arm) {
            known.insert(row.arm.clone());
        }
        if of_log(policy) {
            if !places.contains(&row.place) {
                places.insert(row.place.clone());
            }
            blocks.entry(row.place.0.clone()).or_default().push(row);
        }
    })?;
    if blocks.is_empty() {
        let whose = asked.logged_by.map_or(String::new(), |policy| format!(" of the policy {policy}"));
        return Err(TrainError::TooLittle(format!("no row{whose} in {}", asked.data.display())));
    }
    let choices = match asked.of {
        Of::Choices(file) => Choices::read(logged, file)?,
        Of::Uniform => {
            let arms_at = |place: &Place| arms[&place.0].iter().cloned().collect();
            Choices::uniform(&places.iter().map(|place| (place.clone(), arms_at(place))).collect())
        }
    };
    let mut table = Table::of(logged.expected);
    if let Some(file) = asked.rewards_from {
        logged.read(file, |policy, row| {
            if of_log(policy) {
                table.add((row.place, row.arm), row.reward);
            }
        })?;
    }
    let mut found = Vec::new();
    for (block, rows) in blocks {
        let alike = 1.0 / arms[&block].len() as f64;
        let cells: Vec<((Place, String), f64)> =
            rows.iter().map(|row| ((row.place.clone(), row.arm.clone()), row.reward)).collect();
        let fitted = cross_fitted(&cells, logged.expected.rows);
        let by_fold = |row: usize, cell: &_| fitted[row % FOLDS].expected(cell);
        let cross = steps(&rows, &cells, &choices, alike, by_fold)?;
        let (estimates, dr_cross_fitted) = match asked.rewards_from {
            None => (estimate(&cross, asked.seed), None),
            Some(_) => {
                let steps = steps(&rows, &cells, &choices, alike, |_, cell| table.expected(cell))?;
                let Estimates { estimates, .. } = estimate(&cross, asked.seed);
                (estimate(&steps, asked.seed), estimates.map(|Values { dr, .. }| dr))
            }
        };
        let relative = estimates.estimates.map(|Values { ipw, .. }| ipw.value / estimates.logged.value);
        found.push(Block { block, relative, found: estimates, dr_cross_fitted });
    }
    Ok(Backtest {
        mapping: mapping.name.clone(),
        data: format!("{:016x}", hash(&[asked.data])?),
        logged_by: asked.logged_by.unwrap_or("all").to_owned(),
        of: match asked.of {
            Of::Choices(file) => file.display().to_string(),
            Of::Uniform => "uniform".to_owned(),
        },
        expected: if asked.rewards_from.is_some() { "table" } else { "cross_fitted" },
        blocks: found,
    })
}

fn steps(
    rows: &[Row],
    cells: &[((Place, String), f64)],
    choices: &Choices,
    alike: f64,
    expected: impl Fn(usize, &(Place, String)) -> f64,
) -> Result<Vec<Step>, TrainError> {
    // Of a place the same for all rows of a fold.
    let mut of_policy: HashMap<(&Place, usize), f64> = HashMap::new();
    let step = |(number, row)| {
        let row: &Row = row;
        let Some(arms) = choices.at(&row.place) else {
            let (block, context) = &row.place;
            let what = format!("the table of choices says nothing of {block} {}", context.join(" "));
            return Err(TrainError::Asked(what));
        };
        let expected_of_policy = *of_policy.entry((&row.place, number % FOLDS)).or_insert_with(|| {
            // Probabilities that are rounded sum to 1 nearly.
            let sum: f64 = arms.values().sum();
            let of_arm =
                |(arm, probability): (&String, &f64)| probability * expected(number, &(row.place.clone(), arm.clone()));
            arms.iter().map(of_arm).sum::<f64>() / sum
        });
        let chosen = arms.get(&row.arm).copied().unwrap_or(0.0);
        Ok(Step {
            weight: chosen / row.propensity.unwrap_or(alike),
            reward: row.reward,
            expected: expected(number, &cells[number].0),
            expected_of_policy,
            // A log of choices does not say what else its policy might have chosen.
            untried: 0.0,
        })
    };
    rows.iter().enumerate().map(step).collect()
}
