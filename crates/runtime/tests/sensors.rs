//! The sensors on a page with local detection: what they make of events, and what they leave alone.
#![cfg(target_family = "wasm")]

mod page;

use page::{add, boot, call, collector, dither, frame, get, pointer, requests, told};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

async fn feature(name: &str) -> f64 {
    let state = call("state", &[]).await.expect("a state");
    get(&get(&state, "features"), name).as_f64().expect("a number")
}

#[wasm_bindgen_test]
async fn signals_become_features_and_nothing_leaves() {
    collector(&[]);
    boot(r#"{"preconsent":"local"}"#);
    let hesitations = told("hesitation").await;
    let tall = add("<div style='height:9000px'></div>");
    let button = add("<button data-waver-zone=cta><span>Add to cart</span></button>");
    let ignored = add("<div data-waver-ignore><button data-waver-zone=cta>Add to cart</button></div>");
    while feature("views").await < 1.0 {
        frame(10).await;
    }

    let inside = ignored.first_element_child().expect("a button");
    for step in 0..60 {
        pointer(&inside, "pointermove", 100 + step % 9, 300);
        frame(16).await;
    }
    pointer(&inside, "click", 100, 300);
    assert_eq!(hesitations.length(), 0, "over what is to be ignored");
    assert_eq!((feature("clicks").await, feature("cta_dwell_ms").await), (0.0, 0.0));

    let label = button.first_element_child().expect("a label");
    dither(&label, || hesitations.length() == 1).await;
    assert_eq!(get(&hesitations.get(0), "kind"), "cta_hover");
    assert_eq!(get(&hesitations.get(0), "zone"), "cta");
    pointer(&label, "click", 100, 300);
    assert_eq!(feature("clicks").await, 1.0);

    tall.scroll_into_view_with_bool(false);
    let mut depth = 0.0;
    while depth == 0.0 {
        frame(16).await;
        depth = feature("scroll_depth").await;
    }
    assert!((0.1..=1.0).contains(&depth), "{depth}");

    for step in 0..12 {
        pointer(&label, "pointermove", 100, 600 - step * 50);
        frame(20).await;
    }
    pointer(&label, "pointerout", 100, 2);
    assert!(feature("exit_speed").await > 0.5, "{}", feature("exit_speed").await);
    assert_eq!(requests(), 0, "requests without a grant");
}
