//! Dead letters: events that are not of the schema, scrubbed of everything that could be a person's, and kept for a while so that
//! operators see what is sent wrongly and can have it read again once that is mended.

mod scrub;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use waver_store::Pseudonym;

pub(crate) use scrub::{LETTER_BYTES, scrub};

/// Most dead letters that are kept of one batch; the others are only counted.
pub(crate) const LETTERS_PER_BATCH: usize = 4;
/// Most dead letters that are kept of one site; beyond that the oldest make room. At most 3 KiB each, so at most 3 MiB.
pub(crate) const LETTERS_PER_SITE: u16 = 1000;
/// Most dead letters that are kept of one site in a minute, so that a page that sends nothing else does not fill the log; the others are
/// only counted.
pub(crate) const LETTERS_PER_MINUTE: u16 = 60;
const MINUTE_MS: u64 = 60 * 1000;
/// Most characters of what was expected; the longest list of words has about half as many.
const EXPECTATION_CHARS: usize = 640;

/// An event that is not of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeadLetter {
    /// Where in the event it went wrong, where that is known: keys of the schema only.
    pub(crate) field: Option<String>,
    /// What was expected there.
    pub(crate) expectation: String,
    /// The event as [`scrub`] leaves it: JSON of at most [`LETTER_BYTES`] bytes.
    pub(crate) event: String,
    /// The grant under which it was seen.
    pub(crate) consent_epoch: u32,
}

impl DeadLetter {
    /// What is kept of `event`, the JSON as it came.
    pub(crate) fn new(event: &str, field: Option<&str>, expectation: &str, consent_epoch: u32) -> DeadLetter {
        DeadLetter {
            field: field.filter(|field| scrub::is_path(field)).map(str::to_owned),
            expectation: expectation.chars().take(EXPECTATION_CHARS).collect(),
            event: scrub(event),
            consent_epoch,
        }
    }
}

/// A dead letter's id: where the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LetterId {
    /// Offset of its record in the log.
    pub(crate) offset: u64,
    /// Its place in the record.
    pub(crate) index: u32,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.offset, self.index)
    }
}

/// A text that is no [`LetterId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an id as the list has it, such as 1042-0")]
pub(crate) struct NoLetterId;

impl FromStr for LetterId {
    type Err = NoLetterId;

    fn from_str(text: &str) -> Result<LetterId, NoLetterId> {
        let (offset, index) = text.split_once('-').ok_or(NoLetterId)?;
        // No more digits than always fit.
        let plain = |digits: &str, most: usize| {
            (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !plain(offset, 19) || !plain(index, 9) {
            return Err(NoLetterId);
        }
        let (Ok(offset), Ok(index)) = (offset.parse(), index.parse()) else { return Err(NoLetterId) };
        Ok(LetterId { offset, index })
    }
}

impl PartialSchema for LetterId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{1,19}-[0-9]{1,9}$")).into()
    }
}

impl ToSchema for LetterId {}

impl Serialize for LetterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LetterId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LetterId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A dead letter as the state keeps it: one row for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptLetter {
    /// Its id.
    pub(crate) id: LetterId,
    /// The session that sent it.
    pub(crate) pseudonym: Pseudonym,
    /// When it was received, Unix milliseconds.
    pub(crate) received_at: u64,
    /// The letter.
    pub(crate) letter: DeadLetter,
}

/// Where the ring of a site's dead letters stands: the row beside those of the letters. A function of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeadLetters {
    /// Letters that were ever put in.
    written: u64,
    /// The minute of the latest ones, and how many came in it.
    minute: u64,
    in_minute: u16,
}

impl DeadLetters {
    /// How many more letters are kept in the minute of `now` (Unix milliseconds).
    pub(crate) fn room(&self, now: u64) -> usize {
        let used = if now / MINUTE_MS == self.minute { self.in_minute } else { 0 };
        usize::from(LETTERS_PER_MINUTE.saturating_sub(used))
    }

    /// The place of the next letter, below [`LETTERS_PER_SITE`], which was received at `now` (Unix milliseconds). What is there makes room.
    pub(crate) fn next_place(&mut self, now: u64) -> u16 {
        let minute = now / MINUTE_MS;
        self.in_minute = if minute == self.minute { self.in_minute.saturating_add(1) } else { 1 };
        self.minute = minute;
        let place = place(self.written);
        self.written += 1;
        place
    }

    /// The places that have been written to, the latest first. What was in them may be gone since.
    pub(crate) fn places(&self) -> impl Iterator<Item = u16> + use<> {
        (self.overwritten()..self.written).rev().map(place)
    }

    /// How many letters made room for later ones, or would have.
    pub(crate) fn overwritten(&self) -> u64 {
        self.written.saturating_sub(LETTERS_PER_SITE.into())
    }
}

fn place(number: u64) -> u16 {
    u16::try_from(number % u64::from(LETTERS_PER_SITE)).unwrap_or_default() // a remainder is below its divisor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(event: &str) -> DeadLetter {
        DeadLetter::new(event, Some("reasons[0].feature"), "expected one of `views`", 7)
    }

    #[test]
    fn ids_are_read_as_they_print_and_nothing_else_is() {
        let id = LetterId { offset: 1042, index: 3 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "1042", "-", "1-", "-1", "+1-2", "1-2-3", "a-b", "99999999999999999999-0"] {
            assert_eq!(wrong.parse::<LetterId>(), Err(NoLetterId), "{wrong}");
        }
    }

    #[test]
    fn the_ring_goes_round_and_counts_what_made_room() {
        let mut ring = DeadLetters::default();
        assert_eq!(ring.places().next(), None);
        for place in (0..LETTERS_PER_SITE).chain([0, 1]) {
            assert_eq!(ring.next_place(0), place);
        }
        let places: Vec<u16> = ring.places().collect();
        assert_eq!((places.len(), &places[..3], ring.overwritten()), (1000, &[1, 0, 999][..], 2));
        assert_eq!(places.last(), Some(&2));
    }

    #[test]
    fn a_minute_takes_so_many_and_the_next_as_many_again() {
        let mut ring = DeadLetters::default();
        for left in (0..usize::from(LETTERS_PER_MINUTE)).rev() {
            ring.next_place(MINUTE_MS);
            assert_eq!(ring.room(2 * MINUTE_MS - 1), left);
        }
        assert_eq!(ring.room(2 * MINUTE_MS), usize::from(LETTERS_PER_MINUTE));
    }

    #[test]
    fn letters_survive_both_of_the_stores_encodings() {
        let id = LetterId { offset: 5, index: 1 };
        let letter = letter(r#"{"seq":1,"type":"from_the_future"}"#);
        let kept = KeptLetter { id, pseudonym: Pseudonym::from_bytes([2; 16]), received_at: 99, letter };
        let bytes = postcard::to_allocvec(&kept).expect("encodes");
        assert_eq!(postcard::from_bytes::<KeptLetter>(&bytes), Ok(kept.clone()));
        let json = serde_json::to_vec(&kept).expect("encodes");
        assert_eq!(serde_json::from_slice::<KeptLetter>(&json).expect("decodes"), kept);
    }

    #[test]
    fn a_letter_is_bounded_and_names_only_places_of_the_schema() {
        let long = letter(&format!("{{\"seq\":{}}}", "1".repeat(16_000)));
        assert!(long.event.len() <= LETTER_BYTES && long.field.as_deref() == Some("reasons[0].feature"));
        let foreign = DeadLetter::new("{}", Some("jane@example.com"), &"x".repeat(9000), 7);
        assert_eq!((foreign.field, foreign.expectation.len()), (None, EXPECTATION_CHARS));
    }
}
