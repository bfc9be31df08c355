//! The stages between a parsed request and the log, over facts loaded once.
//!
//! `validate -> admit -> pseudonymize -> dedupe -> sessionize -> aggregate`: the handlers have validated, admitted by origin and
//! signal, and pseudonymized; here a [`Group`] admits by consent, and the session's own fold dedupes, sessionizes, and says what it
//! adds to the aggregates. Nothing here waits, reads a clock, or changes the state: a group works on the rows that were loaded for
//! it, and [`Group::finish`] gives what to append and what to write once that is durable. Replay takes the same way.

use std::collections::{BTreeMap, HashMap};

use waver_core::consent::Purpose;
use waver_core::decision::{Circumstances, Facts, Verdict, seed_of};
use waver_core::experiment::{Assignment, Sums, Trial};
use waver_core::session::{Change, DecisionRecord, Discard, Outcome, SessionState, mark_active, mark_reached};
use waver_policy::Policy;
use waver_schema::{
    Arm, BatchAnswer, Cart, ConsentAnswer, ConsentChoice, Decision, DecisionFeatures, DecisionId, DecisionReason,
    DecisionRequest, ErrorCode, Locale, Offer, OfferId, PageType, PolicyVersion, Rejected, SlotName, TrafficClass,
};
use waver_store::{Commit, Key, Position, Pseudonym, Row, SiteNumber, StoreError, Write};

use crate::dead_letter::{DeadLetter, DeadLetters, KeptLetter, LETTERS_PER_SITE, LetterId};
use crate::entry::{BatchEntry, ConsentEntry, DeadLetterEntry, DecisionEntry, Entry, ErasureEntry, Found, VisitEntry};
use crate::keyring::{EpochNumber, Named, PurposeSet, Readable, SEAL_BYTES, Unsealed, VisitorName};
use crate::learning::Learning;
use crate::outcome::{DiscardReason, Outcomes};
use crate::site::{SiteIndex, Sites};
use crate::state::{self, Session, Stops, Tombstone, Visitor};

mod erase;
mod shop;
mod stop;

pub(crate) use erase::{Erase, Erased};
use shop::HeldShop;
pub(crate) use shop::{
    Decided, DecisionIds, GrantAnswer, GrantDeed, OrderTaken, OrderTold, budgets_key, grant_key, item_key, order_key,
};

/// Bytes of a group, beyond which it is committed as it is. Leaves room for the largest record within the log's own limit: 64 events of at
/// most 520 bytes each, and four dead letters of at most 5 KiB.
const ENOUGH_BYTES: usize = waver_store::GROUP_BYTES - 64 * 1024;
/// Most bytes of a record beside its payload as it is before it is sealed.
const ENVELOPE_BYTES: usize = 128 + SEAL_BYTES;

/// Who may have sent a command. A session id has a pseudonym for each set of purposes and each epoch; which of them is known here, the
/// committer finds out in its turn.
#[derive(Debug, Clone)]
pub(crate) struct Candidates {
    pub(crate) site: SiteIndex,
    /// When it was received, Unix milliseconds of the collector's clock.
    pub(crate) received_at: u64,
    /// The likeliest first.
    pub(crate) names: Vec<Named>,
    /// The browser across sessions, where it is remembered.
    pub(crate) visitor: Option<VisitorName>,
}

impl Candidates {
    /// The rows that a command of any of them may read or write, beside those of dead letters.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let keys = |(_, from): (_, Sender)| [from.key(), from.tombstone_key()];
        let of_visitor = self.of_visitor().map(|(from, _)| [from.visitor_key(), from.tombstone_key()]);
        let of_visitor = of_visitor.into_iter().flatten();
        self.senders()
            .flat_map(keys)
            .chain(of_visitor)
            .chain([Key::Books(self.site.number()), Key::Stops(self.site.number())])
            .collect()
    }

    /// The browser across sessions as a sender, and when its pseudonym ends.
    fn of_visitor(&self) -> Option<(Sender, u64)> {
        let Candidates { site, received_at, .. } = *self;
        let VisitorName { pseudonym, epoch, until } = self.visitor?;
        Some((Sender { site, pseudonym, epoch, received_at }, until))
    }

    fn senders(&self) -> impl Iterator<Item = (Option<PurposeSet>, Sender)> {
        let Candidates { site, received_at, .. } = *self;
        self.names
            .iter()
            .map(move |&Named { pseudonym, epoch, set }| (set, Sender { site, pseudonym, epoch, received_at }))
    }
}

impl Candidates {
    /// Nobody: for what is of a site and of none of its sessions.
    pub(crate) fn nobody(site: SiteIndex, received_at: u64) -> Candidates {
        Sender { site, pseudonym: Pseudonym::from_bytes([0; 16]), epoch: None, received_at }.into()
    }
}

impl From<Sender> for Candidates {
    fn from(from: Sender) -> Candidates {
        let Sender { site, pseudonym, epoch, received_at } = from;
        Candidates { site, received_at, names: vec![Named { pseudonym, epoch, set: None }], visitor: None }
    }
}

/// Where a command comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) site: SiteIndex,
    pub(crate) pseudonym: Pseudonym,
    /// The epoch that the pseudonym is of, where that is known.
    pub(crate) epoch: Option<EpochNumber>,
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

impl Sender {
    fn key(&self) -> Key {
        Key::Session(self.site.number(), self.pseudonym)
    }

    fn tombstone_key(&self) -> Key {
        Key::Tombstone(self.site.number(), self.pseudonym)
    }

    /// Where what is known of it stands, if it is a browser across sessions.
    pub(crate) fn visitor_key(&self) -> Key {
        Key::Visitor(self.site.number(), self.pseudonym)
    }
}

/// Where the ring of a site's dead letters stands.
pub(crate) fn letters_key(site: SiteIndex) -> Key {
    Key::DeadLetters(site.number())
}

/// Every place of that ring.
pub(crate) fn letter_keys(site: SiteIndex) -> impl Iterator<Item = Key> {
    (0..LETTERS_PER_SITE).map(move |place| Key::DeadLetter(site.number(), place))
}

/// A session as a group holds it.
struct Held {
    /// Of the row as it was loaded.
    version: u32,
    session: Option<Session>,
    is_changed: bool,
}

/// A tombstone as a group holds it.
#[derive(Clone, Copy)]
struct HeldTombstone {
    version: u32,
    tombstone: Option<Tombstone>,
    is_changed: bool,
}

/// A browser across sessions as a group holds it.
#[derive(Default)]
struct HeldVisitor {
    version: u32,
    visitor: Option<Visitor>,
    is_changed: bool,
}

/// The stopped offers of a site as a group holds them.
#[derive(Default)]
struct HeldStops {
    version: u32,
    stops: Stops,
    is_changed: bool,
}

/// The books of a site as a group holds them.
struct HeldBooks {
    version: u32,
    outcomes: Outcomes,
    is_changed: bool,
}

/// The dead letters of a site as a group holds them.
#[derive(Default)]
struct HeldLetters {
    /// Of the row that says where the ring stands.
    version: u32,
    ring: DeadLetters,
    is_changed: bool,
    /// Letters that were there, where they were loaded to find one.
    kept: HashMap<LetterId, (u16, Pseudonym)>,
    /// What becomes of places of the ring.
    writes: BTreeMap<u16, Option<NewLetter>>,
}

/// A letter whose id is not complete before the log has said where its record stands.
#[derive(Debug)]
struct NewLetter {
    at: Standing,
    letter: KeptLetter,
}

/// Where a record stands in the log.
#[derive(Debug, Clone, Copy)]
enum Standing {
    /// It is the group's record of this number, and is about to be appended.
    Coming(usize),
    /// It is there already.
    At(u64),
}

/// How much may still be taken in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Sessions that may begin.
    pub(crate) sessions: usize,
    /// Tombstones that may be set.
    pub(crate) tombstones: usize,
    /// Grants, orders and items that may be kept.
    pub(crate) shop_rows: usize,
}

impl Room {
    /// For what is in the log already.
    pub(crate) const ENDLESS: Room = Room { sessions: usize::MAX, tombstones: usize::MAX, shop_rows: usize::MAX };
}

/// Commands that are committed together.
pub(crate) struct Group<'a> {
    sites: &'a Sites,
    sessions: HashMap<Key, Held>,
    tombstones: HashMap<Key, HeldTombstone>,
    visitors: HashMap<Key, HeldVisitor>,
    books: BTreeMap<SiteNumber, HeldBooks>,
    letters: BTreeMap<SiteNumber, HeldLetters>,
    stops: BTreeMap<SiteNumber, HeldStops>,
    /// What was learned of offers; nothing where what is in the log already is folded.
    learning: Option<&'a Learning>,
    shop: HeldShop,
    /// How many sessions may still begin, and how many may still be erased.
    room: Room,
    erased: Vec<Erased>,
    /// No record is dated before the one before it (invariant I10): Unix milliseconds.
    clock: u64,
    changes: Vec<(SiteNumber, Vec<Change>)>,
    settled: Vec<(SiteNumber, Vec<Change>)>,
    trials: Vec<(SiteNumber, Assignment, Sums)>,
    unlogged: Vec<(SiteIndex, Outcomes)>,
    records: Vec<Unsealed>,
    bytes: usize,
}

/// What a group comes to: what to append, and what to do to the state once that is durable.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) records: Vec<Unsealed>,
    pub(crate) writes: Vec<Write>,
    letters: Vec<(Key, NewLetter)>,
    pub(crate) changes: Vec<(SiteNumber, Vec<Change>)>,
    /// What becomes true of erasures only once their records are durable.
    pub(crate) erased: Vec<Erased>,
    settled: Vec<(SiteNumber, Vec<Change>)>,
    trials: Vec<(SiteNumber, Assignment, Sums)>,
    /// Outcomes that the log has no trace of.
    pub(crate) unlogged: Vec<(SiteIndex, Outcomes)>,
    pub(crate) clock: u64,
}

impl Plan {
    /// What it does to the state, as the part `from..upto` of the log; `positions` say where its records stand.
    ///
    /// # Errors
    /// [`StoreError::Write`] for a row that has no form in bytes.
    pub(crate) fn commit(self, from: u64, upto: u64, positions: &[Position]) -> Result<Commit, StoreError> {
        let Plan { mut writes, letters, changes, settled, trials, clock, .. } = self;
        for (key, NewLetter { at, mut letter }) in letters {
            letter.id.offset = match at {
                Standing::At(offset) => offset,
                Standing::Coming(number) => positions.get(number).map_or(from, |position| position.offset),
            };
            // The row that says where the ring stands is guarded by its version, and with it all of the ring.
            writes.push(Write { key, expected: None, bytes: Some(state::write(&letter)?), life: None });
        }
        Ok(Commit { from, upto, clock, writes, changes, settled, trials })
    }
}

impl<'a> Group<'a> {
    /// A group over `rows`, which hold everything under the [`Candidates::keys`] of its commands. `clock` is the time of the state.
    ///
    /// # Errors
    /// [`StoreError::Snapshot`] for a row that cannot be read.
    pub(crate) fn new(
        sites: &'a Sites,
        rows: impl IntoIterator<Item = (Key, Option<Row>)>,
        clock: u64,
        room: Room,
    ) -> Result<Group<'a>, StoreError> {
        let mut group = Group {
            sites,
            sessions: HashMap::new(),
            tombstones: HashMap::new(),
            visitors: HashMap::new(),
            books: BTreeMap::new(),
            letters: BTreeMap::new(),
            stops: BTreeMap::new(),
            learning: None,
            shop: HeldShop::default(),
            room,
            erased: Vec::new(),
            clock,
            changes: Vec::new(),
            settled: Vec::new(),
            trials: Vec::new(),
            unlogged: Vec::new(),
            records: Vec::new(),
            bytes: 0,
        };
        group.take_in(rows)?;
        Ok(group)
    }

    /// Takes in rows: also those that were found to be needed only once others were read.
    ///
    /// # Errors
    /// [`StoreError::Snapshot`] for a row that cannot be read.
    pub(crate) fn take_in(&mut self, rows: impl IntoIterator<Item = (Key, Option<Row>)>) -> Result<(), StoreError> {
        for (key, row) in rows {
            let version = row.as_ref().map_or(0, |row| row.version);
            match key {
                Key::Books(site) => {
                    let outcomes = row.as_ref().map(state::read).transpose()?.unwrap_or_default();
                    self.books.insert(site, HeldBooks { version, outcomes, is_changed: false });
                }
                Key::Stops(site) => {
                    let stops = row.as_ref().map(state::read).transpose()?.unwrap_or_default();
                    self.stops.insert(site, HeldStops { version, stops, is_changed: false });
                }
                Key::DeadLetters(site) => {
                    let held = self.letters.entry(site).or_default();
                    held.version = version;
                    held.ring = row.as_ref().map(state::read).transpose()?.unwrap_or_default();
                }
                Key::DeadLetter(site, place) => {
                    if let Some(row) = &row {
                        let letter: KeptLetter = state::read(row)?;
                        self.letters.entry(site).or_default().kept.insert(letter.id, (place, letter.pseudonym));
                    }
                }
                Key::Tombstone(..) => {
                    let tombstone = row.as_ref().map(state::read).transpose()?;
                    self.tombstones.insert(key, HeldTombstone { version, tombstone, is_changed: false });
                }
                Key::Visitor(..) => {
                    let visitor = row.as_ref().map(state::read).transpose()?;
                    self.visitors.insert(key, HeldVisitor { version, visitor, is_changed: false });
                }
                Key::Session(..) => {
                    let session = row.as_ref().map(Session::from_row).transpose()?;
                    self.sessions.insert(key, Held { version, session, is_changed: false });
                }
                Key::Grant(..) | Key::Budgets(..) | Key::Order(..) | Key::Item(..) => {
                    self.shop.take_in(key, row.as_ref())?;
                }
            }
        }
        Ok(())
    }

    /// The same, deciding by what was learned.
    pub(crate) fn with_learning(self, learning: &'a Learning) -> Group<'a> {
        Group { learning: Some(learning), ..self }
    }

    /// Whether it should be committed before it takes more.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= ENOUGH_BYTES
    }

    /// The same sender, at the time of the group.
    fn dated(&mut self, from: Sender) -> Sender {
        self.clock = self.clock.max(from.received_at);
        Sender { received_at: self.clock, ..from }
    }

    /// The senders that a command may be of, at the time of the group, each with the set of purposes that it is known under.
    fn senders(&mut self, of: &Candidates) -> Vec<(Option<PurposeSet>, Sender)> {
        of.senders().map(|(set, from)| (set, self.dated(from))).collect()
    }

    /// The sender whose session is open to `purpose` under `consent_epoch`.
    fn admitted(&mut self, of: &Candidates, consent_epoch: u32, purpose: Purpose) -> Option<Sender> {
        let admits =
            |from: Sender| self.session(from).is_some_and(|session| session.state.admits(consent_epoch, purpose));
        let senders = of.senders().map(|(_, from)| Sender { received_at: self.clock.max(from.received_at), ..from });
        let admitted = senders.into_iter().find(|from| admits(*from));
        admitted.map(|from| self.dated(from))
    }

    /// A grant or withdrawal. It stands for the whole of the session id: what was open under another set of purposes ends with it, and a
    /// grant is a session of its own for each set.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] if it would begin a session that there is no room for, [`ErrorCode::Erased`] for a grant of a session that was
    /// erased.
    pub(crate) fn consent(&mut self, of: &Candidates, entry: ConsentEntry) -> Result<ConsentAnswer, ErrorCode> {
        let senders = self.senders(of);
        let ConsentEntry { measure, personalize, .. } = entry;
        let Some(granted) = PurposeSet::granted(measure, personalize) else {
            // Who never granted anything here has nothing to withdraw, and leaves nothing behind.
            let mut answer = ConsentAnswer { consent_epoch: 0, measure, personalize, visitor_days: None };
            for (_, from) in senders {
                if self.session(from).is_some() {
                    answer = self.fold_consent(from, &entry);
                    self.record(from, &Entry::Consent(entry.clone()), Readable::default())?;
                }
            }
            return Ok(answer);
        };
        self.expect_not_erased(of)?;
        let of_set = |set: Option<PurposeSet>| set.is_none_or(|set| set == granted);
        let mut named = senders.iter().filter(|(set, _)| of_set(*set)).map(|(_, from)| *from);
        let known = named.clone().find(|from| self.session(*from).is_some());
        let from = known.or_else(|| named.next()).ok_or(ErrorCode::Unavailable)?;
        if known.is_none() {
            self.room.sessions = self.room.sessions.checked_sub(1).ok_or(ErrorCode::Unavailable)?;
        }
        for (_, other) in senders.into_iter().filter(|(set, _)| !of_set(*set)) {
            let open = self.session(other).is_some_and(|session| {
                let ConsentAnswer { measure, personalize, .. } = session.state.consent();
                PurposeSet::granted(measure, personalize).is_some()
            });
            if open {
                let denied = ConsentChoice::Denied;
                let ended = ConsentEntry { measure: denied, personalize: denied, ..entry.clone() };
                self.fold_consent(other, &ended);
                self.record(other, &Entry::Consent(ended), Readable::default())?;
            }
        }
        let answer = self.fold_consent(from, &entry);
        self.record(from, &Entry::Consent(entry), Readable::default())?;
        Ok(answer)
    }

    /// A batch.
    ///
    /// # Errors
    /// [`ErrorCode::Erased`] for a session that was erased, [`ErrorCode::Consent`] without an open grant under its epoch: all of it is discarded.
    pub(crate) fn batch(&mut self, of: &Candidates, batch: ReadBatch) -> Result<BatchAnswer, ErrorCode> {
        let ReadBatch { entry, indexes, mut rejected, mut dead } = batch;
        let not_erased = self.expect_not_erased(of);
        let admitted = self.admitted(of, entry.consent_epoch, Purpose::Measure).filter(|_| not_erased.is_ok());
        let Some(from) = admitted else {
            let (reason, refusal) = match not_erased {
                Err(erased) => (DiscardReason::Erased, erased),
                Ok(()) => (DiscardReason::Session(Discard::Consent), ErrorCode::Consent),
            };
            let mut outcomes = Outcomes::default();
            outcomes.discard(entry.events.len() as u64 + u64::from(entry.unreadable), reason);
            self.unlogged.push((of.site, outcomes));
            return Err(refusal);
        };
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
        if let Some(outcomes) = changed {
            self.record(from, &Entry::Batch(entry), Readable { outcomes: Some(outcomes), letters: 0 })?;
        }
        dead.truncate(self.letters(from.site).ring.room(from.received_at));
        if !dead.is_empty() {
            let entry = DeadLetterEntry { letters: dead };
            self.keep_letters(from, &entry, Standing::Coming(self.records.len()));
            let letters = u8::try_from(entry.letters.len()).map_err(|_| ErrorCode::Internal)?;
            self.record(from, &Entry::DeadLetter(entry), Readable { outcomes: None, letters })?;
        }
        Ok(answer)
    }

    /// A request for a decision; `id` names it if it is a new one.
    ///
    /// # Errors
    /// [`ErrorCode::Erased`] for a session that was erased, [`ErrorCode::Consent`] without an open grant to personalise under its epoch.
    pub(crate) fn decide(
        &mut self,
        of: &Candidates,
        request: &DecisionRequest,
        ids: DecisionIds,
    ) -> Result<Decided, ErrorCode> {
        let id = ids.decision;
        self.expect_not_erased(of)?;
        let from = self.admitted(of, request.consent_epoch, Purpose::Personalize).ok_or(ErrorCode::Consent)?;
        let policy = self.sites.get(from.site).policy();
        let session = self.session(from).ok_or(ErrorCode::Consent)?;
        if session.state.traffic() != TrafficClass::Shopper {
            return Ok(Decided::plain(nothing_for_automata(request, &policy, from.received_at)));
        }
        if let Some(standing) = self.standing_decision(from, session, &policy, request) {
            return Ok(standing);
        }
        let stopped = self.stopped(from.site, &policy);
        let (item, in_cart) = self.catalogue_of(from.site, request);
        let to_visitor = self.offered_to(of);
        let around = Circumstances { to_visitor, item, in_cart, stopped, ..Circumstances::default() };
        let mut facts = facts(session, from, &Asked::from(request), around);
        facts.around.spent = self.spent(from, &policy, &facts);
        let now = session.state.session_ms(from.received_at);
        let judged = policy.judge(&facts);
        let arms = judged.arms(&facts, now);
        if !arms.is_empty() {
            let stratum = policy.stratum(&facts);
            facts.around.learned = self.learning.and_then(|known| known.learned(from.site, &policy, &stratum, &arms));
        }
        let verdict = judged.decide(&facts, seed_of(id), now);
        for failure in judged.failures {
            tracing::warn!(offer = failure.offer.as_str(), "a rule failed: {}", failure.message);
        }
        let (record, offer) = record_of(&verdict, &policy, from, id, &facts, request.locale.as_ref());
        let made = verdict.offer.zip(offer.as_ref());
        let granted = match made {
            Some((index, offer)) => self.grant_for(from, &policy, index, &facts, offer, ids.grant)?,
            None => None,
        };
        let mut entry = DecisionEntry::new(record, request, policy.version(), verdict.propensity, facts.around);
        entry.grant = granted;
        let version = policy.version().to_owned();
        self.fold_decision(from, &entry);
        self.record(from, &Entry::Decision(Box::new(entry)), Readable::default())?;
        if let Some(offer) = &offer {
            self.visit(of, offer.id.clone())?;
        }
        let decision = Decision {
            decision: Some(id),
            slot: request.slot.clone(),
            offer,
            reason: verdict.reason,
            arm: verdict.arm,
            propensity: verdict.propensity,
            holdout: verdict.holdout,
            policy: version,
            model: waver_core::intent::RULES.to_owned(),
            explain: verdict.explain,
            now: from.received_at,
        };
        Ok(Decided { decision, grant: granted })
    }

    /// Takes a decision of the log again under `policy`, with what is known before it; `None` if the session is not there.
    pub(crate) fn take_again(&self, from: Sender, logged: &DecisionEntry, policy: &Policy) -> Option<DecisionEntry> {
        let from = Sender { received_at: self.clock.max(from.received_at), ..from };
        let session = self.session(from)?;
        let facts = facts(session, from, &Asked::from(logged), logged.around.clone());
        let DecisionRecord { decision, .. } = &logged.record;
        let (verdict, _) = policy.decide(&facts, seed_of(*decision), session.state.session_ms(from.received_at));
        let (record, _) = record_of(&verdict, policy, from, *decision, &facts, logged.locale.as_ref());
        Some(DecisionEntry { record, propensity: verdict.propensity, ..logged.clone() })
    }

    /// What a decision of the log might have come to under these policies, with what is known before it: each offer that might have been shown, its
    /// probability but for the holdout, and the share of that in thousandths. `None` if the session is not there.
    pub(crate) fn prospects<const N: usize>(
        &self,
        from: Sender,
        logged: &DecisionEntry,
        policies: [&Policy; N],
    ) -> Option<[Vec<(OfferId, f64, u16)>; N]> {
        let from = Sender { received_at: self.clock.max(from.received_at), ..from };
        let session = self.session(from)?;
        let facts = facts(session, from, &Asked::from(logged), logged.around.clone());
        let now = session.state.session_ms(from.received_at);
        Some(policies.map(|policy| policy.judge(&facts).prospects(&facts, now)))
    }

    /// The last session of the sender, and whether it is over.
    pub(crate) fn standing(&self, from: Sender) -> Option<(&SessionState, bool)> {
        let session = self.sessions.get(&from.key())?.session.as_ref()?;
        Some((&session.state, session.is_over(self.clock.max(from.received_at))))
    }

    /// What the sender's session would be with this batch; `None` if it has none.
    pub(crate) fn with_batch(&self, from: Sender, batch: &BatchEntry) -> Option<SessionState> {
        let from = Sender { received_at: self.clock.max(from.received_at), ..from };
        let mut state = self.session(from)?.state.clone();
        state.fold(batch.consent_epoch, &batch.events, from.received_at);
        Some(state)
    }

    /// What was found in the log, at `offset`.
    pub(crate) fn replay_found(&mut self, from: Sender, offset: u64, found: &Found) {
        match found {
            Found::Entry(entry) => self.replay(from, offset, entry),
            Found::Erased(readable) => self.replay_erased(from, readable),
        }
    }

    /// An entry that is in the log already, at `offset`.
    fn replay(&mut self, from: Sender, offset: u64, entry: &Entry) {
        let from = self.dated(from);
        match entry {
            Entry::Consent(consent) => {
                self.fold_consent(from, consent);
            }
            Entry::Batch(batch) => {
                self.fold_batch(from, batch);
            }
            Entry::Decision(decision) => self.fold_decision(from, decision),
            Entry::Visit(visit) => self.fold_visit(from, visit),
            Entry::Stop(stop) => self.fold_stop(from, stop),
            Entry::DeadLetter(letters) => self.keep_letters(from, letters, Standing::At(offset)),
            Entry::Erasure(ErasureEntry { erasure, .. }) => {
                self.fold_erasure(from, *erasure);
            }
            Entry::Grant(grant) => self.fold_grant(from, grant),
            Entry::Order(order) => self.fold_order(from, order),
            Entry::Catalog(catalog) => self.fold_catalog(from, catalog),
            Entry::Purchase(purchase) => self.fold_purchase(from, purchase),
        }
    }

    /// An entry of the log whose key is gone. The books know it all the same, and so does the ring of dead letters, whose places stay empty.
    fn replay_erased(&mut self, from: Sender, readable: &Readable) {
        let from = self.dated(from);
        if let Some(outcomes) = &readable.outcomes {
            let books = self.books(from.site);
            books.is_changed = true;
            books.outcomes.add(outcomes);
        }
        let held = self.letters(from.site);
        for _ in 0..readable.letters {
            let place = held.ring.next_place(from.received_at);
            held.kept.retain(|_, (taken, _)| *taken != place);
            held.writes.insert(place, None);
            held.is_changed = true;
        }
    }

    /// What the group comes to.
    ///
    /// # Errors
    /// [`StoreError::Write`] for a row that has no form in bytes.
    pub(crate) fn finish(self) -> Result<Plan, StoreError> {
        let mut writes = Vec::new();
        for (key, held) in self.sessions.into_iter().filter(|(_, held)| held.is_changed) {
            let bytes = held.session.as_ref().map(Session::to_bytes).transpose()?;
            writes.push(Write {
                key,
                expected: Some(held.version),
                bytes,
                life: held.session.as_ref().map(Session::life),
            });
        }
        for (key, held) in self.tombstones.into_iter().filter(|(_, held)| held.is_changed) {
            let bytes = held.tombstone.as_ref().map(state::write).transpose()?;
            let life = held.tombstone.as_ref().map(Tombstone::life);
            writes.push(Write { key, expected: Some(held.version), bytes, life });
        }
        for (key, held) in self.visitors.into_iter().filter(|(_, held)| held.is_changed) {
            let bytes = held.visitor.as_ref().map(state::write).transpose()?;
            let life = held.visitor.as_ref().map(Visitor::life);
            writes.push(Write { key, expected: Some(held.version), bytes, life });
        }
        for (site, held) in self.books.into_iter().filter(|(_, held)| held.is_changed) {
            let bytes = Some(state::write(&held.outcomes)?);
            writes.push(Write { key: Key::Books(site), expected: Some(held.version), bytes, life: None });
        }
        for (site, held) in self.stops.into_iter().filter(|(_, held)| held.is_changed) {
            let bytes = Some(state::write(&held.stops)?);
            writes.push(Write { key: Key::Stops(site), expected: Some(held.version), bytes, life: None });
        }
        writes.extend(self.shop.writes()?);
        let mut letters = Vec::new();
        for (site, held) in self.letters {
            if held.is_changed {
                let bytes = Some(state::write(&held.ring)?);
                writes.push(Write { key: Key::DeadLetters(site), expected: Some(held.version), bytes, life: None });
            }
            for (place, letter) in held.writes {
                let key = Key::DeadLetter(site, place);
                match letter {
                    Some(letter) => letters.push((key, letter)),
                    None => writes.push(Write { key, expected: None, bytes: None, life: None }),
                }
            }
        }
        Ok(Plan {
            records: self.records,
            writes,
            letters,
            changes: self.changes,
            erased: self.erased,
            settled: self.settled,
            trials: self.trials,
            unlogged: self.unlogged,
            clock: self.clock,
        })
    }

    fn fold_consent(&mut self, from: Sender, entry: &ConsentEntry) -> ConsentAnswer {
        let held = self.held(from);
        if let Some(over) = held.session.take_if(|session| session.is_over(from.received_at)) {
            // Nobody had swept it yet.
            self.close(from, &over);
        }
        let held = self.held(from);
        held.is_changed = true;
        let begun = || Session::new(SessionState::new(from.received_at, entry.client));
        let session = held.session.get_or_insert_with(begun);
        session.state.record_consent(entry.measure, entry.personalize, from.received_at)
    }

    /// A session is over, and takes nothing back any more.
    fn close(&mut self, from: Sender, session: &Session) {
        let site = from.site.number();
        let closing = session.state.closing();
        self.changes.push((site, closing.clone()));
        self.settled.extend([(site, session.added(from.pseudonym.lot())), (site, closing)]);
        self.trials.extend(session.state.trials().into_iter().map(|(assignment, sums)| (site, assignment, sums)));
    }

    /// Also gives what the books gained, if the session is another one now.
    fn fold_batch(&mut self, from: Sender, entry: &BatchEntry) -> (Vec<Outcome>, Option<Outcomes>) {
        let Some(session) = self.session_mut(from) else { return (Vec::new(), None) };
        let before = session.state.clone();
        let mut fold = session.state.fold(entry.consent_epoch, &entry.events, from.received_at);
        let changed = session.state != before;
        let mut outcomes = Outcomes::default();
        outcomes.count(&fold.outcomes);
        outcomes.discard(entry.unreadable.into(), DiscardReason::Schema);
        if changed {
            session.records.batches = session.records.batches.saturating_add(1);
            self.held(from).is_changed = true;
            if let Some(id) = entry.redriven {
                self.drop_letter(from, id);
            }
            self.note_share(from, &mut fold.changes);
            mark_active(&mut fold.changes, from.pseudonym.lot());
            self.changes.push((from.site.number(), fold.changes));
            let books = self.books(from.site);
            books.is_changed = true;
            books.outcomes.add(&outcomes);
            (fold.outcomes, Some(outcomes))
        } else {
            self.unlogged.push((from.site, outcomes));
            (fold.outcomes, None)
        }
    }

    fn fold_decision(&mut self, from: Sender, entry: &DecisionEntry) {
        let Some(session) = self.session_mut(from) else { return };
        if entry.record.offer.is_some() {
            session.remember_propensity(entry.record.decision, entry.propensity);
        }
        session.records.decisions = session.records.decisions.saturating_add(1);
        let mut changes = session.state.record_decision(&entry.record);
        self.held(from).is_changed = true;
        self.note_share(from, &mut changes);
        self.changes.push((from.site.number(), changes));
        if let Some(grant) = entry.grant {
            self.hold_grant(from, entry.record.decision, grant);
        }
    }

    /// What the browser was offered across its sessions, as far as that is remembered.
    fn offered_to(&self, of: &Candidates) -> Vec<OfferId> {
        let visitor = of.of_visitor().and_then(|(from, _)| self.visitors.get(&from.visitor_key())?.visitor.as_ref());
        let visitor = visitor.filter(|visitor| !visitor.is_over(self.clock.max(of.received_at)));
        visitor.map(|visitor| visitor.offers().cloned().collect()).unwrap_or_default()
    }

    /// Remembers an offer of a browser across sessions, unless it was erased or there is no room for another.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if its record cannot be written.
    fn visit(&mut self, of: &Candidates, offer: OfferId) -> Result<(), ErrorCode> {
        let Some((from, until)) = of.of_visitor() else { return Ok(()) };
        let from = self.dated(from);
        if self.tombstone(from).is_some() {
            return Ok(());
        }
        let is_known = self.visitors.get(&from.visitor_key()).is_some_and(|held| held.visitor.is_some());
        if !is_known {
            // Takes a key as a session does.
            let Some(sessions) = self.room.sessions.checked_sub(1) else { return Ok(()) };
            self.room.sessions = sessions;
        }
        let entry = VisitEntry { offer, until };
        self.fold_visit(from, &entry);
        self.record(from, &Entry::Visit(entry), Readable::default())
    }

    fn fold_visit(&mut self, from: Sender, VisitEntry { offer, until }: &VisitEntry) {
        let held = self.visitors.entry(from.visitor_key()).or_default();
        held.is_changed = true;
        held.visitor.take_if(|visitor| visitor.is_over(from.received_at));
        held.visitor.get_or_insert_with(|| Visitor::new(*until)).remember(offer.clone(), from.received_at);
    }

    /// The session remembers what it adds to the windows, and tells what it has reached with that.
    fn note_share(&mut self, from: Sender, changes: &mut Vec<Change>) {
        let Some(session) = self.session_mut(from) else { return };
        mark_reached(changes, session.share.sums());
        // What it remembers no longer is in the windows for good.
        let mut too_much = session.share.add(changes);
        if !too_much.is_empty() {
            mark_active(&mut too_much, from.pseudonym.lot());
            self.settled.push((from.site.number(), too_much));
        }
    }

    fn keep_letters(&mut self, from: Sender, entry: &DeadLetterEntry, at: Standing) {
        let held = self.letters(from.site);
        for (index, letter) in (0..).zip(&entry.letters) {
            let place = held.ring.next_place(from.received_at);
            held.kept.retain(|_, (taken, _)| *taken != place);
            // Of a record that is still to be appended nobody knows the offset yet, and nobody can ask for it.
            let offset = if let Standing::At(offset) = at { offset } else { 0 };
            let id = LetterId { offset, index };
            if matches!(at, Standing::At(_)) {
                held.kept.insert(id, (place, from.pseudonym));
            }
            let letter =
                KeptLetter { id, pseudonym: from.pseudonym, received_at: from.received_at, letter: letter.clone() };
            held.writes.insert(place, Some(NewLetter { at, letter }));
            held.is_changed = true;
        }
    }

    /// A letter that was read again as a batch is none any more.
    fn drop_letter(&mut self, from: Sender, id: LetterId) {
        let held = self.letters(from.site);
        if let Some((place, _)) = held.kept.remove(&id) {
            held.writes.insert(place, None);
            held.is_changed = true;
        }
    }

    fn letters(&mut self, site: SiteIndex) -> &mut HeldLetters {
        self.letters.entry(site.number()).or_default()
    }

    fn held(&mut self, from: Sender) -> &mut Held {
        self.sessions.entry(from.key()).or_insert(Held { version: 0, session: None, is_changed: false })
    }

    fn books(&mut self, site: SiteIndex) -> &mut HeldBooks {
        let none = || HeldBooks { version: 0, outcomes: Outcomes::default(), is_changed: false };
        self.books.entry(site.number()).or_insert_with(none)
    }

    /// The sender's session, unless its time is over.
    fn session(&self, from: Sender) -> Option<&Session> {
        let session = self.sessions.get(&from.key())?.session.as_ref()?;
        (!session.is_over(from.received_at)).then_some(session)
    }

    fn session_mut(&mut self, from: Sender) -> Option<&mut Session> {
        let session = self.sessions.get_mut(&from.key())?.session.as_mut()?;
        (!session.is_over(from.received_at)).then_some(session)
    }

    fn record(&mut self, from: Sender, entry: &Entry, readable: Readable) -> Result<(), ErrorCode> {
        let site = self.sites.get(from.site).key.clone();
        let record = entry.to_record(site, from.pseudonym, from.received_at).map_err(|_| ErrorCode::Internal)?;
        self.bytes += record.payload.len() + ENVELOPE_BYTES;
        // Who withdraws gets no key.
        let ends = matches!(entry, Entry::Consent(consent) if !consent.is_grant());
        let epoch = from.epoch.filter(|_| !ends);
        self.records.push(Unsealed { record, epoch, readable });
        Ok(())
    }
}

/// What a decision follows from beside session and policy.
struct Asked<'a> {
    slot: &'a SlotName,
    page: PageType,
    features: &'a DecisionFeatures,
    cart: Cart,
}

impl<'a> From<&'a DecisionRequest> for Asked<'a> {
    fn from(request: &'a DecisionRequest) -> Asked<'a> {
        Asked { slot: &request.slot, page: request.page, features: &request.features, cart: request.cart }
    }
}

impl<'a> From<&'a DecisionEntry> for Asked<'a> {
    fn from(entry: &'a DecisionEntry) -> Asked<'a> {
        Asked { slot: &entry.record.slot, page: entry.page, features: &entry.features, cart: entry.cart }
    }
}

fn facts(session: &Session, from: Sender, asked: &Asked<'_>, around: Circumstances) -> Facts {
    Facts {
        personalize: true,
        slot: asked.slot.clone(),
        page: asked.page,
        features: asked.features.clone(),
        cart: asked.cart,
        history: session.state.history(from.received_at),
        around,
        lot: from.pseudonym.lot(),
        at: from.received_at,
    }
}

/// What is remembered of a verdict, and the offer that it makes.
fn record_of(
    verdict: &Verdict,
    policy: &Policy,
    from: Sender,
    decision: DecisionId,
    facts: &Facts,
    locale: Option<&Locale>,
) -> (DecisionRecord, Option<Offer>) {
    let text = |index| policy.offer(index, locale, from.received_at, facts.around.item.as_ref());
    let offer = verdict.offer.and_then(text);
    let counted = offer.clone().or_else(|| verdict.counterfactual.and_then(text));
    let trial = verdict.offer.or(verdict.counterfactual).and_then(|index| {
        Some(Trial {
            policy: PolicyVersion::parse(policy.version()).ok()?,
            stratum: policy.stratum(facts),
            holdout_milli: policy.terms().get(index)?.holdout_milli,
        })
    });
    let record = DecisionRecord {
        decision,
        slot: facts.slot.clone(),
        arm: verdict.arm,
        reason: verdict.reason,
        offer: counted.as_ref().map(|offer| offer.id.clone()),
        at: from.received_at,
        expires_at: counted.as_ref().map_or(0, |offer| offer.expires_at),
        trial: trial.filter(|_| counted.is_some()),
    };
    (record, offer)
}

/// Whatever is not a shopper is offered nothing, and no decision about it is logged.
fn nothing_for_automata(request: &DecisionRequest, policy: &Policy, now: u64) -> Decision {
    Decision {
        decision: None,
        slot: request.slot.clone(),
        offer: None,
        reason: DecisionReason::NotEligible,
        arm: Arm::Nothing,
        propensity: 1.0,
        holdout: false,
        policy: policy.version().to_owned(),
        model: waver_core::intent::RULES.to_owned(),
        explain: Vec::new(),
        now,
    }
}
