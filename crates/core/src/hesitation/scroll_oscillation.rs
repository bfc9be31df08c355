use waver_schema::Feature;

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Signal, SignalKind};

/// CSS pixels against the last direction that make a reversal: about a line of text four times over, more than a finger's settling, elastic
/// overscroll or a trackpad's bounce.
const REVERSAL_PX: u32 = 100;
/// The first reversal is how everyone goes back to the top; only further ones count.
const FREE_REVERSALS: f64 = 1.0;
const EVIDENCE_PER_REVERSAL: f64 = 0.45;
const HALF_LIFE_MS: f64 = 5_000.0;
/// Browsers take up to about this long to scroll smoothly to where a key, a link or a focused field wants to go.
const CARRIED_MS: u64 = 800;

/// Scrolling up and down the same stretch: at least four changes of direction within about six seconds. Reading on, jumping to the top,
/// slow comparing of two places, paging by key and being carried by links and fields are not; carousels scroll an element and never get here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ScrollOscillation {
    /// 1 down, -1 up, 0 not yet known.
    direction: i32,
    /// The position furthest along `direction`; a reversal is measured from it.
    furthest: Option<i32>,
    reversals: Decaying,
    count: u32,
    since: Option<u64>,
    carried_until: u64,
}

impl Detector for ScrollOscillation {
    fn begin_view(&mut self) {
        *self = ScrollOscillation::default();
    }

    fn observe(&mut self, signal: &Signal) {
        let y = match signal.kind {
            SignalKind::Scroll { y, .. } => y,
            SignalKind::Key { .. } | SignalKind::Click { .. } | SignalKind::Field { .. } => {
                self.carried_until = signal.t.saturating_add(CARRIED_MS);
                return;
            }
            _ => return,
        };
        let carried = signal.t < self.carried_until;
        let Some(furthest) = self.furthest.filter(|_| !carried) else {
            self.furthest = Some(y);
            self.direction = 0;
            return;
        };
        let moved = y.saturating_sub(furthest);
        if self.direction == 0 {
            if moved.unsigned_abs() >= REVERSAL_PX {
                self.direction = moved.signum();
                self.furthest = Some(y);
            }
        } else if moved.signum() == self.direction {
            self.furthest = Some(y);
        } else if moved.unsigned_abs() >= REVERSAL_PX {
            self.direction = -self.direction;
            self.furthest = Some(y);
            self.reversals.add(signal.t, HALF_LIFE_MS, 1.0);
            self.count = self.count.saturating_add(1);
            self.since.get_or_insert(signal.t);
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let reversals = self.reversals.at(now, HALF_LIFE_MS);
        let signs = [sign(Feature::ScrollReversals, reversals, (reversals - FREE_REVERSALS) * EVIDENCE_PER_REVERSAL)];
        Assessment::new(None, &signs, confidence(f64::from(self.count), 2.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::ScrollReversals, self.reversals.at(now, HALF_LIFE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyClass;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::peak;

    fn at(positions: &[(u64, i32)]) -> Vec<Signal> {
        positions.iter().map(|&(t, y)| Signal { t, kind: SignalKind::Scroll { y, range: 4_000 } }).collect()
    }

    #[test]
    fn up_and_down_the_same_stretch_is_hesitation() {
        let swings: Vec<(u64, i32)> = (0..7).map(|n| (n * 700, if n % 2 == 0 { 200 } else { 900 })).collect();
        assert!(peak(ScrollOscillation::default(), &at(&swings)) >= THRESHOLD);
    }

    #[test]
    fn reading_on_and_returning_to_the_top_is_not() {
        let mut path: Vec<(u64, i32)> = (0..60).map(|n| (n * 400, n as i32 * 60)).collect();
        path.push((24_500, 0));
        assert_eq!(peak(ScrollOscillation::default(), &at(&path)), 0.0);
    }

    #[test]
    fn a_trackpads_bounce_is_not() {
        let bounce: Vec<(u64, i32)> = (0..40).map(|n| (n * 50, 500 + (n as i32 % 2) * 60)).collect();
        assert_eq!(peak(ScrollOscillation::default(), &at(&bounce)), 0.0);
    }

    #[test]
    fn paging_by_key_is_not() {
        let press = |t| Signal { t, kind: SignalKind::Key { class: KeyClass::Move } };
        let paging = (0..8).flat_map(|n: u64| {
            let (t, from, to) = if n.is_multiple_of(2) { (n * 700, 200, 900) } else { (n * 700, 900, 200) };
            let glide = at(&[(t + 60, (from + to) / 2), (t + 180, to)]);
            std::iter::once(press(t)).chain(glide)
        });
        assert_eq!(peak(ScrollOscillation::default(), &paging.collect::<Vec<_>>()), 0.0);
    }

    #[test]
    fn slow_comparing_is_not() {
        let slow: Vec<(u64, i32)> = (0..8).map(|n| (n * 9_000, if n % 2 == 0 { 200 } else { 900 })).collect();
        assert!(peak(ScrollOscillation::default(), &at(&slow)) < THRESHOLD);
    }
}
