//! The bodies of `POST /v1/consents`, `POST /v1/decisions`, `POST /v1/erase`, `POST /v1/me`, `POST /v1/dead-letters/redrive`,
//! `POST /v1/export/aggregates` and `POST /ofrep/v1/evaluate/flags`, and of what the shop's backend sends.

use std::fmt::Debug;

use serde::Serialize;
use waver::decoders;
use waver_schema::{ApiError, WIRE_VERSION, limits};

use crate::batch::check_refusal;

pub(crate) fn run(json: &[u8]) {
    if let Some(record) = read(json, decoders::consent) {
        assert!((1..=WIRE_VERSION).contains(&record.v));
    }
    if let Some(request) = read(json, decoders::decision) {
        assert!(request.features.hesitation.len() <= limits::SCORES_PER_DECISION);
        assert!(request.items.len() <= limits::ITEMS_PER_DECISION);
    }
    if let Some(request) = read(json, decoders::erase) {
        assert!((1..=WIRE_VERSION).contains(&request.v));
    }
    if let Some(request) = read(json, decoders::me) {
        assert!((1..=WIRE_VERSION).contains(&request.v));
    }
    let granted = decoders::grant_request(json).map(|seconds| {
        assert!(seconds.is_none_or(|seconds| (1..=86_400).contains(&seconds)));
    });
    let catalog = decoders::catalog(json).map(|items| assert!(items <= 256));
    let order = decoders::order(json).map(drop);
    let of_shop = [granted, catalog, order];
    let others = [decoders::redrive(json), decoders::noisy_export(json), decoders::evaluation(json)];
    let others = others.into_iter().chain(of_shop);
    for refused in others.filter_map(Result::err) {
        check_refusal(&refused);
    }
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
