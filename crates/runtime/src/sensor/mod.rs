//! Sensors turn what the browser tells into signals of the core: numbers and enums with their time. Each is listeners that end on drop,
//! and none is started before a grant, unless the shop asked for local detection.

mod click;
pub(crate) mod datalayer;
mod element;
mod error;
mod field;
mod key;
pub(crate) mod navigation;
mod pointer;
mod response;
mod scroll;
mod selection;
mod sight;
mod touch;
mod variant;
pub(crate) mod visibility;
mod window;
mod zone;

use std::rc::Rc;

use wasm_bindgen::JsCast;
use waver_core::{PointerType, SignalKind};
use waver_schema::DeviceClass;
use web_sys::{Event, PointerEvent};

use crate::hook::Hook;
use crate::listener::Listener;
use crate::{clock, page, value, view};

use element::Numbers;
use sight::Sight;

/// Where signals go, with the millisecond of the page at which they were seen.
pub(crate) type Sink = Rc<dyn Fn(SignalKind, u64)>;

/// What starts those sensors that need nothing of each other.
const STARTS: [fn(&mut Sensors, Sink); 9] = [
    click::start,
    error::start,
    field::start,
    key::start,
    scroll::start,
    selection::start,
    touch::start,
    variant::start,
    window::start,
];

/// The sensors at work, until dropped.
#[derive(Default)]
pub(crate) struct Sensors {
    listeners: Vec<Listener>,
    hooks: Vec<Hook>,
    numbers: Rc<Numbers>,
    sight: Option<Sight>,
}

impl Sensors {
    /// Starts those that watch the shopper.
    pub(crate) fn start(sink: &Sink) -> Sensors {
        let mut sensors = Sensors::default();
        for start in STARTS {
            start(&mut sensors, sink.clone());
        }
        let place = zone::start(&mut sensors, sink.clone());
        pointer::start(&mut sensors, &place, sink.clone());
        if view::device() == DeviceClass::Touch {
            sensors.sight = Sight::new(sink.clone());
        }
        sensors
    }

    /// Looks for the parts of a view that has just begun.
    pub(crate) fn look_at_view(&self) {
        if let Some(sight) = &self.sight {
            sight.look();
        }
    }

    /// Listens to events of `kind`, wherever on the page they happen.
    fn listen(&mut self, kind: &'static str, handler: Box<dyn Fn(Event)>) {
        self.listeners.push(Listener::everywhere(kind, handler));
    }
}

/// When an event happened. Browsers stamp events by the page's clock; a stamp from the future is a script's, and counts as now.
fn time_of(event: &Event) -> u64 {
    clock::now().min(event.time_stamp() as u64)
}

/// Whether an event happened to the window itself, and not to something in it.
fn is_of_window(event: &Event) -> bool {
    value::get(event, "target") == page::global()
}

/// What pointed. A pen hovers as a mouse does.
fn pointer_of(event: &Event) -> PointerType {
    let event: &PointerEvent = event.unchecked_ref();
    if event.pointer_type() == "touch" { PointerType::Touch } else { PointerType::Mouse }
}

/// Whether the pointer went out of the window: into nothing that the page knows.
fn leaves_window(event: &Event) -> bool {
    let event: &PointerEvent = event.unchecked_ref();
    event.related_target().is_none()
}
