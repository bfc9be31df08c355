//! Movements, sampled, and departures from the window. Browsers hand movements over coalesced, at most one for each frame.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use waver_core::{Edge, PointerType, SignalKind};
use web_sys::{Event, PointerEvent};

use super::zone::Place;
use super::{Sensors, Sink, leaves_window, pointer_of, time_of};

/// Least time between two samples of a movement.
const SAMPLE_MS: u64 = 30;
/// A pointer that was last seen this near to the top left over it: browsers report the last position inside, not the edge.
/// The value is the customary one of exit-intent scripts.
const TOP_PX: i32 = 20;

pub(super) fn start(sensors: &mut Sensors, place: &Rc<Place>, sink: Sink) {
    // The newest movement that was not passed on: the last one decides how fast the pointer left.
    let latest: Rc<Cell<Option<Event>>> = Rc::default();
    let (kept, pass_on) = (latest.clone(), sink.clone());
    let sampled_at = Cell::new(0);
    let place = Rc::clone(place);
    let moved = move |event: Event| {
        if place.is_ignored() {
            return;
        }
        let at = time_of(&event);
        if at.saturating_sub(sampled_at.get()) >= SAMPLE_MS {
            sampled_at.set(at);
            kept.take();
            pass_on(movement(&event), at);
        } else {
            kept.set(Some(event));
        }
    };
    let left = move |event: Event| {
        if leaves_window(&event) && pointer_of(&event) == PointerType::Mouse {
            if let Some(last) = latest.take() {
                sink(movement(&last), time_of(&last));
            }
            let edge = if position(&event).1 <= TOP_PX { Edge::Top } else { Edge::Other };
            sink(SignalKind::PointerExit { edge }, time_of(&event));
        }
    };
    sensors.listen("pointermove", Box::new(moved));
    sensors.listen("pointerout", Box::new(left));
}

fn movement(event: &Event) -> SignalKind {
    let (x, y) = position(event);
    SignalKind::Pointer { x, y, pointer: pointer_of(event) }
}

fn position(event: &Event) -> (i32, i32) {
    let event: &PointerEvent = event.unchecked_ref();
    (event.client_x(), event.client_y())
}
