use super::hover::Manner;
use crate::evidence::Decaying;
use crate::path::{self, Reach};
use crate::{PointerType, Signal, SignalKind};

/// Milliseconds between two looks at a reach: it changes slowly, and looking takes longer than counting.
const LOOK_MS: u64 = 100;

/// Changes of mind in reaches that come to a zone: towards it, after the pointer had made for something else, or past it to something else. Each
/// reach is one at most. A reach that only begins there, a straight one, a nudge and a search are none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Turns {
    manner: &'static Manner,
    reach: Reach,
    /// The zone was entered in this reach.
    came: bool,
    counted: bool,
    looked_at: u64,
    turns: Decaying,
}

impl Turns {
    pub(super) fn new(manner: &'static Manner) -> Turns {
        let (reach, turns) = (Reach::default(), Decaying::default());
        Turns { manner, reach, came: false, counted: false, looked_at: 0, turns }
    }

    pub(super) fn observe(&mut self, signal: &Signal) {
        match signal.kind {
            SignalKind::Pointer { x, y, pointer: PointerType::Mouse } => {
                self.reach.moved(signal.t, x, y);
                if !self.reach.goes_on() {
                    (self.came, self.counted) = (false, false);
                }
            }
            SignalKind::ZoneEnter { zone, pointer: PointerType::Mouse } if self.manner.zones.contains(&zone) => {
                self.came = self.reach.goes_on();
            }
            _ => {}
        }
        let ends = matches!(
            signal.kind,
            SignalKind::Click { .. } | SignalKind::PointerExit { .. } | SignalKind::Visibility { visible: false }
        );
        if self.came && !self.counted && (ends || signal.t.saturating_sub(self.looked_at) >= LOOK_MS) {
            self.looked_at = signal.t;
            let turned = self.reach.shape(signal.t).is_some_and(|shape| path::turned(&shape));
            if turned {
                self.counted = true;
                self.turns.add(signal.t, self.manner.return_half_life_ms, 1.0);
            }
        }
        if ends {
            self.reach.end();
            (self.came, self.counted) = (false, false);
        }
    }

    /// Changes of mind, decaying.
    pub(super) fn count(&self, now: u64) -> f64 {
        self.turns.at(now, self.manner.return_half_life_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::tests::{STRAIGHT, TURNED, way};
    use waver_schema::Zone;

    const MANNER: Manner =
        Manner { zones: &[Zone::Cta], settle_ms: 0.0, dwell_half_life_ms: 8_000.0, return_half_life_ms: 12_000.0 };

    /// A way through `stops` as signals; the zone is entered `enters` samples before the end.
    fn signals(stops: &[(f64, f64)], enters: usize) -> Vec<Signal> {
        let samples = way(stops, 500, 16);
        let enter = samples.len() - enters;
        let mut signals = Vec::new();
        for (place, &(t, x, y)) in samples.iter().enumerate() {
            signals.push(Signal { t, kind: SignalKind::Pointer { x, y, pointer: PointerType::Mouse } });
            if place == enter {
                signals
                    .push(Signal { t, kind: SignalKind::ZoneEnter { zone: Zone::Cta, pointer: PointerType::Mouse } });
            }
        }
        let last = signals[signals.len() - 1].t;
        signals.extend((1..5).map(|n| Signal { t: last + n * 250, kind: SignalKind::Tick }));
        signals
    }

    /// How many changes of mind were ever counted at once.
    fn most(signals: &[Signal]) -> f64 {
        let mut turns = Turns::new(&MANNER);
        signals.iter().fold(0.0, |most, signal| {
            turns.observe(signal);
            f64::max(most, turns.count(signal.t))
        })
    }

    /// To something at the top left, and from there to the button.
    const BACK: [(f64, f64); 3] = [(500.0, 700.0), (150.0, 150.0), (650.0, 250.0)];

    #[test]
    fn turning_to_the_button_half_way_is_one_change_of_mind() {
        assert_eq!(most(&signals(&BACK, 8)), 1.0);
    }

    #[test]
    fn turning_away_from_the_button_is_one_too() {
        // Entered at the end of the first leg, left again on the second.
        assert_eq!(most(&signals(&TURNED, 36)), 1.0);
    }

    #[test]
    fn a_straight_reach_is_none() {
        assert_eq!(most(&signals(&STRAIGHT, 8)), 0.0);
    }

    #[test]
    fn a_turn_elsewhere_is_none_of_the_buttons() {
        let mut elsewhere = signals(&BACK, 8);
        elsewhere.retain(|signal| !matches!(signal.kind, SignalKind::ZoneEnter { .. }));
        assert_eq!(most(&elsewhere), 0.0);
    }

    #[test]
    fn a_reach_that_only_begins_at_the_button_is_none() {
        let enter = SignalKind::ZoneEnter { zone: Zone::Cta, pointer: PointerType::Mouse };
        let mut begins = vec![Signal { t: 0, kind: enter }];
        begins.extend(
            signals(&TURNED, 8).into_iter().filter(|signal| !matches!(signal.kind, SignalKind::ZoneEnter { .. })),
        );
        assert_eq!(most(&begins), 0.0);
    }

    #[test]
    fn a_finger_does_not_reach() {
        let mut touched = signals(&BACK, 8);
        for signal in &mut touched {
            if let SignalKind::Pointer { pointer, .. } | SignalKind::ZoneEnter { pointer, .. } = &mut signal.kind {
                *pointer = PointerType::Touch;
            }
        }
        assert_eq!(most(&touched), 0.0);
    }
}
