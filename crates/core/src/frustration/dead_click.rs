use waver_schema::{Feature, Zone};

use super::answers::is_answer;
use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Pressed, Signal, SignalKind};

/// How long a page has for an answer, milliseconds. PostHog's dead clicks wait 2.5 s for a change of the document.
pub const DEAD_CLICK_MS: u64 = 2_500;
const EVIDENCE_PER_CLICK: f64 = 1.0;
const HALF_LIFE_MS: f64 = 30_000.0;

/// A click on something that promises to answer, after which nothing changes for two and a half seconds: no change of the document, no view, no scroll, no
/// selection, no focus, no shop event, no other window. Clicks on text, pictures and the ground, with which readers keep their hands busy, on what is
/// there to be pressed again and again, and those that the sensor did not watch, do not count. Nor do movies, switches that are already on, or links that still load:
/// the sensor does not watch these.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DeadClick {
    waiting: Option<(u64, Option<Zone>)>,
    dead: Decaying,
    zone: Option<Zone>,
    count: u32,
    since: Option<u64>,
}

impl DeadClick {
    fn settle(&mut self, now: u64) {
        let Some((clicked, zone)) = self.waiting.filter(|(t, _)| now.saturating_sub(*t) >= DEAD_CLICK_MS) else {
            return;
        };
        self.waiting = None;
        self.zone = zone;
        self.dead.add(clicked.saturating_add(DEAD_CLICK_MS), HALF_LIFE_MS, 1.0);
        self.count = self.count.saturating_add(1);
        self.since = Some(clicked);
    }
}

impl Detector for DeadClick {
    fn begin_view(&mut self) {
        *self = DeadClick::default();
    }

    fn observe(&mut self, signal: &Signal) {
        self.settle(signal.t);
        match signal.kind {
            // A second click while one waits is the same matter: its answer would answer both.
            SignalKind::Click { zone, press } if press.watched && press.on == Pressed::Control => {
                self.waiting.get_or_insert((signal.t, zone));
            }
            _ if is_answer(signal) => self.waiting = None,
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let dead = self.dead.at(now, HALF_LIFE_MS);
        let signs = [sign(Feature::DeadClicks, dead, dead * EVIDENCE_PER_CLICK)];
        Assessment::new(self.zone, &signs, confidence(f64::from(self.count), 1.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::DeadClicks, self.dead.at(now, HALF_LIFE_MS));
    }

    fn wake_at(&self) -> Option<u64> {
        self.waiting.map(|(t, _)| t.saturating_add(DEAD_CLICK_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, click, field, pointer, view};
    use crate::{FieldAct, FieldClass, Press, PressedBy, Selected};
    use waver_schema::PageType;

    fn score(on: Pressed, after: &[Signal]) -> f64 {
        let signals = [&[click(1_000, 40, on)], after, &[at(20_000, SignalKind::Tick)]].concat();
        peak(DeadClick::default(), &signals)
    }

    #[test]
    fn a_button_that_does_nothing_is_a_dead_click() {
        assert!(score(Pressed::Control, &[]) >= THRESHOLD);
        let moves: Vec<Signal> = (0..50).map(|n| pointer(1_100 + n * 60, n as i32, 9)).collect();
        assert!(score(Pressed::Control, &moves) >= THRESHOLD, "moving on is no answer");
        assert!(
            score(Pressed::Control, &[at(3_600, SignalKind::Response)]) >= THRESHOLD,
            "an answer that comes too late"
        );
    }

    #[test]
    fn whatever_the_page_does_is_an_answer() {
        let answers = [
            at(1_080, SignalKind::Response),
            at(3_300, SignalKind::Response),
            view(2_500, PageType::Cart, None),
            at(1_200, SignalKind::Scroll { y: 900, range: 2_000 }),
            at(1_100, SignalKind::Selection { of: Selected::Title }),
            field(1_010, FieldClass::Other, 3, FieldAct::Focus),
            at(1_700, SignalKind::Visibility { visible: false }),
            at(1_300, SignalKind::Window { focused: false }),
        ];
        for answer in answers {
            assert_eq!(score(Pressed::Control, &[answer]), 0.0, "{answer:?}");
        }
    }

    #[test]
    fn text_pictures_fields_and_repeaters_promise_nothing() {
        for on in [Pressed::Content, Pressed::Field, Pressed::Repeater] {
            assert_eq!(score(on, &[]), 0.0, "{on:?}");
        }
    }

    #[test]
    fn what_was_not_watched_is_not_known_to_be_dead() {
        let press = Press { by: PressedBy::Mouse, on: Pressed::Control, ..Press::default() };
        let signals = [at(0, SignalKind::Click { zone: None, press }), at(9_000, SignalKind::Tick)];
        assert_eq!(peak(DeadClick::default(), &signals), 0.0);
    }

    #[test]
    fn it_asks_to_be_called_when_the_time_is_over_and_fades() {
        let (_, waiting) = run(DeadClick::default(), &[click(1_000, 40, Pressed::Control)]);
        assert_eq!(waiting.wake_at(), Some(1_000 + DEAD_CLICK_MS));
        let (peak, dead) = run(waiting, &[at(1_000 + DEAD_CLICK_MS, SignalKind::Tick)]);
        assert!(peak >= THRESHOLD && dead.wake_at().is_none() && dead.assess(200_000).score() < 0.1);
    }
}
