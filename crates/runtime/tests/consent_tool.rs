//! The adapter of vanilla-cookieconsent, against a double of its interface that can be made to lie as the real one does.
#![cfg(target_family = "wasm")]

mod page;

use js_sys::{Array, Object};
use page::{WILLING, boot, collector, consent_state, get, happen, requests, sent, set, until, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Puts the tool on the page in a state: what its interface says, and what stands in its cookie.
fn tool(valid: bool, accepted: &str, in_cookie: &str) {
    let list = |names: &str| names.split_whitespace().map(JsValue::from_str).collect::<Array>();
    let (accepted, in_cookie) = (list(accepted), list(in_cookie));
    let rejected: Array = list("analytics personalization").iter().filter(|name| !accepted.includes(name, 0)).collect();
    let preferences = Object::new();
    set(&preferences, "rejectedCategories", &rejected);
    let tool = Object::new();
    let method = |name, answer: Box<dyn Fn(JsValue) -> JsValue>| {
        set(&tool, name, &Closure::<dyn Fn(JsValue) -> JsValue>::wrap(answer).into_js_value());
    };
    method("validConsent", Box::new(move |_| valid.into()));
    method("acceptedCategory", Box::new(move |name| accepted.includes(&name, 0).into()));
    method("getCookie", Box::new(move |_| in_cookie.clone().into()));
    method("getUserPreferences", Box::new(move |_| preferences.clone().into()));
    set(&window(), "CookieConsent", &tool);
}

fn tool_that_throws() {
    let throw = Closure::<dyn Fn() -> Result<JsValue, JsValue>>::new(|| Err("no".into())).into_js_value();
    let tool = Object::new();
    for method in ["validConsent", "acceptedCategory", "getCookie", "getUserPreferences"] {
        set(&tool, method, &throw);
    }
    set(&window(), "CookieConsent", &tool);
}

async fn expect(expected: [&str; 2], why: &str) {
    happen("cc:onChange");
    assert_eq!([consent_state("measure").await, consent_state("personalize").await], expected, "{why}");
}

#[wasm_bindgen_test]
async fn only_a_choice_that_stands_in_the_cookie_grants() {
    collector(WILLING);
    tool(false, "analytics personalization", "");
    boot("{}");
    expect(["unknown", "unknown"], "categories that are on before any choice").await;
    tool(true, "analytics", "");
    expect(["denied", "denied"], "a choice whose cookie was deleted").await;
    tool(true, "", "analytics");
    expect(["denied", "denied"], "a cookie that the tool does not confirm").await;
    tool_that_throws();
    expect(["unknown", "unknown"], "a tool that throws").await;
    set(&window(), "CookieConsent", &Object::new());
    expect(["unknown", "unknown"], "a tool that is not there yet").await;
    assert_eq!(requests(), 0, "requests before a grant");

    tool(true, "analytics", "analytics");
    expect(["granted", "denied"], "one category").await;
    until("the record", || sent("/v1/consents").len() == 1).await;
    assert_eq!(get(&sent("/v1/consents")[0], "source"), "cookieconsent");

    tool(true, "analytics", "");
    happen("cc:onChange");
    assert_eq!(sent("/v1/erase").len(), 1, "the withdrawal leaves in the task that tells of it");
    assert_eq!(get(&sent("/v1/erase")[0], "session"), get(&sent("/v1/consents")[0], "session"));
}
