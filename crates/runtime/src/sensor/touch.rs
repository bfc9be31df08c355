//! Fingers that come down and go up. Their movements are the pointer's.

use wasm_bindgen::JsCast;
use waver_core::{PointerType, SignalKind};
use web_sys::{Event, PointerEvent};

use super::element::target_of;
use super::{Sensors, Sink, pointer_of, time_of};

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    // A browser that takes a movement for scrolling cancels the pointer: the page sees no more of the finger.
    for kind in ["pointerdown", "pointerup", "pointercancel"] {
        let sink = sink.clone();
        let touched = move |event: Event| {
            if pointer_of(&event) == PointerType::Touch && target_of(&event).is_some() {
                let pointer: &PointerEvent = event.unchecked_ref();
                let (x, y) = (pointer.client_x(), pointer.client_y());
                sink(SignalKind::Touch { down: kind == "pointerdown", x, y }, time_of(&event));
            }
        };
        sensors.listen(kind, Box::new(touched));
    }
}
