//! Detectors of hesitation. Each is small, keeps decaying evidence, and says in its own file what it takes for hesitation, why, and what
//! it does not. A score is `1 - exp(-evidence)`; a hesitation is reported when its score reaches [`THRESHOLD`] and may be reported again only
//! after the score fell below [`REARM`], so that a lasting doubt is told once.

mod cart_edit;
mod cta_hover;
mod exit_intent;
mod scroll_oscillation;

use serde::{Deserialize, Serialize};
use waver_schema::{Feature, HesitationKind, Milli, Reason, Zone};

use crate::Signal;
use crate::evidence::score;
use crate::features::FeatureVector;

/// Score from which a hesitation is reported.
pub const THRESHOLD: f64 = 0.6;
/// Score below which the same kind may be reported again.
pub const REARM: f64 = 0.3;

/// A hesitation as the page is told of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hesitation {
    /// Its kind.
    pub kind: HesitationKind,
    /// Where on the page.
    pub zone: Option<Zone>,
    /// How strong, 0..=1.
    pub score: f64,
    /// How sure, 0..=1: how much was observed, not how strong it is.
    pub confidence: f64,
    /// Milliseconds since its first sign.
    pub since_ms: u32,
    /// The strongest reasons, strongest first, at most [`waver_schema::limits::REASONS_PER_HESITATION`].
    pub reasons: Vec<HesitationReason>,
}

/// One reason of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HesitationReason {
    /// The feature.
    pub feature: Feature,
    /// Its value in its own unit.
    pub value: f64,
    /// Its weight; for a hesitation its share of the evidence, 0..=1.
    pub weight: f64,
}

impl HesitationReason {
    /// The reason on the wire, in thousandths.
    pub fn to_wire(self) -> Reason {
        // `as` saturates, and nothing here comes near the ends.
        Reason {
            feature: self.feature,
            value_milli: libm::round(self.value * 1000.0) as i64,
            weight_milli: libm::round(self.weight * 1000.0) as i32,
        }
    }
}

/// What a detector holds at an instant.
pub(crate) struct Assessment {
    pub(crate) zone: Option<Zone>,
    /// How much each feature contributes to the evidence, none negative.
    pub(crate) evidence: Vec<(Feature, f64)>,
    pub(crate) confidence: f64,
    pub(crate) since: u64,
}

/// One way of hesitating.
trait Detector {
    /// Takes a signal in.
    fn observe(&mut self, signal: &Signal);
    /// What the evidence amounts to at `now`.
    fn assess(&self, now: u64) -> Assessment;
    /// Writes the features this detector measures.
    fn measure(&self, now: u64, features: &mut FeatureVector);
    /// When it wants to be called again though nothing happens.
    fn wake_at(&self) -> Option<u64> {
        None
    }
}

/// All detectors of a session. A new view starts those afresh whose evidence belongs to one view.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Detectors {
    cta_hover: cta_hover::CtaHover,
    scroll_oscillation: scroll_oscillation::ScrollOscillation,
    exit_intent: exit_intent::ExitIntent,
    cart_edit: cart_edit::CartEdit,
    reported: [bool; 4],
}

/// What of the detectors crosses a page load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    cart_edit: cart_edit::CartEdit,
    cart_edit_reported: bool,
}

const KINDS: [HesitationKind; 4] =
    [HesitationKind::CtaHover, HesitationKind::ScrollOscillation, HesitationKind::ExitIntent, HesitationKind::CartEdit];
const CART_EDIT: usize = 3;

impl Detectors {
    fn each(&self) -> [&dyn Detector; 4] {
        [&self.cta_hover, &self.scroll_oscillation, &self.exit_intent, &self.cart_edit]
    }

    /// Takes a signal in and returns the hesitations that are to be reported because of it.
    pub(crate) fn observe(&mut self, signal: &Signal) -> Vec<Hesitation> {
        if matches!(signal.kind, crate::SignalKind::View { .. }) {
            *self = Detectors::restore(self.keep());
        }
        let detectors: [&mut dyn Detector; 4] =
            [&mut self.cta_hover, &mut self.scroll_oscillation, &mut self.exit_intent, &mut self.cart_edit];
        for detector in detectors {
            detector.observe(signal);
        }
        let mut reports = Vec::new();
        for index in 0..KINDS.len() {
            let current = self.hesitation(index, signal.t);
            let reported = self.reported[index];
            self.reported[index] = if reported { current.score >= REARM } else { current.score >= THRESHOLD };
            if self.reported[index] && !reported {
                reports.push(current);
            }
        }
        reports
    }

    /// The hesitations with a score of at least half a hundredth at `now`.
    pub(crate) fn all(&self, now: u64) -> Vec<Hesitation> {
        let mut all: Vec<Hesitation> = (0..KINDS.len()).map(|index| self.hesitation(index, now)).collect();
        all.retain(|hesitation| hesitation.score >= 0.005);
        all
    }

    pub(crate) fn measure(&self, now: u64, features: &mut FeatureVector) {
        for detector in self.each() {
            detector.measure(now, features);
        }
        let strongest = (0..KINDS.len()).map(|index| self.score(index, now)).fold(0.0, f64::max);
        features.set(Feature::Hesitation, strongest);
    }

    /// The score of exit intent alone, which the intent score looks at.
    pub(crate) fn exit_score(&self, now: u64) -> f64 {
        self.score(2, now)
    }

    pub(crate) fn wake_at(&self) -> Option<u64> {
        self.each().into_iter().filter_map(Detector::wake_at).min()
    }

    pub(crate) fn keep(&self) -> Kept {
        Kept { cart_edit: self.cart_edit.clone(), cart_edit_reported: self.reported[CART_EDIT] }
    }

    pub(crate) fn restore(kept: Kept) -> Detectors {
        let mut reported = [false; 4];
        reported[CART_EDIT] = kept.cart_edit_reported;
        Detectors { cart_edit: kept.cart_edit, reported, ..Detectors::default() }
    }

    fn score(&self, index: usize, now: u64) -> f64 {
        score(self.each()[index].assess(now).evidence.iter().map(|(_, amount)| amount).sum())
    }

    fn hesitation(&self, index: usize, now: u64) -> Hesitation {
        let Assessment { zone, mut evidence, confidence, since } = self.each()[index].assess(now);
        let total: f64 = evidence.iter().map(|(_, amount)| amount).sum();
        evidence.retain(|(_, amount)| *amount > 0.0);
        evidence.sort_by(|a, b| b.1.total_cmp(&a.1));
        evidence.truncate(waver_schema::limits::REASONS_PER_HESITATION);
        let mut features = FeatureVector::default();
        self.each()[index].measure(now, &mut features);
        let reasons = evidence
            .into_iter()
            .map(|(feature, amount)| HesitationReason { feature, value: features.get(feature), weight: amount / total })
            .collect();
        let since_ms = u32::try_from(now.saturating_sub(since)).unwrap_or(u32::MAX);
        Hesitation { kind: KINDS[index], zone, score: score(total), confidence, since_ms, reasons }
    }
}

impl Hesitation {
    /// Strength on the wire.
    pub fn score_milli(&self) -> Milli {
        Milli::from_unit(self.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest score that `detector` reaches over `signals`.
    pub(super) fn peak(mut detector: impl Detector, signals: &[Signal]) -> f64 {
        signals.iter().fold(0.0, |peak, signal| {
            detector.observe(signal);
            f64::max(peak, score(detector.assess(signal.t).evidence.iter().map(|(_, amount)| amount).sum()))
        })
    }
}
