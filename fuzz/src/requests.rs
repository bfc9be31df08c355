//! The bodies of `POST /v1/consents`, `POST /v1/decisions`, `POST /v1/erase` and `POST /v1/me`, and receipts as `waver check` reads them.

use std::fmt::Debug;

use serde::Serialize;
use waver::decoders;
use waver_schema::{ApiError, PublicKey, WIRE_VERSION, limits};

use crate::batch::check_refusal;

pub(crate) fn run(json: &[u8]) {
    if let Some(record) = read(json, decoders::consent) {
        assert!((1..=WIRE_VERSION).contains(&record.v));
    }
    if let Some(request) = read(json, decoders::decision) {
        assert!(request.features.hesitation.len() <= limits::SCORES_PER_DECISION);
    }
    if let Some(request) = read(json, decoders::erase) {
        assert!((1..=WIRE_VERSION).contains(&request.v));
    }
    if let Some(request) = read(json, decoders::me) {
        assert!((1..=WIRE_VERSION).contains(&request.v));
    }
    // Nobody has the key of this, so nothing is ever signed with it.
    assert!(!decoders::is_signed_receipt(json, &PublicKey::from_bytes([3; 32])));
}

/// Reads a body; what was read is read the same once more.
fn read<T: Serialize + PartialEq + Debug>(json: &[u8], decode: fn(&[u8]) -> Result<T, ApiError>) -> Option<T> {
    match decode(json) {
        Ok(value) => {
            let rewritten = serde_json::to_vec(&value).expect("closed types are JSON");
            assert_eq!(decode(&rewritten).as_ref(), Ok(&value));
            Some(value)
        }
        Err(error) => {
            check_refusal(&error);
            None
        }
    }
}
