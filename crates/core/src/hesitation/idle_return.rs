use serde::{Deserialize, Serialize};
use waver_schema::{Feature, PageType};

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Press, PressedBy, Signal, SignalKind};

/// From here an absence is a pause and no look into another tab. Nobody reads one screen for so long (some 480 words at the 240 words a
/// minute of Brysbaert 2019, J Mem Lang 109:104047), and most product films are shorter.
pub(super) const PAUSE_MS: u64 = 120_000;
/// Who had been in the shop for less than this had not begun anything to come back to.
const BEGUN_MS: u64 = 10_000;
/// Evidence of coming back. It alone suffices.
const EVIDENCE_PER_RETURN: f64 = 1.0;
/// The same where the first sign is a key: who listens to a screen reader is there and silent, however long the page.
const EVIDENCE_PER_RETURN_BY_KEY: f64 = 0.5;
const HALF_LIFE_MS: f64 = 60_000.0;

/// Coming back to a product, the cart or checkout after a pause of two minutes or more, hidden or not, and doing something there. Showing the page
/// alone, reading with a scroll now and then, and pages where nothing was begun are not. It crosses page loads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct IdleReturn {
    matters: bool,
    began: Option<u64>,
    life_at: u64,
    pause_ms: u64,
    returns: Decaying,
    count: u32,
    since: Option<u64>,
}

impl Detector for IdleReturn {
    fn begin_view(&mut self) {}

    fn observe(&mut self, signal: &Signal) {
        let now = signal.t;
        if let SignalKind::View { page, .. } = signal.kind {
            self.matters = matches!(page, PageType::Product | PageType::Cart | PageType::Checkout);
        }
        let is_act = signal.kind.is_sign_of_life()
            && !matches!(signal.kind, SignalKind::Visibility { .. } | SignalKind::Window { .. });
        if !is_act {
            return;
        }
        let began = *self.began.get_or_insert(now);
        let pause_ms = now.saturating_sub(self.life_at);
        if self.matters && pause_ms >= PAUSE_MS && self.life_at.saturating_sub(began) >= BEGUN_MS {
            let by_key = match signal.kind {
                SignalKind::Key { .. } | SignalKind::Field { .. } => true,
                SignalKind::Click { press: Press { by, .. }, .. } => by == PressedBy::Keyboard,
                _ => false,
            };
            self.returns.add(now, HALF_LIFE_MS, if by_key { EVIDENCE_PER_RETURN_BY_KEY } else { EVIDENCE_PER_RETURN });
            self.count = self.count.saturating_add(1);
            (self.pause_ms, self.since) = (pause_ms, Some(now));
        }
        self.life_at = now;
    }

    fn assess(&self, now: u64) -> Assessment {
        let signs = [sign(Feature::PauseMs, self.pause_ms as f64, self.returns.at(now, HALF_LIFE_MS))];
        Assessment::new(None, &signs, confidence(f64::from(self.count), 1.0), self.since.unwrap_or(now))
    }

    fn measure(&self, _now: u64, features: &mut FeatureVector) {
        features.set(Feature::PauseMs, self.pause_ms as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyClass;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, pointer, view};

    fn score(page: PageType, signals: &[Signal]) -> f64 {
        let before = [view(0, page, Some("tent")), pointer(5_000, 9, 9), pointer(20_000, 90, 90)];
        peak(IdleReturn::default(), &[&before, signals].concat())
    }

    #[test]
    fn coming_back_after_a_pause_and_doing_something_is_hesitation() {
        assert!(score(PageType::Product, &[pointer(240_000, 100, 100)]) >= THRESHOLD);
        let hidden = [(25_000, false), (400_000, true)].map(|(t, visible)| at(t, SignalKind::Visibility { visible }));
        assert!(score(PageType::Cart, &hidden) == 0.0, "the page was shown, but nobody did anything");
        let scroll = at(402_000, SignalKind::Scroll { y: 90, range: 800 });
        assert!(score(PageType::Cart, &[hidden[0], hidden[1], scroll]) >= THRESHOLD);
    }

    #[test]
    fn coming_back_by_a_reload_is() {
        assert!(score(PageType::Product, &[view(300_000, PageType::Product, Some("tent"))]) >= THRESHOLD);
    }

    #[test]
    fn reading_with_a_scroll_now_and_then_is_not() {
        let reading: Vec<Signal> =
            (1..20).map(|n| at(20_000 + n * 90_000, SignalKind::Scroll { y: n as i32 * 300, range: 9_000 })).collect();
        assert_eq!(score(PageType::Product, &reading), 0.0);
    }

    #[test]
    fn listening_to_a_screen_reader_is_not() {
        assert!(score(PageType::Product, &[at(240_000, SignalKind::Key { class: KeyClass::Move })]) < THRESHOLD);
        let press = Press { by: PressedBy::Keyboard, ..Press::default() };
        assert!(score(PageType::Product, &[at(240_000, SignalKind::Click { zone: None, press })]) < THRESHOLD);
    }

    #[test]
    fn the_front_page_and_a_visit_that_had_not_begun_are_not() {
        assert_eq!(score(PageType::Home, &[pointer(240_000, 100, 100)]), 0.0);
        let opened = [view(0, PageType::Product, None), pointer(400_000, 9, 9)];
        assert_eq!(peak(IdleReturn::default(), &opened), 0.0);
    }

    #[test]
    fn it_fades() {
        let signals = [view(0, PageType::Product, None), pointer(15_000, 9, 9), pointer(300_000, 80, 9)];
        assert!(run(IdleReturn::default(), &signals).1.assess(600_000).score() < 0.1);
    }
}
