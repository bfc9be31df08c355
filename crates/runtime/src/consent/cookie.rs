//! What a tool stored: a choice in another tab changes it, while what the tool says in this one stays as it was.

use js_sys::{JSON, decode_uri_component};
use wasm_bindgen::JsValue;

use crate::{page, value};

/// All cookies that the page may read.
pub(super) fn all() -> Option<String> {
    value::text(&value::get(&page::global(), "document"), "cookie")
}

/// The cookie of that name, as it stands.
pub(super) fn read(name: &str) -> Option<String> {
    let cookies = all()?;
    let named = |cookie: &str| cookie.trim_start().strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
    cookies.split(';').find_map(named)
}

/// The text that was written into a cookie.
pub(super) fn text(cookie: Option<String>) -> Option<String> {
    decode_uri_component(&cookie?).ok()?.as_string()
}

/// The JSON that was written into a cookie; `null` for anything else.
pub(super) fn json(cookie: Option<String>) -> JsValue {
    text(cookie).and_then(|text| JSON::parse(&text).ok()).unwrap_or(JsValue::NULL)
}
