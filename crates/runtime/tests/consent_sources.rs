//! The adapters of consent tools, against doubles that lie as the real ones do. Each has to hold to what a shopper chose, saved and has not
//! taken back, and to close the gate before the tool's own call returns.
#![cfg(target_family = "wasm")]

mod page;

use page::{WILLING, act, boot, collector, expect, expect_told, get, requests, sent};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const MAPPED: &str = r#"{"cmp":{"analytics":"measure","personalization":"personalize","measurement":"measure","experience":"personalize"}}"#;

#[wasm_bindgen_test]
async fn a_choice_that_was_made_saved_and_stands_grants_and_nothing_else_does() {
    collector(WILLING);
    boot(MAPPED);
    expect(["unknown", "unknown"], "no tool at all").await;
    klaro().await;
    orejime().await;
    tarteaucitron().await;
    c15t().await;
    shopify().await;
    consent_mode_and_usp().await;
    garbage().await;
}

async fn klaro() {
    act("it.klaro = doubles.klaro()");
    expect(["unknown", "unknown"], "`default: true`, before any choice").await;
    act("it.klaro.toggle('analytics', true)");
    expect(["unknown", "unknown"], "a toggle that nobody saved").await;
    assert_eq!(requests(), 0, "requests before a choice");
    act("it.klaro.save()");
    expect_told(1, 0, "when it was saved");
    let reading = get(&get(&sent("/v1/consents")[0], "readings"), "0");
    assert_eq!([get(&reading, "source"), get(&reading, "version")], ["klaro", "0.7.22"]);
    expect(["granted", "granted"], "saved").await;
    act("it.klaro.toggle('analytics', false)");
    expect(["granted", "granted"], "an unsaved toggle withdraws as little as it grants").await;
    act("it.klaro.save()");
    expect_told(2, 1, "when a part was taken back");
    expect(["denied", "granted"], "the rest stands").await;
    act("it.klaro.inOtherTab({ analytics: false, personalization: false })");
    expect(["denied", "denied"], "withdrawn in another tab, of which this one's tool knows nothing").await;
    expect_told(2, 2, "after the other tab");
    act("it.klaro.remove()");
}

async fn orejime() {
    act("it.orejime = doubles.orejime()");
    expect(["unknown", "unknown"], "before any choice").await;
    act("it.orejime.choose({ analytics: true })");
    expect_told(3, 2, "when it was chosen");
    expect(["granted", "denied"], "one purpose").await;
    act("it.orejime.inOtherTab({ analytics: false })");
    expect(["denied", "denied"], "withdrawn in another tab").await;
    expect_told(3, 3, "after the other tab");
    act("it.orejime.choose({ analytics: true, personalization: true })");
    expect_told(4, 3, "when it was chosen again");
    act("it.orejime.clear()");
    expect_told(4, 4, "when it was cleared");
    expect(["unknown", "unknown"], "as if nobody had chosen").await;
    act("it.orejime.remove()");
}

async fn tarteaucitron() {
    act("it.tac = doubles.tarteaucitron()");
    expect(["unknown", "unknown"], "it waits for a choice").await;
    act("it.tac.respond('analytics', true)");
    expect_told(5, 4, "when it was chosen");
    expect(["granted", "unknown"], "one service waits still").await;
    act("it.tac.respond('personalization', false)");
    expect(["granted", "denied"], "one service").await;
    act("it.tac.inOtherTab('!analytics=false!personalization=false')");
    expect(["denied", "denied"], "withdrawn in another tab").await;
    act("it.tac.respond('analytics', true)");
    expect_told(6, 5, "when it was chosen again");
    act("it.tac.respond('analytics', false)");
    expect_told(6, 6, "when it was taken back");
    for setting in ["highPrivacy = false", "user.bypass = true", "parameters.serviceDefaultState = true"] {
        act("(it.tac.remove(), it.tac = doubles.tarteaucitron())");
        act(&format!("it.tac.tool.{setting}"));
        act("it.tac.respond('analytics', true)");
        expect(["unknown", "unknown"], setting).await;
    }
    act("it.tac.remove()");
}

async fn c15t() {
    act("it.c15t = doubles.c15t()");
    expect(["unknown", "unknown"], "granted by its policy, before any choice").await;
    act("it.c15t.save({})");
    expect(["granted", "granted"], "saved").await;
    expect_told(7, 6, "when it was saved");
    act("it.c15t.save({ measurement: false })");
    expect_told(8, 7, "when a part was taken back");
    expect(["denied", "granted"], "the rest stands").await;
    act("it.c15t.inOtherTab()");
    expect(["denied", "denied"], "withdrawn in another tab").await;
    expect_told(8, 8, "after the other tab");
    act("it.c15t.remove()");
}

async fn shopify() {
    act("it.shop = doubles.shopify()");
    expect(["unknown", "unknown"], "allowed where no banner is required").await;
    expect(["unknown", "unknown"], "and again").await;
    assert_eq!(act("it.shop.loads()"), 1, "asked for once");
    act("it.shop.choose({ analytics: 'yes' })");
    expect_told(9, 8, "when it was chosen");
    expect(["granted", "unknown"], "no word on preferences").await;
    act("it.shop.choose({ preferences: 'yes' })");
    expect_told(10, 8, "when more was chosen: another session, and none to erase");
    act("it.shop.allowed.preferences = false");
    expect(["granted", "denied"], "the merchant does not allow what the visitor does").await;
    act("it.shop.choose({ analytics: 'no' })");
    expect_told(11, 10, "when it was taken back");
    act("it.shop.remove()");
}

/// Neither grants; each takes away from what a tool granted.
async fn consent_mode_and_usp() {
    act("it.mode = doubles.consentMode()");
    act("it.mode.gtag('consent', 'default', { analytics_storage: 'granted', personalization_storage: 'granted' })");
    act("it.mode.gtag('consent', 'update', { analytics_storage: 'granted', personalization_storage: 'granted' })");
    expect(["unknown", "unknown"], "it is no tool that could grant").await;
    act("(it.klaro = doubles.klaro(), it.klaro.save())");
    expect(["granted", "granted"], "what the tool granted, and it does not object to").await;
    act("it.mode.gtag('consent', 'update', { analytics_storage: 'denied' })");
    expect(["denied", "granted"], "it objects").await;
    act("it.mode.gtag('consent', 'default', { analytics_storage: 'granted' })");
    expect(["denied", "granted"], "a default is no act of the shopper's").await;
    // Tag managers cut the queue off at its front.
    act("(window.dataLayer.splice(0, 3), it.mode.gtag('consent', 'update', { analytics_storage: 'granted' }))");
    expect(["granted", "granted"], "it does not object any more").await;
    act("it.mode.remove()");

    act("it.usp = doubles.usp('1YNN')");
    expect(["granted", "granted"], "not opted out").await;
    act("it.usp = doubles.usp('1YYN')");
    expect(["granted", "denied"], "opted out of the sale").await;
    act("it.usp = doubles.usp()");
    expect(["granted", "unknown"], "it never answers").await;
    act("(it.asked = 0, window.__uspapi = () => { it.asked += 1; })");
    for _ in 0..200 {
        expect(["granted", "unknown"], "it never answers").await;
    }
    assert_eq!(act("it.asked"), 100, "who never answers is not asked for ever");
    act("it.usp.remove()");
    act("(it.klaro.remove(), window.dataLayer = undefined)");
    expect(["unknown", "unknown"], "the tool is gone").await;
}

/// What takes a tool's name and is none, or throws, grants nothing.
async fn garbage() {
    let told = requests();
    let throws = "new Proxy(function () {}, { get() { throw new Error('no'); }, apply() { throw new Error('no'); } })";
    for name in
        ["klaro", "orejime", "tarteaucitron", "c15tStore", "Shopify", "CookieConsent", "__tcfapi", "__gpp", "__uspapi"]
    {
        for value in [throws, "{}", "() => {}", "'granted'", "true", "document.body", "() => ({ getManager: 1 })"] {
            act(&format!("window['{name}'] = ({value})"));
            assert_ne!(page::consent_state("measure").await, "granted", "{name} = {value}");
        }
        act(&format!("delete window['{name}']"));
    }
    assert_eq!(requests(), told);
}
