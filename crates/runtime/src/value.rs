//! JavaScript values, read and made without ever throwing: what a page hands over may be anything.

use js_sys::{Array, Function, Object, Reflect};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};

/// The property `key`; `undefined` where there is none, or where reading it throws.
pub(crate) fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or_default()
}

/// The property `key`, if it is a text.
pub(crate) fn text(object: &JsValue, key: &str) -> Option<String> {
    get(object, key).as_string()
}

/// The property `key`, if it is a number, or a text that is one: shops' scripts mix them.
pub(crate) fn number(object: &JsValue, key: &str) -> Option<f64> {
    let value = get(object, key);
    value.as_f64().or_else(|| value.as_string().map(|_| value.unchecked_into_f64()))
}

/// The property `key`, if it is a label: a text, or a number written out.
pub(crate) fn label(object: &JsValue, key: &str) -> Option<String> {
    let value = get(object, key);
    if value.as_f64().is_none() { value.as_string() } else { js_sys::JSON::stringify(&value).ok()?.as_string() }
}

/// Whether `part` stands in `text`. By bytes: the standard library's search is two kilobytes of the package, and this is for short texts.
pub(crate) fn holds(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|here| here == part.as_bytes())
}

/// An empty object.
pub(crate) fn object() -> JsValue {
    Object::new().into()
}

/// Sets a property of an object of ours.
pub(crate) fn set(object: &JsValue, key: &str, value: impl Into<JsValue>) {
    // It fails on frozen objects only, and ours are not.
    let _ = Reflect::set(object, &key.into(), &value.into());
}

/// Calls a method.
///
/// # Errors
/// What the method throws, or that there is no such method.
pub(crate) fn call(object: &JsValue, method: &str, arguments: &Array) -> Result<JsValue, JsValue> {
    let function: Function = get(object, method).dyn_into()?;
    Reflect::apply(&function, object, arguments)
}

/// A value of ours as the page knows it: objects, arrays, numbers, texts, null.
pub(crate) fn from_rust(value: &impl Serialize) -> JsValue {
    // Our types have no maps with keys that are not text and no integers beyond 2^53, so this does not fail.
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).unwrap_or_default()
}
