//! The one thing that is ever stored, and only with consent: the hand-over of a session to the tab's next page.

use js_sys::{Array, JSON};
use wasm_bindgen::{JsCast, JsValue};
use waver_schema::SiteKey;
use web_sys::Storage;

use crate::numbers;
use crate::session::HandOver;

const KEY: &str = "waver";
/// Another version of this module would not understand it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What is longer is not ours: queue and engine are bounded well below this.
const MOST_CHARS: usize = 256 * 1024;
/// Values before the parcels.
const HEAD: usize = 3;

/// Takes what an earlier page left, so that no other page finds it. What cannot be read is gone.
pub(crate) fn take(site: &SiteKey) -> Option<HandOver> {
    let storage = storage()?;
    let text = storage.get_item(KEY).ok()??;
    let _ = storage.remove_item(KEY);
    if text.len() > MOST_CHARS {
        return None;
    }
    let row: Array = JSON::parse(&text).ok()?.dyn_into().ok()?;
    if row.get(0) != VERSION || row.get(1) != site.as_str() {
        return None;
    }
    let numbers: Array = row.get(2).dyn_into().ok()?;
    let numbers: Option<Vec<f64>> = numbers.iter().map(|number| number.as_f64()).collect();
    let mut handed: HandOver = numbers::read(&numbers?)?;
    let mut parcels = row.iter().skip(HEAD);
    while let (Some(first_seq), Some(count), Some(events)) = (parcels.next(), parcels.next(), parcels.next()) {
        handed.parcels.push((first_seq.as_f64()? as u64, count.as_f64()? as u32, events.as_string()?));
    }
    Some(handed)
}

/// Leaves it for the next page.
pub(crate) fn put(site: &SiteKey, hand_over: HandOver) {
    let (Some(storage), Some(numbers)) = (storage(), numbers::write(&hand_over)) else { return };
    let numbers: Array = numbers.into_iter().map(JsValue::from_f64).collect();
    let row = Array::of3(&VERSION.into(), &site.as_str().into(), &numbers);
    for (first_seq, count, events) in hand_over.parcels {
        for part in [JsValue::from_f64(first_seq as f64), count.into(), events.into()] {
            row.push(&part);
        }
    }
    if let Ok(text) = JSON::stringify(&row) {
        // A full storage costs the session its continuity and nothing else.
        let _ = storage.set_item(KEY, &String::from(text));
    }
}

/// Removes it.
pub(crate) fn remove() {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(KEY);
    }
}

/// Browsers may refuse it altogether.
fn storage() -> Option<Storage> {
    web_sys::window()?.session_storage().ok()?
}
