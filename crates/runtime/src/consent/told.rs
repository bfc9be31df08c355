//! Being told of changes by a tool's own interface, which is there late, and may be replaced.

use std::cell::RefCell;

use js_sys::{Array, Function};
use wasm_bindgen::JsValue;

use crate::value;

/// Asks an object once to tell of changes, and another one that took its place once more.
#[derive(Default)]
pub(super) struct Told {
    by: RefCell<JsValue>,
}

impl Told {
    /// Calls `ask` if `by` was not asked yet. Says whether it was not.
    pub(super) fn by(&self, by: &JsValue, ask: impl FnOnce()) -> bool {
        let is_new = *self.by.borrow() != *by;
        if is_new {
            self.by.replace(by.clone());
            ask();
        }
        is_new
    }

    /// Calls `by[method](...before, callback)`, once. Whatever that throws is the tool's own.
    pub(super) fn by_method(&self, by: &JsValue, method: &str, before: &[&str], callback: &Function) {
        self.by(by, || {
            let arguments: Array = before.iter().map(|text| JsValue::from_str(text)).collect();
            arguments.push(callback);
            let _ = value::call(by, method, &arguments);
        });
    }
}
