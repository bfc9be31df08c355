use waver_schema::Feature;

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{PointerType, Signal, SignalKind};

/// CSS pixels against the last direction that make a reversal: more than a button is wide.
const LEG_PX: u32 = 80;
/// Pixels a millisecond from which the way between two reversals is thrown and not aimed: aimed reaches of this length stay below (Fitts's law).
const FAST_PX_PER_MS: f64 = 0.8;
/// So many are gestures: a hand that looks for its pointer, or waves it out of the way.
const FREE_REVERSALS: f64 = 4.0;
const EVIDENCE_PER_REVERSAL: f64 = 0.35;
const HALF_LIFE_MS: f64 = 1_500.0;
/// A pointer that rested this long is shaken to find it, ...
const LOST_MS: u64 = 2_000;
/// ... and for no longer than this.
const FINDING_MS: u64 = 1_000;

/// A pointer thrown to and fro, or in circles, for a second or two: some seven fast reversals of more than 80 px along one axis, closely together
/// (FullStory calls it a thrashed cursor and says no more). Reading along lines, going from one thing to another, comparing two places, turning a picture slowly, and
/// shaking the pointer to find it are not. Fingers do not hover.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ThrashedCursor {
    axes: [Axis; 2],
    moved_at: Option<u64>,
    /// Reversals before this are a hand's that looks for its pointer.
    found_at: u64,
    count: u32,
    since: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Axis {
    /// 1 or -1; 0 not yet known.
    direction: i32,
    /// The position furthest along `direction`, and when it was reached; where the way began, and when.
    furthest: (i32, u64),
    began: (i32, u64),
    reversals: Decaying,
}

impl Axis {
    /// Takes a position in and says whether it ends a fast way by a reversal.
    fn reverses(&mut self, position: i32, t: u64) -> bool {
        let moved = position.saturating_sub(self.furthest.0);
        if self.direction == 0 {
            if moved.unsigned_abs() >= LEG_PX {
                (self.direction, self.furthest) = (moved.signum(), (position, t));
            }
            return false;
        }
        if moved.signum() == self.direction || moved == 0 {
            self.furthest = (position, t);
            return false;
        }
        if moved.unsigned_abs() < LEG_PX {
            return false;
        }
        let (length, ms) =
            (self.furthest.0.abs_diff(self.began.0), self.furthest.1.saturating_sub(self.began.1).max(1));
        let is_fast = f64::from(length) >= FAST_PX_PER_MS * ms as f64 && length >= LEG_PX;
        (self.began, self.furthest, self.direction) = (self.furthest, (position, t), -self.direction);
        is_fast
    }

    fn start(&mut self, position: i32, t: u64) {
        (self.direction, self.furthest, self.began) = (0, (position, t), (position, t));
    }
}

impl ThrashedCursor {
    /// The axis with more of them: a slanted throw reverses both.
    fn reversals(&self, now: u64) -> f64 {
        self.axes.iter().map(|axis| axis.reversals.at(now, HALF_LIFE_MS)).fold(0.0, f64::max)
    }
}

impl Detector for ThrashedCursor {
    fn begin_view(&mut self) {
        *self = ThrashedCursor::default();
    }

    fn observe(&mut self, signal: &Signal) {
        let SignalKind::Pointer { x, y, pointer: PointerType::Mouse } = signal.kind else { return };
        let t = signal.t;
        let rested = self.moved_at.is_none_or(|moved| t.saturating_sub(moved) >= LOST_MS);
        self.moved_at = Some(t);
        if rested {
            self.found_at = t.saturating_add(FINDING_MS);
        }
        let found = t >= self.found_at;
        for (axis, position) in self.axes.iter_mut().zip([x, y]) {
            if rested {
                axis.start(position, t);
            } else if axis.reverses(position, t) && found {
                axis.reversals.add(t, HALF_LIFE_MS, 1.0);
                self.count = self.count.saturating_add(1);
                if self.since.is_none_or(|since| t.saturating_sub(since) > 10 * FINDING_MS) {
                    self.since = Some(t);
                }
            }
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let reversals = self.reversals(now);
        let signs = [sign(Feature::CursorReversals, reversals, (reversals - FREE_REVERSALS) * EVIDENCE_PER_REVERSAL)];
        Assessment::new(None, &signs, confidence(f64::from(self.count), 8.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::CursorReversals, self.reversals(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, pointer};

    /// The pointer's place `t` milliseconds into a movement, sampled every `sample_ms` after half a second of ordinary moving.
    fn moving(ms: u64, sample_ms: u64, place: impl Fn(f64) -> (f64, f64)) -> Vec<Signal> {
        let before = (0..20).map(|n| pointer(n * 60, 300 + n as i32 * 3, 400));
        let after = (0..ms / sample_ms).map(|n| {
            let (x, y) = place((n * sample_ms) as f64);
            pointer(1_200 + n * sample_ms, x as i32, y as i32)
        });
        before.chain(after).collect()
    }

    fn swing(hertz: f64, px: f64) -> impl Fn(f64) -> (f64, f64) {
        move |t| (360.0 + px * libm::sin(t / 1_000.0 * hertz * std::f64::consts::TAU), 400.0)
    }

    #[test]
    fn shaking_and_circling_are_frustration_at_every_rate_of_samples() {
        for sample_ms in [16, 33, 66] {
            assert!(
                peak(ThrashedCursor::default(), &moving(3_500, sample_ms, swing(4.0, 200.0))) >= THRESHOLD,
                "{sample_ms}"
            );
            let circle = |t: f64| {
                let angle = t / 1_000.0 * 4.0 * std::f64::consts::TAU;
                (400.0 + 180.0 * libm::cos(angle), 400.0 + 180.0 * libm::sin(angle))
            };
            assert!(peak(ThrashedCursor::default(), &moving(3_500, sample_ms, circle)) >= THRESHOLD, "{sample_ms}");
        }
        assert!(peak(ThrashedCursor::default(), &moving(4_000, 110, swing(3.0, 260.0))) >= THRESHOLD);
    }

    #[test]
    fn reading_along_lines_and_comparing_two_places_are_not() {
        assert_eq!(peak(ThrashedCursor::default(), &moving(30_000, 30, swing(0.4, 250.0))), 0.0);
        assert_eq!(peak(ThrashedCursor::default(), &moving(30_000, 30, swing(0.8, 150.0))), 0.0);
    }

    #[test]
    fn a_tremor_a_menu_and_a_slow_turn_are_not() {
        assert_eq!(peak(ThrashedCursor::default(), &moving(10_000, 16, swing(9.0, 30.0))), 0.0);
        let menu = |t: f64| (300.0 + f64::from((t / 700.0) as u32 % 5) * 120.0, 60.0);
        assert!(peak(ThrashedCursor::default(), &moving(10_000, 16, menu)) < THRESHOLD);
    }

    #[test]
    fn shaking_the_pointer_to_find_it_is_not() {
        let mut signals = vec![pointer(0, 400, 400)];
        let shake = swing(5.0, 200.0);
        signals.extend((0..60).map(|n| pointer(9_000 + n * 20, shake(n as f64 * 20.0).0 as i32, 400)));
        assert_eq!(peak(ThrashedCursor::default(), &signals), 0.0);
    }

    #[test]
    fn a_finger_is_not_and_it_fades() {
        let by_finger: Vec<Signal> = moving(4_000, 16, swing(4.0, 200.0))
            .into_iter()
            .map(|signal| match signal.kind {
                SignalKind::Pointer { x, y, .. } => {
                    at(signal.t, SignalKind::Pointer { x, y, pointer: PointerType::Touch })
                }
                _ => signal,
            })
            .collect();
        assert_eq!(peak(ThrashedCursor::default(), &by_finger), 0.0);
        let (_, detector) = run(ThrashedCursor::default(), &moving(4_000, 16, swing(4.0, 200.0)));
        assert!(detector.assess(30_000).score() < 0.01);
    }
}
