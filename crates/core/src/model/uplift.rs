//! Two models side by side: what comes of it with an offer, and without. Their difference is the uplift (a T-learner: Künzel et al. 2019).
//!
//! The form of an artifact: magic `WVUP`, version 1, a byte that says what is subtracted, then the artifacts of the two models, each after its length
//! (4 bytes, little-endian). Both bring their own checksum, and the same summary of the training.

use super::decode::Reader;
use super::{MAX_BYTES, Model, ModelError, Summary};

const MAGIC: &[u8; 4] = b"WVUP";
const VERSION: u8 = 1;
/// Bytes of a whole artifact.
pub const MAX_UPLIFT_BYTES: usize = 2 * MAX_BYTES + 14;

/// What the two models say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Probabilities: whether something comes about.
    Probability = 0,
    /// Numbers, such as what is spent: the models' sums as they are.
    Number = 1,
}

/// What is to be gained by treating somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Uplift {
    treated: Model,
    control: Model,
    outcome: Outcome,
}

impl Uplift {
    /// The difference of these two.
    ///
    /// # Errors
    /// [`ModelError::Value`] when their features are not the same.
    pub fn new(treated: Model, control: Model, outcome: Outcome) -> Result<Uplift, ModelError> {
        if treated.parts().features != control.parts().features {
            return Err(ModelError::Value);
        }
        Ok(Uplift { treated, control, outcome })
    }

    /// What comes of it with, and without.
    pub fn models(&self) -> [&Model; 2] {
        [&self.treated, &self.control]
    }

    /// What they say.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What is expected of somebody with these values: treated, and not.
    pub fn expected(&self, values: &[f64]) -> [f64; 2] {
        [&self.treated, &self.control].map(|model| match self.outcome {
            Outcome::Probability => model.score(values),
            Outcome::Number => model.log_odds(values),
        })
    }

    /// What is to be gained.
    pub fn score(&self, values: &[f64]) -> f64 {
        let [treated, control] = self.expected(values);
        treated - control
    }

    /// The artifact.
    ///
    /// # Errors
    /// As [`Model::encode`].
    pub fn encode(&self, summary: &Summary) -> Result<Vec<u8>, ModelError> {
        let mut artifact = [&MAGIC[..], &[VERSION, self.outcome as u8]].concat();
        for model in self.models() {
            let bytes = model.encode(summary)?;
            let length = u32::try_from(bytes.len()).map_err(|_| ModelError::Limit)?;
            artifact.extend(length.to_le_bytes());
            artifact.extend(bytes);
        }
        Ok(artifact)
    }

    /// Reads an artifact; bytes from anywhere.
    ///
    /// # Errors
    /// When it is not whole, not of a known version or breaks a rule of [`crate::model`]; or when its two models do not belong together.
    pub fn decode(bytes: &[u8]) -> Result<(Uplift, Summary), ModelError> {
        if bytes.len() > MAX_UPLIFT_BYTES {
            return Err(ModelError::Limit);
        }
        let mut reader = Reader(bytes);
        if reader.take::<4>() != Ok(*MAGIC) || reader.u8() != Ok(VERSION) {
            return Err(ModelError::Unknown);
        }
        let outcome = match reader.u8()? {
            0 => Outcome::Probability,
            1 => Outcome::Number,
            _ => return Err(ModelError::Value),
        };
        let mut one = || {
            let length = usize::try_from(u32::from_le_bytes(reader.take()?)).map_err(|_| ModelError::Limit)?;
            let (one, rest) = reader.0.split_at_checked(length).ok_or(ModelError::Damaged)?;
            reader.0 = rest;
            Summary::decode(one)
        };
        let ((treated, summary), (control, of_control)) = (one()?, one()?);
        if !reader.0.is_empty() || summary != of_control {
            return Err(ModelError::Damaged);
        }
        Ok((Uplift::new(treated, control, outcome)?, summary))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, Parts, Term, Transform};
    use super::*;

    fn model(name: &str, bias: f32, weight: f32) -> Model {
        let term = Term { feature: 0, transform: Transform::Identity, centre: 0.0, weight };
        let (task, name, features) = ("uplift".to_owned(), name.to_owned(), vec!["x".to_owned()]);
        Model::new(Parts { task, name, features, bias, terms: vec![term], ..Parts::default() }).expect("sound")
    }

    fn summary() -> Summary {
        let (data, figures) = ("made-up".to_owned(), vec![("cv_area".to_owned(), 0.25)]);
        Summary { origin: Origin::Simulated, data, data_hash: 7, seed: 1, rows: 4, positives: 2, groups: 4, figures }
    }

    #[test]
    fn the_difference_is_of_probabilities_or_of_numbers() {
        let of = |outcome| Uplift::new(model("with", 1.0, 2.0), model("without", 0.0, 0.0), outcome).expect("alike");
        assert_eq!(of(Outcome::Number).score(&[3.0]), 7.0);
        assert_eq!(of(Outcome::Probability).score(&[-0.5]), 0.0);
    }

    #[test]
    fn an_artifact_comes_back_as_it_was_and_nothing_else_is_one() {
        let uplift = Uplift::new(model("with", 1.0, 2.0), model("without", 0.5, -1.0), Outcome::Number).expect("alike");
        let bytes = uplift.encode(&summary()).expect("small");
        assert_eq!(Uplift::decode(&bytes), Ok((uplift, summary())));
        for cut in 0..bytes.len() {
            assert!(Uplift::decode(&bytes[..cut]).is_err(), "{cut} bytes");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            assert!(Uplift::decode(&damaged).is_err(), "byte {at}");
        }
        assert_eq!(Uplift::decode(&[&bytes[..], &[0]].concat()), Err(ModelError::Damaged));
    }
}
