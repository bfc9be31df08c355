//! Withdrawal: one request, in the task of the withdrawal, and nothing left of the session, not even in memory.
#![cfg(target_family = "wasm")]

mod page;

use std::collections::BTreeSet;

use page::{
    Answers, act, add, boot, call, collector, consent, dither, expect_told, get, in_order, requests, sent, told, until,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(module = "/tests/page/memory.js")]
extern "C" {
    fn remember(request: &JsValue);
    fn times_in(memory: &JsValue) -> u32;
}

const COLLECTOR: Answers = &[
    ("/v1/consents", 200, r#"{"consent_epoch":1,"measure":"granted","personalize":"granted"}"#),
    ("/v1/events", 202, r#"{"accepted":1,"duplicate":0,"rejected":[]}"#),
    ("/v1/erase", 202, r#"{"erasure":"0123456789abcdef0123456789abcdef"}"#),
    ("/v1/erase/0123456789abcdef0123456789abcdef", 200, r#"{"receipt":{"erased_at":1795000000000},"signature":"00"}"#),
];

const ALL: &str = r#"{"measure":true,"personalize":true}"#;
const MEASURE: &str = r#"{"measure":true,"personalize":false}"#;
const NOTHING: &str = r#"{"measure":false,"personalize":false}"#;

fn last(route: &str) -> JsValue {
    sent(route).last().expect("a request").clone()
}

fn session(of: &JsValue) -> String {
    get(of, "session").as_string().expect("an id")
}

fn stored() -> bool {
    act("sessionStorage.getItem('waver') !== null") == true
}

async fn batches_after(count: usize) {
    until("a batch", || sent("/v1/events").len() > count).await;
}

#[wasm_bindgen_test]
async fn nothing_of_a_session_outlives_its_grant() {
    collector(COLLECTOR);
    boot("{}");
    nothing_to_erase().await;
    one_request_and_an_empty_memory().await;
    every_change_of_the_set_is_another_session().await;
    the_receipt().await;
    withdrawals_and_grants_of_another_tab().await;
    what_an_earlier_page_left().await;
    // What would still have left by a timer has left by now: waiting for the batches above took longer than a batch waits.
    let mut erased = BTreeSet::new();
    for (route, body) in in_order() {
        let Some(session) = get(&body, "session").as_string() else { continue };
        assert!(!erased.contains(&session), "{route} of a session after its erasure");
        if route.ends_with("/v1/erase") {
            erased.insert(session);
        }
    }
}

async fn nothing_to_erase() {
    let answer = call("forget", &[]).await.expect("an answer");
    assert_eq!([get(&answer, "erased_locally"), get(&answer, "receipt")], [JsValue::TRUE, JsValue::NULL]);
    consent(NOTHING);
    assert_eq!(requests(), 0);
}

async fn one_request_and_an_empty_memory() {
    let button = add("<button data-waver-zone=cta>Buy</button>");
    let hesitations = told("hesitation").await;
    consent(ALL);
    dither(&button, || hesitations.length() > 0).await;
    batches_after(0).await;
    remember(&last("/v1/consents"));
    let memory = wasm_bindgen::memory();
    assert!(times_in(&memory) > 0, "the session is in memory while it is there");

    let batches = sent("/v1/events").len();
    consent(NOTHING);
    expect_told(1, 1, "when the withdrawal returned");
    assert_eq!(session(&last("/v1/erase")), session(&last("/v1/consents")));
    consent(NOTHING);
    expect_told(1, 1, "when it was said again");
    until("the memory to be wiped", || times_in(&memory) == 0).await;
    page::pointer(&button, "pointerover", 10, 10);
    call("track", &["view_cart".into()]).await.expect("taken");
    assert_eq!(sent("/v1/events").len(), batches);
    assert_eq!(call("state", &[]).await.expect("a state"), JsValue::NULL, "the model is gone");
    assert!(!stored());
}

async fn every_change_of_the_set_is_another_session() {
    let mut sessions = BTreeSet::new();
    let (grants, erasures) = (sent("/v1/consents").len(), sent("/v1/erase").len());
    for (choice, erased) in [(MEASURE, 0), (ALL, 0), (MEASURE, 1), (NOTHING, 2), (ALL, 2), (NOTHING, 3)] {
        consent(choice);
        sessions.insert(session(&last("/v1/consents")));
        assert_eq!(sent("/v1/erase").len() - erasures, erased, "{choice}");
    }
    assert_eq!((sessions.len(), sent("/v1/consents").len() - grants), (4, 4));
    let erased: BTreeSet<String> = sent("/v1/erase").iter().map(session).collect();
    assert_eq!(erased.len(), sent("/v1/erase").len(), "none is erased twice");
}

async fn the_receipt() {
    consent(ALL);
    let erasures = sent("/v1/erase").len();
    let forget = waver_runtime::command("forget", &js_sys::Array::of1(&JsValue::UNDEFINED));
    assert_eq!(sent("/v1/erase").len(), erasures + 1, "the request has left when the call returns");
    let answer = wasm_bindgen_futures::JsFuture::from(forget).await.expect("an answer");
    let receipt = get(&answer, "receipt");
    assert_eq!(get(&get(&receipt, "receipt"), "erased_at"), 1_795_000_000_000_f64, "the collector's, as it is");
    assert_eq!(sent("/v1/erase").len(), erasures + 1);
}

async fn withdrawals_and_grants_of_another_tab() {
    act(
        "(it.tab = new BroadcastChannel('waver'), it.heard = [], it.tab.onmessage = ({ data }) => it.heard.push(data))",
    );
    consent(ALL);
    until("the grant to be told", || act("it.heard.at(-1)") == 12).await;
    let erasures = sent("/v1/erase").len();
    act("it.tab.postMessage(1 | 2 << 2)");
    until("the first purpose to be withdrawn here too", || sent("/v1/erase").len() == erasures + 1).await;
    page::expect(["denied", "granted"], "measuring was withdrawn in the other tab").await;
    act("it.tab.postMessage(3)");
    until("the rest", || sent("/v1/erase").len() == erasures + 2).await;
    let grants = sent("/v1/consents").len();
    act("it.tab.postMessage(3 << 2)");
    until("the grant of the other tab", || sent("/v1/consents").len() == grants + 1).await;
    for noise in ["'3'", "null", "{}", "NaN", "[1]"] {
        act(&format!("it.tab.postMessage({noise})"));
    }
    act("it.tab.postMessage(2)");
    until("what comes after noise", || sent("/v1/erase").len() == erasures + 3).await;
    page::expect(["granted", "denied"], "noise is nothing").await;
    consent(NOTHING);
    act("it.tab.close()");
}

/// A page that is hidden leaves its session to the next of the tab, and a withdrawal takes it back from there.
async fn what_an_earlier_page_left() {
    consent(ALL);
    let batches = sent("/v1/events").len();
    batches_after(batches).await;
    act("window.dispatchEvent(new Event('pagehide'))");
    assert!(stored(), "left for the next page");
    let erasures = sent("/v1/erase").len();
    consent(NOTHING);
    assert!(!stored());
    assert_eq!(sent("/v1/erase").len(), erasures + 1);
}
