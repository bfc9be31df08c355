//! The fold of a session over whatever was decoded, and the windows it adds up to.

use std::fmt::Debug;

use arbitrary::{Result, Unstructured};
use serde::Serialize;
use serde::de::DeserializeOwned;
use waver_core::consent::Purpose;
use waver_core::session::{Client, DecisionRecord, Discard, Measured, OfferState, Outcome, SessionState};
use waver_core::window::Windows;
use waver_schema::{Arm, BrowserFamily, ConsentChoice, DecisionReason, Event, OfferId, TrafficClass};

use crate::values;

pub(crate) fn run(bytes: &[u8]) {
    // The bytes ending in the middle of a value ends the session there.
    let _ = live(&mut Unstructured::new(bytes));
}

fn live(bytes: &mut Unstructured<'_>) -> Result<()> {
    let mut now = 1_800_000_000_000;
    let client = Client { traffic: *bytes.choose(TrafficClass::ALL)?, browser: *bytes.choose(BrowserFamily::ALL)? };
    let mut session = Session { state: SessionState::new(now, client), windows: Windows::new(), stored: 0 };
    while !bytes.is_empty() {
        // The collector's clock never goes back.
        now += u64::from(bytes.arbitrary::<u16>()?) * u64::from(bytes.int_in_range(0..=100_u16)?);
        match bytes.int_in_range(0..=5_u8)? {
            0 => {
                let (measure, personalize) = (*bytes.choose(ConsentChoice::ALL)?, *bytes.choose(ConsentChoice::ALL)?);
                session.consent(measure, personalize, now);
            }
            1 => session.decide(decision(bytes, now)?),
            _ => {
                let mut events = Vec::new();
                for _ in 0..bytes.int_in_range(0..=8_u8)? {
                    events.push(values::event(bytes)?);
                }
                let stale = u32::from(bytes.ratio(1_u8, 16_u8)?);
                session.batch(&events, stale, now);
            }
        }
        assert_eq!(through_postcard(&session.state), session.state);
    }
    assert_eq!(through_postcard(&session.windows), session.windows);
    serde_json::to_vec(&session.state.row("00", now)).expect("a row is JSON");
    Ok(())
}

fn decision(bytes: &mut Unstructured<'_>, now: u64) -> Result<DecisionRecord> {
    let arm = *bytes.choose(Arm::ALL)?;
    let offer = OfferId::parse(bytes.choose(&values::OFFERS)?).expect("a name");
    Ok(DecisionRecord {
        decision: values::decision(bytes)?,
        slot: values::slot(bytes)?,
        arm,
        reason: *bytes.choose(DecisionReason::ALL)?,
        offer: (arm != Arm::Nothing).then_some(offer),
        at: now,
        expires_at: now + u64::from(bytes.arbitrary::<u32>()?),
        trial: None,
    })
}

struct Session {
    state: SessionState,
    windows: Windows,
    /// Events that were said to be stored.
    stored: i64,
}

impl Session {
    fn consent(&mut self, measure: ConsentChoice, personalize: ConsentChoice, now: u64) {
        let before = self.state.consent().consent_epoch;
        let answer = self.state.record_consent(measure, personalize, now);
        assert!(answer.consent_epoch > before && answer == self.state.consent());
        let granted = measure == ConsentChoice::Granted;
        assert_eq!(self.state.admits(answer.consent_epoch, Purpose::Measure), granted);
        assert!(!self.state.admits(before, Purpose::Measure));
    }

    fn decide(&mut self, record: DecisionRecord) {
        let mut restored = through_postcard(&self.state);
        let changes = self.state.record_decision(&record);
        assert_eq!(restored.record_decision(&record), changes);
        assert_eq!(restored, self.state);
        self.windows.fold(&changes);
        for offer in self.state.offers() {
            assert!(offer.state().0 != OfferState::Accepted || offer.state().1 >= self.state.started_at());
        }
    }

    /// Each event has one outcome, what is stored is counted once, and a restored state goes on as the one that was never stored.
    fn batch(&mut self, events: &[Event], stale: u32, now: u64) {
        let epoch = self.state.consent().consent_epoch.wrapping_sub(stale);
        let admitted = self.state.admits(epoch, Purpose::Measure);
        let before = self.state.clone();
        let mut restored = through_postcard(&self.state);

        let fold = self.state.fold(epoch, events, now);
        assert_eq!(fold.outcomes.len(), events.len());
        assert_eq!(restored.fold(epoch, events, now), fold);
        assert_eq!(restored, self.state);
        if !admitted {
            assert!(self.state == before && fold.changes.is_empty());
        }

        let stored = fold.outcomes.iter().filter(|outcome| **outcome == Outcome::Stored).count() as i64;
        // Whoever it turns out to be of, an event is counted once: what one class loses another gains.
        let of_an_event = |what: &Measured| matches!(what, Measured::Event | Measured::AutomatedEvent(_));
        let counted: i64 = fold.changes.iter().filter(|change| of_an_event(&change.what)).map(|change| change.by).sum();
        assert_eq!(stored, counted, "{:?}", fold.outcomes);
        self.stored += stored;
        assert!(self.state.last_event_at() <= now.max(self.state.started_at()));
        assert!(self.state.started_at() <= now && self.state.lost_events() <= 1 << 20);

        // What has arrived is a duplicate now, also what was discarded for what it says. What met a bound meets it again, unless the batch
        // itself has moved the bound.
        let again = self.state.fold(epoch, events, now);
        let outcomes = fold.outcomes.iter().zip(&again.outcomes);
        for (event, (first, second)) in events.iter().zip(outcomes) {
            let only_one = events.iter().filter(|other| other.seq == event.seq).count() == 1;
            let expected = match first {
                Outcome::Discarded(Discard::SessionIdle | Discard::SeqGap) => continue,
                Outcome::Discarded(Discard::UnknownDecision | Discard::OrderLimit) => Outcome::Duplicate,
                Outcome::Discarded(reason) if only_one => Outcome::Discarded(*reason),
                // Another with its number may have arrived instead.
                Outcome::Discarded(_) => continue,
                Outcome::Stored | Outcome::Duplicate => Outcome::Duplicate,
            };
            assert_eq!(*second, expected, "{:?} and then {:?}", fold.outcomes, again.outcomes);
        }
        self.windows.fold(&fold.changes);
        self.windows.fold(&again.changes);
    }
}

fn through_postcard<T: Serialize + DeserializeOwned + Debug>(value: &T) -> T {
    let bytes = postcard::to_allocvec(value).expect("it is of postcard's shapes");
    postcard::from_bytes(&bytes).expect("it was written by us")
}
