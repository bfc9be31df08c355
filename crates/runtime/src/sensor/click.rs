//! Clicks, taps and activations by keyboard.

use waver_core::SignalKind;

use super::element::{target_of, zone_of};
use super::{Sensors, Sink, time_of};

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    let clicked = move |event| {
        if let Some(element) = target_of(&event) {
            sink(SignalKind::click(zone_of(&element)), time_of(&event));
        }
    };
    sensors.listen("click", Box::new(clicked));
}
