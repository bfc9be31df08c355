use waver_core::SignalKind;
use web_sys::Document;

use super::element::{target_of, zone_of};
use super::{Sink, time_of};
use crate::listener::Listener;

/// Clicks, taps and activations by keyboard.
pub(super) struct Click {
    _listener: Listener,
}

impl Click {
    pub(super) fn start(document: &Document, sink: Sink) -> Click {
        let listener = Listener::new(document, "click", move |event| {
            if let Some(element) = target_of(&event) {
                sink(SignalKind::Click { zone: zone_of(&element) }, time_of(&event));
            }
        });
        Click { _listener: listener }
    }
}
