use super::trail::Trail;
use crate::{Edge, PointerType, Signal, SignalKind};

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
