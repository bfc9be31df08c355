//! Erasing in a group: the row goes, what it added to the windows is taken back, a tombstone stands in its place.

use waver_schema::{EraseAnswer, ErasedClass, ErasedRecords, ErasureId, ErrorCode, LogPoint, Nonce, SiteKey};
use waver_store::Pseudonym;

use super::{Candidates, Group, HeldTombstone, Sender};
use crate::entry::{Entry, ErasureEntry, ErasureTold};
use crate::keyring::Readable;
use crate::state::Tombstone;

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Erase {
    /// The name of the erasure, if it is a new one.
    pub(crate) erasure: ErasureId,
    pub(crate) nonce: Option<Nonce>,
    /// The pseudonyms of the session under which something is sealed.
    pub(crate) keyed: Vec<Pseudonym>,
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
    was_visitor: bool,
    records: ErasedRecords,
}

impl Group<'_> {
    /// Erases a session under whichever names it is known. Its first name stands for it from then on, known or not: whoever comes with the
    /// session's id comes with that name too. Asking again changes nothing. `before` is where the log stands before this group.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] if there is no room for another tombstone, known session or not.
    pub(crate) fn erase(
        &mut self,
        of: &Candidates,
        Erase { erasure, nonce, keyed }: &Erase,
        before: LogPoint,
    ) -> Result<EraseAnswer, ErrorCode> {
        let (erasure, nonce) = (*erasure, *nonce);
        let senders: Vec<Sender> = self.senders(of).into_iter().map(|(_, from)| from).collect();
        if let Some(known) = senders.iter().find_map(|from| self.tombstone(*from)) {
            return Ok(EraseAnswer { erasure: known.erasure });
        }
        let Some(first) = senders.first().copied() else { return Err(ErrorCode::Unavailable) };
        let visitor = of.of_visitor().map(|(from, _)| self.dated(from));
        let is_known = |from: &Sender| {
            let has_row = self.sessions.get(&from.key()).is_some_and(|held| held.session.is_some());
            let is_visitor = self.visitors.get(&from.visitor_key()).is_some_and(|held| held.visitor.is_some());
            has_row || is_visitor || keyed.contains(&from.pseudonym)
        };
        let others = senders.iter().skip(1).chain(&visitor).filter(|from| is_known(from));
        let pseudonyms: Vec<Pseudonym> = std::iter::once(&first).chain(others).map(|from| from.pseudonym).collect();
        let of = |pseudonym: &Pseudonym| Sender { pseudonym: *pseudonym, ..first };
        let room = self.room.tombstones.checked_sub(pseudonyms.len());
        self.room.tombstones = room.ok_or(ErrorCode::Unavailable)?;
        let mut left = Left::default();
        for pseudonym in &pseudonyms {
            self.end_grants(of(pseudonym))?;
            left.add(&self.fold_erasure(of(pseudonym), erasure));
        }
        let keys = u32::try_from(keyed.len()).unwrap_or(u32::MAX);
        let told = ErasureTold {
            classes: left.classes(),
            keys,
            visitor: left.was_visitor,
            records: left.records,
            nonce,
            before,
        };
        let number = self.records.len();
        for (index, pseudonym) in pseudonyms.iter().enumerate() {
            let told = (index == 0).then(|| told.clone());
            self.record(of(pseudonym), &Entry::Erasure(ErasureEntry { erasure, told }), Readable::default())?;
        }
        let site = self.sites.get(first.site).key.clone();
        self.erased.push(Erased { erasure, site, pseudonyms, erased_at: first.received_at, told, number });
        Ok(EraseAnswer { erasure })
    }

    /// Erases once more a session of which only a tombstone beside the keys tells.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if its record cannot be written.
    pub(crate) fn erase_again(&mut self, from: Sender, erasure: ErasureId) -> Result<(), ErrorCode> {
        let from = self.dated(from);
        self.end_grants(from)?;
        self.fold_erasure(from, erasure);
        self.record(from, &Entry::Erasure(ErasureEntry { erasure, told: None }), Readable::default())
    }

    pub(super) fn fold_erasure(&mut self, from: Sender, erasure: ErasureId) -> Left {
        let mut left = Left::default();
        let held = self.held(from);
        if let Some(session) = held.session.take() {
            held.is_changed = true;
            self.forget_holder(from.site, &session);
            if session.is_over(from.received_at) {
                // Nobody had swept it yet.
                self.close(from, &session);
            } else {
                let had_counts = session.share.counts() > 0;
                left = Left { was_known: true, had_counts, was_visitor: false, records: session.records };
                self.changes.push((from.site.number(), session.share.taken_back()));
            }
        }
        if let Some(held) = self.visitors.get_mut(&from.visitor_key())
            && held.visitor.take().is_some()
        {
            held.is_changed = true;
            left.was_visitor = true;
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
    pub(super) fn expect_not_erased(&mut self, of: &Candidates) -> Result<(), ErrorCode> {
        let erased = self.senders(of).into_iter().any(|(_, from)| self.tombstone(from).is_some());
        if erased { Err(ErrorCode::Erased) } else { Ok(()) }
    }

    /// The sender's tombstone, unless its time is over.
    pub(super) fn tombstone(&self, from: Sender) -> Option<Tombstone> {
        let tombstone = self.tombstones.get(&from.tombstone_key())?.tombstone?;
        (!tombstone.is_over(from.received_at)).then_some(tombstone)
    }
}

impl Left {
    fn add(&mut self, other: &Left) {
        self.was_known |= other.was_known;
        self.had_counts |= other.had_counts;
        self.was_visitor |= other.was_visitor;
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

#[cfg(test)]
mod tests;
