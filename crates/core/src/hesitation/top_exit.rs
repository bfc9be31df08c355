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

/// A pointer that leaves the window over its top.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TopExit {
    trail: Trail,
    /// Speed of the last exit, pixels a millisecond.
    pub(super) speed: f64,
}

impl TopExit {
    /// Evidence of leaving that `signal` brings, if any.
    pub(super) fn observe(&mut self, signal: &Signal) -> Option<f64> {
        match signal.kind {
            SignalKind::Pointer { y, pointer: PointerType::Mouse, .. } => self.trail.push(signal.t, y),
            SignalKind::PointerExit { edge: Edge::Top } => {
                let speed = std::mem::take(&mut self.trail).upward_speed(signal.t);
                if speed >= DRIFT_PX_PER_MS {
                    self.speed = speed;
                    return Some(EVIDENCE_OF_LEAVING + EVIDENCE_PER_SPEED * speed.min(SPEED_CAP_PX_PER_MS));
                }
            }
            _ => {}
        }
        None
    }
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
