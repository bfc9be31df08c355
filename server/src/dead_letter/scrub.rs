//! What of an event that is not of the schema may be kept: its shape, and the values that could not be a person's.
//!
//! Keys of the schema stay, and others become `?1`, `?2`, ... At a key of the schema an integer stays if it is within the bounds of what
//! stands there, and a word if one of a closed vocabulary stands there. Everything else becomes the name of its type, such as `"?text"`,
//! which no place of the schema takes: a letter that lacks what it needs is not read again by mistake.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use waver_schema::limits::MAX_SAFE_INTEGER;

/// Most bytes of a scrubbed event.
pub(crate) const LETTER_BYTES: usize = 2048;
/// Most values that are looked at; what comes after them is left out. The largest event of the schema has 22.
const VALUES: u32 = 32;
/// Most bytes of a value as it is written, with its key.
const VALUE_BYTES: usize = 60;
const _: () = assert!(VALUES as usize * VALUE_BYTES + 128 <= LETTER_BYTES);

/// Largest count, length of time or amount that stays: nine digits, so that no telephone number with its country does.
const LARGEST_COUNT: u64 = 999_999_999;
/// Smallest reference beyond [`LARGEST_COUNT`] that stays. References are hashes of 53 bits: of a thousand one is smaller, while
/// telephone numbers have at most thirteen digits in practice.
const SMALLEST_HASH: u64 = 10_000_000_000_000;

/// What the schema has at a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// An integer that counts or measures.
    Count,
    /// A product or an order.
    Reference,
    /// A word of a closed vocabulary.
    Word,
    /// Three capital letters.
    Currency,
    /// The reasons of a hesitation.
    Reasons,
    /// Something that is not kept: a decision's id has the form of a session's.
    Id,
}

/// The keys of an event. A test compares them with the schema.
const EVENT: &[(&str, Place)] = &[
    ("action", Place::Word),
    ("cause", Place::Word),
    ("clicks", Place::Count),
    ("confidence_milli", Place::Count),
    ("count", Place::Count),
    ("currency", Place::Currency),
    ("decision", Place::Id),
    ("device", Place::Word),
    ("engaged_ms", Place::Count),
    ("item", Place::Reference),
    ("kind", Place::Word),
    ("navigation", Place::Word),
    ("order", Place::Reference),
    ("p_buy_milli", Place::Count),
    ("p_leave_milli", Place::Count),
    ("page", Place::Word),
    ("quantity", Place::Count),
    ("reasons", Place::Reasons),
    ("referrer", Place::Word),
    ("score_milli", Place::Count),
    ("scroll_milli", Place::Count),
    ("seq", Place::Count),
    ("since_ms", Place::Count),
    ("since_signal_ms", Place::Count),
    ("stage", Place::Word),
    ("t", Place::Count),
    ("trend", Place::Word),
    ("type", Place::Word),
    ("value_minor", Place::Count),
    ("zone", Place::Word),
];

/// The keys of a reason.
const REASON: &[(&str, Place)] =
    &[("feature", Place::Word), ("value_milli", Place::Count), ("weight_milli", Place::Count)];

/// What may be kept of the event `json`, as JSON.
pub(crate) fn scrub(json: &str) -> String {
    let mut scrubber = Scrubber { out: String::new(), values_left: VALUES };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = At { scrubber: &mut scrubber, place: None, top: true }.deserialize(&mut deserializer);
    // Lone surrogates and depths beyond all reason end the reading halfway.
    if read.is_err() { "\"?unreadable\"".to_owned() } else { scrubber.out }
}

/// Whether `path`, as `a.b[0].c`, holds keys of the schema and indexes only.
pub(super) fn is_path(path: &str) -> bool {
    path.split('.').all(|step| {
        let (key, index) = step.split_once('[').unwrap_or((step, "0]"));
        let known = [EVENT, REASON].iter().any(|keys| place(keys, key).is_some());
        known && index.strip_suffix(']').is_some_and(|index| index.len() <= 4 && index.parse::<u16>().is_ok())
    })
}

fn place(keys: &[(&str, Place)], key: &str) -> Option<Place> {
    keys.binary_search_by_key(&key, |(known, _)| known).ok().map(|found| keys[found].1)
}

struct Scrubber {
    out: String,
    values_left: u32,
}

/// A value at its place in the event; `None` is a place that the schema does not have.
struct At<'s> {
    scrubber: &'s mut Scrubber,
    place: Option<Place>,
    top: bool,
}

impl At<'_> {
    fn write<E>(self, text: &str) -> Result<(), E> {
        self.scrubber.out.push_str(text);
        Ok(())
    }

    /// An integer, its sign left out.
    fn keeps(&self, integer: u64) -> bool {
        match self.place {
            Some(Place::Count) => integer <= LARGEST_COUNT,
            Some(Place::Reference) => {
                integer <= LARGEST_COUNT
                    || (SMALLEST_HASH..=MAX_SAFE_INTEGER).contains(&integer) && !could_be_a_card(integer)
            }
            _ => false,
        }
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.write("null")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.write("\"?bool\"")
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<(), E> {
        let text = if self.keeps(integer) { integer.to_string() } else { "\"?number\"".to_owned() };
        self.write(&text)
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<(), E> {
        let text = if self.keeps(integer.unsigned_abs()) { integer.to_string() } else { "\"?number\"".to_owned() };
        self.write(&text)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.write("\"?number\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let keeps = match self.place {
            Some(Place::Word) => is_word(text),
            Some(Place::Currency) => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
            _ => false,
        };
        let text = if keeps { format!("\"{text}\"") } else { "\"?text\"".to_owned() };
        self.write(&text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        if self.place != Some(Place::Reasons) {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            return self.write("\"?array\"");
        }
        self.scrubber.out.push('[');
        let mut first = true;
        loop {
            if self.scrubber.values_left == 0 {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
            let begun = self.scrubber.out.len();
            if !first {
                self.scrubber.out.push(',');
            }
            self.scrubber.values_left -= 1;
            let element = At { scrubber: self.scrubber, place: Some(Place::Reasons), top: false };
            if elements.next_element_seed(element)?.is_none() {
                self.scrubber.out.truncate(begun);
                break;
            }
            first = false;
        }
        self.write("]")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let keys = match (self.top, self.place) {
            (true, _) => EVENT,
            (false, Some(Place::Reasons)) => REASON,
            _ => {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return self.write("\"?object\"");
            }
        };
        self.scrubber.out.push('{');
        let mut foreign = 0;
        let mut first = true;
        while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
            if self.scrubber.values_left == 0 {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            self.scrubber.values_left -= 1;
            if !std::mem::take(&mut first) {
                self.scrubber.out.push(',');
            }
            let place = place(keys, &key);
            let key = if place.is_some() {
                key
            } else {
                foreign += 1;
                format!("?{foreign}").into()
            };
            self.scrubber.out.push_str(&format!("\"{key}\":"));
            entries.next_value_seed(At { scrubber: self.scrubber, place, top: false })?;
        }
        self.write("}")
    }
}

/// A word as closed vocabularies have them, of this version or of a later one.
fn is_word(text: &str) -> bool {
    (2..=24).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Whether `number` has the length, the first digits and the check digit (Luhn, ISO/IEC 7812-1) of a payment card. Of references,
/// which are hashes, one in eighteen does.
fn could_be_a_card(number: u64) -> bool {
    let digits: Vec<u64> = number.to_string().bytes().map(|digit| u64::from(digit - b'0')).collect();
    if !(14..=19).contains(&digits.len()) {
        return false;
    }
    let sum: u64 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    (2..=6).contains(&digits[0]) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests;
