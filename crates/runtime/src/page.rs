//! The page's own functions, each bound by its name: a binding costs some bytes here and some in the glue, and a chain of objects, windows and
//! documents that might not be there costs far more. What can throw is caught.

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;

/// 128 random bits.
pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    get_random_values(&mut bytes);
    bytes
}

#[wasm_bindgen]
extern "C" {
    /// The global object. Every object is its own primitive value, so this is the page's `globalThis` by way of a method.
    #[wasm_bindgen(js_namespace = globalThis, js_name = valueOf)]
    pub(crate) fn global() -> JsValue;

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn performance_now() -> f64;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    pub(crate) fn get_random_values(bytes: &mut [u8]);

    #[wasm_bindgen(js_name = queueMicrotask)]
    pub(crate) fn queue_microtask(task: &Function);

    #[wasm_bindgen(js_name = requestAnimationFrame)]
    pub(crate) fn request_animation_frame(callback: &Function) -> f64;

    #[wasm_bindgen(js_name = cancelAnimationFrame)]
    pub(crate) fn cancel_animation_frame(request: f64);

    #[wasm_bindgen(catch)]
    pub(crate) fn fetch(url: &str, request: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_namespace = navigator, js_name = sendBeacon)]
    pub(crate) fn send_beacon(url: &str, body: &str) -> Result<bool, JsValue>;

    #[wasm_bindgen(js_namespace = document, js_name = querySelector)]
    pub(crate) fn query_selector(selector: &str) -> Option<Element>;

    #[wasm_bindgen(js_namespace = document, js_name = querySelectorAll)]
    pub(crate) fn query_selector_all(selector: &str) -> JsValue;

    #[wasm_bindgen(js_namespace = document, js_name = createElement)]
    pub(crate) fn create_element(tag: &str) -> Element;

    // A page in a sandbox may not even look at its storage.
    #[wasm_bindgen(catch, js_namespace = sessionStorage, js_name = getItem)]
    pub(crate) fn stored(key: &str) -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(catch, js_namespace = sessionStorage, js_name = setItem)]
    pub(crate) fn store(key: &str, text: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_namespace = sessionStorage, js_name = removeItem)]
    pub(crate) fn unstore(key: &str) -> Result<(), JsValue>;
}
