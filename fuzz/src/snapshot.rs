//! A snapshot of the state, and the rows that are in it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use waver_core::session::SessionState;
use waver_core::window::Windows;
use waver_schema::SiteKey;
use waver_store::{EmbeddedState, Part, PlainRows, StoreError};

/// That of the seeds, so that their rows are taken.
const FOLD_VERSION: u16 = 1;
const GRACE_MS: u64 = 600_000;
/// Some time in which sessions of the seeds live.
const NOW: u64 = 1_800_000_000_000;

/// Each part is its length in two bytes, and as many bytes as are left of it.
pub(crate) fn run(bytes: &[u8]) {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (part, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        parts.push(part.to_vec());
        rest = after;
        read_again::<SessionState>(part);
        read_again::<Windows>(part);
    }
    let Ok(state) = restore(parts.into_iter().map(Ok)) else { return };
    let (live, report) = figures(&state);
    let again =
        restore(state.capture(FOLD_VERSION).into_parts(std::sync::Arc::new(PlainRows))).expect("it was captured by us");
    assert_eq!((again.applied(), again.clock()), (state.applied(), state.clock()));
    assert_eq!(figures(&again), (live, report));
}

fn restore(parts: impl Iterator<Item = Result<Part, StoreError>>) -> Result<EmbeddedState, StoreError> {
    let site = SiteKey::parse("demo").expect("a key");
    EmbeddedState::restore(vec![site], GRACE_MS, FOLD_VERSION, 0, parts, &PlainRows)
}

fn figures(state: &EmbeddedState) -> (String, String) {
    let report = state.with_windows(0, |windows| format!("{:?}", windows.report(NOW - 3_600_000, NOW, 60_000)));
    (format!("{:?}", state.live_now(0, NOW)), report)
}

/// What can be read is written and read as the same.
fn read_again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(value) = postcard::from_bytes::<T>(bytes) else { return };
    let written = postcard::to_allocvec(&value).expect("it is of postcard's shapes");
    assert_eq!(postcard::from_bytes::<T>(&written).as_ref(), Ok(&value));
}
