//! Whom an offer moves: uplift, fitted on trials in which chance decided who was treated, by one model of the treated and one of the others
//! ([`Uplift`], a T-learner).
//!
//! A ranking is judged by what it gains over treating at random ([`figures`]). Where none is worth acting on, that is said: to treat
//! all or none is the better rule then, since whoever likes to buy is easily taken for whoever can be moved.

mod card;
pub mod figures;
mod fit;

use std::path::Path;

use serde::{Deserialize, Serialize};
use waver_core::model::Summary;
use waver_core::model::uplift::{MAX_UPLIFT_BYTES, Outcome, Uplift};

use crate::metrics::Figure;
use crate::rows::Rows;
use crate::split::{Split, splits};
use crate::table::{Table, stands};
use crate::train::{self, Evaluation, Trained};
use crate::{Dataset, Mapping, TrainError};
use figures::{Trials, UpliftFigures};

/// Which rows were treated, and what is counted of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Treatment {
    /// The column that says so.
    pub column: String,
    /// What stands there if they were; in any case of letters.
    pub treated: Vec<String>,
    /// What stands there if they were not. All other rows are passed over.
    pub control: Vec<String>,
    /// The column of the number that counts, such as what was spent. Without it the label of the table counts.
    #[serde(default)]
    pub outcome: Option<String>,
    /// Whether the label is what is fitted all the same, and the number only judges: a surrogate. What seldom happens, such as spending, is better ranked
    /// by what happens often on the way to it, such as a visit, than by itself (Athey et al. 2019, "The Surrogate Index").
    #[serde(default)]
    pub surrogate: bool,
}

impl Treatment {
    /// What is fitted.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.outcome.is_some() && !self.surrogate { Outcome::Number } else { Outcome::Probability }
    }

    fn read(&self, table: &Table, file: &Path) -> Result<Input, TrainError> {
        let mut trials = Trials::default();
        let columns = |rows: &Rows| -> Result<(usize, Option<usize>), TrainError> {
            let outcome = self.outcome.as_deref().map(|column| rows.column(column)).transpose()?;
            Ok((rows.column(&self.column)?, outcome))
        };
        let data = table.read_those(file, columns, |rows, (treatment, outcome), label| {
            let told = rows.text(*treatment);
            let (treated, control) = (stands(told, &self.treated), stands(told, &self.control));
            if treated == control {
                return if treated { Err(rows.fault(format!("{told:?} is both treated and not"))) } else { Ok(false) };
            }
            let number = outcome.map_or(Ok(f64::from(u8::from(label))), |column| rows.number(column))?;
            trials.push(treated, number);
            Ok(true)
        })?;
        Ok(Input { data, trials })
    }
}

/// The rows of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// What is known of them.
    pub data: Dataset,
    /// Who was treated, and what came of it.
    pub trials: Trials,
}

impl Input {
    /// Reads a file by the mapping.
    ///
    /// # Errors
    /// [`TrainError::Asked`] where the mapping is of no trial; [`TrainError::File`], [`TrainError::Data`]; [`TrainError::TooLittle`] where one of the two
    /// groups has no row.
    pub fn read(mapping: &Mapping, file: &Path) -> Result<Input, TrainError> {
        let (Some(table), Some(treatment)) = (&mapping.table, &mapping.treatment) else {
            return Err(TrainError::Asked(format!("the mapping {} does not say who was treated", mapping.name)));
        };
        let mut input = treatment.read(table, file)?;
        for (treated, who) in [(true, "treated"), (false, "not treated")] {
            if !input.trials.treated.contains(&treated) {
                return Err(TrainError::TooLittle(format!("nobody in {} was {who}", file.display())));
            }
        }
        // The same resamplings for the same rows.
        input.trials.groups = input.data.groups.clone();
        Ok(input)
    }
}

/// What was found of a ranking.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpliftReport {
    /// Rows that were judged with.
    pub rows: usize,
    /// How many of them were treated.
    pub treated: usize,
    /// How good the ranking is.
    #[serde(flatten)]
    pub figures: UpliftFigures,
    /// Whom to treat.
    pub treat: Treat,
    /// What follows, in words.
    pub verdict: String,
}

/// Whom to treat, as far as that can be said without knowing what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Treat {
    /// Those whom the ranking puts first.
    Some,
    /// All: it moves everybody.
    All,
    /// None, as long as no gain is shown.
    None,
}

/// A ranking is worth acting on where it is better than chance beyond doubt, and where leaving out those whom it puts last costs nothing that is shown:
/// where everybody gains, some more and some less, treating all gains most, and a ranking only loses.
fn report(trials: &Trials, scores: &[f64], seed: u64) -> UpliftReport {
    let figures = trials.figures_with_intervals(scores, seed);
    let UpliftFigures { area, uplift, top, bottom } = &figures;
    let (is_better, all_gain) = (area.low > 0.0, bottom.low > 0.0);
    let treat = match (is_better && !all_gain, uplift.low > 0.0) {
        (true, _) => Treat::Some,
        (false, true) => Treat::All,
        (false, false) => Treat::None,
    };
    let why = if is_better {
        format!("even the 30 % that the ranking puts last gain {} each, so that leaving them out loses", told(bottom))
    } else {
        format!("no ranking is better than chance, and the area of this one, {}, contains 0", told(area))
    };
    let verdict = match treat {
        Treat::Some => format!(
            "targetable: the 30 % that the ranking puts first gain {} each, those that it puts last {}",
            told(top),
            told(bottom)
        ),
        Treat::All => {
            format!("nothing is targetable: {why}. Treat all, if it costs less than it gains: {} each", told(uplift))
        }
        Treat::None => {
            format!("nothing is targetable: {why}. Treat none, as long as no gain is shown: {} each", told(uplift))
        }
    };
    let treated = trials.treated.iter().filter(|treated| **treated).count();
    UpliftReport { rows: scores.len(), treated, treat, verdict, figures }
}

fn told(Figure { value, low, high }: &Figure) -> String {
    format!("{value:.4} [{low:.4}, {high:.4}]")
}

/// Judges the recipe of the mapping: each row by models that have not seen it. `say` is told how many folds of how many are done.
///
/// # Errors
/// [`TrainError::TooLittle`], [`TrainError::Model`].
pub fn cross_validate(
    mapping: &Mapping,
    input: &Input,
    seed: u64,
    mut say: impl FnMut(usize, usize),
) -> Result<UpliftReport, TrainError> {
    let Mapping { validation, .. } = mapping;
    let rows: Vec<usize> = (0..input.data.len()).collect();
    let splits = splits(&input.data, &rows, validation.split, validation.folds, seed)?;
    // Rows that no fold judges (the first part of a split by time) are nobody's.
    let (mut trials, mut scores) = (Trials::default(), Vec::new());
    for (done, Split { fit: seen, judge }) in splits.iter().enumerate() {
        say(done, splits.len());
        let uplift = fit::fit(mapping, input, seen, seed)?;
        for &row in judge {
            trials.push(input.trials.treated[row], input.trials.outcomes[row]);
            trials.groups.push(input.data.groups[row]);
            scores.push(uplift.score(input.data.row(row)));
        }
    }
    say(splits.len(), splits.len());
    Ok(report(&trials, &scores, seed))
}

/// Judges the recipe by cross-validation, then fits it on every row. The summary of the artifact tells (`cv_target`, 1 or 0) whether to act on it.
///
/// # Errors
/// As [`cross_validate`].
pub fn train(
    mapping: &Mapping,
    file: &Path,
    seed: u64,
    say: impl FnMut(usize, usize),
) -> Result<Trained<UpliftReport>, TrainError> {
    let input = Input::read(mapping, file)?;
    let report = cross_validate(mapping, &input, seed, say)?;
    let rows: Vec<usize> = (0..input.data.len()).collect();
    let uplift = fit::fit(mapping, &input, &rows, seed)?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let figures = &report.figures;
    let mut told: Vec<(String, f64)> = Vec::new();
    for (name, figure) in
        [("area", figures.area), ("uplift", figures.uplift), ("top", figures.top), ("bottom", figures.bottom)]
    {
        let parts = [("", figure.value), ("_low", figure.low), ("_high", figure.high)];
        told.extend(parts.map(|(part, value)| (format!("cv_{name}{part}"), value)));
    }
    told.push(("cv_target".to_owned(), f64::from(u8::from(report.treat == Treat::Some))));
    told.retain(|(_, figure)| figure.is_finite());
    let summary = Summary {
        origin: mapping.terms.into(),
        data: mapping.name.clone(),
        data_hash: train::hash(&[file])?,
        seed,
        rows: count(rows.len()),
        positives: count(input.data.positives(&rows)),
        groups: count(input.data.group_count()),
        figures: told,
    };
    let artifact = uplift.encode(&summary).map_err(|error| TrainError::Model(error.to_string()))?;
    let card = card::write(&uplift, &summary, mapping, &report, artifact.len());
    Ok(Trained { artifact, card, report })
}

/// A model from its file.
///
/// # Errors
/// [`TrainError::File`], [`TrainError::Model`].
pub fn load(file: &Path) -> Result<(Uplift, Summary, usize), TrainError> {
    let bytes = train::artifact_bytes(file, MAX_UPLIFT_BYTES)?;
    let (uplift, summary) = Uplift::decode(&bytes).map_err(|error| TrainError::Model(error.to_string()))?;
    Ok((uplift, summary, bytes.len()))
}

/// Judges the model in a file on the rows in another; also gives its score of each.
///
/// # Errors
/// As [`load`] and [`Input::read`].
pub fn evaluate_file(
    model: &Path,
    mapping: &Mapping,
    file: &Path,
    seed: u64,
) -> Result<(Evaluation<UpliftReport>, Input, Vec<f64>), TrainError> {
    let (uplift, summary, bytes) = load(model)?;
    let input = Input::read(mapping, file)?;
    if uplift.models()[0].parts().features != input.data.features {
        return Err(TrainError::Model("its features are not those of the mapping".to_owned()));
    }
    let scores: Vec<f64> = (0..input.data.len()).map(|row| uplift.score(input.data.row(row))).collect();
    let parts = uplift.models()[0].parts();
    let evaluation = Evaluation {
        task: parts.task.clone(),
        model: parts.name.clone(),
        mapping: mapping.name.clone(),
        nodes: uplift.models().iter().flat_map(|model| &model.parts().trees).map(Vec::len).sum(),
        bytes,
        seen: summary.data_hash == train::hash(&[file])?,
        report: report(&input.trials, &scores, seed),
    };
    Ok((evaluation, input, scores))
}
