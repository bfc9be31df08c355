use waver_schema::{CommerceAction, Feature, PageType, Zone};

use super::hover::{Hover, Manner};
use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Selected, Signal, SignalKind};

/// Milliseconds over a price that everyone needs: finding it and reading it, some four fixations of a quarter of a second each (Rayner 1998,
/// Psychol Bull 124:372).
const FREE_DWELL_MS: f64 = 1_200.0;
/// Milliseconds of dwell beyond the free ones that make evidence of 1.
const DWELL_PER_EVIDENCE_MS: f64 = 2_500.0;
/// Evidence of the pointer's coming back to the price and staying.
const EVIDENCE_PER_RETURN: f64 = 0.35;
/// Evidence of bringing the price back into sight where nothing hovers. Scrolling past it on the way to something else does the same, so it
/// takes three and a rest at each.
const EVIDENCE_PER_SIGHT: f64 = 0.35;
/// A price that stays in sight this long was scrolled to, and not past.
const SIGHT_MS: u64 = 1_000;
/// Evidence of selecting the price: to remember or compare it.
const EVIDENCE_PER_SELECTION: f64 = 0.5;
const SELECTION_HALF_LIFE_MS: f64 = 20_000.0;
const SIGHT_HALF_LIFE_MS: f64 = 20_000.0;
const MANNER: Manner = Manner {
    zones: &[Zone::Price],
    // Between picture and button the pointer crosses the price.
    settle_ms: 300.0,
    dwell_half_life_ms: 10_000.0,
    return_half_life_ms: 15_000.0,
};

/// Dwelling on the price of a product or cart: the pointer moves about over it for longer than reading takes, comes back to it and stays, the text
/// is selected; by touch, it is scrolled back into sight and looked at. Passing over it, a parked pointer, and lists, where the pointer is over
/// some price all the time, are not. Putting the product into the cart decides the matter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PriceDwell {
    hover: Hover,
    is_list: bool,
    touched: bool,
    /// Since when the price is in sight, until that has counted.
    sighted: Option<u64>,
    sights: Decaying,
    looks: u32,
    selections: Decaying,
    since: Option<u64>,
}

impl Default for PriceDwell {
    fn default() -> PriceDwell {
        PriceDwell {
            hover: Hover::new(&MANNER),
            is_list: false,
            touched: false,
            sighted: None,
            sights: Decaying::default(),
            looks: 0,
            selections: Decaying::default(),
            since: None,
        }
    }
}

impl PriceDwell {
    fn see(&mut self, now: u64) {
        let Some(sighted) = self.sighted.filter(|sighted| now.saturating_sub(*sighted) >= SIGHT_MS) else { return };
        self.sighted = None;
        self.looks = self.looks.saturating_add(1);
        // The first look is no return.
        if self.touched && self.looks > 1 {
            self.sights.add(sighted.saturating_add(SIGHT_MS), SIGHT_HALF_LIFE_MS, 1.0);
            self.since.get_or_insert(sighted);
        }
    }

    fn returns(&self, now: u64) -> (f64, f64) {
        (self.hover.returns(now), self.sights.at(now, SIGHT_HALF_LIFE_MS))
    }
}

impl Detector for PriceDwell {
    fn begin_view(&mut self) {
        *self = PriceDwell::default();
    }

    fn observe(&mut self, signal: &Signal) {
        self.see(signal.t);
        match signal.kind {
            SignalKind::View { page, .. } => {
                self.is_list = !matches!(page, PageType::Product | PageType::Cart | PageType::Checkout);
            }
            _ if self.is_list => return,
            SignalKind::Touch { .. } => self.touched = true,
            SignalKind::ZoneSight { zone: Zone::Price, visible } => self.sighted = visible.then_some(signal.t),
            SignalKind::Visibility { visible: false } => self.sighted = None,
            SignalKind::Selection { of: Selected::Price } => {
                self.selections.add(signal.t, SELECTION_HALF_LIFE_MS, 1.0);
                self.since.get_or_insert(signal.t);
            }
            SignalKind::Commerce { action: CommerceAction::AddToCart, .. } => {
                self.hover.decide(signal.t);
                (self.sights, self.selections, self.since) = (Decaying::default(), Decaying::default(), None);
            }
            _ => {}
        }
        self.hover.observe(signal);
    }

    fn assess(&self, now: u64) -> Assessment {
        let dwell_ms = self.hover.dwell_ms(now);
        let (returns, sights) = self.returns(now);
        let selections = self.selections.at(now, SELECTION_HALF_LIFE_MS);
        let signs = [
            sign(Feature::PriceDwellMs, dwell_ms, (dwell_ms - FREE_DWELL_MS) / DWELL_PER_EVIDENCE_MS),
            sign(Feature::PriceReturns, returns + sights, returns * EVIDENCE_PER_RETURN + sights * EVIDENCE_PER_SIGHT),
            sign(Feature::PriceSelections, selections, selections * EVIDENCE_PER_SELECTION),
        ];
        let since = self.hover.since().into_iter().chain(self.since).min().unwrap_or(now);
        let seen = self.hover.moves() + 4.0 * f64::from(self.looks);
        Assessment::new(Some(Zone::Price), &signs, confidence(seen, 8.0), since)
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        let (returns, sights) = self.returns(now);
        features.set(Feature::PriceDwellMs, self.hover.dwell_ms(now));
        features.set(Feature::PriceReturns, returns + sights);
        features.set(Feature::PriceSelections, self.selections.at(now, SELECTION_HALF_LIFE_MS));
    }

    fn wake_at(&self) -> Option<u64> {
        let sight = self.sighted.filter(|_| self.touched).map(|sighted| sighted.saturating_add(SIGHT_MS));
        self.hover.wake_at().into_iter().chain(sight).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PointerType;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, commerce, view};

    fn over(from: u64, to: u64) -> Vec<Signal> {
        let mut signals = vec![at(from, SignalKind::ZoneEnter { zone: Zone::Price, pointer: PointerType::Mouse })];
        signals.extend((from + 40..to).step_by(40).enumerate().map(|(i, t)| {
            at(t, SignalKind::Pointer { x: 300 + (i as i32 % 7) * 4, y: 200, pointer: PointerType::Mouse })
        }));
        signals.push(at(to, SignalKind::ZoneLeave { zone: Zone::Price }));
        signals
    }

    fn on(page: PageType, signals: Vec<Signal>) -> Vec<Signal> {
        [vec![view(0, page, Some("tent"))], signals].concat()
    }

    fn score(page: PageType, signals: Vec<Signal>) -> f64 {
        peak(PriceDwell::default(), &on(page, signals))
    }

    #[test]
    fn moving_about_over_the_price_is_hesitation() {
        assert!(score(PageType::Product, over(1_000, 5_500)) >= THRESHOLD);
    }

    #[test]
    fn coming_back_to_the_price_and_staying_is() {
        let returns = (0..5).flat_map(|n| over(1_000 + n * 2_000, 1_500 + n * 2_000)).collect();
        assert!(score(PageType::Product, returns) >= THRESHOLD);
    }

    #[test]
    fn scrolling_back_to_it_by_touch_three_times_is() {
        let mut signals = vec![at(500, SignalKind::Touch { down: true, x: 200, y: 500 })];
        for n in 0..4 {
            signals.push(at(1_000 + n * 4_000, SignalKind::ZoneSight { zone: Zone::Price, visible: true }));
            signals.push(at(3_000 + n * 4_000, SignalKind::ZoneSight { zone: Zone::Price, visible: false }));
        }
        assert!(score(PageType::Product, signals.clone()) >= THRESHOLD);
        let past: Vec<Signal> = signals
            .iter()
            .map(|signal| match signal.kind {
                SignalKind::ZoneSight { visible: false, .. } => Signal { t: signal.t - 1_600, ..*signal },
                _ => *signal,
            })
            .collect();
        assert_eq!(score(PageType::Product, past), 0.0, "scrolled past it");
        assert_eq!(score(PageType::Product, signals[1..].to_vec()), 0.0, "a mouse hovers");
    }

    #[test]
    fn selecting_it_twice_is_and_once_is_not() {
        let select = |t| at(t, SignalKind::Selection { of: Selected::Price });
        assert!(score(PageType::Product, vec![select(1_000), select(4_000)]) >= THRESHOLD);
        assert!(score(PageType::Product, vec![select(1_000)]) < THRESHOLD);
        assert_eq!(score(PageType::Product, vec![at(1_000, SignalKind::Selection { of: Selected::Other })]), 0.0);
    }

    #[test]
    fn reading_it_once_passing_over_it_and_parking_there_are_not() {
        assert!(score(PageType::Product, over(1_000, 2_000)) < THRESHOLD);
        let passing = (0..8).flat_map(|n| over(1_000 + n * 1_500, 1_160 + n * 1_500)).collect();
        assert_eq!(score(PageType::Product, passing), 0.0);
        let mut parked = over(1_000, 1_200);
        parked.pop();
        parked.push(at(90_000, SignalKind::Click { zone: None, press: Default::default() }));
        assert!(score(PageType::Product, parked) < THRESHOLD);
    }

    #[test]
    fn lists_are_full_of_prices() {
        let scanning: Vec<Signal> = (0..20).flat_map(|n| over(1_000 + n * 900, 1_700 + n * 900)).collect();
        assert_eq!(score(PageType::List, scanning.clone()), 0.0);
        assert!(score(PageType::Product, scanning) >= THRESHOLD);
    }

    #[test]
    fn the_cart_decides_and_doubt_fades() {
        let mut signals = on(PageType::Product, over(1_000, 5_500));
        let (_, doubting) = run(PriceDwell::default(), &signals);
        assert!(doubting.assess(40_000).score() < 0.1);
        signals.push(commerce(5_600, CommerceAction::AddToCart, Some("tent")));
        assert_eq!(run(PriceDwell::default(), &signals).1.assess(5_600).score(), 0.0);
    }
}
