//! What is left for the tab's next page: only under a grant, at most one write in a while as long as the page stays, and one when it goes.
#![cfg(target_family = "wasm")]

mod page;

use page::{WILLING, act, boot, collector, consent, frame, sent_events, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Another tab in front, and this one again.
fn away_and_back(times: usize) {
    for _ in 0..times {
        act("(it.hidden = true, document.dispatchEvent(new Event('visibilitychange')))");
        act("(it.hidden = false, document.dispatchEvent(new Event('visibilitychange')))");
    }
}

#[wasm_bindgen_test]
async fn a_session_is_written_seldom_and_only_under_a_grant() {
    act("Object.defineProperty(Document.prototype, 'hidden', { configurable: true, get: () => it.hidden ?? false })");
    act("(it.writes = 0, it.set = Storage.prototype.setItem, \
        Storage.prototype.setItem = function (...given) { it.writes += given[0] === 'waver'; return it.set.apply(this, given); })");
    collector(WILLING);
    boot(r#"{"preconsent":"local"}"#);
    frame(50).await;
    away_and_back(3);
    act("(dispatchEvent(new Event('pagehide')), dispatchEvent(new Event('pageshow')))");
    assert_eq!(act("it.writes"), 0, "without a grant");

    consent(r#"{"measure":true,"personalize":true}"#);
    until("a batch", || !sent_events().is_empty()).await;
    away_and_back(5);
    assert_eq!(act("it.writes"), 1, "in a moment");
    assert_eq!(act("sessionStorage.getItem('waver')"), wasm_bindgen::JsValue::NULL, "while the page holds it itself");
    // Hidden for longer, it is written once more when the time has come.
    act("(it.hidden = true, document.dispatchEvent(new Event('visibilitychange')))");
    assert_eq!(act("it.writes"), 1, "so soon");
    until("the write", || act("it.writes") == 2).await;
    act("dispatchEvent(new Event('pagehide'))");
    assert_eq!(act("it.writes"), 3, "when it goes");
    act("Storage.prototype.setItem = it.set");
}
