//! What the browser itself says for its user. Either signal vetoes every purpose; its absence grants nothing.

use wasm_bindgen::JsValue;
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use crate::value;

const VETO: Reading = Reading::all(ConsentChoice::Denied);

/// Global Privacy Control, `navigator.globalPrivacyControl`.
pub(super) fn global_privacy_control() -> Option<Reading> {
    (value::get(&navigator(), "globalPrivacyControl") == JsValue::TRUE).then_some(VETO)
}

/// Do Not Track, `navigator.doNotTrack`.
pub(super) fn do_not_track() -> Option<Reading> {
    (value::text(&navigator(), "doNotTrack").as_deref() == Some("1")).then_some(VETO)
}

fn navigator() -> JsValue {
    value::get(&value::global(), "navigator")
}
