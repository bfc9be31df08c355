//! Keys that move about or act, outside of fields. Which key it was stays unread but for what it is for.

use std::cell::Cell;

use waver_core::{KeyClass, SignalKind};
use web_sys::Event;

use super::element::{is_within, target_of};
use super::field::FIELD;
use super::{Sensors, Sink, time_of};
use crate::value;

/// Least time between two keys of a class that are told.
const SAMPLE_MS: u64 = 250;

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    let told: [Cell<Option<u64>>; 2] = Default::default();
    let pressed = move |event: Event| {
        let key = value::text(&event, "key").unwrap_or_default();
        // In a field only this one moves on, and the others are the field's.
        let Some(element) = target_of(&event) else { return };
        if key != "Tab" && is_within(&element, FIELD) {
            return;
        }
        let class = match key.as_str() {
            "Tab" | "PageUp" | "PageDown" | "Home" | "End" | " " => KeyClass::Move,
            arrow if arrow.starts_with("Arrow") => KeyClass::Move,
            _ => KeyClass::Other,
        };
        let at = time_of(&event);
        let last = &told[usize::from(class == KeyClass::Other)];
        if last.get().is_none_or(|last| at.saturating_sub(last) >= SAMPLE_MS) {
            last.set(Some(at));
            sink(SignalKind::Key { class }, at);
        }
    };
    sensors.listen("keydown", Box::new(pressed));
}
