//! Asking ahead, and what becomes of questions: one request for each slot, an answer in time whatever the collector does, and none that outlives
//! a withdrawal. What is not shown on purpose is noted where it would have been.
#![cfg(target_family = "wasm")]

mod page;

use js_sys::{Array, Object};
use page::{
    Answers, WILLING, act, add, boot, call, collector, consent, dither, document, get, sent, sent_events, set, told,
    until,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const OFFERING: &str = r#"{"decision":"00112233445566778899aabbccddeeff","slot":"a","reason":"targeting_match","arm":"offer","propensity":1,
    "holdout":false,"policy":"0123456789abcdef","model":"rules-1","explain":[],"now":1000000,"offer":{"id":"ten","kind":"percent","value":10,
    "text":"10 % off","disclosure":"Personalised.","accept":"Take it","dismiss":"No","expires_at":1060000}}"#;
const HOLDING_OUT: &str = r#"{"decision":"ffeeddccbbaa99887766554433221100","slot":"b","reason":"holdout","arm":"holdout","propensity":0.1,
    "holdout":true,"policy":"0123456789abcdef","model":"rules-1","explain":[],"now":1000000,"offer":null}"#;
const NOTHING: &str = r#"{"decision":"11112222333344445555666677778888","slot":"a","reason":"not_eligible","arm":"nothing","propensity":1,
    "holdout":false,"policy":"0123456789abcdef","model":"rules-1","explain":[],"now":1000000,"offer":null}"#;

/// A collector that decides so.
fn deciding(decision: &'static str) -> Answers {
    Box::leak(Box::new([WILLING[0], WILLING[1], ("/v1/decisions", 200, decision)]))
}

fn asked() -> usize {
    sent("/v1/decisions").len()
}

fn shown() -> bool {
    document().query_selector(".waver-offer").expect("a selector").is_some()
}

fn actions() -> Vec<(String, bool)> {
    let offers = sent_events().into_iter().filter(|event| get(event, "type") == "offer");
    offers
        .map(|event| {
            (get(&event, "action").as_string().expect("a word"), get(&event, "since_signal_ms").is_undefined())
        })
        .collect()
}

async fn reason(slot: &str, timeout_ms: f64) -> String {
    let options = Object::new();
    set(&options, "timeout_ms", &timeout_ms.into());
    let decision = call("offer", &[slot.into(), options.into()]).await.expect("never rejects");
    get(&decision, "reason").as_string().expect("a word")
}

/// A new view, in which every slot may be asked for again and nothing is in doubt; the pointer is somewhere else.
async fn new_view(kind: &str) {
    page::pointer(&document().body().expect("a body"), "pointerover", 5, 5);
    let page = js_sys::JSON::parse(&format!(r#"{{"type":"{kind}"}}"#)).expect("JSON");
    call("page", &[page]).await.expect("taken");
}

#[wasm_bindgen_test]
async fn decisions_are_there_when_they_are_wanted() {
    // It is asked while the score rises, and nothing is shown before the hesitation is reported.
    collector(deciding(OFFERING));
    let button = add("<button data-waver-zone=cta>Buy</button>");
    let slot = add("<div data-waver-slot=a></div>");
    boot("{}");
    let hesitations = told("hesitation").await;
    consent(r#"{"measure":true,"personalize":true}"#);
    until("the grant on record", || !sent_events().is_empty()).await;
    dither(&button, || asked() > 0).await;
    assert_eq!((hesitations.length(), shown()), (0, false), "asked ahead, and nothing shown yet");
    page::frame(30).await;
    dither(&button, || hesitations.length() > 0).await;
    assert!(shown(), "in the very task in which the hesitation is reported");
    assert_eq!(asked(), 1, "and nobody had to be asked again");
    until("the exposure", || actions() == [("exposed".to_owned(), false)]).await;

    // Its end follows from the collector's clock. A wall clock that is set makes it asked for anew, and it stands where it stood.
    let clock =
        "(it.now ??= Date.now, it.ahead = (it.ahead ?? 0) + 7200000, Date.now = () => it.now.call(Date) + it.ahead)";
    act(clock);
    until("the question", || asked() == 2).await;
    until("the offer, again", shown).await;
    act("Date.now = it.now");
    until("the question", || asked() == 3).await;
    until("the offer, again", shown).await;

    // What was asked ahead and refused may be another answer by now, so it is asked again with what is known then.
    new_view("list").await;
    slot.remove();
    let slot = add("<div data-waver-slot=a></div>");
    collector(deciding(NOTHING));
    new_view("product").await;
    let before = asked();
    dither(&button, || asked() > before).await;
    page::frame(30).await;
    let reported = hesitations.length();
    collector(deciding(OFFERING));
    dither(&button, || hesitations.length() > reported).await;
    until("the offer", shown).await;
    assert_eq!(asked(), before + 2);
    slot.remove();

    // In the holdout the slot stays as it is, and the exposure that would have been is told once; the page hears nothing.
    new_view("home").await;
    let slot = add("<div data-waver-slot=b></div>");
    let offers = told("offer").await;
    collector(deciding(HOLDING_OUT));
    new_view("product").await;
    let reported = hesitations.length();
    dither(&button, || hesitations.length() > reported).await;
    let withheld = || actions().into_iter().filter(|(action, _)| action == "withheld").collect::<Vec<_>>();
    until("the exposure that would have been", || withheld() == [("withheld".to_owned(), false)]).await;
    assert_eq!(reason("b", 1_000.0).await, "holdout", "the page is told the truth when it asks");
    assert!(!shown() && slot.child_element_count() == 0 && offers.length() == 0);
    assert_eq!(withheld().len(), 1);
    slot.remove();

    // A collector that never answers: one request, and an answer in time for everybody who asked.
    collector(WILLING);
    act("(it.fetch = window.fetch, it.signals = [], window.fetch = (url, request) => {
        if (String(url).endsWith('/v1/decisions')) it.signals.push(request.signal);
        return it.fetch.call(window, url, request);
    })");
    let (before, began) = (asked(), js_sys::Date::now());
    let both: Array = [250.0, 400.0]
        .into_iter()
        .map(|timeout_ms| {
            let options = Object::new();
            set(&options, "timeout_ms", &timeout_ms.into());
            JsValue::from(waver_runtime::command("offer", &Array::of2(&"c".into(), &options)))
        })
        .collect();
    for decision in JsFuture::from(js_sys::Promise::all(&both)).await.expect("never rejects").unchecked_into::<Array>()
    {
        assert_eq!(get(&decision, "reason"), "fallback");
    }
    let took = js_sys::Date::now() - began;
    assert!((390.0..5_000.0).contains(&took), "{took} ms");
    assert_eq!((asked(), act("it.signals.length")), (before + 1, 1.into()), "one request for both");
    assert_eq!(reason("c", 0.0).await, "fallback", "at once");

    // A withdrawal answers who waits, and ends the request.
    let waits = waver_runtime::command("offer", &Array::of1(&"d".into()));
    assert_eq!(act("it.signals[1].aborted"), false);
    consent(r#"{"personalize":false,"measure":false}"#);
    assert_eq!(act("it.signals.every((signal) => signal.aborted)"), true, "in the same task");
    assert_eq!(get(&JsFuture::from(waits).await.expect("never rejects"), "reason"), "no_consent");
    act("window.fetch = it.fetch");
    the_context_for_openfeature_is_there_under_a_grant_alone().await;
}

async fn the_context_for_openfeature_is_there_under_a_grant_alone() {
    assert!(call("state", &[]).await.expect("a state").is_null());
    collector(deciding(OFFERING));
    let epochs = sent("/v1/consents").len();
    consent(r#"{"measure":true,"personalize":true}"#);
    until("the grant on record", || sent("/v1/consents").len() > epochs).await;
    page::frame(50).await;
    let cart =
        js_sys::JSON::parse(r#"{"currency":"EUR","items":[{"item_id":"cup","price":4,"quantity":2}]}"#).expect("JSON");
    call("track", &["add_to_cart".into(), cart]).await.expect("taken");
    let context = get(&call("state", &[]).await.expect("a state"), "context");
    assert_eq!(get(&context, "targetingKey").as_string().map(|key| key.len()), Some(32));
    assert_eq!((get(&context, "site"), get(&context, "consent_epoch")), ("demo".into(), 1.into()));
    let item: Array = get(&context, "items").unchecked_into();
    assert_eq!((item.length(), get(&item.get(0), "quantity")), (1, 2.into()));
    assert!(get(&context, "session").is_undefined() && get(&context, "slot").is_undefined());
    consent(r#"{"personalize":false,"measure":true}"#);
    let state = call("state", &[]).await.expect("a state");
    assert!(state.is_null() || get(&state, "context").is_null());
}
