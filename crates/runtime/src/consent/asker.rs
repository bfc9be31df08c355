//! Asking an API that answers by a callback: what counts is what it answers before the call returns.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

/// Questions without an answer after which a function is not asked any more: a stub may keep each of them.
const MOST_UNANSWERED: u32 = 100;

/// Asks, and gives up on who never answers until another takes its place.
#[derive(Default)]
pub(super) struct Asker {
    api: RefCell<JsValue>,
    unanswered: Cell<u32>,
}

impl Asker {
    /// What `api` answers to these arguments, of which the callback is one; `None` if it does not answer, or says that it failed.
    pub(super) fn ask(&self, api: &Function, arguments: impl FnOnce(&JsValue) -> Array) -> Option<JsValue> {
        if *self.api.borrow() != *AsRef::<JsValue>::as_ref(api) {
            self.api.replace(api.into());
            self.unanswered.set(0);
        }
        if self.unanswered.get() >= MOST_UNANSWERED {
            return None;
        }
        self.unanswered.set(self.unanswered.get() + 1);
        let answered: Rc<RefCell<Option<JsValue>>> = Rc::default();
        let into = answered.clone();
        let callback = Closure::once_into_js(move |data: JsValue, success: JsValue| {
            if success != false {
                into.replace(Some(data));
            }
        });
        Reflect::apply(api, &JsValue::UNDEFINED, &arguments(&callback)).ok()?;
        let answer = answered.take()?;
        self.unanswered.set(0);
        Some(answer)
    }
}
