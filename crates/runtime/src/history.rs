//! What earlier sessions in this browser left for the intent of the next: in local storage, only under the grant to personalise, and gone with it.
//! None of it leaves the browser. It is counts, and products and categories as numbers; its age is in hours.

use js_sys::{Array, JSON};
use wasm_bindgen::{JsCast, JsValue};
use waver_core::intent::History;
use waver_schema::SiteKey;

use crate::{numbers, page, value};

const KEY: &str = "waver-history";
/// Another version of this module would not understand it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const HOUR_MS: u64 = 60 * 60 * 1000;
/// What is older says nothing of what somebody is about to buy: a season.
const KEPT_HOURS: f64 = 90.0 * 24.0;
/// What is longer is not ours: a history is bounded well below this.
const MOST_CHARS: usize = 64 * 1024;

/// Keeps it, at Unix millisecond `wall`.
pub(crate) fn keep(site: &SiteKey, history: &History, wall: u64) {
    let Some(numbers) = numbers::write(history) else { return };
    let row = Array::of3(&VERSION.into(), &site.as_str().into(), &((wall / HOUR_MS) as f64).into());
    row.push(&numbers.into_iter().map(JsValue::from_f64).collect::<Array>());
    if let Ok(text) = JSON::stringify(&row) {
        // A full storage costs the next session what it could have known.
        call("setItem", &Array::of2(&KEY.into(), &text));
    }
}

/// What was kept, and how many hours ago. What is too old or cannot be read is removed.
pub(crate) fn recall(site: &SiteKey, wall: u64) -> Option<(History, f64)> {
    let text = call("getItem", &Array::of1(&KEY.into()))?.as_string()?;
    let known = read(site, &text, (wall / HOUR_MS) as f64);
    if known.is_none() {
        remove();
    }
    known
}

fn read(site: &SiteKey, text: &str, now: f64) -> Option<(History, f64)> {
    if text.len() > MOST_CHARS {
        return None;
    }
    let row: Array = JSON::parse(text).ok()?.dyn_into().ok()?;
    if row.get(0) != VERSION || row.get(1) != site.as_str() {
        return None;
    }
    // A clock that was set back makes it recent.
    let hours = (now - row.get(2).as_f64()?).max(0.0);
    let numbers: Array = row.get(3).dyn_into().ok()?;
    let numbers: Vec<f64> = numbers.into_iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect();
    (hours <= KEPT_HOURS).then_some((numbers::read(&numbers)?, hours))
}

/// Removes it.
pub(crate) fn remove() {
    call("removeItem", &Array::of1(&KEY.into()));
}

/// A method of local storage; `None` where a page may not even look at it.
pub(crate) fn call(method: &str, arguments: &Array) -> Option<JsValue> {
    value::call(&value::get(&page::global(), "localStorage"), method, arguments).ok()
}
