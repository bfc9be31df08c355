//! Errors of the page's scripts: that there was one, never what it said.

use waver_core::SignalKind;
use web_sys::Event;

use super::{Sensors, Sink, is_of_window};
use crate::{clock, value};

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    for kind in ["error", "unhandledrejection"] {
        let sink = sink.clone();
        let failed = move |event: Event| {
            // Pictures and styles that cannot be loaded tell of it too, at themselves.
            if is_of_window(&event) && !is_noise(&event) {
                sink(SignalKind::ScriptError, clock::now());
            }
        };
        sensors.listen(kind, Box::new(failed));
    }
}

/// What browsers report although nothing failed, and what extensions do.
fn is_noise(event: &Event) -> bool {
    let holds = |key, part| value::text(event, key).is_some_and(|text| value::holds(&text, part));
    holds("message", "ResizeObserver loop") || holds("filename", "-extension:")
}
