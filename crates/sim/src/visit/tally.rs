use std::sync::atomic::{AtomicU64, Ordering};

use waver_schema::BatchAnswer;

/// Something that is counted over all shoppers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Shoppers who came.
    Shoppers,
    /// Shoppers who came to a full shop and went away.
    TurnedAway,
    /// Shoppers who refused consent: nothing of theirs was sent.
    Refusals,
    /// Shoppers who withdrew their consent.
    Withdrawals,
    /// Sessions that the collector knows.
    Sessions,
    /// Shoppers who consented and whom the collector never answered.
    SessionsLost,
    /// Events that the collector stored.
    EventsStored,
    /// Events that it had already.
    EventsDuplicate,
    /// Events that it discarded one by one.
    EventsRejected,
    /// Events of batches that it refused as a whole.
    EventsRefused,
    /// Events that could not be delivered.
    EventsLost,
    /// Times that something was sent again, because the collector could not take it or did not answer.
    Retries,
    /// Hesitations.
    Hesitations,
    /// Decisions asked for.
    Decisions,
    /// Decisions that were not had, or not in time.
    DecisionsLost,
    /// Offers shown.
    OffersExposed,
    /// Offers taken.
    OffersAccepted,
    /// Offers closed.
    OffersDismissed,
    /// Orders of shoppers who consented.
    Purchases,
}

const COUNTS: usize = Count::Purchases as usize + 1;

/// Counts over all shoppers.
#[derive(Debug, Default)]
pub struct Tally {
    counts: [AtomicU64; COUNTS],
    live: AtomicU64,
}

impl Tally {
    /// How many so far.
    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    /// How many shoppers there are now.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, count: Count, more: u64) {
        self.counts[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn batch(&self, answer: &BatchAnswer) {
        self.add(Count::EventsStored, answer.accepted.into());
        self.add(Count::EventsDuplicate, answer.duplicate.into());
        self.add(Count::EventsRejected, answer.rejected.len() as u64);
    }

    /// Counts a shopper as present until the guard goes.
    pub(super) fn enter(&self) -> Present<'_> {
        self.add(Count::Shoppers, 1);
        self.live.fetch_add(1, Ordering::Relaxed);
        Present(self)
    }
}

/// A shopper who is there.
pub(super) struct Present<'a>(&'a Tally);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}
