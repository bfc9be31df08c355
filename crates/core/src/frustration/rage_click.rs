use waver_schema::{Feature, Zone};

use super::answers::is_answer;
use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Press, Pressed, PressedBy, Signal, SignalKind};

/// Clicks of one burst come closer together than this (the second of PostHog's and Datadog's definitions) ...
const GAP_MS: u64 = 1_000;
/// ... and within this many pixels of the first (PostHog's 30).
const SPOT_PX: u32 = 30;
/// A page that answers within this long answers at once: beyond it, interaction is rated poor (web.dev, Interaction to Next Paint).
const ANSWER_MS: u64 = 500;
/// So many unanswered clicks make a burst (PostHog's three).
const CLICKS: f64 = 3.0;
/// What a click counts that the sensor could not watch.
const UNWATCHED: f64 = 0.6;
const EVIDENCE_PER_CLICK: f64 = 0.35;
const HALF_LIFE_MS: f64 = 10_000.0;
/// How many clicks of a burst are remembered.
const REMEMBERED: usize = 8;

/// Clicking the same spot again and again because the page does not answer: three clicks within a second of each other that each got no answer in half
/// a second. That they are not answered is what tells them from the look-alikes: steppers, carousels, toggles and galleries answer every
/// click, and selecting a word or paragraph by two or three clicks selects. Things that are there to be pressed repeatedly, fields, and keys do not count either way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RageClick {
    /// Of the present burst, oldest first.
    burst: Vec<Click>,
    /// Unanswered clicks of the present burst whose time is over.
    ignored: f64,
    clicks: Decaying,
    zone: Option<Zone>,
    count: u32,
    since: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Click {
    t: u64,
    x: i32,
    y: i32,
    weight: f64,
}

impl RageClick {
    /// Counts the clicks whose time for an answer is over.
    fn settle(&mut self, now: u64) {
        while let Some(click) = self.burst.first().copied().filter(|click| now.saturating_sub(click.t) >= ANSWER_MS) {
            // The last one stays, as the place of the burst.
            if click.weight > 0.0 {
                let before = self.ignored;
                self.ignored += click.weight;
                let counted = if before >= CLICKS { click.weight } else { self.ignored };
                if self.ignored >= CLICKS {
                    self.clicks.add(click.t.saturating_add(ANSWER_MS), HALF_LIFE_MS, counted);
                    self.count = self.count.saturating_add(1);
                }
            }
            if self.burst.len() == 1 {
                self.burst[0].weight = 0.0;
                break;
            }
            self.burst.remove(0);
        }
    }

    fn click(&mut self, now: u64, zone: Option<Zone>, press: Press) {
        let goes_on = self.burst.last().is_some_and(|last| {
            let near = |a: i32, b: i32| a.abs_diff(b) <= SPOT_PX;
            now.saturating_sub(last.t) <= GAP_MS && near(last.x, press.x) && near(last.y, press.y)
        });
        if !goes_on {
            self.forget();
            self.since = Some(now);
        }
        self.zone = zone;
        // A burst of more clicks within half a second than this is no hand's.
        self.burst.truncate(REMEMBERED - 1);
        self.burst.push(Click { t: now, x: press.x, y: press.y, weight: if press.watched { 1.0 } else { UNWATCHED } });
    }

    fn forget(&mut self) {
        self.burst.clear();
        self.ignored = 0.0;
    }
}

impl Detector for RageClick {
    fn begin_view(&mut self) {
        *self = RageClick::default();
    }

    fn observe(&mut self, signal: &Signal) {
        self.settle(signal.t);
        match signal.kind {
            SignalKind::Click { zone, press } => {
                let by_hand = matches!(press.by, PressedBy::Mouse | PressedBy::Touch);
                let repeats = matches!(press.on, Pressed::Repeater | Pressed::Field) || zone == Some(Zone::Quantity);
                if by_hand && !repeats {
                    self.click(signal.t, zone, press);
                } else {
                    self.forget();
                }
            }
            SignalKind::Selection { .. } => self.forget(),
            _ if is_answer(signal) => {
                for click in &mut self.burst {
                    click.weight = 0.0;
                }
            }
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let clicks = self.clicks.at(now, HALF_LIFE_MS);
        let signs = [sign(Feature::RageClicks, clicks, clicks * EVIDENCE_PER_CLICK)];
        Assessment::new(self.zone, &signs, confidence(f64::from(self.count), 1.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::RageClicks, self.clicks.at(now, HALF_LIFE_MS));
    }

    fn wake_at(&self) -> Option<u64> {
        // Fewer are none, so that most clicks ask for nothing.
        let possible = self.ignored + self.burst.iter().map(|click| click.weight).sum::<f64>();
        let last = self.burst.iter().rev().find(|click| click.weight > 0.0)?;
        (possible >= CLICKS).then(|| last.t.saturating_add(ANSWER_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Selected;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, click};

    fn burst(count: u64, gap_ms: u64) -> Vec<Signal> {
        (0..count).map(|n| click(1_000 + n * gap_ms, 400 + n as i32 % 5, Pressed::Control)).collect()
    }

    fn score(mut signals: Vec<Signal>) -> f64 {
        signals.sort_by_key(|signal| signal.t);
        signals.push(at(30_000, SignalKind::Tick));
        peak(RageClick::default(), &signals)
    }

    /// `signals`, and an answer `after_ms` each click.
    fn answered(signals: Vec<Signal>, after_ms: u64) -> Vec<Signal> {
        let answers: Vec<Signal> = signals.iter().map(|signal| at(signal.t + after_ms, SignalKind::Response)).collect();
        [signals, answers].concat()
    }

    #[test]
    fn three_clicks_on_one_spot_without_an_answer_are_rage() {
        assert!(score(burst(3, 200)) >= THRESHOLD);
        assert!(score(burst(5, 700)) >= THRESHOLD);
    }

    #[test]
    fn an_answer_to_the_first_click_alone_does_not_excuse_the_rest() {
        let mut signals = burst(5, 250);
        signals.push(at(1_040, SignalKind::Response));
        assert!(score(signals) >= THRESHOLD);
    }

    #[test]
    fn carousels_toggles_and_steppers_answer_every_click() {
        for gap_ms in [120, 250, 600] {
            for after_ms in [10, 90, 400] {
                assert_eq!(score(answered(burst(12, gap_ms), after_ms)), 0.0, "{gap_ms} {after_ms}");
            }
        }
    }

    #[test]
    fn what_is_there_to_be_pressed_again_and_keys_are_not() {
        let on = |on: Pressed, by: PressedBy, zone: Option<Zone>| {
            let press = Press { by, x: 9, y: 9, target: 1, on, watched: true };
            score((0..9).map(|n| at(n * 200, SignalKind::Click { zone, press })).collect())
        };
        assert_eq!(on(Pressed::Repeater, PressedBy::Mouse, None), 0.0);
        assert_eq!(on(Pressed::Field, PressedBy::Mouse, None), 0.0);
        assert_eq!(on(Pressed::Control, PressedBy::Keyboard, None), 0.0);
        assert_eq!(on(Pressed::Control, PressedBy::Mouse, Some(Zone::Quantity)), 0.0);
        assert!(on(Pressed::Content, PressedBy::Touch, Some(Zone::Cta)) >= THRESHOLD);
    }

    #[test]
    fn selecting_a_paragraph_by_three_clicks_is_not() {
        let mut signals: Vec<Signal> = (0..3).map(|n| click(1_000 + n * 180, 400, Pressed::Content)).collect();
        signals.push(at(1_400, SignalKind::Selection { of: Selected::Other }));
        assert_eq!(score(signals), 0.0);
    }

    #[test]
    fn slow_clicks_and_clicks_all_over_the_page_are_not() {
        assert_eq!(score(burst(9, 1_300)), 0.0);
        assert_eq!(score((0..9).map(|n| click(n * 200, n as i32 * 90, Pressed::Control)).collect()), 0.0);
        assert_eq!(score(burst(2, 200)), 0.0);
    }

    #[test]
    fn it_takes_more_clicks_where_the_answer_cannot_be_watched() {
        let unwatched = |count| {
            let press = Press { by: PressedBy::Mouse, x: 9, y: 9, ..Press::default() };
            score((0..count).map(|n| at(n * 200, SignalKind::Click { zone: None, press })).collect())
        };
        assert!(unwatched(4) == 0.0 && unwatched(6) >= THRESHOLD);
    }

    #[test]
    fn it_is_told_within_half_a_second_and_fades() {
        let (_, detector) = run(RageClick::default(), &[burst(3, 200), vec![at(1_901, SignalKind::Tick)]].concat());
        assert!(detector.assess(1_901).score() >= THRESHOLD && detector.assess(60_000).score() < 0.1);
    }
}
