//! Local detection before a grant: the page is told, and the network sees the same whatever there is to tell (C4), which is nothing.
#![cfg(target_family = "wasm")]

mod page;

use page::{WILLING, act, add, boot, call, collector, consent, dither, get, requests, sent_events, told, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn what_is_detected_locally_stays_in_the_page_and_is_never_sent_later() {
    collector(WILLING);
    let button = add("<button data-waver-zone=cta>Buy</button><div data-waver-slot=product></div>");
    boot(r#"{"preconsent":"local"}"#);
    let hesitations = told("hesitation").await;
    dither(&button, || hesitations.length() > 0).await;
    assert_eq!(get(&call("offer", &["product".into()]).await.expect("a decision"), "reason"), "no_consent");
    assert_eq!(requests(), 0, "although it hesitates");
    assert_eq!(act("sessionStorage.length + localStorage.length + document.cookie.length"), 0);

    let granted_at = js_sys::Date::now();
    consent(r#"{"measure":true,"personalize":false}"#);
    until("a batch", || !sent_events().is_empty()).await;
    let kinds: Vec<String> =
        sent_events().iter().map(|event| get(event, "type").as_string().expect("a word")).collect();
    assert!(kinds.iter().all(|kind| kind != "hesitation"), "of before the grant: {kinds:?}");
    let since_grant = js_sys::Date::now() - granted_at;
    let latest = sent_events().iter().filter_map(|event| get(event, "t").as_f64()).fold(0.0, f64::max);
    assert!(latest <= since_grant, "its clock begins with the grant: {latest} of {since_grant}");
}
