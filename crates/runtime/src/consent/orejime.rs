//! orejime, version 3. It keeps saying what was chosen in this tab after a choice in another; so a grant also has to stand in its cookie.

use js_sys::{Array, Function, JSON, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use super::cookie;
use super::named::{self, Named};
use super::told::Told;
use crate::{page, value};

/// What it dispatches at the document once it runs.
pub(super) const LOADED: &str = "orejime.loaded";
/// What its manager tells of.
const CHANGES: [&str; 3] = ["update", "clear", "dirty"];
/// Its cookie, unless the shop gave it another name; it is not the one of its documentation.
const COOKIE: &str = "eu-consent";

/// What it says now; `None` where it is not on the page.
pub(super) fn read(names: &[Named], told: &Told, callback: &Function) -> Option<Reading> {
    let tool = value::get(&page::global(), "orejime");
    tool.is_object().then(|| choices(&tool, names, told, callback).unwrap_or(Reading::all(ConsentChoice::Unknown)))
}

fn choices(tool: &JsValue, names: &[Named], told: &Told, callback: &Function) -> Option<Reading> {
    let manager = value::get(tool, "manager");
    told.by(&manager, || {
        for change in CHANGES {
            let _ = value::call(&manager, "on", &Array::of2(&change.into(), callback));
        }
    });
    // Dirty as long as a purpose has not been chosen about.
    if value::call(&manager, "isDirty", &Array::new()).ok()? != false {
        return None;
    }
    let stored = stored(tool);
    Some(named::reading(names, |name| {
        let said = value::call(&manager, "getConsent", &Array::of1(name)).ok()?.as_bool()?;
        let stored = stored.is_object() && Reflect::get(&stored, name).is_ok_and(|stored| stored == true);
        Some(named::agreed(said, stored))
    }))
}

/// What stands in its cookie, which the shop may have given a name and a form of its own.
fn stored(tool: &JsValue) -> JsValue {
    let shape = value::get(&value::get(tool, "config"), "cookie");
    let name = value::text(&shape, "name");
    let text = cookie::text(cookie::read(name.as_deref().unwrap_or(COOKIE)));
    let Some(text) = text else { return JsValue::NULL };
    let parsed = match value::get(&shape, "parse").dyn_into::<Function>() {
        Ok(parse) => parse.call1(&JsValue::UNDEFINED, &text.into()),
        Err(_) => JSON::parse(&text),
    };
    parsed.unwrap_or(JsValue::NULL)
}
