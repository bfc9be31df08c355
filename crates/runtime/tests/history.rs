//! What a session leaves for the intent of later ones: in this browser alone, only under the grant to personalise, and gone with it.
#![cfg(target_family = "wasm")]

mod page;

use page::{WILLING, act, add, boot, call, collector, consent, get, sent_events, until};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

async fn feature(name: &str) -> f64 {
    let state = call("state", &[]).await.expect("a state");
    get(&get(&state, "features"), name).as_f64().expect("a number")
}

fn kept() -> JsValue {
    act("localStorage.getItem('waver-history')")
}

/// The page goes, and is there again.
fn go() {
    act("(dispatchEvent(new Event('pagehide')), dispatchEvent(new Event('pageshow')))");
}

async fn shop() {
    let (item, viewed) = (r#"{"items":[{"item_id":"very-secret-item","price":9}]}"#, sent_events().len());
    let cart = js_sys::JSON::parse(item).expect("JSON");
    call("track", &["add_to_cart".into(), cart]).await.expect("taken");
    until("it to be sent", || sent_events().len() > viewed).await;
}

#[wasm_bindgen_test]
async fn a_history_is_kept_only_for_personalising_and_stays_here() {
    act("localStorage.setItem('waver-history', 'not ours')");
    add("<p data-waver-item=another-secret></p>");
    collector(WILLING);
    boot("{}");
    consent(r#"{"measure":true,"personalize":false}"#);
    assert_eq!(kept(), JsValue::NULL, "refused");
    shop().await;
    go();
    assert_eq!(kept(), JsValue::NULL, "of what was only measured");

    consent(r#"{"measure":true,"personalize":true}"#);
    assert_eq!(feature("past_sessions").await, 0.0);
    shop().await;
    go();
    let text = kept().as_string().expect("a history");
    assert!(!text.contains("secret") && text.len() < 2_000, "{text}");
    // Another session, with the same right to be personal.
    consent(r#"{"measure":false,"personalize":true}"#);
    assert_eq!((feature("past_sessions").await, feature("past_cart_adds").await), (1.0, 1.0));
    assert!(
        sent_events()
            .iter()
            .all(|event| !String::from(js_sys::JSON::stringify(event).expect("JSON")).contains("past_"))
    );
    consent(r#"{"measure":true,"personalize":false}"#);
    assert_eq!(kept(), JsValue::NULL, "the right is gone");

    for hostile in ["[", "null", "[1,2,3]", r#"["0.1.0","demo",1e999,[1]]"#, r#"["0.1.0","demo",0,[1,2,3]]"#] {
        act(&format!("localStorage.setItem('waver-history', {hostile:?})"));
        consent(r#"{"measure":true,"personalize":true}"#);
        assert_eq!(feature("past_sessions").await, 0.0, "{hostile}");
        consent(r#"{"measure":false,"personalize":false}"#);
        assert_eq!(kept(), JsValue::NULL, "{hostile}");
    }
}
