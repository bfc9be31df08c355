use waver_schema::Zone;

use crate::evidence::Decaying;
use crate::{PointerType, Signal, SignalKind};

/// A pointer at rest this long is parked, not dithering: further rest is not dwell.
const REST_MS: u64 = 1_000;
/// A gap this short between leaving and entering is a pointer crossing a child element's edge, not a return.
const FLICKER_MS: u64 = 150;
/// While the pointer rests over the zone nothing else would tell that time passes.
const WAKE_MS: u64 = 250;

/// What hovering over zones means there.
#[derive(Debug, PartialEq)]
pub(super) struct Manner {
    /// The zones watched.
    pub(super) zones: &'static [Zone],
    /// A return counts once the pointer has stayed this long; less is passing through.
    pub(super) settle_ms: f64,
    pub(super) dwell_half_life_ms: f64,
    pub(super) return_half_life_ms: f64,
}

/// A pointer that moves about over zones, rests there briefly, leaves and comes back. Fingers do not hover.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hover {
    manner: &'static Manner,
    over: Option<Zone>,
    zone: Option<Zone>,
    counted_to: u64,
    moved_at: u64,
    left_at: Option<u64>,
    since: Option<u64>,
    moves: u32,
    /// Milliseconds of this stay, if it is a return that has not been counted yet.
    returning_ms: Option<f64>,
    dwell_ms: Decaying,
    returns: Decaying,
}

impl Hover {
    pub(super) fn new(manner: &'static Manner) -> Hover {
        Hover {
            manner,
            over: None,
            zone: None,
            counted_to: 0,
            moved_at: 0,
            left_at: None,
            since: None,
            moves: 0,
            returning_ms: None,
            dwell_ms: Decaying::default(),
            returns: Decaying::default(),
        }
    }

    /// Forgets what led to a decision; the pointer is still where it is.
    pub(super) fn decide(&mut self, now: u64) {
        let over = self.over;
        *self = Hover { over, zone: over, counted_to: now, moved_at: now, ..Hover::new(self.manner) };
    }

    pub(super) fn observe(&mut self, signal: &Signal) {
        self.count_dwell(signal.t);
        match signal.kind {
            SignalKind::ZoneEnter { zone, pointer: PointerType::Mouse } if self.manner.zones.contains(&zone) => {
                let comes_back = self.left_at.is_some_and(|left| signal.t.saturating_sub(left) >= FLICKER_MS);
                self.returning_ms = comes_back.then_some(0.0);
                self.over = Some(zone);
                self.zone = Some(zone);
                self.counted_to = signal.t;
                self.moved_at = signal.t;
                self.since.get_or_insert(signal.t);
                self.count_return(signal.t, 0.0);
            }
            SignalKind::ZoneLeave { zone } if self.over == Some(zone) => {
                self.over = None;
                self.left_at = Some(signal.t);
            }
            SignalKind::PointerExit { .. } if self.over.take().is_some() => self.left_at = Some(signal.t),
            SignalKind::Pointer { pointer: PointerType::Mouse, .. } if self.over.is_some() => {
                // Dwell was counted up to the end of the rest; time beyond it was parked and is not made up for.
                self.counted_to = signal.t;
                self.moved_at = signal.t;
                self.moves = self.moves.saturating_add(1);
            }
            SignalKind::Visibility { visible: false } => self.over = None,
            _ => {}
        }
    }

    fn count_dwell(&mut self, now: u64) {
        let until = now.min(self.moved_at.saturating_add(REST_MS));
        let elapsed = until.saturating_sub(self.counted_to);
        if self.over.is_some() && elapsed > 0 {
            self.dwell_ms.add(now, self.manner.dwell_half_life_ms, elapsed as f64);
            self.counted_to = until;
            self.count_return(now, elapsed as f64);
        }
    }

    fn count_return(&mut self, now: u64, elapsed_ms: f64) {
        let Some(stayed_ms) = self.returning_ms.map(|stayed_ms| stayed_ms + elapsed_ms) else { return };
        self.returning_ms = (stayed_ms < self.manner.settle_ms).then_some(stayed_ms);
        if self.returning_ms.is_none() {
            self.returns.add(now, self.manner.return_half_life_ms, 1.0);
        }
    }

    /// Milliseconds of moving about, decaying.
    pub(super) fn dwell_ms(&self, now: u64) -> f64 {
        self.dwell_ms.at(now, self.manner.dwell_half_life_ms)
    }

    /// Returns, decaying.
    pub(super) fn returns(&self, now: u64) -> f64 {
        self.returns.at(now, self.manner.return_half_life_ms)
    }

    /// The zone hovered over last.
    pub(super) fn zone(&self) -> Option<Zone> {
        self.zone
    }

    /// Movements over the zones so far.
    pub(super) fn moves(&self) -> f64 {
        f64::from(self.moves)
    }

    /// When the zones were first entered.
    pub(super) fn since(&self) -> Option<u64> {
        self.since
    }

    pub(super) fn wake_at(&self) -> Option<u64> {
        let resting_until = self.moved_at.saturating_add(REST_MS);
        (self.over.is_some() && self.counted_to < resting_until).then(|| self.counted_to.saturating_add(WAKE_MS))
    }
}
