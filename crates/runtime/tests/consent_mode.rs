//! Consent mode where the shop says by its map that it has nothing better to ask.
#![cfg(target_family = "wasm")]

mod page;

use page::{WILLING, act, boot, collector, expect, requests, sent};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn only_an_update_grants() {
    collector(WILLING);
    act("it.mode = doubles.consentMode()");
    act("it.mode.gtag('consent', 'default', { analytics_storage: 'denied', ad_storage: 'denied', region: ['DE'] })");
    act(
        "it.mode.gtag('consent', 'default', { analytics_storage: 'granted', ad_personalization: 'granted', wait_for_update: 500 })",
    );
    boot(r#"{"cmp":{"analytics_storage":"measure","ad_personalization":"personalize"}}"#);
    expect(["denied", "unknown"], "defaults").await;
    assert_eq!(requests(), 0);
    act("it.mode.gtag('consent', 'update', { analytics_storage: 'granted' })");
    expect(["granted", "unknown"], "a part").await;
    act("it.mode.gtag('consent', 'update', { ad_personalization: 'granted' })");
    expect(["granted", "granted"], "and the other").await;
    act("it.mode.gtag('consent', 'update', { analytics_storage: 'denied' })");
    expect(["denied", "granted"], "taken back").await;
    assert_eq!(sent("/v1/erase").len(), 1);
}
