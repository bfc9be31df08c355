use waver_schema::Feature;
use waver_schema::limits::REASONS_PER_HESITATION;

use crate::detector::HesitationReason;
use crate::features::FeatureVector;
use crate::model::{Model, ModelError};

/// What artifacts for this estimate.
const TASK: &str = "p_buy";

/// A fitted model of the probability of a purchase, over the features of the session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Predictor {
    model: Model,
    features: Vec<Feature>,
}

impl Predictor {
    /// Reads an artifact; bytes from anywhere.
    ///
    /// # Errors
    /// As [`Model::decode`]; [`ModelError::Value`] when it estimates something else, or from what a session does not have.
    pub(crate) fn decode(artifact: &[u8]) -> Result<Predictor, ModelError> {
        let model = Model::decode(artifact)?;
        let parts = model.parts();
        // A model that looked at its own score would never come to rest.
        let known = |name: &String| Feature::from_name(name).filter(|feature| *feature != Feature::PBuy);
        let features: Option<Vec<Feature>> = parts.features.iter().map(known).collect();
        match features {
            Some(features) if parts.task == TASK => Ok(Predictor { model, features }),
            _ => Err(ModelError::Value),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.model.parts().name
    }

    /// A threshold that the artifact brings along, a probability.
    pub(crate) fn threshold(&self, name: &str) -> Option<f64> {
        self.model.threshold(name)
    }

    /// The probability and what moved it most.
    pub(crate) fn assess(&self, features: &FeatureVector) -> (f64, Vec<HesitationReason>) {
        let values: Vec<f64> = self.features.iter().map(|feature| features.get(*feature)).collect();
        let moved = self.model.explain(&values, REASONS_PER_HESITATION);
        let reasons = moved.into_iter().map(|moved| HesitationReason {
            feature: self.features[moved.feature],
            value: values[moved.feature],
            weight: moved.weight,
        });
        (self.model.score(&values), reasons.collect())
    }
}
