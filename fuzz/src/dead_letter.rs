//! What is kept of an event that is not of the schema.

use serde::de::IgnoredAny;
use serde_json::Value;
use waver::decoders::{MOST_LETTER_BYTES, scrubbed};
use waver_schema::{Event, limits};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let kept = scrubbed(text);
    assert!(kept.len() <= MOST_LETTER_BYTES, "{} bytes are kept of {}", kept.len(), text.len());
    let letter: Value = serde_json::from_str(&kept).unwrap_or_else(|error| panic!("{error}: {kept}"));
    check(&letter, &kept);
    if serde_json::from_str::<IgnoredAny>(text).is_ok() && !kept.contains('?') {
        // Nothing was replaced, so it is read again as what it was.
        assert_eq!(serde_json::from_str::<Event>(&kept).ok(), serde_json::from_str::<Event>(text).ok(), "{kept}");
    }
}

/// Nothing is left in which a person could be told: texts are placeholders or look like words of the schema, numbers are whole and small.
fn check(letter: &Value, kept: &str) {
    let lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && text.len() <= 24;
    let currency = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    match letter {
        Value::Null => {}
        Value::Bool(_) => panic!("a bool is left in {kept}"),
        Value::Number(number) => {
            let size = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
            assert!(size.is_some_and(|size| size <= limits::MAX_SAFE_INTEGER), "{number} is left in {kept}");
        }
        Value::String(text) => {
            let plain = text.strip_prefix('?').unwrap_or(text);
            assert!(lower(plain) || currency(text), "`{text}` is left in {kept}");
        }
        Value::Array(elements) => elements.iter().for_each(|element| check(element, kept)),
        Value::Object(entries) => {
            for (key, value) in entries {
                let number = key.strip_prefix('?').is_some_and(|number| number.parse::<u8>().is_ok());
                assert!(number || lower(key), "the key `{key}` is left in {kept}");
                check(value, kept);
            }
        }
    }
}
