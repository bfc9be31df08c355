//! Clicks, taps and activations by keyboard.

use std::rc::Rc;

use waver_core::{Press, Pressed, PressedBy, SignalKind};
use waver_schema::Zone;
use web_sys::{Element, Event};

use super::element::{Numbers, is_within, target_of, zone_of};
use super::field::FIELD;
use super::response::Responses;
use super::{Sensors, Sink, time_of};
use crate::value;

/// What promises to answer.
const CONTROL: &str = "a[href],button,summary,label,input,[role=button],[role=link],[role=tab],[role=switch],[role=checkbox],[role=radio],[role=menuitem],[role=option],[onclick]";
/// What is there to be pressed again and again, by its role or by the class that carousels in use give their frame.
const REPEATER: &str = "[role=slider],[role=spinbutton],[role=scrollbar],[type=range],[type=number],video,audio,canvas,[aria-roledescription=carousel],.carousel,.swiper,.slick-slider,.splide,.glide,.flickity-enabled,[rel=next],[rel=prev],.pagination";

/// What changes nothing when it is chosen already: radio buttons and their labels, the tab or page that is shown.
const CHOSEN: &str = "[type=radio],[role=radio],label:has([type=radio]),[aria-selected=true],[aria-current]";

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    let numbers = Rc::clone(&sensors.numbers);
    let responses = Responses::start(sensors, sink.clone());
    let clicked = move |event: Event| {
        let Some(element) = target_of(&event) else { return };
        let zone = zone_of(&element);
        let mut press = press(&event, &element, zone, &numbers);
        press.watched &= responses.can_watch();
        sink(SignalKind::Click { zone, press }, time_of(&event));
        if press.watched {
            responses.watch();
        }
    };
    sensors.listen("click", Box::new(clicked));
}

fn press(event: &Event, element: &Element, zone: Option<Zone>, numbers: &Numbers) -> Press {
    let number = |key| value::number(event, key).unwrap_or_default();
    let by = match value::text(event, "pointerType").as_deref() {
        // Keys and what presses for the shopper press without counting.
        _ if number("detail") == 0.0 => PressedBy::Keyboard,
        Some("touch") => PressedBy::Touch,
        Some("mouse" | "pen") => PressedBy::Mouse,
        _ => PressedBy::Unknown,
    };
    let (x, y) = if by == PressedBy::Keyboard { (0, 0) } else { (number("clientX") as i32, number("clientY") as i32) };
    let control = element.closest(CONTROL).ok().flatten();
    let on = match zone {
        _ if is_within(element, FIELD) => Pressed::Field,
        Some(Zone::Quantity) => Pressed::Repeater,
        // A carousel may hold what is none: its products with their buttons.
        None if is_within(element, REPEATER) => Pressed::Repeater,
        _ if control.is_some() => Pressed::Control,
        _ => Pressed::Content,
    };
    let pressed = control.as_ref().unwrap_or(element);
    let watched =
        matches!(on, Pressed::Control | Pressed::Content) && !leads_away(pressed) && !is_within(pressed, CHOSEN);
    Press { by, x, y, target: numbers.of(pressed), on, watched }
}

/// Whether it is a link to another document, or to a file, a mail, a call: the browser answers that itself.
fn leads_away(element: &Element) -> bool {
    element.get_attribute("href").is_some_and(|href| !href.starts_with('#') && !href.starts_with("javascript:"))
}
