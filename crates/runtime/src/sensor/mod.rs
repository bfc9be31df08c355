//! Sensors turn what the browser tells into signals of the core: numbers and enums with their time. Each is a handle that stops on drop,
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

use waver_core::{PointerType, SignalKind};
use waver_schema::Navigation;
use web_sys::{Event, PointerEvent};

use crate::clock;

/// Where signals go, with the millisecond of the page at which they were seen.
pub(crate) type Sink = Rc<dyn Fn(SignalKind, u64)>;

/// All sensors of behaviour, at work until dropped.
pub(crate) struct Sensors {
    _click: click::Click,
    _data_layer: Option<datalayer::DataLayer>,
    _navigation: navigation::Navigations,
    _pointer: pointer::Pointer,
    _scroll: Option<scroll::Scroll>,
    _zone: zone::Zones,
}

impl Sensors {
    /// Starts them. `replay` says whether consent was there before this page, so that what its `dataLayer` holds already may be read.
    pub(crate) fn start(
        sink: &Sink,
        navigated: Rc<dyn Fn(Navigation)>,
        data_layer: Option<&str>,
        replay: bool,
    ) -> Option<Sensors> {
        let window = web_sys::window()?;
        let document = window.document()?;
        Some(Sensors {
            _click: click::Click::start(&document, sink.clone()),
            _data_layer: data_layer.and_then(|name| datalayer::DataLayer::start(name, replay, sink.clone())),
            _navigation: navigation::Navigations::start(&window, navigated),
            _pointer: pointer::Pointer::start(&document, sink.clone()),
            _scroll: scroll::Scroll::start(&window, sink.clone()),
            _zone: zone::Zones::start(&document, sink.clone()),
        })
    }
}

/// When an event happened. Browsers stamp events by the page's clock; a stamp from the future is a script's, and counts as now.
fn time_of(event: &Event) -> u64 {
    clock::now().min(event.time_stamp() as u64)
}

/// A pen hovers as a mouse does.
fn pointer_type(event: &PointerEvent) -> PointerType {
    if event.pointer_type() == "touch" { PointerType::Touch } else { PointerType::Mouse }
}
