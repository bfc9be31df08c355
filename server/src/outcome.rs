//! The books: every event that is received has exactly one outcome (invariant I2).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;
use waver_core::session::{Discard, Outcome};

/// Why an event was discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DiscardReason {
    /// The session does not take it.
    Session(Discard),
    /// It is not of the schema.
    Schema,
    /// Its session was erased.
    Erased,
    /// It could not be stored; the sender was told to send it again.
    Unavailable,
}

impl DiscardReason {
    /// Every reason.
    pub(crate) fn all() -> impl Iterator<Item = DiscardReason> {
        let of_session = Discard::ALL.iter().map(|discard| DiscardReason::Session(*discard));
        of_session.chain([DiscardReason::Schema, DiscardReason::Erased, DiscardReason::Unavailable])
    }

    /// The name in answers and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            DiscardReason::Session(discard) => discard.as_str(),
            DiscardReason::Schema => "schema",
            DiscardReason::Erased => "erased",
            DiscardReason::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for DiscardReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DiscardReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DiscardReason, D::Error> {
        let name = String::deserialize(deserializer)?;
        DiscardReason::all()
            .find(|reason| reason.as_str() == name)
            .ok_or_else(|| de::Error::custom("no reason to discard an event"))
    }
}

impl Serialize for DiscardReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What became of the events of a site. An event is received once the batch it is in has been read, belongs to a site, and comes from
/// an origin that may send; `received` then equals `stored + duplicate + discarded`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Outcomes {
    /// Events received.
    pub(crate) received: u64,
    /// Events stored.
    pub(crate) stored: u64,
    /// Events that were stored before.
    pub(crate) duplicate: u64,
    /// Events discarded, by reason.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub(crate) discarded: BTreeMap<DiscardReason, u64>,
}

impl Outcomes {
    /// Counts each of `outcomes` as one event.
    pub(crate) fn count(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            match outcome {
                Outcome::Stored => {
                    self.received += 1;
                    self.stored += 1;
                }
                Outcome::Duplicate => {
                    self.received += 1;
                    self.duplicate += 1;
                }
                Outcome::Discarded(discard) => self.discard(1, DiscardReason::Session(*discard)),
            }
        }
    }

    /// Counts `events` that were discarded.
    pub(crate) fn discard(&mut self, events: u64, reason: DiscardReason) {
        if events > 0 {
            self.received += events;
            *self.discarded.entry(reason).or_default() += events;
        }
    }

    /// Adds what another tally counted.
    pub(crate) fn add(&mut self, other: &Outcomes) {
        self.received += other.received;
        self.stored += other.stored;
        self.duplicate += other.duplicate;
        for (reason, events) in &other.discarded {
            *self.discarded.entry(*reason).or_default() += events;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_names_of_their_own() {
        let mut names: Vec<&str> = DiscardReason::all().map(DiscardReason::as_str).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_books_balance() {
        let mut outcomes = Outcomes::default();
        outcomes.count(&[Outcome::Stored, Outcome::Duplicate, Outcome::Discarded(Discard::SeqGap), Outcome::Stored]);
        outcomes.discard(0, DiscardReason::Schema);
        outcomes.discard(3, DiscardReason::Unavailable);
        let sum = outcomes.clone();
        outcomes.add(&sum);
        assert_eq!((outcomes.received, outcomes.stored, outcomes.duplicate), (14, 4, 2));
        assert_eq!(outcomes.discarded.values().sum::<u64>(), 8);
        assert!(!outcomes.discarded.contains_key(&DiscardReason::Schema));
    }
}
