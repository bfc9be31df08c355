//! Text that is selected: that it happened and to what kind of text, never which. A selection is told once, when the gesture is done.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use waver_core::{Selected, SignalKind};
use waver_schema::Zone;
use web_sys::Element;

use super::element::{is_ignored, is_within, zone_of};
use super::{Sensors, Sink};
use crate::{clock, page, value};

/// The name of a product: by schema.org, by WooCommerce, and by what every page calls its first heading.
const TITLE: &str = "h1,[itemprop=name],.product_title";

#[derive(Default)]
struct Gesture {
    pressed: Cell<bool>,
    told: Cell<bool>,
}

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    let gesture: Rc<Gesture> = Rc::default();
    for kind in ["pointerdown", "pointerup", "pointercancel", "selectionchange"] {
        let (gesture, sink) = (gesture.clone(), sink.clone());
        let happened = move |_| {
            if kind != "selectionchange" {
                gesture.pressed.set(kind == "pointerdown");
            }
            // Looked at when the button is up: by then the gesture is done.
            if !gesture.pressed.get() && kind != "pointerdown" {
                let selected = selected();
                if let Some(of) = selected.filter(|_| !gesture.told.get()) {
                    sink(SignalKind::Selection { of }, clock::now());
                }
                gesture.told.set(selected.is_some());
            }
        };
        sensors.listen(kind, Box::new(happened));
    }
}

/// What kind of text is selected, if any is.
fn selected() -> Option<Selected> {
    let selection = value::call(&page::global(), "getSelection", &Array::new()).ok()?;
    if value::text(&selection, "type")? != "Range" {
        return None;
    }
    let node = value::get(&selection, "anchorNode");
    let parent = value::get(&node, "parentElement");
    let element: JsValue = if node.is_instance_of::<Element>() { node } else { parent };
    let element: Element = element.dyn_into().ok()?;
    if is_ignored(&element) {
        return None;
    }
    Some(match zone_of(&element) {
        Some(Zone::Price) => Selected::Price,
        _ if is_within(&element, TITLE) => Selected::Title,
        _ => Selected::Other,
    })
}
