//! Slots: what is shown of a decision, how, and what is not.
#![cfg(target_family = "wasm")]

mod page;

use js_sys::{JSON, Object};
use page::{Answers, WILLING, add, boot, call, collector, consent, document, get, sent_events, set, told, until};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::HtmlElement;

wasm_bindgen_test_configure!(run_in_browser);

const FAR_OFF: f64 = 9e12;

/// A collector that decides so.
fn deciding(decision: String) -> Answers {
    Box::leak(Box::new([WILLING[0], WILLING[1], ("/v1/decisions", 200, &*decision.leak())]))
}

fn offering(kind: &str, text: &str, disclosure: &str, expires_at: f64) -> Answers {
    const DECISION: &str = r#"{"decision":"00112233445566778899aabbccddeeff","slot":"a","reason":"targeting_match","arm":"offer","propensity":1,
        "holdout":false,"policy":"0123456789abcdef","model":"rules-1","explain":[],"offer":{"id":"ten","value":10,"accept":"Take it","dismiss":"No"}}"#;
    let decision = JSON::parse(DECISION).expect("JSON");
    let offer = get(&decision, "offer");
    for (key, value) in [("kind", kind), ("text", text), ("disclosure", disclosure)] {
        set(&offer, key, &value.into());
    }
    set(&offer, "expires_at", &expires_at.into());
    deciding(JSON::stringify(&decision).expect("JSON").into())
}

async fn ask(slot: &str) -> JsValue {
    call("offer", &[slot.into(), Object::new().into()]).await.expect("never rejects")
}

fn find(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).expect("a selector").map(JsCast::unchecked_into)
}

fn text_of(selector: &str) -> String {
    find(selector).and_then(|part| part.text_content()).unwrap_or_default()
}

#[wasm_bindgen_test]
async fn offers_are_text_with_a_disclosure_and_end_in_time() {
    let personal = "Personalised & decided by <i>rules</i>.";
    collector(offering("percent", "<b>10 % off</b>", personal, FAR_OFF));
    boot("{}");
    let offers = told("offer").await;
    add("<div data-waver-slot=a></div>");
    add("<div data-waver-slot=b></div>");
    assert_eq!(get(&ask("a").await, "reason"), "no_consent");

    consent(r#"{"measure":true,"personalize":true}"#);
    let decision = ask("a").await;
    assert_eq!(get(&get(&decision, "offer"), "id"), "ten", "the page gets the whole decision");
    assert_eq!(text_of(".waver-offer-text"), "<b>10 % off</b>", "markup is shown as text");
    assert_eq!(text_of(".waver-offer-disclosure"), personal);
    assert_eq!(find(".waver-offer").expect("an offer").get_attribute("role").as_deref(), Some("status"));
    assert_eq!(get(&offers.get(0), "action"), "exposed");
    ask("a").await;
    assert_eq!(offers.length(), 1, "a slot that is taken stays as it is");

    find(".waver-offer-dismiss").expect("a button").click();
    assert!(find(".waver-offer").is_none());
    assert_eq!(get(&offers.get(1), "action"), "dismissed");
    until("both events", || sent_events().iter().filter(|event| get(event, "type") == "offer").count() == 2).await;

    for (refused, why) in [
        (offering("percent", "10 % off", "", FAR_OFF), "a price without its disclosure"),
        (offering("help", "May we help?", "", 1_000.0), "an offer that has ended"),
        (offering("bribe", "Take this", personal, FAR_OFF), "an unknown kind"),
        (offering("percent", "", personal, FAR_OFF), "no text"),
    ] {
        collector(refused);
        ask("b").await;
        assert!(find(".waver-offer").is_none() && offers.length() == 2, "{why}");
    }
    collector(deciding("[1,2,3]".into()));
    assert_eq!(get(&ask("b").await, "reason"), "fallback", "what is no decision");

    collector(offering("help", "May we help?", "", js_sys::Date::now() + 300.0));
    ask("b").await;
    assert!(find("[data-waver-slot=b] .waver-offer").is_some(), "help needs no disclosure");
    until("the end of the offer", || find(".waver-offer").is_none()).await;

    collector(offering("percent", "10 % off", personal, FAR_OFF));
    ask("b").await;
    assert!(find(".waver-offer").is_some());
    consent(r#"{"personalize":false}"#);
    assert!(find(".waver-offer").is_none(), "an offer goes with the consent to it, in the same task");
}
