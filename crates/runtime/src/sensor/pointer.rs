use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use waver_core::{Edge, PointerType, SignalKind};
use web_sys::{Document, Event, PointerEvent};

use super::{Sink, pointer_type, time_of};
use crate::listener::Listener;

/// Least time between two samples of a movement.
const SAMPLE_MS: u64 = 30;
/// A pointer that was last seen this near to the top left over it: browsers report the last position inside, not the edge.
/// The value is the customary one of exit-intent scripts.
const TOP_PX: i32 = 20;

/// Movements, sampled, and departures from the window.
pub(super) struct Pointer {
    _listeners: [Listener; 2],
}

/// The newest movement that was not passed on.
type Latest = Rc<Cell<Option<(SignalKind, u64)>>>;

impl Pointer {
    pub(super) fn start(document: &Document, sink: Sink) -> Pointer {
        let latest = Latest::default();
        let (kept, pass_on) = (latest.clone(), sink.clone());
        let sampled_at = Cell::new(0);
        let moved = move |event: Event| {
            let (Some(event), at) = (event.dyn_ref::<PointerEvent>(), time_of(&event)) else { return };
            let signal = SignalKind::Pointer { x: event.client_x(), y: event.client_y(), pointer: pointer_type(event) };
            if at.saturating_sub(sampled_at.get()) >= SAMPLE_MS {
                sampled_at.set(at);
                kept.set(None);
                pass_on(signal, at);
            } else {
                kept.set(Some((signal, at)));
            }
        };
        let left = move |event: Event| {
            // With a related element the pointer went there, and is still in the window.
            let Some(event) = event.dyn_ref::<PointerEvent>().filter(|event| event.related_target().is_none()) else {
                return;
            };
            if pointer_type(event) == PointerType::Mouse {
                // The last position decides how fast it left.
                if let Some((signal, at)) = latest.take() {
                    sink(signal, at);
                }
                let edge = if event.client_y() <= TOP_PX { Edge::Top } else { Edge::Other };
                sink(SignalKind::PointerExit { edge }, time_of(event));
            }
        };
        Pointer {
            _listeners: [Listener::new(document, "pointermove", moved), Listener::new(document, "pointerout", left)],
        }
    }
}
