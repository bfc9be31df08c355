//! Changes of view inside a single-page application.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::EventTarget;

use super::Sensors;
use crate::hook::Hook;
use crate::listener::Listener;
use crate::{page, value};

impl Sensors {
    /// Tells of changes of the address, by the Navigation API where there is one, else by history's own methods.
    pub(crate) fn watch_navigation(&mut self, tell: Box<dyn Fn()>) {
        let last = RefCell::new(address());
        let check: Rc<dyn Fn()> = Rc::new(move || {
            let now = address();
            if last.replace(now.clone()) != now {
                tell();
            }
        });
        let window = page::global();
        if let Ok(navigation) = value::get(&window, "navigation").dyn_into::<EventTarget>() {
            self.listeners.push(Listener::new(&navigation, "currententrychange", Box::new(move |_| check())));
            return;
        }
        for method in ["pushState", "replaceState"] {
            let check = check.clone();
            self.hooks.extend(Hook::new(value::get(&window, "history"), method, Box::new(move |_| check())));
        }
        self.listen("popstate", Box::new(move |_| check()));
    }
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
