//! c15t, version 2, without its own user interface or with it. It grants by itself where its policy says so, also before anybody chose; so what
//! counts is what the shopper saved. After a choice in another tab only its cookie knows.

use js_sys::{Array, Function};
use wasm_bindgen::JsValue;
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use super::cookie;
use super::named::{self, Named};
use super::told::Told;
use crate::{page, value};

/// Its store's name at the window, and its cookie's, unless the shop chose others.
const STORE: &str = "c15tStore";
const COOKIE: &str = "c15t";

/// What it says now; `None` where it is not on the page.
pub(super) fn read(names: &[Named], told: &Told, callback: &Function) -> Option<Reading> {
    let store = value::get(&page::global(), STORE);
    store.is_truthy().then(|| choices(&store, names, told, callback).unwrap_or(Reading::all(ConsentChoice::Unknown)))
}

fn choices(store: &JsValue, names: &[Named], told: &Told, callback: &Function) -> Option<Reading> {
    told.by(store, || {
        let _ = value::call(store, "subscribe", &Array::of1(callback));
    });
    let state = value::call(store, "getState", &Array::new()).ok()?;
    if value::call(&state, "hasConsented", &Array::new()).ok()? != true {
        return None;
    }
    let key = value::text(&value::get(&state, "storageConfig"), "storageKey");
    // `c.measurement:1` for what is granted; what is not is left out.
    let stored = cookie::read(key.as_deref().unwrap_or(COOKIE)).unwrap_or_default();
    let consents = value::get(&state, "consents");
    Some(named::reading(names, |name| {
        // Names that it does not know are not asked for: it throws.
        js_sys::Reflect::get(&consents, name).ok()?.as_bool()?;
        let has = value::call(&state, "has", &Array::of1(name)).is_ok_and(|has| has == true);
        let stored = stored.split(',').any(|entry| {
            let granted = entry.strip_prefix("c.").and_then(|entry| entry.strip_suffix(":1"));
            granted.is_some_and(|granted| *name == *granted)
        });
        Some(named::agreed(has, stored))
    }))
}
