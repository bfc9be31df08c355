//! Sensors turn what the browser tells into signals of the core: numbers and enums with their time. Each is listeners that end on drop,
//! and none is started before a grant, unless the shop asked for local detection.

mod click;
pub(crate) mod datalayer;
mod element;
pub(crate) mod navigation;
mod pointer;
mod scroll;
pub(crate) mod visibility;
mod zone;

use std::rc::Rc;

use wasm_bindgen::JsCast;
use waver_core::{PointerType, SignalKind};
use web_sys::{Event, PointerEvent};

use crate::clock;
use crate::hook::Hook;
use crate::listener::Listener;

/// Where signals go, with the millisecond of the page at which they were seen.
pub(crate) type Sink = Rc<dyn Fn(SignalKind, u64)>;

/// The sensors at work, until dropped.
#[derive(Default)]
pub(crate) struct Sensors {
    listeners: Vec<Listener>,
    hooks: Vec<Hook>,
}

impl Sensors {
    /// Starts those that watch the shopper.
    pub(crate) fn start(sink: &Sink) -> Sensors {
        let mut sensors = Sensors::default();
        click::start(&mut sensors, sink.clone());
        pointer::start(&mut sensors, sink.clone());
        scroll::start(&mut sensors, sink.clone());
        zone::start(&mut sensors, sink.clone());
        sensors
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
