use std::collections::BTreeMap;
use std::path::Path;

use super::Logged;
use crate::TrainError;
use crate::rows::Rows;

/// How far the probabilities of one place may miss 1 together: they are often rounded.
const SLACK: f64 = 1e-3;

/// Where something is chosen: the block, and what the choice depends on.
pub(super) type Place = (String, Vec<String>);

/// With which probability a policy chooses what.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choices(BTreeMap<Place, BTreeMap<String, f64>>);

impl Choices {
    /// The table in `file`: a row for each place and arm.
    ///
    /// # Errors
    /// [`TrainError::File`]; [`TrainError::Data`] for what is no probability, or where those of a place do not sum to 1.
    pub fn read(logged: &Logged, file: &Path) -> Result<Choices, TrainError> {
        let mut rows = Rows::open(file)?;
        let columns = logged.place_columns(&rows)?;
        let (arm, chance) = (rows.column(&logged.arm)?, rows.column(&logged.choice)?);
        let mut choices = Choices::default();
        while rows.advance()? {
            let probability = rows.number(chance)?;
            if !(0.0..=1.0).contains(&probability) {
                return Err(rows.fault(format!("{probability} is no probability")));
            }
            let arms = choices.0.entry(columns.place(&rows)).or_default();
            if arms.insert(rows.text(arm).to_owned(), probability).is_some() {
                return Err(rows.fault("this arm has a probability in this place already".to_owned()));
            }
        }
        for ((block, context), arms) in &choices.0 {
            let sum: f64 = arms.values().sum();
            if (sum - 1.0).abs() > SLACK {
                let what = format!("the probabilities of {block} {} sum to {sum}", context.join(" "));
                return Err(TrainError::Data { file: file.to_path_buf(), line: 0, what });
            }
        }
        Ok(choices)
    }

    /// The policy that chooses every arm alike.
    pub(super) fn uniform(arms: &BTreeMap<Place, Vec<String>>) -> Choices {
        let alike = |arms: &Vec<String>| arms.iter().map(|arm| (arm.clone(), 1.0 / arms.len() as f64)).collect();
        Choices(arms.iter().map(|(place, arms)| (place.clone(), alike(arms))).collect())
    }

    /// What is chosen there.
    pub(super) fn at(&self, place: &Place) -> Option<&BTreeMap<String, f64>> {
        self.0.get(place)
    }
}
