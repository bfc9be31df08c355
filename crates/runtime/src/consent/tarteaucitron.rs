//! tarteaucitron, version 1. It counts going to another page as consent where the shop turned `highPrivacy` off, and visitors from outside of
//! the EU as willing: nobody chose that, so it is none. After a choice in another tab only its cookie knows.

use js_sys::{Array, Reflect};
use wasm_bindgen::JsValue;
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use super::named::{self, Named};
use crate::{page, value};

/// What it dispatches at the document once its cookie is written.
pub(super) const UPDATED: &str = "tac.consent_updated";

/// What it says now; `None` where it is not on the page.
pub(super) fn read(names: &[Named]) -> Option<Reading> {
    let tool = value::get(&page::global(), "tarteaucitron");
    tool.is_object().then(|| choices(&tool, names).unwrap_or(Reading::all(ConsentChoice::Unknown)))
}

fn choices(tool: &JsValue, names: &[Named]) -> Option<Reading> {
    let is = |object: &str, key: &str, value: bool| value::get(&value::get(tool, object), key) == value;
    let by_choice_alone = value::get(tool, "highPrivacy") != false
        && !is("parameters", "highPrivacy", false)
        && !is("parameters", "serviceDefaultState", true)
        && !is("user", "bypass", true);
    if !by_choice_alone {
        return None;
    }
    let states = value::get(tool, "state");
    let services = value::get(tool, "services");
    let cookie = value::call(&value::get(tool, "cookie"), "read", &Array::new()).ok()?.as_string()?;
    Some(named::reading(names, |name| {
        let service = Reflect::get(&services, name).ok()?;
        let state = Reflect::get(&states, name).ok()?;
        if !service.is_object() && state.is_undefined() {
            return None;
        }
        // While it waits for a choice it has no state. It writes `wait` into the cookie.
        let Some(allowed) = state.as_bool() else { return Some(ConsentChoice::Unknown) };
        if value::get(&service, "needConsent") == false || value::get(&service, "defaultState") == true {
            return Some(ConsentChoice::Unknown);
        }
        let stored = cookie.split('!').any(|entry| entry.strip_suffix("=true").is_some_and(|key| *name == *key));
        Some(named::agreed(allowed, stored))
    }))
}
