use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use waver_core::SignalKind;
use waver_schema::Zone;
use web_sys::{Document, Event, PointerEvent};

use super::element::{target_of, zone_of};
use super::{Sink, pointer_type, time_of};
use crate::listener::Listener;

/// The zone that the pointer is over. It is looked up when the pointer comes over another element, not with each movement; the first
/// movement is looked at as well, since the pointer may rest over an element when watching begins.
pub(super) struct Zones {
    _listeners: [Listener; 3],
}

impl Zones {
    pub(super) fn start(document: &Document, sink: Sink) -> Zones {
        let over: Rc<Cell<Option<Zone>>> = Rc::default();
        let (left_from, tell) = (over.clone(), sink.clone());
        let found = Rc::new(Cell::new(false));
        let placed = found.clone();
        let entered = Rc::new(move |event: Event| {
            let Some(event) = event.dyn_ref::<PointerEvent>() else { return };
            placed.set(true);
            let zone = target_of(event).as_ref().and_then(zone_of);
            let before = over.replace(zone);
            if zone == before {
                return;
            }
            let at = time_of(event);
            if let Some(zone) = before {
                tell(SignalKind::ZoneLeave { zone }, at);
            }
            if let Some(zone) = zone {
                tell(SignalKind::ZoneEnter { zone, pointer: pointer_type(event) }, at);
            }
        });
        let enter = entered.clone();
        let first_moved = move |event: Event| {
            if !found.get() {
                enter(event);
            }
        };
        let left = move |event: Event| {
            let outside = event.dyn_ref::<PointerEvent>().is_some_and(|event| event.related_target().is_none());
            if outside && let Some(zone) = left_from.take() {
                sink(SignalKind::ZoneLeave { zone }, time_of(&event));
            }
        };
        Zones {
            _listeners: [
                Listener::new(document, "pointerover", move |event| entered(event)),
                Listener::new(document, "pointermove", first_moved),
                Listener::new(document, "pointerout", left),
            ],
        }
    }
}
