//! klaro, version 0.7. `getConsent` follows toggles that nobody saved yet, and is true before any choice where the shop set `default: true`;
//! so what counts is what was confirmed and saved, and still stands in its store.

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::JsValue;
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use super::cookie;
use super::named::{self, Named};
use super::told::Told;
use crate::{page, value};

/// What it says now; `None` where it is not on the page.
pub(super) fn read(names: &[Named], told: &Told, callback: &Function) -> Option<Reading> {
    let tool = value::get(&page::global(), "klaro");
    tool.is_object().then(|| choices(&tool, names, told, callback).unwrap_or(Reading::all(ConsentChoice::Unknown)))
}

fn choices(tool: &JsValue, names: &[Named], told: &Told, callback: &Function) -> Option<Reading> {
    // It throws until it was set up.
    let manager = value::call(tool, "getManager", &Array::new()).ok()?;
    told.by(&manager, || {
        let watcher = value::object();
        value::set(&watcher, "update", callback);
        let _ = value::call(&manager, "watch", &Array::of1(&watcher));
    });
    if value::get(&manager, "confirmed") != true {
        return None;
    }
    let saved = value::get(&manager, "savedConsents");
    let stored = value::call(&value::get(&manager, "store"), "get", &Array::new()).ok()?;
    let stored = cookie::json(stored.as_string());
    Some(named::reading(names, |name| {
        let saved = Reflect::get(&saved, name).ok()?.as_bool()?;
        let stored = stored.is_object() && Reflect::get(&stored, name).is_ok_and(|stored| stored == true);
        Some(named::agreed(saved, stored))
    }))
}
