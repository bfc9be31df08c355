//! Changes of view inside a single-page application.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, EventTarget};

use super::Sensors;
use crate::hook::Hook;
use crate::listener::Listener;
use crate::{page, value};

impl Sensors {
    /// Tells of changes of the address, by the Navigation API where there is one, else by history's own methods; and whether the shopper went
    /// back. Without that interface going forward again, which few do, cannot be told from it.
    pub(crate) fn watch_navigation(&mut self, tell: Box<dyn Fn(bool)>) {
        let last = RefCell::new(address());
        let check: Rc<dyn Fn(bool)> = Rc::new(move |back| {
            let now = address();
            if last.replace(now.clone()) != now {
                tell(back);
            }
        });
        let window = page::global();
        if let Ok(navigation) = value::get(&window, "navigation").dyn_into::<EventTarget>() {
            let entry = navigation.clone();
            let changed = move |event: Event| check(is_back(&event, &value::get(&entry, "currentEntry")));
            self.listeners.push(Listener::new(&navigation, "currententrychange", Box::new(changed)));
            return;
        }
        for method in ["pushState", "replaceState"] {
            let check = check.clone();
            self.hooks.extend(Hook::new(value::get(&window, "history"), method, Box::new(move |_| check(false))));
        }
        self.listen("popstate", Box::new(move |_| check(true)));
    }
}

/// Whether the shopper came to this page by going back to it from another of the shop's.
pub(crate) fn came_back() -> bool {
    let activation = value::get(&value::get(&page::global(), "navigation"), "activation");
    if activation.is_object() {
        return is_back(&activation, &value::get(&activation, "entry"));
    }
    let performance = value::get(&page::global(), "performance");
    let entries = value::call(&performance, "getEntriesByType", &Array::of1(&"navigation".into()));
    entries.is_ok_and(|entries| value::text(&value::get(&entries, "0"), "type").as_deref() == Some("back_forward"))
}

/// Whether a change of the Navigation API's current entry leads back to `entry`.
fn is_back(change: &JsValue, entry: &JsValue) -> bool {
    let index = |of: &JsValue| value::number(of, "index");
    let from = index(&value::get(change, "from"));
    value::text(change, "navigationType").as_deref() == Some("traverse")
        && from.zip(index(entry)).is_some_and(|(from, to)| to < from)
}

/// The part of the address that makes a view: path and query, and a fragment where it serves as a route. It never leaves this module's memory.
pub(crate) fn address() -> String {
    let location = value::get(&page::global(), "location");
    let part = |key| value::text(&location, key).unwrap_or_default();
    let mut address = [part("pathname"), part("search")].concat();
    let fragment = part("hash");
    if fragment.starts_with("#/") || fragment.starts_with("#!") {
        address.push_str(&fragment);
    }
    address
}
