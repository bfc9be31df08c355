use waver_core::model::uplift::{Outcome, Uplift};
use waver_core::model::{Model, ModelError, Parts};

use super::Input;
use crate::fit::Learner;
use crate::linear::ridge;
use crate::{Mapping, TrainError};

/// One model of the treated among `rows`, one of the others.
///
/// # Errors
/// [`TrainError::TooLittle`] when one of the two has no row; [`TrainError::Model`].
pub(super) fn fit(mapping: &Mapping, input: &Input, rows: &[usize], seed: u64) -> Result<Uplift, TrainError> {
    two(mapping, input, rows, |rows| match (outcome(mapping), mapping.learner) {
        (Outcome::Probability, learner) => Ok(learner.learn(&input.data, rows, seed)),
        (Outcome::Number, Learner::Linear(how)) => Ok(ridge(&input.data, &input.trials.outcomes, rows, &how)),
        (Outcome::Number, Learner::Trees(_)) => {
            Err(TrainError::Asked("numbers are fitted by a linear learner".to_owned()))
        }
    })
}

fn two(
    mapping: &Mapping,
    input: &Input,
    rows: &[usize],
    mut learn: impl FnMut(&[usize]) -> Result<Parts, TrainError>,
) -> Result<Uplift, TrainError> {
    let wrong = |error: ModelError| TrainError::Model(error.to_string());
    let mut of = |treated: bool, who: &str| {
        let rows: Vec<usize> = rows.iter().copied().filter(|row| input.trials.treated[*row] == treated).collect();
        if rows.is_empty() {
            return Err(TrainError::TooLittle(format!("nobody to learn from was {who}")));
        }
        let name = format!("{}-1-{who}", mapping.name);
        Model::new(Parts { task: mapping.task.clone(), name, ..learn(&rows)? }).map_err(wrong)
    };
    let (treated, control) = (of(true, "treated")?, of(false, "control")?);
    Uplift::new(treated, control, outcome(mapping)).map_err(wrong)
}

fn outcome(mapping: &Mapping) -> Outcome {
    mapping.treatment.as_ref().map_or(Outcome::Probability, super::Treatment::outcome)
}
