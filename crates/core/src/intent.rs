//! Intent.
use serde::Serialize;
use waver_schema::{Stage, Trend};

use crate::hesitation::HesitationReason;

/// The intent score as the page is told of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intent {
    /// Probability of a purchase in this session, 0..=1.
    pub p_buy: f64,
    /// Probability of leaving the shop soon, 0..=1.
    pub p_leave: f64,
    /// The stage.
    pub stage: Stage,
    /// Where `p_buy` is going.
    pub trend: Trend,
    /// Version of the model.
    pub model: &'static str,
    /// The features that weighed most, at most three.
    pub reasons: Vec<HesitationReason>,
}
impl Default for Intent {
    fn default() -> Intent {
        Intent {
            p_buy: 0.0,
            p_leave: 0.0,
            stage: Stage::Low,
            trend: Trend::Flat,
            model: "rules-1",
            reasons: Vec::new(),
        }
    }
}
