//! Queries of the operators' routes, and ids in paths.

use waver::decoders::{aggregates_query, letter_id, queries};
use waver_schema::{ErasureId, ErrorCode};

const NOW: u64 = 1_800_000_000_000;
const MINUTE_MS: u64 = 60_000;
/// The longest window that a query has digits for: 9999 days.
const LONGEST_MS: u64 = 9_999 * 24 * 60 * MINUTE_MS;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match aggregates_query(text, NOW) {
        Ok(window) => assert!(
            window.is_none_or(|window| window.is_multiple_of(MINUTE_MS) && (MINUTE_MS..=LONGEST_MS).contains(&window))
        ),
        Err(error) => assert!(error.code == ErrorCode::Schema && !error.message.is_empty(), "{error:?}"),
    }
    // The plain ones take a site and nothing more, so they agree.
    let [sessions, stream, ledger, letters] = queries(text);
    assert!(stream == ledger && (stream || !(sessions || letters)), "{text}");
    if let Some(id) = letter_id(text) {
        assert_eq!(letter_id(&id), Some(id));
    }
    if let Ok(id) = ErasureId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
}
