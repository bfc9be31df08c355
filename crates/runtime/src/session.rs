//! A session: 128 random bits made after the grant, what numbers its events, and what of it crosses a page load.

use serde::{Deserialize, Serialize};
use waver_core::Snapshot;
use waver_core::consent::PurposeSet;
use waver_schema::limits::{SESSION_IDLE_MS, SESSION_MAX_MS};
use waver_schema::{SessionId, SlotName};

use crate::queue::Packed;

/// A session under a grant.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// The collector's number of the grant; `None` until it has answered.
    pub(crate) epoch: Option<u32>,
    /// The next free number of an event.
    pub(crate) next_seq: u64,
    /// Where an offer was shown last, and until when it stands there: milliseconds of the session.
    pub(crate) standing: Option<(SlotName, u64)>,
}

impl Session {
    pub(crate) fn new(id: SessionId) -> Session {
        Session { id, epoch: None, next_seq: 1, standing: None }
    }
}

/// What the next page of the same tab needs. It is in sessionStorage only while no page of the tab can be seen, so that no two hold a session.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HandOver {
    pub(crate) id: [u8; 16],
    pub(crate) epoch: Option<u32>,
    /// The grant: measure, personalize.
    pub(crate) granted: (bool, bool),
    pub(crate) next_seq: u64,
    /// An offer that stands, as in [`Session`].
    pub(crate) standing: Option<(SlotName, u64)>,
    /// Milliseconds of the session.
    pub(crate) t: u64,
    /// Milliseconds of the session at the last sign of life.
    pub(crate) last_sign: u64,
    /// Unix milliseconds at `t`.
    pub(crate) wall: u64,
    pub(crate) engine: Snapshot,
    /// What is not known to be stored. Texts, so not among the numbers.
    #[serde(skip)]
    pub(crate) parcels: Vec<Packed>,
}

impl HandOver {
    /// The grant it was made under.
    pub(crate) fn granted_set(&self) -> PurposeSet {
        PurposeSet { measure: self.granted.0, personalize: self.granted.1 }
    }

    /// Milliseconds of the session at `wall`, unless it has ended. A wall clock that was set back adds nothing.
    pub(crate) fn resume_at(&self, wall: u64) -> Option<u64> {
        let t = self.t.saturating_add(wall.saturating_sub(self.wall));
        (!has_ended(t, self.last_sign)).then_some(t)
    }
}

/// Whether a session has ended at `t`, its last sign of life being at `last_sign`.
pub(crate) fn has_ended(t: u64, last_sign: u64) -> bool {
    t.saturating_sub(last_sign) >= SESSION_IDLE_MS || t >= SESSION_MAX_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use waver_core::{Engine, Signal, SignalKind};
    use waver_schema::{CommerceAction, Currency, ItemRef, Zone};

    fn hand_over(engine: &Engine) -> HandOver {
        HandOver {
            id: [7; 16],
            epoch: Some(3),
            granted: (true, false),
            next_seq: 12,
            standing: Some((SlotName::parse("cart").expect("valid"), 90_000)),
            t: 60_000,
            last_sign: 58_000,
            wall: 1_700_000_000_000,
            engine: engine.snapshot(),
            parcels: Vec::new(),
        }
    }

    /// An engine that has seen some of everything.
    fn busy_engine(currency: Option<Currency>) -> Engine {
        let mut engine = Engine::new();
        for (n, action) in CommerceAction::ALL.iter().enumerate() {
            let t = n as u64 * 777;
            let item = Some(ItemRef::from_label(action.as_str()));
            let kind = SignalKind::Commerce {
                action: *action,
                item,
                quantity: 3,
                value_minor: Some(1_999),
                currency,
                order: None,
            };
            engine.observe(&Signal { t, kind });
            engine.observe(&Signal { t: t + 13, kind: SignalKind::click(Some(Zone::Cta)) });
        }
        engine
    }

    #[test]
    fn a_hand_over_is_read_back_bit_by_bit() {
        for engine in [Engine::new(), busy_engine(None), busy_engine(Currency::new("EUR").ok())] {
            let handed = hand_over(&engine);
            let numbers = numbers::write(&handed).expect("only numbers");
            assert_eq!(numbers::read::<HandOver>(&numbers), Some(handed));
            assert_eq!(numbers::read::<HandOver>(&numbers[1..]), None);
        }
    }

    #[test]
    fn a_session_goes_on_where_it_was() {
        let handed = hand_over(&Engine::new());
        assert_eq!(handed.resume_at(handed.wall + 500), Some(60_500));
        assert_eq!(handed.resume_at(handed.wall - 9_000), Some(60_000));
    }

    #[test]
    fn it_ends_by_idleness_and_age() {
        let handed = hand_over(&Engine::new());
        assert_eq!(handed.resume_at(handed.wall + SESSION_IDLE_MS), None);
        let old = HandOver { t: SESSION_MAX_MS - 100, last_sign: SESSION_MAX_MS - 100, ..handed };
        assert_eq!(old.resume_at(old.wall + 200), None);
    }
}
