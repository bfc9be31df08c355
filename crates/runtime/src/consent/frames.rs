//! Consent tools of the page around an embedded one.

use wasm_bindgen::JsValue;

use crate::{page, value};

/// Deepest nesting that is looked at.
const DEPTH: usize = 8;

/// Whether a page around this one has a frame of that name, by which a tool says that it is there. Other origins show that much of themselves.
pub(super) fn around_has(locator: &str) -> bool {
    let mut window: JsValue = page::global();
    for _ in 0..DEPTH {
        let parent = value::get(&window, "parent");
        if parent == window || !parent.is_object() {
            return false;
        }
        window = parent;
        if value::get(&window, locator).is_object() {
            return true;
        }
    }
    false
}
