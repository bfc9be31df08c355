use waver_schema::{Feature, Zone};

use super::hover::{Hover, Manner};
use super::turns::Turns;
use crate::detector::{Assessment, Detector, sign};
use crate::evidence::confidence;
use crate::features::FeatureVector;
use crate::{Signal, SignalKind};

/// Milliseconds over the call to action that everyone needs: aiming, reading the label, pressing. Pointing at a button of usual size takes
/// 0.5 to 1 s from rest (Fitts's law with the constants of MacKenzie 1992), most of it before the pointer arrives.
const FREE_DWELL_MS: f64 = 800.0;
/// Milliseconds of dwell beyond the free ones that make evidence of 1.
const DWELL_PER_EVIDENCE_MS: f64 = 1_500.0;
/// Evidence of coming back to the button without having clicked it.
const EVIDENCE_PER_RETURN: f64 = 0.5;
/// Evidence of a change of mind on the way there: as much as of coming back, which is a change of mind too.
const EVIDENCE_PER_TURN: f64 = 0.5;
const MANNER: Manner = Manner {
    zones: &[Zone::Cta, Zone::Checkout],
    settle_ms: 0.0,
    dwell_half_life_ms: 8_000.0,
    return_half_life_ms: 12_000.0,
};

/// Hovering over the call to action without clicking it: moving about there, resting briefly, leaving and coming back,
/// or turning to it or away from it half way (see [`crate::path`]). The industry's
/// measure of hesitation is the time from the last hover to the click; this one does not wait for the click. A click there decides the matter
/// and clears the evidence. A parked pointer, a finger, a keyboard and a single quick pass are not hesitation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CtaHover {
    hover: Hover,
    turns: Turns,
}

impl Default for CtaHover {
    fn default() -> CtaHover {
        CtaHover { hover: Hover::new(&MANNER), turns: Turns::new(&MANNER) }
    }
}

impl Detector for CtaHover {
    fn begin_view(&mut self) {
        *self = CtaHover::default();
    }

    fn observe(&mut self, signal: &Signal) {
        self.hover.observe(signal);
        self.turns.observe(signal);
        if let SignalKind::Click { zone: Some(Zone::Cta | Zone::Checkout), .. } = signal.kind {
            self.hover.decide(signal.t);
            self.turns = Turns::new(&MANNER);
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let (dwell_ms, returns, turns) = (self.hover.dwell_ms(now), self.hover.returns(now), self.turns.count(now));
        let signs = [
            sign(Feature::CtaDwellMs, dwell_ms, (dwell_ms - FREE_DWELL_MS) / DWELL_PER_EVIDENCE_MS),
            sign(Feature::CtaReturns, returns, returns * EVIDENCE_PER_RETURN),
            sign(Feature::CtaTurns, turns, turns * EVIDENCE_PER_TURN),
        ];
        let since = self.hover.since().unwrap_or(now);
        Assessment::new(self.hover.zone(), &signs, confidence(self.hover.moves(), 8.0), since)
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::CtaDwellMs, self.hover.dwell_ms(now));
        features.set(Feature::CtaReturns, self.hover.returns(now));
        features.set(Feature::CtaTurns, self.turns.count(now));
    }

    fn wake_at(&self) -> Option<u64> {
        self.hover.wake_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PointerType;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};

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
        signals.push(Signal { t: 720, kind: SignalKind::click(Some(Zone::Cta)) });
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
        let (peak, detector) = run(CtaHover::default(), &over(0, 3_000, 40));
        assert!(peak > 0.6 && detector.assess(20_000).score() < 0.1);
    }
}
