//! Hesitation.
use serde::Serialize;
use waver_schema::{Feature, HesitationKind, Zone};

/// A hesitation as the page is told of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hesitation {
    /// Its kind.
    pub kind: HesitationKind,
    /// Where on the page.
    pub zone: Option<Zone>,
    /// How strong, 0..=1.
    pub score: f64,
    /// How sure, 0..=1.
    pub confidence: f64,
    /// Milliseconds since its first sign.
    pub since_ms: u32,
    /// The strongest reasons, at most three.
    pub reasons: Vec<HesitationReason>,
}

/// One reason of a hesitation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HesitationReason {
    /// The feature.
    pub feature: Feature,
    /// Its value in its own unit.
    pub value: f64,
    /// Its share of the evidence, 0..=1.
    pub weight: f64,
}
