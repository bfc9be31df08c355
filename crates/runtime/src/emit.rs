//! Tells the page: callbacks of `waver('on', ...)`, and the same payloads as `waver:*` events from `document`.

use std::cell::RefCell;

use js_sys::{Array, Function};
use wasm_bindgen::JsValue;
use web_sys::{CustomEvent, CustomEventInit};

use crate::{page, value};

/// What a page can be told about, by its name.
pub(crate) const TOPICS: [&str; 5] = ["hesitation", "intent", "frustration", "offer", "consent"];

/// A name out of [`TOPICS`].
pub(crate) type Topic = &'static str;

/// The page's callbacks.
#[derive(Default)]
pub(crate) struct Emitter {
    callbacks: RefCell<Vec<(Topic, Function)>>,
}

impl Emitter {
    pub(crate) fn on(&self, topic: Topic, callback: Function) {
        self.callbacks.borrow_mut().push((topic, callback));
    }

    /// Removes every registration of `callback` for `topic`.
    pub(crate) fn off(&self, topic: Topic, callback: &Function) {
        self.callbacks.borrow_mut().retain(|(of, known)| *of != topic || known != callback);
    }

    /// Tells everyone who asked, in order. What a callback throws is the page's own and goes to its console, not to the others.
    pub(crate) fn emit(&self, topic: Topic, payload: &JsValue) {
        // A copy, since a callback may register or remove callbacks.
        let callbacks = self.callbacks.borrow().clone();
        for (_, callback) in callbacks.iter().filter(|(of, _)| *of == topic) {
            if let Err(thrown) = callback.call1(&JsValue::UNDEFINED, payload) {
                web_sys::console::error_1(&thrown);
            }
        }
        let init = CustomEventInit::new();
        init.set_bubbles(true);
        init.set_detail(payload);
        if let Ok(event) = CustomEvent::new_with_event_init_dict(&["waver:", topic].concat(), &init) {
            let document = value::get(&page::global(), "document");
            let _ = value::call(&document, "dispatchEvent", &Array::of1(&event));
        }
    }
}
