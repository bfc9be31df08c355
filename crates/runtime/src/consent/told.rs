//! Being told of changes by a tool's own interface, which is there late, and may be replaced.

use std::cell::{Cell, RefCell};

use wasm_bindgen::JsValue;

/// How often another object may take the first one's place. A page that makes a new one each time it is asked is not followed for ever.
const MOST_FOLLOWED: u32 = 20;

/// Asks an object once to tell of changes, and another one that took its place once more.
#[derive(Default)]
pub(super) struct Told {
    by: RefCell<JsValue>,
    followed: Cell<u32>,
}

impl Told {
    /// Whether `by` is another object than the one that was asked last.
    pub(super) fn is_other(&self, by: &JsValue) -> bool {
        *self.by.borrow() != *by
    }

    /// Calls `ask` if `by` was not asked yet.
    pub(super) fn by(&self, by: &JsValue, ask: impl FnOnce()) {
        if self.is_other(by) && self.followed.get() < MOST_FOLLOWED {
            self.by.replace(by.clone());
            self.followed.set(self.followed.get() + 1);
            ask();
        }
    }
}
