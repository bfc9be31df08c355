//! What all detectors have in common: small, with decaying evidence, and each with a file that says what it takes for a sign, why, and
//! what it does not. A score is `1 - exp(-evidence)`; it is reported when it reaches [`THRESHOLD`] and may be reported again only after
//! it fell below [`REARM`], so that what lasts is told once.

use serde::Serialize;
use waver_schema::{Feature, Milli, Reason, Zone};

use crate::evidence::score;
use crate::features::FeatureVector;
use crate::{Signal, SignalKind};

/// Score from which a hesitation or frustration is reported.
pub const THRESHOLD: f64 = 0.6;
/// Score below which the same kind may be reported again.
pub const REARM: f64 = 0.3;
/// Most sorts of evidence that a detector has.
const SORTS: usize = 4;

/// A hesitation or a frustration as the page is told of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding<K> {
    /// Its kind.
    pub kind: K,
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

impl<K> Finding<K> {
    /// Strength on the wire.
    pub fn score_milli(&self) -> Milli {
        Milli::from_unit(self.score)
    }
}

/// One reason of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HesitationReason {
    /// The feature.
    pub feature: Feature,
    /// Its value in its own unit.
    pub value: f64,
    /// Its weight; for a hesitation or frustration its share of the evidence, 0..=1.
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

/// One sort of evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sign {
    /// What it was found in.
    pub(crate) feature: Feature,
    /// The value of that feature now.
    pub(crate) value: f64,
    /// What it adds to the evidence; nothing if negative.
    pub(crate) amount: f64,
}

/// Shorthand for a [`Sign`].
pub(crate) const fn sign(feature: Feature, value: f64, amount: f64) -> Sign {
    Sign { feature, value, amount }
}

/// What a detector holds at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Assessment {
    zone: Option<Zone>,
    signs: [Sign; SORTS],
    confidence: f64,
    since: u64,
}

impl Assessment {
    /// With the evidence `signs`, of which there are at most [`SORTS`].
    pub(crate) fn new(zone: Option<Zone>, signs: &[Sign], confidence: f64, since: u64) -> Assessment {
        let mut all = [sign(Feature::Hesitation, 0.0, 0.0); SORTS];
        for (place, sign) in all.iter_mut().zip(signs) {
            // What an earlier page handed over may have been changed by any script of the shop: neither NaN nor infinity goes further.
            if sign.amount > 0.0 {
                *place = Sign { amount: sign.amount.min(MOST_EVIDENCE), ..*sign };
            }
        }
        Assessment { zone, signs: all, confidence, since }
    }

    fn evidence(&self) -> f64 {
        self.signs.iter().map(|sign| sign.amount).sum()
    }

    /// The score, 0..=1.
    pub(crate) fn score(&self) -> f64 {
        score(self.evidence())
    }

    /// With its reasons, as a finding of `kind`.
    pub(crate) fn finding<K>(mut self, kind: K, now: u64) -> Finding<K> {
        let (score, reasons) = (self.score(), self.reasons());
        let since_ms = u32::try_from(now.saturating_sub(self.since)).unwrap_or(u32::MAX);
        Finding { kind, zone: self.zone, score, confidence: self.confidence, since_ms, reasons }
    }

    fn reasons(&mut self) -> Vec<HesitationReason> {
        let total = self.evidence();
        // Few, so by insertion: stable, and a sorting function would be larger than all detectors.
        for end in 1..SORTS {
            let mut at = end;
            while at > 0 && self.signs[at].amount > self.signs[at - 1].amount {
                self.signs.swap(at, at - 1);
                at -= 1;
            }
        }
        let most = waver_schema::limits::REASONS_PER_HESITATION;
        let weighed = self.signs.iter().take(most).filter(|sign| sign.amount > 0.0);
        weighed
            .map(|sign| HesitationReason { feature: sign.feature, value: sign.value, weight: sign.amount / total })
            .collect()
    }
}

/// Beyond this much evidence of one sort the score is 1 to the last bit.
const MOST_EVIDENCE: f64 = 40.0;

/// One way of hesitating, or of being frustrated.
pub(crate) trait Detector {
    /// A new view begins. What belongs to one view is forgotten, which is all unless a detector says otherwise.
    fn begin_view(&mut self);
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

/// Which of up to 16 detectors have been reported and not fallen back since.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Reported(u16);

impl Reported {
    /// Takes in the score of the detector at `index`, and says whether it is to be reported.
    pub(crate) fn crosses(&mut self, index: usize, score: f64) -> bool {
        let bit = 1 << index;
        let before = self.0 & bit != 0;
        let now = score >= if before { REARM } else { THRESHOLD };
        self.0 = if now { self.0 | bit } else { self.0 & !bit };
        now && !before
    }
}

/// Lets each take `signal` in; a new view begins it first.
pub(crate) fn observe<'a>(detectors: impl IntoIterator<Item = &'a mut dyn Detector>, signal: &Signal) {
    let begins = matches!(signal.kind, SignalKind::View { .. });
    for detector in detectors {
        if begins {
            detector.begin_view();
        }
        detector.observe(signal);
    }
}

/// The findings that are to be reported at `now`. Which they are, `reported` remembers by their places.
pub(crate) fn report<'a, K>(
    detectors: impl IntoIterator<Item = (K, &'a dyn Detector)>,
    reported: &mut Reported,
    now: u64,
) -> Vec<Finding<K>> {
    let mut reports = Vec::new();
    for (index, (kind, detector)) in detectors.into_iter().enumerate() {
        let assessment = detector.assess(now);
        if reported.crosses(index, assessment.score()) {
            reports.push(assessment.finding(kind, now));
        }
    }
    reports
}

/// Writes the features of each, and gives the strongest score.
pub(crate) fn measure<'a>(
    detectors: impl IntoIterator<Item = &'a dyn Detector>,
    now: u64,
    features: &mut FeatureVector,
) -> f64 {
    let mut strongest: f64 = 0.0;
    for detector in detectors {
        detector.measure(now, features);
        strongest = strongest.max(detector.assess(now).score());
    }
    strongest
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The highest score that `detector` reaches over `signals`, with the ticks that it asks for. A view begins it afresh, as the engine does.
    pub(crate) fn peak(detector: impl Detector, signals: &[Signal]) -> f64 {
        run(detector, signals).0
    }

    /// The highest score, and the detector as it is after the last signal.
    pub(crate) fn run<D: Detector>(mut detector: D, signals: &[Signal]) -> (f64, D) {
        let mut peak: f64 = 0.0;
        for signal in signals {
            // As the engine's shells do, which set one timer after the other.
            for _ in 0..10_000 {
                let Some(t) = detector.wake_at().filter(|t| *t < signal.t) else { break };
                detector.observe(&Signal { t, kind: crate::SignalKind::Tick });
                peak = peak.max(detector.assess(t).score());
            }
            if matches!(signal.kind, crate::SignalKind::View { .. }) {
                detector.begin_view();
            }
            detector.observe(signal);
            peak = peak.max(detector.assess(signal.t).score());
        }
        (peak, detector)
    }

    #[test]
    fn reasons_come_strongest_first_and_share_the_evidence() {
        let signs = [
            sign(Feature::Backs, 1.0, 0.2),
            sign(Feature::ExitSpeed, 2.0, -1.0),
            sign(Feature::Views, 3.0, 0.6),
            sign(Feature::Clicks, 4.0, f64::NAN),
        ];
        let finding = Assessment::new(None, &signs, 0.5, 10).finding((), 30);
        let told: Vec<_> = finding.reasons.iter().map(|reason| (reason.feature, reason.value)).collect();
        assert_eq!(told, [(Feature::Views, 3.0), (Feature::Backs, 1.0)]);
        assert!((finding.reasons[0].weight - 0.75).abs() < 1e-9 && finding.since_ms == 20);
        assert!((finding.score - 0.55).abs() < 0.01, "{}", finding.score);
    }

    #[test]
    fn what_lasts_is_told_once_and_again_after_it_fell() {
        let mut reported = Reported::default();
        let told: Vec<bool> = [0.5, 0.61, 0.7, 0.4, 0.9, 0.2, 0.6].map(|score| reported.crosses(3, score)).into();
        assert_eq!(told, [false, true, false, false, false, false, true]);
    }
}
