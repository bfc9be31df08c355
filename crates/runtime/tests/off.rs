//! Without a grant, and without the shop's asking for local detection, nothing looks at the shopper: there is not one listener that could.
#![cfg(target_family = "wasm")]

mod page;

use page::{WILLING, act, add, boot, call, collector, consent, requests, told, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// What tells of consent tools, and of the page's own coming and going, at which they are read again.
const OF_CONSENT: [&str; 12] = [
    "cc:onFirstConsent",
    "cc:onConsent",
    "cc:onChange",
    "cc:onModalReady",
    "orejime.loaded",
    "tac.consent_updated",
    "visitorConsentCollected",
    "change",
    "message",
    "visibilitychange",
    "pagehide",
    "pageshow",
];

#[wasm_bindgen_test]
async fn there_is_no_listener_for_what_a_shopper_does_before_a_grant() {
    collector(WILLING);
    act("(it.kinds = new Set(), it.add = EventTarget.prototype.addEventListener, EventTarget.prototype.addEventListener = function (kind, ...rest) {
        it.kinds.add(kind);
        return it.add.call(this, kind, ...rest);
    })");
    let button = add("<button data-waver-zone=cta>Buy</button>");
    boot("{}");
    let hesitations = told("hesitation").await;
    for step in 0..200 {
        page::pointer(&button, "pointermove", 100 + step % 9, 300);
    }
    page::pointer(&button, "click", 100, 300);
    assert_eq!(call("state", &[]).await.expect("a state"), wasm_bindgen::JsValue::NULL);
    let known = OF_CONSENT.map(|kind| format!("'{kind}'")).join(",");
    assert_eq!(act(&format!("[...it.kinds].filter((kind) => ![{known}].includes(kind)).join()")), "");
    assert_eq!((requests(), hesitations.length()), (0, 0));

    consent(r#"{"measure":true}"#);
    until("the sensors", || act("it.kinds.has('pointermove')") == true).await;
    act("EventTarget.prototype.addEventListener = it.add");
}
