//! Erasing in a group: the row goes, what it added to the windows is taken back, a tombstone stands in its place.

use waver_schema::{EraseAnswer, ErasedClass, ErasedRecords, ErasureId, ErrorCode, LogPoint, Nonce, SiteKey};
use waver_store::{Key, Pseudonym};

use super::{Group, HeldTombstone, Sender};
use crate::entry::{Entry, ErasureEntry, ErasureTold};
use crate::state::Tombstone;

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Erase {
    /// The name of the erasure, if it is a new one.
    pub(crate) erasure: ErasureId,
    pub(crate) nonce: Option<Nonce>,
    /// Every pseudonym that the session could have. Which of them are known makes no difference to who asks.
    pub(crate) pseudonyms: Vec<Pseudonym>,
}

/// An erasure whose record is in its group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Erased {
    pub(crate) erasure: ErasureId,
    pub(crate) site: SiteKey,
    pub(crate) pseudonyms: Vec<Pseudonym>,
    /// Unix milliseconds.
    pub(crate) erased_at: u64,
    pub(crate) told: ErasureTold,
    /// Which of the group's records it is.
    pub(crate) number: usize,
}

/// What a session left behind when it went.
#[derive(Default)]
pub(super) struct Left {
    was_known: bool,
    had_counts: bool,
    records: ErasedRecords,
}

impl Group<'_> {
    /// Erases a session. Asking again changes nothing. `before` is where the log stands before this group.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] if there is no room for another tombstone, known session or not.
    pub(crate) fn erase(
        &mut self,
        from: Sender,
        Erase { erasure, nonce, pseudonyms }: Erase,
        before: LogPoint,
    ) -> Result<EraseAnswer, ErrorCode> {
        let from = self.dated(from);
        let of = |pseudonym: &Pseudonym| Sender { pseudonym: *pseudonym, ..from };
        if let Some(known) = pseudonyms.iter().find_map(|pseudonym| self.tombstone(of(pseudonym))) {
            return Ok(EraseAnswer { erasure: known.erasure });
        }
        let room = self.room.tombstones.checked_sub(pseudonyms.len());
        self.room.tombstones = room.ok_or(ErrorCode::Unavailable)?;
        let mut left = Left::default();
        for pseudonym in &pseudonyms {
            left.add(&self.fold_erasure(of(pseudonym), erasure));
        }
        let told = ErasureTold { classes: left.classes(), records: left.records, nonce, before };
        let number = self.records.len();
        for (index, pseudonym) in pseudonyms.iter().enumerate() {
            let told = (index == 0).then(|| told.clone());
            self.record(of(pseudonym), &Entry::Erasure(ErasureEntry { erasure, told }))?;
        }
        let site = self.sites.get(from.site).key.clone();
        self.erased.push(Erased { erasure, site, pseudonyms, erased_at: from.received_at, told, number });
        Ok(EraseAnswer { erasure })
    }

    /// Erases once more a session of which only a tombstone beside the keys tells.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if its record cannot be written.
    pub(crate) fn erase_again(&mut self, from: Sender, erasure: ErasureId) -> Result<(), ErrorCode> {
        let from = self.dated(from);
        self.fold_erasure(from, erasure);
        self.record(from, &Entry::Erasure(ErasureEntry { erasure, told: None }))
    }

    pub(super) fn fold_erasure(&mut self, from: Sender, erasure: ErasureId) -> Left {
        let mut left = Left::default();
        let held = self.held(from);
        if let Some(session) = held.session.take() {
            held.is_changed = true;
            let changes = if session.is_over(from.received_at) {
                // Nobody had swept it yet.
                session.state.closing()
            } else {
                left = Left { was_known: true, had_counts: session.share.counts() > 0, records: session.records };
                session.share.taken_back()
            };
            self.changes.push((from.site.number(), changes));
        }
        left.records.dead_letters = self.drop_letters(from);
        let tombstone = Some(Tombstone { erasure, erased_at: from.received_at });
        let none = HeldTombstone { version: 0, tombstone: None, is_changed: false };
        let held = self.tombstones.entry(from.tombstone_key()).or_insert(none);
        *held = HeldTombstone { tombstone, is_changed: true, ..*held };
        left
    }

    /// Lets go of the sender's dead letters. Says how many there were.
    fn drop_letters(&mut self, from: Sender) -> u32 {
        let held = self.letters(from.site);
        let kept = held.kept.iter().filter(|(_, (_, of))| *of == from.pseudonym).map(|(_, (place, _))| *place);
        let new = held.writes.iter().filter_map(|(place, letter)| {
            let letter = &letter.as_ref()?.letter;
            (letter.pseudonym == from.pseudonym).then_some(*place)
        });
        let places: std::collections::BTreeSet<u16> = kept.chain(new).collect();
        held.kept.retain(|_, (_, of)| *of != from.pseudonym);
        held.is_changed |= !places.is_empty();
        held.writes.extend(places.iter().map(|place| (*place, None)));
        u32::from(u16::try_from(places.len()).unwrap_or(u16::MAX))
    }

    /// # Errors
    /// [`ErrorCode::Erased`].
    pub(super) fn expect_not_erased(&self, from: Sender) -> Result<(), ErrorCode> {
        self.tombstone(from).map_or(Ok(()), |_| Err(ErrorCode::Erased))
    }

    /// The sender's tombstone, unless its time is over.
    fn tombstone(&self, from: Sender) -> Option<Tombstone> {
        let tombstone = self.tombstones.get(&from.tombstone_key())?.tombstone?;
        (!tombstone.is_over(from.received_at)).then_some(tombstone)
    }
}

impl Sender {
    /// The rows that an erasure of `pseudonyms` reads and writes.
    pub(crate) fn erasure_keys<'a>(&self, pseudonyms: &'a [Pseudonym]) -> impl Iterator<Item = Key> + use<'a> {
        let from = *self;
        let of_sessions = pseudonyms.iter().flat_map(move |pseudonym| {
            let from = Sender { pseudonym: *pseudonym, ..from };
            [from.key(), from.tombstone_key()]
        });
        of_sessions.chain([from.letters_key()]).chain(from.letter_keys())
    }
}

impl Left {
    fn add(&mut self, other: &Left) {
        self.was_known |= other.was_known;
        self.had_counts |= other.had_counts;
        self.records.batches += other.records.batches;
        self.records.decisions += other.records.decisions;
        self.records.dead_letters += other.records.dead_letters;
    }

    fn classes(&self) -> Vec<ErasedClass> {
        let ErasedRecords { batches, dead_letters, decisions } = self.records;
        let reached = [
            (ErasedClass::Aggregates, self.had_counts),
            (ErasedClass::DeadLetters, dead_letters > 0),
            (ErasedClass::Decisions, decisions > 0),
            (ErasedClass::Events, batches > 0),
            (ErasedClass::Session, self.was_known),
        ];
        reached.into_iter().filter(|(_, is_reached)| *is_reached).map(|(class, _)| class).collect()
    }
}
