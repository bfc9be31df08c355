use waver_schema::Feature;

use super::{Assessment, Detector};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Edge, PointerType, Signal, SignalKind};

/// How far back the speed of leaving is measured.
const SPEED_SPAN_MS: u64 = 200;
/// Upward pixels a millisecond below which a pointer drifts out and does not leave.
const DRIFT_PX_PER_MS: f64 = 0.2;
/// Evidence per pixel a millisecond of upward speed; a hand going for the tab bar moves at one to three.
const EVIDENCE_PER_SPEED: f64 = 0.8;
/// Evidence of leaving over the top at all.
const EVIDENCE_OF_LEAVING: f64 = 0.35;
/// A fast departure counts up to here.
const SPEED_CAP_PX_PER_MS: f64 = 2.0;
/// Whoever leaves sooner than this was not on the page yet; evidence grows with the time on the view up to here.
const SETTLED_MS: f64 = 3_000.0;
const HALF_LIFE_MS: f64 = 4_000.0;

/// Leaving the window over its top, where tabs, address bar and back button are, at the speed of someone who means it. Leaving over another
/// edge, drifting out slowly, and leaving right after the page came up are not. Touch has no pointer to leave; its signs come with their own sensors.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ExitIntent {
    view_began: u64,
    trail: Trail,
    exits: Decaying,
    speed: f64,
    view_ms: f64,
    count: u32,
    since: Option<u64>,
}

/// The last few vertical positions: enough for [`SPEED_SPAN_MS`] at one sample each 30 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Trail {
    samples: [(u64, i32); 8],
    len: usize,
}

impl Trail {
    fn push(&mut self, t: u64, y: i32) {
        self.samples.rotate_right(1);
        self.samples[0] = (t, y);
        self.len = (self.len + 1).min(self.samples.len());
    }

    /// Upward speed at `now` in pixels a millisecond, over the samples of the last [`SPEED_SPAN_MS`]; 0 when there are fewer than two.
    fn upward_speed(&self, now: u64) -> f64 {
        let recent = &self.samples[..self.len];
        let Some(&(newest_t, newest_y)) = recent.first() else { return 0.0 };
        let oldest = recent.iter().rev().find(|(t, _)| now.saturating_sub(*t) <= SPEED_SPAN_MS);
        match oldest {
            Some(&(t, y)) if newest_t > t => f64::from(y.saturating_sub(newest_y)) / (newest_t - t) as f64,
            _ => 0.0,
        }
    }
}

impl Detector for ExitIntent {
    fn observe(&mut self, signal: &Signal) {
        match signal.kind {
            SignalKind::View { .. } => self.view_began = signal.t,
            SignalKind::Pointer { y, pointer: PointerType::Mouse, .. } => self.trail.push(signal.t, y),
            SignalKind::PointerExit { edge: Edge::Top } => {
                let speed = self.trail.upward_speed(signal.t);
                self.trail = Trail::default();
                if speed < DRIFT_PX_PER_MS {
                    return;
                }
                self.speed = speed;
                self.view_ms = signal.t.saturating_sub(self.view_began) as f64;
                let settled = (self.view_ms / SETTLED_MS).min(1.0);
                let amount = EVIDENCE_OF_LEAVING + EVIDENCE_PER_SPEED * speed.min(SPEED_CAP_PX_PER_MS);
                self.exits.add(signal.t, HALF_LIFE_MS, settled * amount);
                self.count = self.count.saturating_add(1);
                self.since = Some(signal.t);
            }
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        Assessment {
            zone: None,
            evidence: vec![(Feature::ExitSpeed, self.exits.at(now, HALF_LIFE_MS))],
            confidence: confidence(f64::from(self.count), 1.0),
            since: self.since.unwrap_or(now),
        }
    }

    fn measure(&self, _now: u64, features: &mut FeatureVector) {
        features.set(Feature::ExitSpeed, self.speed);
        features.set(Feature::ViewMs, self.view_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hesitation::THRESHOLD;
    use crate::hesitation::tests::peak;

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
}
