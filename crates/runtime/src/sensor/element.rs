use std::cell::Cell;

use js_sys::WeakMap;
use wasm_bindgen::JsCast;
use waver_schema::Zone;
use web_sys::{Element, Event};

use crate::markup;

const ZONE: &str = "data-waver-zone";

/// The element that an event happened to, unless the shop wants it and what is around it left alone.
pub(super) fn target_of(event: &Event) -> Option<Element> {
    // What is no element has no `closest`, and so gives an error.
    event.target().map(JsCast::unchecked_into).filter(|element| !is_ignored(element))
}

/// Whether the shop wants this element left alone, or it is none.
pub(super) fn is_ignored(element: &Element) -> bool {
    !matches!(element.closest("[data-waver-ignore]"), Ok(None))
}

/// Whether `element` is one of these, or is inside one.
pub(super) fn is_within(element: &Element, selector: &str) -> bool {
    matches!(element.closest(selector), Ok(Some(_)))
}

/// The zone of an element: of the nearest one around it that the shop marked, else as the markup gives it away. A mark with a name that is none,
/// such as `none`, keeps the latter from being looked at.
pub(super) fn zone_of(element: &Element) -> Option<Zone> {
    match element.closest("[data-waver-zone]") {
        Ok(Some(marked)) => Zone::from_name(&marked.get_attribute(ZONE)?),
        _ => markup::zone_of(element),
    }
}

/// Numbers for elements, the same for the same one as long as the page lives. They keep no element alive.
pub(super) struct Numbers {
    known: WeakMap,
    last: Cell<u32>,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers { known: WeakMap::new(), last: Cell::default() }
    }
}

impl Numbers {
    /// The number of this element, at least 1.
    pub(super) fn of(&self, element: &Element) -> u32 {
        if let Some(number) = self.known.get(element).as_f64() {
            return number as u32;
        }
        let number = self.last.get().saturating_add(1);
        self.last.set(number);
        self.known.set(element, &number.into());
        number
    }
}
