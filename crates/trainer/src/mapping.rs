//! What the columns of a file mean: a small TOML file, or one of the built-in ones (`crates/trainer/mappings`). docs/models.md has the whole form.

use std::path::Path;

use serde::Deserialize;
use waver_core::model::uplift::Outcome;
use waver_core::model::{MAX_FEATURES, Origin};
use waver_core::session::TOLD_FEATURES;

use crate::events::Events;
use crate::fit::{Learner, Recipe};
use crate::offpolicy::Logged;
use crate::path::{Reaches, Work};
use crate::split::Kind;
use crate::table::Table;
use crate::uplift::Treatment;
use crate::{Dataset, TrainError};

/// The built-in mappings.
const BUILT_IN: [(&str, &str); 13] = [
    ("ospi", include_str!("../mappings/ospi.toml")),
    ("ospi-client", include_str!("../mappings/ospi-client.toml")),
    ("taobao", include_str!("../mappings/taobao.toml")),
    ("switch", include_str!("../mappings/switch.toml")),
    ("background", include_str!("../mappings/background.toml")),
    ("reaches", include_str!("../mappings/reaches.toml")),
    ("sessions", include_str!("../mappings/sessions.toml")),
    ("hillstrom-women", include_str!("../mappings/hillstrom-women.toml")),
    ("hillstrom-women-spend", include_str!("../mappings/hillstrom-women-spend.toml")),
    ("hillstrom-men", include_str!("../mappings/hillstrom-men.toml")),
    ("hillstrom-men-spend", include_str!("../mappings/hillstrom-men-spend.toml")),
    ("hillstrom", include_str!("../mappings/hillstrom.toml")),
    ("openbandit", include_str!("../mappings/openbandit.toml")),
];

/// What a file means, what is fitted on it, and how that is judged.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Its name, which artifacts tell.
    pub name: String,
    /// What is estimated.
    pub task: String,
    /// Whether what is fitted on such data may be shipped.
    pub terms: Terms,
    /// What learns; where nothing is said, trees as they come.
    #[serde(default)]
    pub learner: Learner,
    /// Shares of false alarms for which the model gets thresholds.
    #[serde(default)]
    pub false_alarms: Vec<f64>,
    /// How the recipe is judged; where nothing is said, by five folds.
    #[serde(default)]
    pub validation: Validation,
    /// A row is what is judged, with its features in columns. A mapping has this or another kind of rows.
    #[serde(default)]
    pub table: Option<Table>,
    /// A row is an event of a session; features are those that the browser counts.
    #[serde(default)]
    pub events: Option<Events>,
    /// Reaches of which is known whether their target changed, in two files. See [`crate::path`].
    #[serde(default)]
    pub reaches: Option<Reaches>,
    /// Ordinary work with a pointer, only to judge with. See [`crate::path`].
    #[serde(default)]
    pub work: Option<Work>,
    /// A row is a session of a collector's log, which the collector reads by itself; the features are [`TOLD_FEATURES`].
    #[serde(default)]
    pub sessions: Option<Sessions>,
    /// A row is a choice that a policy made: only to backtest other policies. See [`crate::offpolicy`].
    #[serde(default)]
    pub logged: Option<Logged>,
    /// Which rows of the table were treated; what is fitted is what that gains. See [`crate::uplift`].
    #[serde(default)]
    pub treatment: Option<Treatment>,
}

/// Sessions of a collector's log. There is nothing to say of them: what the collector tells is the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {}

/// Whether what was fitted on data may be shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// Their terms allow it.
    Free,
    /// From the project's own simulator.
    Simulated,
    /// For measuring only.
    Research,
    /// From a site's own log.
    Own,
}

impl From<Terms> for Origin {
    fn from(terms: Terms) -> Origin {
        match terms {
            Terms::Free => Origin::Free,
            Terms::Simulated => Origin::Simulated,
            Terms::Research => Origin::Research,
            Terms::Own => Origin::Own,
        }
    }
}

/// How a recipe is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// How many folds.
    pub folds: usize,
    /// How rows are split.
    #[serde(default)]
    pub split: Kind,
}

impl Default for Validation {
    fn default() -> Validation {
        Validation { folds: 5, split: Kind::default() }
    }
}

impl Mapping {
    /// The built-in mapping of that name, or else that file.
    ///
    /// # Errors
    /// [`TrainError::NoMapping`], [`TrainError::Mapping`].
    pub fn load(name: &str) -> Result<Mapping, TrainError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Mapping::parse(name, text);
        }
        if !Path::new(name).is_file() {
            return Err(TrainError::NoMapping(name.to_owned(), names().collect::<Vec<_>>().join(", ")));
        }
        let text = std::fs::read_to_string(name).map_err(|error| TrainError::File(name.into(), error))?;
        Mapping::parse(name, &text)
    }

    /// Reads a mapping; `of` says where it is from.
    ///
    /// # Errors
    /// [`TrainError::Mapping`].
    pub fn parse(of: &str, text: &str) -> Result<Mapping, TrainError> {
        let wrong = |what: String| TrainError::Mapping(of.to_owned(), what);
        let mapping: Mapping = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if let Some(fault) = mapping.fault() {
            return Err(wrong(fault));
        }
        Ok(mapping)
    }

    fn fault(&self) -> Option<String> {
        if !self.false_alarms.iter().all(|share| *share > 0.0 && *share < 1.0) {
            return Some("shares of false alarms are between 0 and 1".to_owned());
        }
        if let Some(logged) = &self.logged {
            let others = [self.table.is_some(), self.events.is_some(), self.reaches.is_some(), self.work.is_some()];
            return if others.contains(&true) || self.sessions.is_some() {
                Some("[logged] says what the rows are, and nothing else may".to_owned())
            } else {
                logged.fault()
            };
        }
        if let Some(treatment) = &self.treatment {
            if self.table.is_none() {
                return Some("[treatment] goes with a [table]".to_owned());
            }
            if treatment.outcome() == Outcome::Number && matches!(self.learner, Learner::Trees(_)) {
                return Some("an outcome that is a number goes with a linear learner".to_owned());
            }
        }
        let features = match (&self.table, &self.events, &self.reaches, &self.work, &self.sessions) {
            (Some(table), None, None, None, None) => table.features(),
            (None, Some(events), None, None, None) => match events.fault() {
                Some(fault) => return Some(fault),
                None => events.features.clone(),
            },
            (None, None, Some(_), None, None) | (None, None, None, Some(_), None) => {
                waver_core::path::NAMES.map(str::to_owned).to_vec()
            }
            (None, None, None, None, Some(Sessions {})) => {
                TOLD_FEATURES.map(|feature| feature.as_str().to_owned()).to_vec()
            }
            _ => {
                let ways = "[table], [events], [reaches], [work], [sessions] or [logged]";
                return Some(format!("it says what the rows are in one way: {ways}"));
            }
        };
        if features.is_empty() || features.len() > MAX_FEATURES {
            return Some(format!("{} features: of 1 to {MAX_FEATURES}", features.len()));
        }
        self.learner.fault()
    }

    /// The rows of `data`.
    ///
    /// # Errors
    /// [`TrainError::File`], [`TrainError::Data`].
    pub fn read(&self, data: &Path) -> Result<Dataset, TrainError> {
        match (&self.table, &self.events) {
            (Some(table), None) => table.read(data),
            (None, Some(events)) => events.read(data),
            _ => Err(TrainError::Asked("the rows of this mapping are in no such file".to_owned())),
        }
    }

    /// What makes a model of them.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            task: self.task.clone(),
            name: format!("{}-1", self.name),
            learner: self.learner,
            false_alarms: self.false_alarms.clone(),
        }
    }
}

/// Names of the built-in mappings.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_mappings_are_right() {
        for name in names() {
            let mapping = Mapping::load(name).expect("built in");
            assert_eq!(mapping.name, name);
            assert!(mapping.validation.folds >= 5);
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_refused_with_a_reason() {
        let right = BUILT_IN[1].1;
        for (wrong, why) in [
            (right.replace("folds = 10", "folds = 10\nfold = 3"), "fold"),
            (right.replace("trees = 43", "trees = 430"), "nodes"),
            (right.replace("terms = \"free\"", ""), "terms"),
            (right.replace("[table]", "[tables]"), "table"),
        ] {
            let told = Mapping::parse("test", &wrong).expect_err(why).to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
