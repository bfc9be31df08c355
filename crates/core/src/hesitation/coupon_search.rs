use waver_schema::{Feature, Zone};

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{FieldAct, FieldClass, Signal, SignalKind};

/// The first code is one that the shopper has; only further ones are tried out.
const FREE_TRIES: f64 = 1.0;
const EVIDENCE_PER_TRY: f64 = 0.7;
/// Evidence of leaving the page soon after using the field and coming back: codes are looked for elsewhere. It alone suffices.
const EVIDENCE_PER_AWAY: f64 = 1.0;
/// How soon after.
const AWAY_MS: u64 = 30_000;
/// A shorter absence finds nothing.
const SHORTEST_MS: u64 = 3_000;
/// A focus that moves on sooner than this was on its way to another field, as tabbing through a form is.
const PASSING_MS: u64 = 700;
const HALF_LIFE_MS: f64 = 60_000.0;

/// Looking for a coupon: trying a second or third code, or leaving for another tab from the coupon field and coming back. Entering one
/// code, passing over the field by key, and what the browser fills in are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CouponSearch {
    /// Since when the focus is in the field.
    focused: Option<u64>,
    used_at: Option<u64>,
    /// Whether the code that stands there has been counted.
    typing: bool,
    hidden_at: Option<u64>,
    tries: Decaying,
    aways: Decaying,
    count: u32,
    since: Option<u64>,
}

impl CouponSearch {
    fn count(&mut self, now: u64) {
        self.count = self.count.saturating_add(1);
        self.since.get_or_insert(now);
    }
}

impl Detector for CouponSearch {
    fn begin_view(&mut self) {
        *self = CouponSearch::default();
    }

    fn observe(&mut self, signal: &Signal) {
        let now = signal.t;
        match signal.kind {
            SignalKind::Field { class: FieldClass::Coupon, act, .. } => match act {
                FieldAct::Focus => (self.focused, self.typing) = (Some(now), false),
                FieldAct::Edit => {
                    self.used_at = Some(now);
                    if !self.typing {
                        self.typing = true;
                        self.tries.add(now, HALF_LIFE_MS, 1.0);
                        self.count(now);
                    }
                }
                FieldAct::Clear | FieldAct::Invalid => (self.used_at, self.typing) = (Some(now), false),
                FieldAct::Fill => {}
                FieldAct::Blur => {
                    if self.focused.take().is_some_and(|since| now.saturating_sub(since) >= PASSING_MS) {
                        self.used_at = Some(now);
                    }
                }
            },
            // The code that stands there was handed in, by its button or by the return key that presses it.
            SignalKind::Click { .. } => self.typing = false,
            SignalKind::Visibility { visible: false } => {
                let rested = self.focused.filter(|since| now.saturating_sub(*since) >= PASSING_MS).map(|_| now);
                let used = self.used_at.filter(|used| now.saturating_sub(*used) <= AWAY_MS);
                self.hidden_at = rested.or(used).map(|_| now);
            }
            SignalKind::Visibility { visible: true } => {
                let away_ms = self.hidden_at.take().map_or(0, |hidden| now.saturating_sub(hidden));
                if away_ms >= SHORTEST_MS {
                    self.aways.add(now, HALF_LIFE_MS, 1.0);
                    self.count(now);
                }
            }
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let (tries, aways) = (self.tries.at(now, HALF_LIFE_MS), self.aways.at(now, HALF_LIFE_MS));
        let signs = [
            sign(Feature::CouponTries, tries, (tries - FREE_TRIES) * EVIDENCE_PER_TRY),
            sign(Feature::CouponAways, aways, aways * EVIDENCE_PER_AWAY),
        ];
        let since = self.since.unwrap_or(now);
        Assessment::new(Some(Zone::Coupon), &signs, confidence(f64::from(self.count), 1.0), since)
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::CouponTries, self.tries.at(now, HALF_LIFE_MS));
        features.set(Feature::CouponAways, self.aways.at(now, HALF_LIFE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, field};

    fn coupon(acts: &[(u64, FieldAct)]) -> Vec<Signal> {
        acts.iter().map(|&(t, act)| field(t, FieldClass::Coupon, 3, act)).collect()
    }

    fn score(acts: &[(u64, FieldAct)]) -> f64 {
        peak(CouponSearch::default(), &coupon(acts))
    }

    fn away(from: u64, to: u64) -> [Signal; 2] {
        [(from, false), (to, true)].map(|(t, visible)| at(t, SignalKind::Visibility { visible }))
    }

    #[test]
    fn trying_one_code_after_the_other_is_hesitation() {
        use FieldAct::{Clear, Edit, Focus, Invalid};
        let tries = [
            (0, Focus),
            (1_000, Edit),
            (4_000, Invalid),
            (7_000, Clear),
            (8_000, Edit),
            (11_000, Invalid),
            (14_000, Edit),
        ];
        assert!(score(&tries) >= THRESHOLD);
        // Typed over without a word of the page, and handed in by its button.
        let handing_in: Vec<Signal> = (0..3)
            .flat_map(|n| {
                let t = n * 6_000;
                [field(t, FieldClass::Coupon, 3, Edit), at(t + 2_000, SignalKind::click(Some(Zone::Coupon)))]
            })
            .collect();
        assert!(peak(CouponSearch::default(), &handing_in) >= THRESHOLD);
        assert_eq!(peak(CouponSearch::default(), &handing_in[..2]), 0.0, "one code");
    }

    #[test]
    fn leaving_from_the_field_to_look_for_one_is() {
        let looking = [coupon(&[(0, FieldAct::Focus)]), away(4_000, 25_000).to_vec()].concat();
        let (peak, detector) = run(CouponSearch::default(), &looking);
        assert!(peak >= THRESHOLD && detector.assess(300_000).score() < 0.1);
        let later = [coupon(&[(0, FieldAct::Focus), (5_000, FieldAct::Blur)]), away(20_000, 45_000).to_vec()].concat();
        assert!(run(CouponSearch::default(), &later).0 >= THRESHOLD);
    }

    #[test]
    fn entering_one_code_is_not() {
        use FieldAct::{Blur, Edit, Focus};
        let one = [(0, Focus), (900, Edit), (1_200, Edit), (1_500, Edit), (1_900, Edit), (2_600, Blur)];
        assert_eq!(score(&one), 0.0);
    }

    #[test]
    fn passing_over_it_by_key_autofill_and_absences_elsewhere_are_not() {
        use FieldAct::{Blur, Fill, Focus};
        let tabbing = [coupon(&[(0, Focus), (300, Blur)]), away(2_000, 30_000).to_vec()].concat();
        assert_eq!(peak(CouponSearch::default(), &tabbing), 0.0);
        assert_eq!(score(&[(0, Fill), (1_000, Fill), (2_000, Fill)]), 0.0);
        let elsewhere = [vec![field(0, FieldClass::Contact, 1, Focus)], away(4_000, 25_000).to_vec()].concat();
        assert_eq!(peak(CouponSearch::default(), &elsewhere), 0.0);
        let much_later = [coupon(&[(0, Focus), (5_000, Blur)]), away(60_000, 90_000).to_vec()].concat();
        assert_eq!(peak(CouponSearch::default(), &much_later), 0.0);
    }
}
