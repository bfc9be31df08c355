//! What the tests of this folder share: a page around the module, and a collector in the place of `fetch` that answers as told.
//!
//! Each test file is a page of its own, since the module starts once per page. Run one in this crate's folder with
//! `wasm-pack test --headless --chrome --mode no-install -- --test slot`.
#![allow(dead_code, reason = "each page needs some of it")]

use std::cell::RefCell;

use js_sys::{Array, Function, JSON, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Event, HtmlElement};

/// Longest time that something may take to happen.
const PATIENCE_MS: f64 = 10_000.0;

thread_local! {
    /// Address and body of each request.
    static REQUESTS: RefCell<Vec<(String, JsValue)>> = const { RefCell::new(Vec::new()) };
}

#[wasm_bindgen(module = "/tests/page/doubles.js")]
extern "C" {
    /// Runs an expression that has the doubles of consent tools as `doubles`, and `it` to keep one in.
    pub(crate) fn act(code: &str) -> JsValue;
}

/// Answers by the end of the address; what is not listed never gets an answer.
pub(crate) type Answers = &'static [(&'static str, u16, &'static str)];

/// The grant is taken, events are stored.
pub(crate) const WILLING: Answers = &[
    ("/v1/consents", 200, r#"{"consent_epoch":1,"measure":"granted","personalize":"granted"}"#),
    ("/v1/events", 202, r#"{"accepted":1,"duplicate":0,"rejected":[]}"#),
];

pub(crate) fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).expect("readable")
}

pub(crate) fn set(object: &JsValue, key: &str, value: &JsValue) {
    Reflect::set(object, &key.into(), value).expect("writable");
}

pub(crate) fn window() -> JsValue {
    js_sys::global().into()
}

/// Puts a collector with these answers in the place of `fetch`.
pub(crate) fn collector(answers: Answers) {
    let fetch = move |url: JsValue, request: JsValue| {
        let url = url.as_string().expect("an address");
        let body = get(&request, "body").as_string().map_or(JsValue::NULL, |body| JSON::parse(&body).expect("JSON"));
        assert_eq!(get(&request, "credentials"), "omit");
        assert_eq!(get(&request, "referrerPolicy"), "no-referrer");
        let answer = answers.iter().find(|(route, ..)| url.ends_with(route));
        REQUESTS.with_borrow_mut(|requests| requests.push((url, body)));
        let Some((_, status, body)) = answer else { return Promise::new(&mut |_, _| {}) };
        let init = web_sys::ResponseInit::new();
        init.set_status(*status);
        let response = web_sys::Response::new_with_opt_str_and_init(Some(body), &init).expect("a response");
        Promise::resolve(&JsValue::from(response))
    };
    let fetch = Closure::<dyn Fn(JsValue, JsValue) -> Promise>::new(fetch);
    set(&window(), "fetch", &fetch.into_js_value());
}

/// The bodies that were sent to `route` so far.
pub(crate) fn sent(route: &str) -> Vec<JsValue> {
    REQUESTS.with_borrow(|requests| {
        requests.iter().filter(|(url, _)| url.ends_with(route)).map(|(_, body)| body.clone()).collect()
    })
}

/// All events that were sent so far.
pub(crate) fn sent_events() -> Vec<JsValue> {
    let batches = sent("/v1/events");
    batches.iter().flat_map(|batch| get(batch, "events").unchecked_into::<Array>().into_iter()).collect()
}

/// All requests with a body so far, with their addresses, in the order in which they began.
pub(crate) fn in_order() -> Vec<(String, JsValue)> {
    REQUESTS.with_borrow(|requests| requests.iter().filter(|(_, body)| body.is_object()).cloned().collect())
}

/// How many requests there were.
pub(crate) fn requests() -> usize {
    REQUESTS.with_borrow(Vec::len)
}

/// Starts the module with the options of the JSON on top of the defaults.
pub(crate) fn boot(options: &str) {
    const DEFAULTS: &str = r#"{"site":"demo","endpoint":"https://collector.test","consent":"auto","preconsent":"off",
        "cmp":{"analytics":"measure","personalization":"personalize"},"datalayer":"dataLayer","debug":false}"#;
    let defaults: Object = JSON::parse(DEFAULTS).expect("JSON").unchecked_into();
    let options: Object = JSON::parse(options).expect("JSON").unchecked_into();
    waver_runtime::boot(&Object::assign(&defaults, &options)).expect("starts");
}

/// `waver(name, ...arguments)`.
pub(crate) async fn call(name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    JsFuture::from(waver_runtime::command(name, &arguments.iter().collect())).await
}

/// `waver('consent', choices)` with a JSON object; what it does is done when this returns, before its answer is there.
pub(crate) fn consent(choices: &str) {
    let _ = waver_runtime::command("consent", &Array::of1(&JSON::parse(choices).expect("JSON")));
}

/// The state of `purpose` as the page is told it.
pub(crate) async fn consent_state(purpose: &str) -> String {
    let state = call("consent", &[]).await.expect("a state");
    get(&get(&state, purpose), "state").as_string().expect("a word")
}

/// Expects these states of measure and personalize.
pub(crate) async fn expect(expected: [&str; 2], why: &str) {
    assert_eq!([consent_state("measure").await, consent_state("personalize").await], expected, "{why}");
}

/// Expects that what was just done opened or closed the gate before it returned: by the records of grants and requests of erasure so far.
pub(crate) fn expect_told(grants: usize, erasures: usize, why: &str) {
    assert_eq!([sent("/v1/consents").len(), sent("/v1/erase").len()], [grants, erasures], "grants and erasures {why}");
}

/// Collects what the page is told about `topic`.
pub(crate) async fn told(topic: &str) -> Array {
    let told = Array::new();
    let push = told.clone();
    let callback = Closure::<dyn Fn(JsValue)>::new(move |payload| {
        push.push(&payload);
    });
    call("on", &[topic.into(), callback.into_js_value()]).await.expect("listens");
    told
}

/// Waits until `happened`.
pub(crate) async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = js_sys::Date::now() + PATIENCE_MS;
    while !happened() {
        assert!(js_sys::Date::now() < deadline, "waited in vain for {what}");
        frame(10).await;
    }
}

/// Lets the browser work for a moment, between two looks at a condition or two movements of a hand.
pub(crate) async fn frame(ms: i32) {
    let mut wait = |resolve: Function, _| {
        let window = web_sys::window().expect("a window");
        window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms).expect("a timer");
    };
    JsFuture::from(Promise::new(&mut wait)).await.expect("a timer");
}

pub(crate) fn document() -> web_sys::Document {
    web_sys::window().and_then(|window| window.document()).expect("a document")
}

/// Adds markup to the page and gives its first element.
pub(crate) fn add(markup: &str) -> HtmlElement {
    let holder = document().create_element("div").expect("an element");
    holder.set_inner_html(markup);
    document().body().expect("a body").append_child(&holder).expect("added");
    holder.first_element_child().expect("an element").unchecked_into()
}

/// Dispatches a pointer event at an element, as a mouse would.
pub(crate) fn pointer(element: &Element, kind: &str, x: i32, y: i32) {
    let init = web_sys::PointerEventInit::new();
    init.set_bubbles(true);
    init.set_pointer_type("mouse");
    init.set_client_x(x);
    init.set_client_y(y);
    let event = web_sys::PointerEvent::new_with_event_init_dict(kind, &init).expect("an event");
    element.dispatch_event(&event).expect("dispatched");
}

/// Dispatches a plain event at the window.
pub(crate) fn happen(kind: &str) {
    let event = Event::new(kind).expect("an event");
    web_sys::window().expect("a window").dispatch_event(&event).expect("dispatched");
}

/// Moves about over an element without clicking until `enough`, as someone does who cannot decide.
pub(crate) async fn dither(element: &Element, enough: impl Fn() -> bool) {
    pointer(element, "pointerover", 100, 300);
    let mut step = 0;
    let moved = || {
        step += 1;
        pointer(element, "pointermove", 100 + step % 9, 300);
        enough()
    };
    until("the dithering to tell", moved).await;
}
