//! The zone that the pointer is over. It is looked up when the pointer comes over another element, not with each movement; the first
//! movement is looked at as well, since the pointer may rest over an element when watching begins.

use std::cell::Cell;
use std::rc::Rc;

use waver_core::SignalKind;
use waver_schema::Zone;
use web_sys::Event;

use super::element::{target_of, zone_of};
use super::{Sensors, Sink, leaves_window, pointer_of, time_of};

/// Where the pointer is.
#[derive(Default)]
pub(super) struct Place {
    known: Cell<bool>,
    zone: Cell<Option<Zone>>,
    ignored: Cell<bool>,
}

pub(super) fn start(sensors: &mut Sensors, sink: Sink) -> Rc<Place> {
    let place: Rc<Place> = Rc::default();
    for kind in ["pointerover", "pointermove", "pointerout"] {
        let (place, sink) = (place.clone(), sink.clone());
        let look = move |event| match kind {
            "pointermove" if place.known.get() => {}
            "pointerout" if !leaves_window(&event) => {}
            "pointerout" => {
                place.ignored.set(false);
                place.change(None, &event, &sink);
            }
            _ => {
                let target = target_of(&event);
                place.ignored.set(target.is_none());
                place.change(target.as_ref().and_then(zone_of), &event, &sink);
            }
        };
        sensors.listen(kind, Box::new(look));
    }
    place
}

impl Place {
    /// Whether the shop wants that part of the page left alone.
    pub(super) fn is_ignored(&self) -> bool {
        self.ignored.get()
    }

    fn change(&self, zone: Option<Zone>, event: &Event, sink: &Sink) {
        self.known.set(true);
        let before = self.zone.replace(zone);
        if before != zone {
            let at = time_of(event);
            if let Some(zone) = before {
                sink(SignalKind::ZoneLeave { zone }, at);
            }
            if let Some(zone) = zone {
                sink(SignalKind::ZoneEnter { zone, pointer: pointer_of(event) }, at);
            }
        }
    }
}
