//! A page that comes back from the back/forward cache: a choice that cannot be seen to stand sends nothing until its source speaks again.
#![cfg(target_family = "wasm")]

mod page;

use page::{WILLING, act, boot, call, collector, consent, expect, expect_told, frame, sent, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Purposes 1, 5, 6 and 8.
const STRING: &str = "CQtAQoAQtAQoAAfADAENAAFgAI0AAEPAAAYgAAAAAAAA";
const ALL: &str = r#"{"measure":true,"personalize":true}"#;

/// Left and restored, as the browser tells it.
fn leave_and_come_back() {
    for kind in ["pagehide", "pageshow"] {
        act(&format!("window.dispatchEvent(new PageTransitionEvent('{kind}', {{ persisted: true }}))"));
    }
}

fn waits_for_another_page() -> bool {
    act("sessionStorage.getItem('waver') !== null") == true
}

async fn something_to_send() {
    call("track", &["view_cart".into()]).await.expect("taken");
}

/// The session of so many grants goes on.
async fn goes_on(grants: usize, why: &str) {
    until(why, || !waits_for_another_page()).await;
    expect(["granted", "granted"], why).await;
    let batches = sent("/v1/events").len();
    something_to_send().await;
    until(why, || sent("/v1/events").len() > batches).await;
    expect_told(grants, 0, why);
}

/// It is neither used nor erased, and waits for who may go on with it.
async fn is_held(grants: usize, why: &str) {
    expect(["unknown", "unknown"], why).await;
    let batches = sent("/v1/events").len();
    something_to_send().await;
    // Longer than an event waits for others to travel with.
    frame(3_000).await;
    assert_eq!(sent("/v1/events").len(), batches, "{why}");
    expect_told(grants, 0, why);
    assert!(waits_for_another_page(), "{why}");
}

fn tcf_says(status: &str) {
    act(&format!(
        "it.tcf.say({{ eventStatus: '{status}', tcString: '{STRING}', purpose: {{ consents: {{ 1: true, 5: true, 6: true, 8: true }} }} }})"
    ));
}

#[wasm_bindgen_test]
async fn a_choice_that_cannot_be_seen_to_stand_is_doubted() {
    collector(WILLING);
    boot(r#"{"tcf":"purposes"}"#);
    act("it.tcf = doubles.tcf()");
    tcf_says("tcloaded");
    until("the grant", || sent("/v1/consents").len() == 1).await;
    goes_on(1, "granted").await;
    leave_and_come_back();
    is_held(1, "what TCF's tool said before, kept nowhere that can be read").await;
    tcf_says("tcloaded");
    goes_on(1, "its tool speaks again").await;
    act(&format!("document.cookie = 'euconsent=1{STRING}.YAAA; path=/'"));
    leave_and_come_back();
    goes_on(1, "its string stands in a cookie").await;
    act("document.cookie = 'euconsent=; path=/; max-age=0'");
    expect(["unknown", "unknown"], "the cookie is deleted").await;
    tcf_says("useractioncomplete");
    goes_on(1, "chosen anew").await;
    act("it.tcf.remove()");
    expect(["unknown", "unknown"], "nobody grants any more").await;
    expect_told(1, 1, "when its tool was gone");

    consent(ALL);
    let batches = sent("/v1/events").len();
    // A batch says that the grant is on record.
    until("a batch", || sent("/v1/events").len() > batches).await;
    leave_and_come_back();
    expect(["unknown", "unknown"], "what the page said before").await;
    expect_told(2, 1, "when it was left and restored");
    consent(ALL);
    expect(["granted", "granted"], "said again").await;
    expect_told(2, 1, "since the session goes on");
}
