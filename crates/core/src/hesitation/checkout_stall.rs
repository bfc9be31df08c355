use waver_schema::{Feature, PageType, Zone};

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Pressed, PressedBy, Signal, SignalKind};

/// Milliseconds without a step that checkout needs: reading the summary, fetching a card. Filling a whole checkout takes some minutes and about a dozen
/// fields (Baymard Institute's benchmark: 11.3 on average), so a step comes every ten to twenty seconds.
const FREE_MS: f64 = 30_000.0;
/// Milliseconds beyond these that make evidence of 1.
const STALL_PER_EVIDENCE_MS: f64 = 18_000.0;
const HALF_LIFE_MS: f64 = 120_000.0;
/// Without a sign of life for this long nobody is there: what follows is not counted.
const PRESENT_MS: u64 = 10_000;
/// The count is looked after this often while somebody is there.
const WAKE_MS: u64 = 4_000;
/// CSS pixels beyond the deepest position that are reading on.
const READING_PX: i32 = 40;

/// Standing still in checkout: present, moving about or scrolling to and fro with short rests, but for about a minute neither filling a field nor choosing
/// nor going on. Typing, choosing, moving on by key, reading on (the terms are long), fetching a card, leaving the page open, being in another tab, and a frame of
/// the bank's that has the focus are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CheckoutStall {
    in_checkout: bool,
    /// Hidden, or the focus is elsewhere.
    away: bool,
    life_at: u64,
    counted_to: u64,
    deepest: i32,
    stall_ms: Decaying,
    signs: u32,
    since: Option<u64>,
}

impl CheckoutStall {
    fn count(&mut self, now: u64) {
        let until = now.min(self.life_at.saturating_add(PRESENT_MS));
        let elapsed = until.saturating_sub(self.counted_to);
        if elapsed > 0 && !self.away {
            self.stall_ms.add(now, HALF_LIFE_MS, elapsed as f64);
        }
        self.counted_to = self.counted_to.max(until);
    }

    fn step(&mut self, now: u64) {
        (self.stall_ms, self.signs, self.since) = (Decaying::default(), 0, Some(now));
    }
}

impl Detector for CheckoutStall {
    fn begin_view(&mut self) {
        *self = CheckoutStall::default();
    }

    fn observe(&mut self, signal: &Signal) {
        if let SignalKind::View { page, .. } = signal.kind {
            self.in_checkout = page == PageType::Checkout;
            (self.life_at, self.counted_to, self.since) = (signal.t, signal.t, Some(signal.t));
        }
        if !self.in_checkout {
            return;
        }
        self.count(signal.t);
        match signal.kind {
            SignalKind::Field { .. }
            | SignalKind::Key { .. }
            | SignalKind::Commerce { .. }
            | SignalKind::Variant { .. } => {
                self.step(signal.t);
            }
            SignalKind::Click { zone, press }
                if zone.is_some() || press.on != Pressed::Content || press.by == PressedBy::Unknown =>
            {
                self.step(signal.t);
            }
            SignalKind::Scroll { y, .. } if y > self.deepest.saturating_add(READING_PX) => {
                self.deepest = y;
                self.step(signal.t);
            }
            SignalKind::Visibility { visible } => self.away = !visible,
            SignalKind::Window { focused } => self.away = !focused,
            _ => {}
        }
        if signal.kind.is_sign_of_life() {
            self.life_at = signal.t;
            // The time since the last sign of life that was not counted is not made up for.
            self.counted_to = signal.t;
            self.signs = self.signs.saturating_add(1);
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let stall_ms = self.stall_ms.at(now, HALF_LIFE_MS);
        let signs = [sign(Feature::StallMs, stall_ms, (stall_ms - FREE_MS) / STALL_PER_EVIDENCE_MS)];
        let since = self.since.unwrap_or(now);
        Assessment::new(Some(Zone::Checkout), &signs, confidence(f64::from(self.signs), 10.0), since)
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::StallMs, self.stall_ms.at(now, HALF_LIFE_MS));
    }

    fn wake_at(&self) -> Option<u64> {
        let present_until = self.life_at.saturating_add(PRESENT_MS);
        let counts = self.in_checkout && !self.away && self.counted_to < present_until;
        counts.then(|| present_until.min(self.counted_to.saturating_add(WAKE_MS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, click, field, pointer, view};
    use crate::{FieldAct, FieldClass};

    /// Moving about for `ms`, a movement every three seconds.
    fn moving(from: u64, ms: u64) -> Vec<Signal> {
        (0..ms / 3_000).map(|n| pointer(from + n * 3_000, 300 + n as i32 % 50, 400)).collect()
    }

    fn score(page: PageType, signals: Vec<Signal>) -> f64 {
        peak(CheckoutStall::default(), &[vec![view(0, page, None)], signals].concat())
    }

    #[test]
    fn present_and_without_a_step_is_hesitation() {
        assert!(score(PageType::Checkout, moving(1_000, 90_000)) >= THRESHOLD);
        let to_and_fro = (0..50).map(|n| at(n * 2_000, SignalKind::Scroll { y: (n % 2) as i32 * 300, range: 900 }));
        assert!(score(PageType::Checkout, to_and_fro.collect()) >= THRESHOLD);
    }

    #[test]
    fn the_cart_is_no_checkout() {
        assert_eq!(score(PageType::Cart, moving(1_000, 90_000)), 0.0);
    }

    #[test]
    fn filling_fields_choosing_and_going_on_by_key_are_not() {
        for step in [
            SignalKind::Field { class: FieldClass::Payment, field: 4, act: FieldAct::Edit },
            SignalKind::Key { class: crate::KeyClass::Move },
            click(0, 100, Pressed::Control).kind,
        ] {
            let mut signals = moving(1_000, 240_000);
            signals.extend((0..10).map(|n| at(20_000 + n * 25_000, step)));
            signals.sort_by_key(|signal| signal.t);
            assert_eq!(score(PageType::Checkout, signals), 0.0, "{step:?}");
        }
    }

    #[test]
    fn reading_the_terms_is_not() {
        let reading = (0..60).map(|n| at(n * 4_000, SignalKind::Scroll { y: n as i32 * 120, range: 9_000 }));
        assert_eq!(score(PageType::Checkout, reading.collect()), 0.0);
    }

    #[test]
    fn fetching_the_card_and_leaving_the_page_open_are_not() {
        let fetching =
            [moving(1_000, 12_000), moving(50_000, 9_000), vec![field(60_000, FieldClass::Payment, 4, FieldAct::Edit)]];
        assert_eq!(score(PageType::Checkout, fetching.concat()), 0.0);
        assert_eq!(score(PageType::Checkout, vec![pointer(1_000, 5, 5), pointer(600_000, 9, 9)]), 0.0);
    }

    #[test]
    fn who_is_in_another_tab_or_at_the_banks_frame_does_not_stall() {
        let mut at_the_bank = vec![at(1_000, SignalKind::Window { focused: false })];
        at_the_bank.extend(moving(2_000, 120_000));
        assert_eq!(score(PageType::Checkout, at_the_bank), 0.0);
        let mut hidden = vec![at(1_000, SignalKind::Visibility { visible: false })];
        hidden.push(at(200_000, SignalKind::Visibility { visible: true }));
        assert_eq!(score(PageType::Checkout, hidden), 0.0);
    }

    #[test]
    fn a_step_settles_it_and_silence_lets_it_fade() {
        let mut signals = [vec![view(0, PageType::Checkout, None)], moving(1_000, 90_000)].concat();
        assert!(run(CheckoutStall::default(), &signals).1.assess(900_000).score() < 0.1);
        signals.push(field(92_000, FieldClass::Address, 2, FieldAct::Edit));
        assert_eq!(run(CheckoutStall::default(), &signals).1.assess(92_000).score(), 0.0);
    }
}
