//! The stages between a parsed request and the log, over facts loaded once.
//!
//! `validate -> admit -> pseudonymize -> dedupe -> sessionize -> aggregate`: the handlers have validated, admitted by origin and
//! signal, and pseudonymized; here a [`Group`] admits by consent, and the session's own fold dedupes, sessionizes, and says what it
//! adds to the aggregates. Nothing here waits, reads a clock, or changes the state: a group works on copies of the sessions it
//! touches, and [`Group::finish`] gives what to append and what to apply once that is durable. Replay takes the same way.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use waver_core::consent::Purpose;
use waver_core::decision::Facts;
use waver_core::session::{Change, DecisionRecord, Discard, Outcome};
use waver_schema::{
    Arm, BatchAnswer, ConsentAnswer, Decision, DecisionId, DecisionReason, DecisionRequest, ErrorCode, Rejected,
};
use waver_store::{Pseudonym, Record};

use crate::dead_letter::DeadLetter;
use crate::entry::{BatchEntry, ConsentEntry, DecisionEntry, Entry};
use crate::outcome::{DiscardReason, Outcomes};
use crate::site::{SiteIndex, Sites};
use crate::state::{Session, State, Update};

/// Bytes of a group, beyond which it is committed as it is. Leaves room for the largest record within the log's own limit.
const ENOUGH_BYTES: usize = waver_store::GROUP_BYTES / 2;
/// Most bytes of a record beside its payload.
const ENVELOPE_BYTES: usize = 128;

/// Where a command comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) site: SiteIndex,
    pub(crate) pseudonym: Pseudonym,
    /// When it was received, Unix milliseconds of the collector's clock.
    pub(crate) received_at: u64,
}

/// A batch as its handler read it.
#[derive(Debug, Clone)]
pub(crate) struct ReadBatch {
    pub(crate) entry: BatchEntry,
    /// For each readable event, its index in the batch.
    pub(crate) indexes: Vec<u32>,
    /// The events that could not be read.
    pub(crate) rejected: Vec<Rejected>,
    /// What is kept of some of them.
    pub(crate) dead: Vec<DeadLetter>,
}

/// Commands that are committed together.
pub(crate) struct Group<'a> {
    state: &'a State,
    sites: &'a Sites,
    sessions: HashMap<Pseudonym, Session>,
    new_sessions: usize,
    changes: Vec<(SiteIndex, Vec<Change>)>,
    outcomes: Vec<(SiteIndex, Outcomes)>,
    records: Vec<Record>,
    bytes: usize,
}

impl<'a> Group<'a> {
    pub(crate) fn new(state: &'a State, sites: &'a Sites) -> Group<'a> {
        Group {
            state,
            sites,
            sessions: HashMap::new(),
            new_sessions: 0,
            changes: Vec::new(),
            outcomes: Vec::new(),
            records: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether it should be committed before it takes more.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= ENOUGH_BYTES
    }

    /// Whether a consent record of `pseudonym` would begin a session that there is no room for.
    pub(crate) fn lacks_room_for(&self, pseudonym: Pseudonym) -> bool {
        !self.knows(pseudonym) && self.state.lacks_room_for(self.new_sessions + 1)
    }

    /// A grant or withdrawal.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] if it would begin a session that there is no room for.
    pub(crate) fn consent(&mut self, from: Sender, entry: ConsentEntry) -> Result<ConsentAnswer, ErrorCode> {
        if !entry.is_grant() && !self.knows(from.pseudonym) {
            // Who never granted anything here has nothing to withdraw, and leaves nothing behind.
            let ConsentEntry { measure, personalize, .. } = entry;
            return Ok(ConsentAnswer { consent_epoch: 0, measure, personalize });
        }
        if self.lacks_room_for(from.pseudonym) {
            return Err(ErrorCode::Unavailable);
        }
        let answer = self.fold_consent(from, &entry);
        self.record(from, &Entry::Consent(entry))?;
        Ok(answer)
    }

    /// A batch.
    ///
    /// # Errors
    /// [`ErrorCode::Consent`] without an open grant under its epoch: all of it is discarded.
    pub(crate) fn batch(&mut self, from: Sender, batch: ReadBatch) -> Result<BatchAnswer, ErrorCode> {
        let ReadBatch { entry, indexes, mut rejected, dead: _ } = batch;
        let admitted = self
            .session(from.pseudonym)
            .is_some_and(|session| session.state.admits(entry.consent_epoch, Purpose::Measure));
        if !admitted {
            let mut outcomes = Outcomes::default();
            let consent = DiscardReason::Session(Discard::Consent);
            outcomes.discard(entry.events.len() as u64 + u64::from(entry.unreadable), consent);
            self.outcomes.push((from.site, outcomes));
            return Err(ErrorCode::Consent);
        }
        let (outcomes, changed) = self.fold_batch(from, &entry);
        let mut answer = BatchAnswer::default();
        for (outcome, index) in outcomes.into_iter().zip(indexes) {
            match outcome {
                Outcome::Stored => answer.accepted += 1,
                Outcome::Duplicate => answer.duplicate += 1,
                Outcome::Discarded(discard) => {
                    rejected.push(Rejected { index, code: discard.as_str().to_owned() });
                }
            }
        }
        rejected.sort_by_key(|rejected| rejected.index);
        answer.rejected = rejected;
        // What changed nothing needs no place in the log: the log gives the same state without it.
        if changed {
            self.record(from, &Entry::Batch(entry))?;
        }
        Ok(answer)
    }

    /// A request for a decision; `id` names it if it is a new one.
    ///
    /// # Errors
    /// [`ErrorCode::Consent`] without an open grant to personalise under its epoch.
    pub(crate) fn decide(
        &mut self,
        from: Sender,
        request: &DecisionRequest,
        id: DecisionId,
    ) -> Result<Decision, ErrorCode> {
        let policy = self.sites.get(from.site).policy();
        let session = self.session(from.pseudonym).ok_or(ErrorCode::Consent)?;
        if !session.state.admits(request.consent_epoch, Purpose::Personalize) {
            return Err(ErrorCode::Consent);
        }
        if let Some(standing) = standing_offer(session, &policy, request, from.received_at) {
            return Ok(standing);
        }
        let facts = Facts {
            personalize: true,
            slot: request.slot.clone(),
            page: request.page,
            features: request.features.clone(),
            cart: request.cart,
            history: session.state.history(),
            lot: from.pseudonym.lot(),
        };
        let (verdict, failures) = policy.decide(&facts, session.state.session_ms(from.received_at));
        for failure in failures {
            tracing::warn!(offer = failure.offer.as_str(), "a rule failed: {}", failure.message);
        }
        let text = |index| policy.offer(index, request.locale.as_ref(), from.received_at);
        let offer = verdict.offer.and_then(text);
        let counted = offer.clone().or_else(|| verdict.counterfactual.and_then(text));
        let record = DecisionRecord {
            decision: id,
            slot: request.slot.clone(),
            arm: verdict.arm,
            reason: verdict.reason,
            offer: counted.as_ref().map(|offer| offer.id.clone()),
            at: from.received_at,
            expires_at: counted.as_ref().map_or(0, |offer| offer.expires_at),
        };
        let entry = DecisionEntry::new(record, request, policy.version(), verdict.propensity);
        let version = policy.version().to_owned();
        self.fold_decision(from, &entry);
        self.record(from, &Entry::Decision(entry))?;
        Ok(Decision {
            decision: Some(id),
            slot: request.slot.clone(),
            offer,
            reason: verdict.reason,
            arm: verdict.arm,
            propensity: verdict.propensity,
            holdout: verdict.holdout,
            policy: version,
            model: waver_core::intent::MODEL.to_owned(),
            explain: verdict.explain,
        })
    }

    /// An entry that is in the log already.
    pub(crate) fn replay(&mut self, from: Sender, entry: &Entry) {
        match entry {
            Entry::Consent(consent) => {
                self.fold_consent(from, consent);
            }
            Entry::Batch(batch) => {
                self.fold_batch(from, batch);
            }
            Entry::Decision(decision) => self.fold_decision(from, decision),
            Entry::DeadLetter(_) => {}
        }
    }

    /// What to append, and what to apply once it is durable.
    pub(crate) fn finish(self) -> (Vec<Record>, Update) {
        let records = self.records.len() as u64;
        let update = Update { sessions: self.sessions, changes: self.changes, outcomes: self.outcomes, records };
        (self.records, update)
    }

    fn fold_consent(&mut self, from: Sender, entry: &ConsentEntry) -> ConsentAnswer {
        if !self.knows(from.pseudonym) {
            self.new_sessions += 1;
        }
        let begun = || Session::new(from.site, from.received_at);
        let session = match self.sessions.entry(from.pseudonym) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => slot.insert(self.state.session(from.pseudonym).cloned().unwrap_or_else(begun)),
        };
        session.state.record_consent(entry.measure, entry.personalize, from.received_at)
    }

    /// Also tells whether the session is another one now.
    fn fold_batch(&mut self, from: Sender, entry: &BatchEntry) -> (Vec<Outcome>, bool) {
        let Some(session) = self.session_mut(from.pseudonym) else { return (Vec::new(), false) };
        let before = session.state.clone();
        let fold = session.state.fold(entry.consent_epoch, &entry.events, from.received_at);
        let changed = session.state != before;
        let mut outcomes = Outcomes::default();
        outcomes.count(&fold.outcomes);
        outcomes.discard(entry.unreadable.into(), DiscardReason::Schema);
        self.outcomes.push((from.site, outcomes));
        self.changes.push((from.site, fold.changes));
        (fold.outcomes, changed)
    }

    fn fold_decision(&mut self, from: Sender, entry: &DecisionEntry) {
        let Some(session) = self.session_mut(from.pseudonym) else { return };
        if entry.record.arm == Arm::Offer {
            session.remember_propensity(entry.record.decision, entry.propensity);
        }
        let changes = session.state.record_decision(&entry.record);
        self.changes.push((from.site, changes));
    }

    fn knows(&self, pseudonym: Pseudonym) -> bool {
        self.sessions.contains_key(&pseudonym) || self.state.session(pseudonym).is_some()
    }

    fn session(&self, pseudonym: Pseudonym) -> Option<&Session> {
        self.sessions.get(&pseudonym).or_else(|| self.state.session(pseudonym))
    }

    /// The group's own copy.
    fn session_mut(&mut self, pseudonym: Pseudonym) -> Option<&mut Session> {
        match self.sessions.entry(pseudonym) {
            Slot::Occupied(slot) => Some(slot.into_mut()),
            Slot::Vacant(slot) => self.state.session(pseudonym).map(|session| slot.insert(session.clone())),
        }
    }

    fn record(&mut self, from: Sender, entry: &Entry) -> Result<(), ErrorCode> {
        let site = self.sites.get(from.site).key.clone();
        let record = entry.to_record(site, from.pseudonym, from.received_at).map_err(|_| ErrorCode::Internal)?;
        self.bytes += record.payload.len() + ENVELOPE_BYTES;
        self.records.push(record);
        Ok(())
    }
}

/// The offer that stands in the slot already, with the end it had from the first: after a reload or in another tab it is the same.
/// Nothing new is decided, so nothing is logged. The kill switch takes standing offers too.
fn standing_offer(
    session: &Session,
    policy: &waver_policy::Policy,
    request: &DecisionRequest,
    now: u64,
) -> Option<Decision> {
    if policy.kill_switch() {
        return None;
    }
    let trace = session.state.standing_offer(&request.slot, now)?;
    let index = policy.index_of(trace.offer())?;
    let mut offer = policy.offer(index, request.locale.as_ref(), trace.decided_at())?;
    offer.expires_at = trace.expires_at();
    Some(Decision {
        decision: Some(trace.decision()),
        slot: request.slot.clone(),
        offer: Some(offer),
        reason: DecisionReason::TargetingMatch,
        arm: Arm::Offer,
        propensity: session.propensity(trace.decision())?,
        holdout: false,
        policy: policy.version().to_owned(),
        model: waver_core::intent::MODEL.to_owned(),
        explain: Vec::new(),
    })
}
