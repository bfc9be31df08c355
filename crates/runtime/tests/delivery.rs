//! The queue against collectors that are busy, refuse, or never answer: the page goes on, nothing is sent twice under new numbers, nothing grows.
#![cfg(target_family = "wasm")]

mod page;

use js_sys::{Array, JSON};
use page::{Answers, boot, call, collector, consent, get, sent, until};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const GRANTS: (&str, u16, &str) =
    ("/v1/consents", 200, r#"{"consent_epoch":1,"measure":"granted","personalize":"granted"}"#);
const BLACK_HOLE: Answers = &[GRANTS];
const BUSY: Answers = &[GRANTS, ("/v1/events", 503, r#"{"code":"unavailable","message":""}"#)];
const REFUSING: Answers = &[GRANTS, ("/v1/events", 422, r#"{"code":"schema","message":""}"#)];
const WILLING: Answers = &[GRANTS, ("/v1/events", 202, "not even JSON")];

async fn add_to_cart() {
    let parameters = r#"{"currency":"EUR","value":10,"items":[{"item_id":"a","quantity":1}]}"#;
    call("track", &["add_to_cart".into(), JSON::parse(parameters).expect("JSON")]).await.expect("taken");
}

/// The events of the `number`th batch, once it was sent.
async fn batch(number: usize) -> Vec<JsValue> {
    until("a batch", || sent("/v1/events").len() >= number).await;
    get(&sent("/v1/events")[number - 1], "events").unchecked_into::<Array>().to_vec()
}

fn seqs(events: &[JsValue]) -> Vec<u64> {
    events.iter().map(|event| get(event, "seq").as_f64().expect("a number") as u64).collect()
}

#[wasm_bindgen_test]
async fn the_page_goes_on_whatever_the_collector_does() {
    collector(BUSY);
    boot("{}");
    consent(r#"{"measure":true,"personalize":true}"#);
    let first = seqs(&batch(1).await);
    collector(WILLING);
    assert_eq!(seqs(&batch(2).await), first, "the same events with the same numbers");

    collector(REFUSING);
    add_to_cart().await;
    let refused = seqs(&batch(3).await);
    collector(WILLING);
    add_to_cart().await;
    let next = batch(4).await;
    assert!(
        seqs(&next).iter().all(|seq| seq > refused.last().expect("an event")),
        "what was refused is not sent again"
    );
    let dropped = next.iter().find(|event| get(event, "type") == "dropped").expect("the loss is told");
    assert_eq!(get(dropped, "cause"), "refused");

    collector(BLACK_HOLE);
    for _ in 0..1_000 {
        add_to_cart().await;
    }
    assert_eq!(batch(5).await.len(), 64, "a full batch leaves at once");
    consent(r#"{"measure":false,"personalize":false}"#);
    assert_eq!(sent("/v1/erase").len(), 1);
    assert_eq!(sent("/v1/events").len(), 5, "one at a time, and none after the withdrawal");
}
