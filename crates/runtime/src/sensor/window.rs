//! Whether the window has the keyboard's focus: the address bar takes it, and so does another window beside this one.

use js_sys::Array;
use waver_core::SignalKind;
use web_sys::Event;

use super::{Sensors, Sink, is_of_window, time_of};
use crate::{page, value};

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    for kind in ["focus", "blur"] {
        let sink = sink.clone();
        let changed = move |event: Event| {
            // Fields tell of theirs by the same names.
            if !is_of_window(&event) {
                return;
            }
            // A frame of the page's own takes the focus from its window, and not from the page.
            let document = value::get(&page::global(), "document");
            let focused = value::call(&document, "hasFocus", &Array::new()).is_ok_and(|has| has.is_truthy());
            let hidden = value::get(&document, "hidden").is_truthy();
            if focused == (kind == "focus") && !hidden {
                sink(SignalKind::Window { focused }, time_of(&event));
            }
        };
        sensors.listen(kind, Box::new(changed));
    }
}
