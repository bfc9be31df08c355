//! The one thing that is ever stored, and only with consent: the hand-over of a session to the tab's next page. Other tabs get it in the same form.

use js_sys::{Array, JSON};
use wasm_bindgen::{JsCast, JsValue};
use waver_schema::SiteKey;

use crate::session::HandOver;
use crate::{numbers, page};

const KEY: &str = "waver";
/// Another version of this module would not understand it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What is longer is not ours: queue and engine are bounded well below this.
const MOST_CHARS: usize = 256 * 1024;

/// Takes what an earlier page left, so that no other page finds it. What cannot be read is gone.
pub(crate) fn take(site: &SiteKey) -> Option<HandOver> {
    let text = page::stored(KEY).ok()??;
    remove();
    if text.len() > MOST_CHARS {
        return None;
    }
    from_row(site, JSON::parse(&text).ok()?)
}

/// Reads it from what [`to_row`] made of it. What is something else is nothing.
pub(crate) fn from_row(site: &SiteKey, row: JsValue) -> Option<HandOver> {
    let row: Array = row.dyn_into().ok()?;
    let mut row = row.into_iter();
    if row.next()? != VERSION || row.next()? != site.as_str() {
        return None;
    }
    let numbers: Array = row.next()?.dyn_into().ok()?;
    let numbers: Vec<f64> = numbers.into_iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect();
    let mut handed: HandOver = numbers::read(&numbers)?;
    while let (Some(first_seq), Some(count), Some(events)) = (row.next(), row.next(), row.next()) {
        handed.parcels.push((first_seq.as_f64()? as u64, count.as_f64()? as u32, events.as_string()?));
    }
    Some(handed)
}

/// Leaves it for the next page.
pub(crate) fn put(row: &JsValue) {
    if let Some(text) = JSON::stringify(row).ok().and_then(|text| text.as_string()) {
        // A full storage costs the session its continuity and nothing else.
        let _ = page::store(KEY, &text);
    }
}

/// A hand-over as an array of numbers and texts.
pub(crate) fn to_row(site: &SiteKey, hand_over: HandOver) -> Option<JsValue> {
    let numbers: Array = numbers::write(&hand_over)?.into_iter().map(JsValue::from_f64).collect();
    let row = Array::of3(&VERSION.into(), &site.as_str().into(), &numbers);
    for (first_seq, count, events) in hand_over.parcels {
        for part in [JsValue::from_f64(first_seq as f64), count.into(), events.into()] {
            row.push(&part);
        }
    }
    Some(row.into())
}

/// Removes it.
pub(crate) fn remove() {
    let _ = page::unstore(KEY);
}
