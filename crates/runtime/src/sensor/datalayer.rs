//! The GA4 ecommerce queue that most shops fill already.

use std::rc::Rc;

use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use waver_schema::PageType;

use super::{Sensors, Sink};
use crate::ga4::{Item, Parameters, page_hint, to_signals};
use crate::hook::Hook;
use crate::{clock, page, value};

/// Items beyond this are not read.
const MOST_ITEMS: u32 = 100;

impl Sensors {
    /// Passes on what the page pushes. With `replay`, what was pushed already counts too.
    pub(crate) fn watch_data_layer(&mut self, name: &str, replay: bool, sink: Sink) {
        if layer(name).is_undefined() {
            // As every other reader of the queue does, so that the first push finds it.
            value::set(&page::global(), name, Array::new());
        }
        let layer = layer(name);
        let pass_on = Rc::new(move |entries: Array| {
            for entry in entries {
                if let Some((name, parameters)) = read_entry(&entry) {
                    for signal in to_signals(&name, &read_parameters(&parameters)) {
                        sink(signal, clock::now());
                    }
                }
            }
        });
        let pushed = pass_on.clone();
        self.hooks.extend(Hook::new(layer.clone(), "push", Box::new(move |entries| pushed(entries))));
        if replay && let Ok(entries) = layer.dyn_into() {
            pass_on(entries);
        }
    }
}

fn layer(name: &str) -> JsValue {
    value::get(&page::global(), name)
}

/// The kind of page that the newest telling entry of the queue speaks of.
pub(crate) fn page_type(name: &str) -> Option<PageType> {
    let entries: Array = layer(name).dyn_into().ok()?;
    (0..entries.length()).rev().find_map(|index| page_hint(&read_entry(&entries.get(index))?.0))
}

/// An entry as name and parameters: `{event, ecommerce: {...}}`, `{event, ...}`, or the arguments of `gtag('event', name, {...})`.
fn read_entry(entry: &JsValue) -> Option<(String, JsValue)> {
    if let Some(name) = value::text(entry, "event") {
        let ecommerce = value::get(entry, "ecommerce");
        return Some((name, if ecommerce.is_object() { ecommerce } else { entry.clone() }));
    }
    let is_event = value::text(entry, "0")? == "event";
    is_event.then(|| Some((value::text(entry, "1")?, value::get(entry, "2"))))?
}

/// Reads the few parameters that are used.
pub(crate) fn read_parameters(parameters: &JsValue) -> Parameters {
    let items = value::get(parameters, "items");
    let count = value::number(&items, "length").unwrap_or_default() as u32;
    Parameters {
        value: value::number(parameters, "value"),
        currency: value::text(parameters, "currency"),
        items: (0..count.min(MOST_ITEMS)).map(|index| read_item(&items, index)).collect(),
        transaction: value::label(parameters, "transaction_id"),
    }
}

fn read_item(items: &JsValue, index: u32) -> Item {
    let item = Reflect::get_u32(items, index).unwrap_or_default();
    Item {
        id: value::label(&item, "item_id"),
        price: value::number(&item, "price"),
        quantity: value::number(&item, "quantity"),
        category: value::label(&item, "item_category"),
    }
}
