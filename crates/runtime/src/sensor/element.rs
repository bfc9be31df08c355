use wasm_bindgen::JsCast;
use waver_schema::Zone;
use web_sys::{Element, Event};

const ZONE: &str = "data-waver-zone";

/// The element that an event happened to, unless the shop wants it and what is around it left alone.
pub(super) fn target_of(event: &Event) -> Option<Element> {
    // What is no element has no `closest`, and so gives an error.
    let element: Element = event.target()?.unchecked_into();
    matches!(element.closest("[data-waver-ignore]"), Ok(None)).then_some(element)
}

/// The zone of an element or of the nearest one around it that has any.
pub(super) fn zone_of(element: &Element) -> Option<Zone> {
    let marked = element.closest("[data-waver-zone]").ok()??;
    Zone::from_name(&marked.get_attribute(ZONE)?)
}
