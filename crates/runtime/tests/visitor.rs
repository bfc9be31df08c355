//! The browser's name across sessions: only where the collector wants one, only under a grant to personalise, and gone with it.
#![cfg(target_family = "wasm")]

mod page;

use page::{Answers, act, boot, call, collector, consent, get, sent, until};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const REMEMBERS: Answers = &[
    ("/v1/consents", 200, r#"{"consent_epoch":1,"measure":"granted","personalize":"granted","visitor_days":30}"#),
    ("/v1/events", 202, r#"{"accepted":1,"duplicate":0,"rejected":[]}"#),
    ("/v1/decisions", 503, r#"{"code":"unavailable"}"#),
    ("/v1/erase", 202, r#"{"erasure":"0123456789abcdef0123456789abcdef"}"#),
];
const FORGETS: Answers = &[("/v1/consents", 200, r#"{"consent_epoch":2,"measure":"granted","personalize":"granted"}"#)];

const ALL: &str = r#"{"measure":true,"personalize":true}"#;
const MEASURE: &str = r#"{"measure":true,"personalize":false}"#;
const NOTHING: &str = r#"{"measure":false,"personalize":false}"#;

/// What is stored, without its end.
fn stored() -> Option<String> {
    act("localStorage.getItem('waver-visitor')?.split(' ')[0]").as_string()
}

async fn is_stored() -> String {
    until("a name", || stored().is_some()).await;
    let name = stored().expect("just now");
    assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    name
}

/// Which name the last question carried.
async fn asked_as() -> JsValue {
    let options = js_sys::JSON::parse(r#"{"timeout_ms":1}"#).expect("JSON");
    call("offer", &["cart".into(), options]).await.expect("an answer");
    get(sent("/v1/decisions").last().expect("a question"), "visitor")
}

fn erased_as() -> JsValue {
    get(sent("/v1/erase").last().expect("an erasure"), "visitor")
}

#[wasm_bindgen_test]
async fn a_name_comes_and_goes_with_the_grant() {
    act("localStorage.removeItem('waver-visitor')");
    collector(REMEMBERS);
    boot("{}");
    consent(NOTHING);
    assert_eq!((stored(), sent("/v1/erase").len()), (None, 0), "nobody granted anything");
    consent(ALL);
    let first = is_stored().await;
    assert_eq!(asked_as().await, first.as_str());
    assert!(sent("/v1/events").iter().all(|batch| get(batch, "visitor").is_undefined()), "events say nothing of it");

    // Personalising alone was taken back: the name goes in the same task, and with the request of erasure.
    consent(MEASURE);
    assert_eq!((stored(), erased_as()), (None, JsValue::from(first.as_str())));
    consent(ALL);
    let second = is_stored().await;
    assert_ne!(first, second);
    // It stays while it lasts, whatever another answer says of days; one that is over is replaced.
    act("localStorage.setItem('waver-visitor', localStorage.getItem('waver-visitor').split(' ')[0] + ' 1000')");
    assert!(asked_as().await.is_undefined(), "its days are over");
    consent(NOTHING);
    assert!(stored().is_none() && erased_as().is_undefined(), "the collector has nothing of it either");
    consent(ALL);
    let third = is_stored().await;
    consent(NOTHING);
    assert_eq!((stored(), erased_as()), (None, JsValue::from(third.as_str())));

    // What an earlier page left goes where no grant to personalise stands, also without a session to erase.
    act(&format!("localStorage.setItem('waver-visitor', '{third} 9999999999999')"));
    consent(MEASURE);
    assert_eq!((stored(), erased_as()), (None, JsValue::from(third.as_str())));
    // And where the site does not want one any more.
    consent(NOTHING);
    act(&format!("localStorage.setItem('waver-visitor', '{third} 9999999999999')"));
    collector(FORGETS);
    consent(ALL);
    until("the name to go", || stored().is_none()).await;
}
