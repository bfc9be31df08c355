//! What the browser itself says for its user. Either signal vetoes every purpose; its absence grants nothing.

use wasm_bindgen::JsValue;
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use crate::{page, value};

/// Global Privacy Control.
pub(super) fn global_privacy_control() -> Option<Reading> {
    veto(signal("globalPrivacyControl") == true)
}

/// Do Not Track.
pub(super) fn do_not_track() -> Option<Reading> {
    veto(signal("doNotTrack") == "1")
}

fn signal(name: &str) -> JsValue {
    value::get(&value::get(&page::global(), "navigator"), name)
}

fn veto(raised: bool) -> Option<Reading> {
    raised.then_some(Reading::all(ConsentChoice::Denied))
}
