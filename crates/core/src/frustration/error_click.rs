use waver_schema::{Feature, Zone};

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Signal, SignalKind};

/// An error this soon after a click is put down to it. (Datadog and FullStory tell errors that follow from a click; most scripts answer at once, the rest after one
/// request.)
const FOLLOWS_MS: u64 = 1_000;
const EVIDENCE_PER_CLICK: f64 = 1.0;
const HALF_LIFE_MS: f64 = 30_000.0;
/// How long errors without a click count against those with one.
const NOISE_HALF_LIFE_MS: f64 = 60_000.0;

/// A click, by whatever means, that an uncaught error of a script follows within a second. On pages that throw errors all the time one
/// of these says nothing, so each error without a click makes the next one with a click count for less: of a mean of `n` such errors about a minute, `1 / (1 + n)`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ErrorClick {
    clicked: Option<(u64, Option<Zone>)>,
    noise: Decaying,
    errors: Decaying,
    zone: Option<Zone>,
    count: u32,
    since: Option<u64>,
}

impl Detector for ErrorClick {
    fn begin_view(&mut self) {
        *self = ErrorClick::default();
    }

    fn observe(&mut self, signal: &Signal) {
        match signal.kind {
            SignalKind::Click { zone, .. } => self.clicked = Some((signal.t, zone)),
            SignalKind::ScriptError => {
                let clicked = self.clicked.take().filter(|(t, _)| signal.t.saturating_sub(*t) <= FOLLOWS_MS);
                let Some((t, zone)) = clicked else {
                    self.noise.add(signal.t, NOISE_HALF_LIFE_MS, 1.0);
                    return;
                };
                let weight = 1.0 / (1.0 + self.noise.at(signal.t, NOISE_HALF_LIFE_MS));
                self.errors.add(signal.t, HALF_LIFE_MS, weight);
                (self.zone, self.since) = (zone, Some(t));
                self.count = self.count.saturating_add(1);
            }
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let errors = self.errors.at(now, HALF_LIFE_MS);
        let signs = [sign(Feature::ErrorClicks, errors, errors * EVIDENCE_PER_CLICK)];
        Assessment::new(self.zone, &signs, confidence(f64::from(self.count), 1.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::ErrorClicks, self.errors.at(now, HALF_LIFE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pressed;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, click};

    fn error(t: u64) -> Signal {
        at(t, SignalKind::ScriptError)
    }

    #[test]
    fn a_click_that_throws_is_an_error_click() {
        let signals = [click(5_000, 9, Pressed::Control), error(5_003)];
        let (peak, detector) = run(ErrorClick::default(), &signals);
        assert!(peak >= THRESHOLD && detector.assess(200_000).score() < 0.1);
    }

    #[test]
    fn errors_without_a_click_are_not() {
        let signals: Vec<Signal> = (0..30).map(|n| error(n * 700)).collect();
        assert_eq!(peak(ErrorClick::default(), &signals), 0.0);
        assert_eq!(peak(ErrorClick::default(), &[click(0, 9, Pressed::Control), error(1_500)]), 0.0);
    }

    #[test]
    fn a_click_amid_errors_is_not() {
        let mut signals: Vec<Signal> = (0..30).map(|n| error(n * 700)).collect();
        signals.push(click(21_000, 9, Pressed::Control));
        signals.push(error(21_100));
        assert!(peak(ErrorClick::default(), &signals) < THRESHOLD);
    }

    #[test]
    fn one_click_is_to_blame_for_one_error() {
        let one = run(ErrorClick::default(), &[click(0, 9, Pressed::Control), error(1)]).1;
        let many = [&[click(0, 9, Pressed::Control), error(1)], &[error(2), error(3), error(4)][..]].concat();
        assert_eq!(run(ErrorClick::default(), &many).1.assess(1).score(), one.assess(1).score());
    }
}
