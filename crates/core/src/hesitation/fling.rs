use super::trail::Trail;
use crate::{Signal, SignalKind};

/// Upward pixels a millisecond from which a scroll is a fling: two phone screens a second. Reading back goes at a third of that.
const FLING_PX_PER_MS: f64 = 1.5;
/// Evidence per pixel a millisecond.
const EVIDENCE_PER_SPEED: f64 = 0.2;
/// A fast fling counts up to here; with its evidence alone the threshold is out of reach.
const SPEED_CAP_PX_PER_MS: f64 = 3.5;
/// Upward pixels of a fling, of one throw or several in a row: more than a shopper scrolls back to read again, and enough to bring up the address bar.
const FLING_PX: i32 = 500;
/// A finger has to have been there this soon before: else a link or a button scrolls.
const FINGER_MS: u64 = 2_500;
/// A pause of the scroll this long ends it; a shorter one is the finger's that takes hold anew.
const PAUSE_MS: u64 = 700;

/// Fast scrolls upwards by a finger.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Flings {
    finger_at: Option<u64>,
    /// Where the present upward run began.
    from: i32,
    /// Whether it has been told.
    told: bool,
    /// Of this run.
    trail: Trail,
    /// The fastest speed of the present run, pixels a millisecond.
    run_speed: f64,
    /// Speed of the last fling.
    pub(super) speed: f64,
}

impl Flings {
    /// Evidence of leaving that `signal` brings, if any: once per fling.
    pub(super) fn observe(&mut self, signal: &Signal) -> Option<f64> {
        let (t, y) = match signal.kind {
            SignalKind::Scroll { y, .. } => (signal.t, y),
            SignalKind::Touch { .. } => {
                self.finger_at = Some(signal.t);
                return None;
            }
            SignalKind::Click { .. } | SignalKind::Key { .. } => {
                // What scrolls now was asked for.
                self.finger_at = None;
                return None;
            }
            _ => return None,
        };
        let goes_on = self.trail.newest().is_some_and(|(then, there)| y <= there && t.saturating_sub(then) <= PAUSE_MS);
        if !goes_on {
            (self.trail, self.from, self.told, self.run_speed) = (Trail::default(), y, false, 0.0);
        }
        self.trail.push(t, y);
        self.run_speed = self.run_speed.max(self.trail.upward_speed(t));
        let by_finger = self.finger_at.is_some_and(|finger| t.saturating_sub(finger) <= FINGER_MS);
        let is_fling = self.from.saturating_sub(y) >= FLING_PX && self.run_speed >= FLING_PX_PER_MS;
        if self.told || !is_fling || !by_finger {
            return None;
        }
        (self.told, self.speed) = (true, self.run_speed);
        Some(self.speed.min(SPEED_CAP_PX_PER_MS) * EVIDENCE_PER_SPEED)
    }
}
