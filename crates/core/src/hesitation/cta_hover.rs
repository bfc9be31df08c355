use waver_schema::{Feature, Zone};

use super::{Assessment, Detector};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{PointerType, Signal, SignalKind};

/// Milliseconds over the call to action that everyone needs: aiming, reading the label, pressing. Pointing at a button of usual size takes
/// 0.5 to 1 s from rest (Fitts's law with the constants of MacKenzie 1992), most of it before the pointer arrives.
const FREE_DWELL_MS: f64 = 800.0;
/// Milliseconds of dwell beyond the free ones that make evidence of 1.
const DWELL_PER_EVIDENCE_MS: f64 = 1_500.0;
/// Evidence of coming back to the button without having clicked it.
const EVIDENCE_PER_RETURN: f64 = 0.5;
/// A pointer at rest this long is parked, not dithering: further rest is not dwell.
const REST_MS: u64 = 1_000;
/// A gap this short between leaving and entering is a pointer crossing a child element's edge, not a return.
const FLICKER_MS: u64 = 150;
const DWELL_HALF_LIFE_MS: f64 = 8_000.0;
const RETURN_HALF_LIFE_MS: f64 = 12_000.0;
/// While the pointer rests over the button nothing else would tell that time passes.
const WAKE_MS: u64 = 250;

/// Hovering over the call to action without clicking it: moving about there, resting briefly, leaving and coming back. The industry's
/// measure of hesitation is the time from the last hover to the click; this one does not wait for the click. A click there decides the matter
/// and clears the evidence. A parked pointer, a finger, a keyboard and a single quick pass are not hesitation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CtaHover {
    over: Option<Zone>,
    zone: Option<Zone>,
    counted_to: u64,
    moved_at: u64,
    left_at: Option<u64>,
    since: Option<u64>,
    moves: u32,
    dwell_ms: Decaying,
    returns: Decaying,
}

impl CtaHover {
    fn count_dwell(&mut self, now: u64) {
        let until = now.min(self.moved_at.saturating_add(REST_MS));
        let elapsed = until.saturating_sub(self.counted_to);
        if self.over.is_some() && elapsed > 0 {
            self.dwell_ms.add(now, DWELL_HALF_LIFE_MS, elapsed as f64);
            self.counted_to = until;
        }
    }
}

impl Detector for CtaHover {
    fn observe(&mut self, signal: &Signal) {
        self.count_dwell(signal.t);
        match signal.kind {
            SignalKind::ZoneEnter { zone: zone @ (Zone::Cta | Zone::Checkout), pointer: PointerType::Mouse } => {
                if self.left_at.is_some_and(|left| signal.t.saturating_sub(left) >= FLICKER_MS) {
                    self.returns.add(signal.t, RETURN_HALF_LIFE_MS, 1.0);
                }
                self.over = Some(zone);
                self.zone = Some(zone);
                self.counted_to = signal.t;
                self.moved_at = signal.t;
                self.since.get_or_insert(signal.t);
            }
            SignalKind::ZoneLeave { zone } if self.over == Some(zone) => {
                self.over = None;
                self.left_at = Some(signal.t);
            }
            SignalKind::PointerExit { .. } if self.over.take().is_some() => self.left_at = Some(signal.t),
            SignalKind::Pointer { pointer: PointerType::Mouse, .. } if self.over.is_some() => {
                // Dwell was counted up to the end of the rest; time beyond it was parked and is not made up for.
                self.counted_to = signal.t;
                self.moved_at = signal.t;
                self.moves = self.moves.saturating_add(1);
            }
            SignalKind::Click { zone: Some(Zone::Cta | Zone::Checkout) } => {
                let over = self.over;
                *self = CtaHover { over, zone: over, counted_to: signal.t, moved_at: signal.t, ..CtaHover::default() };
            }
            SignalKind::Visibility { visible: false } => self.over = None,
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let dwell = (self.dwell_ms.at(now, DWELL_HALF_LIFE_MS) - FREE_DWELL_MS) / DWELL_PER_EVIDENCE_MS;
        let returns = self.returns.at(now, RETURN_HALF_LIFE_MS) * EVIDENCE_PER_RETURN;
        Assessment {
            zone: self.zone,
            evidence: vec![(Feature::CtaDwellMs, dwell.max(0.0)), (Feature::CtaReturns, returns)],
            confidence: confidence(f64::from(self.moves), 8.0),
            since: self.since.unwrap_or(now),
        }
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::CtaDwellMs, self.dwell_ms.at(now, DWELL_HALF_LIFE_MS));
        features.set(Feature::CtaReturns, self.returns.at(now, RETURN_HALF_LIFE_MS));
    }

    fn wake_at(&self) -> Option<u64> {
        let resting_until = self.moved_at.saturating_add(REST_MS);
        (self.over.is_some() && self.counted_to < resting_until).then(|| self.counted_to.saturating_add(WAKE_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hesitation::THRESHOLD;
    use crate::hesitation::tests::peak;

    fn over(from: u64, to: u64, step: u64) -> Vec<Signal> {
        let mut signals =
            vec![Signal { t: from, kind: SignalKind::ZoneEnter { zone: Zone::Cta, pointer: PointerType::Mouse } }];
        signals.extend((from + step..to).step_by(usize::try_from(step).expect("fits")).enumerate().map(|(i, t)| {
            Signal { t, kind: SignalKind::Pointer { x: 300 + (i as i32 % 7) * 4, y: 400, pointer: PointerType::Mouse } }
        }));
        signals.push(Signal { t: to, kind: SignalKind::ZoneLeave { zone: Zone::Cta } });
        signals
    }

    #[test]
    fn dithering_over_the_button_is_hesitation() {
        assert!(peak(CtaHover::default(), &over(0, 3_000, 40)) >= THRESHOLD);
    }

    #[test]
    fn coming_back_to_the_button_is_hesitation() {
        let signals: Vec<Signal> = (0..4).flat_map(|n| over(n * 1_200, n * 1_200 + 500, 40)).collect();
        assert!(peak(CtaHover::default(), &signals) >= THRESHOLD);
    }

    #[test]
    fn a_quick_click_is_not() {
        let mut signals = over(0, 700, 40);
        signals.push(Signal { t: 720, kind: SignalKind::Click { zone: Some(Zone::Cta) } });
        assert_eq!(peak(CtaHover::default(), &signals), 0.0);
    }

    #[test]
    fn a_parked_pointer_is_not() {
        let mut signals = over(0, 300, 40);
        signals.pop();
        signals.extend((1..200).map(|n| Signal { t: 300 + n * 250, kind: SignalKind::Tick }));
        assert!(peak(CtaHover::default(), &signals) < THRESHOLD);
    }

    #[test]
    fn a_finger_does_not_hover() {
        let touch: Vec<Signal> = (0..10)
            .flat_map(|n| {
                [
                    Signal { t: n * 500, kind: SignalKind::ZoneEnter { zone: Zone::Cta, pointer: PointerType::Touch } },
                    Signal { t: n * 500 + 300, kind: SignalKind::ZoneLeave { zone: Zone::Cta } },
                ]
            })
            .collect();
        assert_eq!(peak(CtaHover::default(), &touch), 0.0);
    }

    #[test]
    fn a_pointer_that_flickers_across_a_childs_edge_has_not_come_back() {
        let signals: Vec<Signal> = (0..6).flat_map(|n| over(n * 100, n * 100 + 60, 30)).collect();
        assert_eq!(peak(CtaHover::default(), &signals), 0.0);
    }

    #[test]
    fn doubt_fades() {
        let mut detector = CtaHover::default();
        for signal in over(0, 3_000, 40) {
            detector.observe(&signal);
        }
        let evidence = |now| detector.assess(now).evidence.iter().map(|(_, amount)| amount).sum::<f64>();
        assert!(evidence(3_000) > 0.9 && evidence(20_000) < 0.1);
    }
}
