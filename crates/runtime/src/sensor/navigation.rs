//! Changes of view inside a single-page application.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use waver_schema::Navigation;
use web_sys::{EventTarget, Window};

use crate::hook::Hook;
use crate::listener::Listener;
use crate::value;

/// Tells of changes of the address, by the Navigation API where there is one, else by history's own methods.
pub(super) struct Navigations {
    _listeners: Vec<Listener>,
    _hooks: Vec<Hook>,
}

impl Navigations {
    pub(super) fn start(window: &Window, tell: Rc<dyn Fn(Navigation)>) -> Navigations {
        let last = RefCell::new(address());
        let check: Rc<dyn Fn()> = Rc::new(move || {
            let now = address();
            if last.replace(now.clone()) != now {
                tell(Navigation::Route);
            }
        });
        if let Ok(navigation) = value::get(window, "navigation").dyn_into::<EventTarget>() {
            let listeners = vec![Listener::new(&navigation, "currententrychange", move |_| check())];
            return Navigations { _listeners: listeners, _hooks: Vec::new() };
        }
        let history: JsValue = value::get(window, "history");
        let hook = |method| {
            let check = check.clone();
            Hook::new(&history, method, move |_| check())
        };
        let hooks = [hook("pushState"), hook("replaceState")].into_iter().flatten().collect();
        let listeners = vec![Listener::new(window, "popstate", move |_| check())];
        Navigations { _listeners: listeners, _hooks: hooks }
    }
}

/// The part of the address that makes a view: path and query, and a fragment where it serves as a route. It never leaves this module's memory.
pub(crate) fn address() -> String {
    let location = value::get(&value::global(), "location");
    let part = |key| value::text(&location, key).unwrap_or_default();
    let fragment = part("hash");
    let route = if fragment.starts_with("#/") || fragment.starts_with("#!") { fragment.as_str() } else { "" };
    [part("pathname").as_str(), part("search").as_str(), route].concat()
}
