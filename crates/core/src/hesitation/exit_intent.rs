use waver_schema::{DeviceClass, Feature};

use super::fling::Flings;
use super::top_exit::TopExit;
use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Signal, SignalKind};

/// Whoever leaves sooner than this was not on the page yet; evidence grows with the time on the view up to here.
const SETTLED_MS: f64 = 3_000.0;
const EXIT_HALF_LIFE_MS: f64 = 4_000.0;
/// Evidence of the window's losing the focus right after the pointer left over its top: to the address bar, or another window.
const EVIDENCE_OF_BLUR: f64 = 0.3;
/// How soon after.
const BLUR_MS: u64 = 3_000;
/// Evidence of a step back in the history. Alone it is how one browses; a view that it leads to within the shop begins afresh.
const EVIDENCE_PER_BACK: f64 = 0.5;
const BACK_HALF_LIFE_MS: f64 = 8_000.0;
/// Evidence of doing nothing after a fling: who flings up for the menu or the search uses them. Who wants to see the picture again does nothing either, so
/// that the two together do not suffice.
const EVIDENCE_OF_IDLING: f64 = 0.45;
/// How long nothing, from the last touch on.
const IDLE_MS: u64 = 4_000;
/// Evidence of leaving the page out of sight soon after a fling, once it is back.
const EVIDENCE_OF_HIDING: f64 = 0.75;
/// How soon after.
const HIDE_MS: u64 = 5_000;
/// Downward pixels after which the shopper reads on.
const DOWN_PX: i32 = 60;
const TOUCH_HALF_LIFE_MS: f64 = 6_000.0;

/// Going to leave. With a mouse: over the top of the window, where tabs, address bar and back button are, at the speed of someone who means it; drifting
/// out slowly, leaving over another edge, and leaving right after the page came up are not. By touch there is no pointer to leave, so several weaker signs are
/// fused, none of which suffices alone: a fling upwards that brings up the address bar, doing nothing then, a step back, another
/// app right after it. Scrolling up for the menu, a link to the top, one step back, and going from page to page are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ExitIntent {
    view_began: u64,
    by_touch: bool,
    top_exit: TopExit,
    exits: Decaying,
    exited_at: Option<u64>,
    flings: Flings,
    flung: Decaying,
    /// When the last fling was, or the last touch after it, until something was done with the page.
    flung_at: Option<u64>,
    scrolled_to: i32,
    idles: Decaying,
    idle_ms: f64,
    hides: Decaying,
    hidden: bool,
    backs: Decaying,
    view_ms: f64,
    count: u32,
    since: Option<u64>,
}

impl ExitIntent {
    /// How much of the evidence counts so soon after the view began.
    fn settled(&self, now: u64) -> f64 {
        (now.saturating_sub(self.view_began) as f64 / SETTLED_MS).min(1.0)
    }

    fn found(&mut self, now: u64) {
        self.count = self.count.saturating_add(1);
        self.since = Some(now);
        self.view_ms = now.saturating_sub(self.view_began) as f64;
    }

    fn observe_touch(&mut self, signal: &Signal) {
        let now = signal.t;
        let idle_from = self.flung_at.map(|flung| flung.saturating_add(IDLE_MS)).filter(|from| *from <= now);
        if let Some(from) = idle_from.filter(|_| !self.hidden) {
            self.flung_at = None;
            self.idles.add(from, TOUCH_HALF_LIFE_MS, EVIDENCE_OF_IDLING);
            self.idle_ms = IDLE_MS as f64;
            self.found(from);
        }
        match signal.kind {
            SignalKind::Visibility { visible: false } => {
                self.hidden = true;
                self.flung_at = self.flung_at.filter(|flung| now.saturating_sub(*flung) <= HIDE_MS);
            }
            SignalKind::Visibility { visible: true } => {
                self.hidden = false;
                if self.flung_at.take().is_some() {
                    self.hides.add(now, TOUCH_HALF_LIFE_MS, EVIDENCE_OF_HIDING);
                    self.found(now);
                }
            }
            SignalKind::Touch { .. } | SignalKind::Pointer { .. } => {
                // A finger that takes hold again.
                self.flung_at = self.flung_at.map(|_| now);
            }
            SignalKind::Scroll { y, .. } => {
                let goes_down = y > self.scrolled_to.saturating_add(DOWN_PX);
                self.flung_at = self.flung_at.filter(|_| !goes_down);
                self.scrolled_to = if goes_down { y } else { y.min(self.scrolled_to) };
            }
            // The focus goes just before the page is hidden.
            SignalKind::Window { .. } => {}
            _ if signal.kind.is_sign_of_life() => self.flung_at = None,
            _ => {}
        }
        if let Some(amount) = self.flings.observe(signal) {
            // Several throws in a row are one way up, and no more than the strongest of them.
            let more = amount * self.settled(now) - self.flung.at(now, TOUCH_HALF_LIFE_MS);
            self.flung.add(now, TOUCH_HALF_LIFE_MS, more.max(0.0));
            self.flung_at = Some(now);
            if let SignalKind::Scroll { y, .. } = signal.kind {
                self.scrolled_to = y;
            }
            self.found(now);
        }
    }
}

impl Detector for ExitIntent {
    fn begin_view(&mut self) {
        *self = ExitIntent::default();
    }

    fn observe(&mut self, signal: &Signal) {
        let now = signal.t;
        match signal.kind {
            SignalKind::View { device, .. } => (self.view_began, self.by_touch) = (now, device == DeviceClass::Touch),
            SignalKind::Back => {
                self.backs.add(now, BACK_HALF_LIFE_MS, self.settled(now));
                self.found(now);
            }
            SignalKind::Window { focused: false } => {
                let follows = self.exited_at.take().is_some_and(|exited| now.saturating_sub(exited) <= BLUR_MS);
                self.exits.add(now, EXIT_HALF_LIFE_MS, if follows { EVIDENCE_OF_BLUR } else { 0.0 });
            }
            _ => {}
        }
        if let Some(amount) = self.top_exit.observe(signal) {
            self.exits.add(now, EXIT_HALF_LIFE_MS, self.settled(now) * amount);
            self.exited_at = Some(now);
            self.found(now);
        }
        if self.by_touch {
            self.observe_touch(signal);
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let touch = |amount: &Decaying| amount.at(now, TOUCH_HALF_LIFE_MS);
        let backs = self.backs.at(now, BACK_HALF_LIFE_MS);
        let signs = [
            sign(Feature::ExitSpeed, self.top_exit.speed, self.exits.at(now, EXIT_HALF_LIFE_MS)),
            sign(Feature::FlingSpeed, self.flings.speed, touch(&self.flung)),
            sign(Feature::IdleMs, self.idle_ms, touch(&self.idles) + touch(&self.hides)),
            sign(Feature::Backs, backs, backs * EVIDENCE_PER_BACK),
        ];
        Assessment::new(None, &signs, confidence(f64::from(self.count), 1.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::ExitSpeed, self.top_exit.speed);
        features.set(Feature::ViewMs, self.view_ms);
        features.set(Feature::FlingSpeed, self.flings.speed);
        features.set(Feature::Backs, self.backs.at(now, BACK_HALF_LIFE_MS));
        features.set(Feature::IdleMs, self.idle_ms);
    }

    fn wake_at(&self) -> Option<u64> {
        self.flung_at.filter(|_| !self.hidden).map(|flung| flung.saturating_add(IDLE_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, click, touch_view, view};
    use crate::{Edge, PointerType, Pressed};
    use waver_schema::PageType;

    fn leave(at: u64, px_per_ms: f64, edge: Edge) -> Vec<Signal> {
        let mut signals: Vec<Signal> = (0..6)
            .rev()
            .map(|n: u64| Signal {
                t: at - n * 30,
                kind: SignalKind::Pointer {
                    x: 600,
                    y: (n as f64 * 30.0 * px_per_ms) as i32,
                    pointer: PointerType::Mouse,
                },
            })
            .collect();
        signals.push(Signal { t: at + 5, kind: SignalKind::PointerExit { edge } });
        signals
    }

    #[test]
    fn going_for_the_tab_bar_is_leaving() {
        assert!(peak(ExitIntent::default(), &leave(8_000, 1.2, Edge::Top)) >= THRESHOLD);
    }

    #[test]
    fn drifting_out_other_edges_and_first_moments_are_not() {
        assert_eq!(peak(ExitIntent::default(), &leave(8_000, 0.1, Edge::Top)), 0.0);
        assert_eq!(peak(ExitIntent::default(), &leave(8_000, 1.2, Edge::Other)), 0.0);
        assert!(peak(ExitIntent::default(), &leave(600, 1.2, Edge::Top)) < THRESHOLD);
    }

    #[test]
    fn a_pointer_that_rested_before_it_left_was_not_fast() {
        let mut signals = leave(8_000, 1.2, Edge::Top);
        let exit = signals.pop().expect("not empty");
        signals.push(Signal { t: 9_500, ..exit });
        assert_eq!(peak(ExitIntent::default(), &signals), 0.0);
    }

    #[test]
    fn the_address_bar_after_a_slow_exit_is_leaving() {
        let slow = leave(8_000, 0.5, Edge::Top);
        let blur = |t| vec![at(t, SignalKind::Window { focused: false })];
        assert!(peak(ExitIntent::default(), &slow) < THRESHOLD);
        assert!(peak(ExitIntent::default(), &[slow.clone(), blur(8_400)].concat()) >= THRESHOLD);
        assert!(peak(ExitIntent::default(), &[slow, blur(20_000)].concat()) < THRESHOLD);
    }

    /// On a phone, 20 seconds into the view and 3,000 px down: a finger flings the page to its top.
    fn fling(px_per_ms: f64) -> Vec<Signal> {
        let mut signals = vec![touch_view(0, PageType::Product)];
        signals.extend((0..30).map(|n| at(2_000 + n * 500, SignalKind::Scroll { y: n as i32 * 100, range: 5_000 })));
        signals.push(at(19_900, SignalKind::Touch { down: true, x: 200, y: 300 }));
        signals.push(at(20_000, SignalKind::Touch { down: false, x: 200, y: 500 }));
        let mut y = 2_900.0;
        for n in 0.. {
            y = f64::max(y - 16.0 * px_per_ms, 0.0);
            signals.push(at(20_000 + n * 16, SignalKind::Scroll { y: y as i32, range: 5_000 }));
            if y == 0.0 {
                break;
            }
        }
        signals
    }

    fn then(mut signals: Vec<Signal>, after: &[(u64, SignalKind)]) -> f64 {
        let end = signals.last().map_or(0, |signal| signal.t);
        signals.extend(after.iter().map(|&(dt, kind)| at(end + dt, kind)));
        peak(ExitIntent::default(), &signals)
    }

    #[test]
    fn a_fling_to_the_top_and_then_away_or_back_is_leaving() {
        let seen = |visible| SignalKind::Visibility { visible };
        let idle_and_back = [(4_100, SignalKind::Tick), (6_000, SignalKind::Back)];
        assert!(then(fling(2.0), &idle_and_back) >= THRESHOLD);
        assert!(then(fling(3.5), &[(900, seen(false)), (9_000, seen(true))]) >= THRESHOLD);
        let blur = SignalKind::Window { focused: false };
        assert!(then(fling(2.0), &[(899, blur), (900, seen(false)), (3_000, seen(true))]) >= THRESHOLD);
        assert!(then(fling(3.5), &[(900, SignalKind::Back)]) >= THRESHOLD);
    }

    #[test]
    fn a_fling_for_the_menu_or_the_picture_a_slow_scroll_and_one_step_back_are_not() {
        let menu = [(700, click(0, 40, Pressed::Control).kind), (10_000, SignalKind::Tick)];
        assert!(then(fling(3.5), &menu) < THRESHOLD);
        assert!(then(fling(5.0), &[(10_000, SignalKind::Tick)]) < THRESHOLD, "looks at the picture");
        assert_eq!(then(fling(0.8), &[(10_000, SignalKind::Tick)]), 0.0);
        assert!(then(vec![touch_view(0, PageType::Product)], &[(20_000, SignalKind::Back)]) < THRESHOLD);
    }

    #[test]
    fn a_fling_in_two_throws_is_one_and_reading_on_takes_it_back() {
        let seen = |visible| SignalKind::Visibility { visible };
        let finger = |down| SignalKind::Touch { down, x: 200, y: 400 };
        let away = [(900, finger(true)), (960, finger(false)), (1_900, seen(false)), (5_000, seen(true))];
        assert!(then(fling(3.0), &away) >= THRESHOLD);
        let reads_on = [(900, SignalKind::Scroll { y: 90, range: 5_000 }), (1_900, seen(false)), (5_000, seen(true))];
        assert!(then(fling(3.0), &reads_on) < THRESHOLD);
        let (once, mut twice) = (run(ExitIntent::default(), &fling(3.0)).0, fling(3.0));
        let end = twice.last().map_or(0, |signal| signal.t) + 300;
        twice.extend(fling(3.0)[1..].iter().map(|signal| at(end + signal.t, signal.kind)));
        assert!(run(ExitIntent::default(), &twice).0 <= once + 1e-9);
    }

    #[test]
    fn a_link_to_the_top_and_a_fling_with_a_mouse_are_not() {
        let by_link: Vec<Signal> = fling(3.5)
            .into_iter()
            .map(|signal| match signal.kind {
                SignalKind::Touch { .. } => at(signal.t, SignalKind::click(None)),
                _ => signal,
            })
            .collect();
        assert_eq!(then(by_link, &[(10_000, SignalKind::Tick)]), 0.0);
        let mut by_mouse = fling(3.5);
        by_mouse[0] = view(0, PageType::Product, None);
        assert_eq!(then(by_mouse, &[(10_000, SignalKind::Tick)]), 0.0);
    }

    #[test]
    fn going_back_from_page_to_page_is_not() {
        let mut signals = Vec::new();
        for n in 0..6 {
            signals.push(touch_view(n * 5_000, PageType::List));
            signals.push(at(n * 5_000 + 4_500, SignalKind::Back));
        }
        let (peak, _) = run(ExitIntent::default(), &signals);
        assert!(peak < THRESHOLD);
    }
}
