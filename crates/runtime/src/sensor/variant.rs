//! Options of the product that are chosen: sizes, colours. Told when the choice changes, with numbers that mean nothing outside of the page.

use std::cell::RefCell;
use std::rc::Rc;

use waver_core::SignalKind;
use waver_schema::Zone;
use web_sys::{Element, Event};

use super::element::{target_of, zone_of};
use super::{Sensors, Sink, time_of};
use crate::value;

/// What holds the options that exclude each other.
const GROUP: &str = "select,fieldset,[role=radiogroup],[role=listbox],.swatch-attribute,[data-waver-zone]";
/// What chooses without being a field: fields tell of a change themselves.
const CHOOSER: &str = "button,[role=radio],[role=option],.swatch-option";
/// Groups beyond this are one with the last.
const MOST_GROUPS: usize = 8;

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    let chosen: Rc<RefCell<Vec<(u32, u32)>>> = Rc::default();
    for kind in ["change", "click"] {
        let (numbers, sink, chosen) = (Rc::clone(&sensors.numbers), sink.clone(), chosen.clone());
        let happened = move |event: Event| {
            let Some(element) = target_of(&event).and_then(|element| chooser(element, kind)) else { return };
            if !matches!(zone_of(&element), Some(Zone::Size | Zone::Variant)) {
                return;
            }
            let Ok(Some(group)) = element.closest(GROUP) else { return };
            let group = numbers.of(&group);
            // Which of its options a list shows, by its place; else which element it is.
            let choice = match value::number(&element, "selectedIndex") {
                Some(index) => index as u32 + 1,
                None => numbers.of(&element),
            };
            if changes(&mut chosen.borrow_mut(), group, choice) {
                sink(SignalKind::Variant { group, choice }, time_of(&event));
            }
        };
        sensors.listen(kind, Box::new(happened));
    }
}

fn chooser(element: Element, kind: &str) -> Option<Element> {
    if kind == "change" { Some(element) } else { element.closest(CHOOSER).ok().flatten() }
}

/// Notes the choice, and says whether it is another than before.
fn changes(chosen: &mut Vec<(u32, u32)>, group: u32, choice: u32) -> bool {
    match chosen.iter_mut().find(|(known, _)| *known == group) {
        Some((_, before)) => std::mem::replace(before, choice) != choice,
        None => {
            chosen.truncate(MOST_GROUPS - 1);
            chosen.push((group, choice));
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_choice_of_a_group_is_a_change() {
        let mut chosen = Vec::new();
        let told: Vec<bool> = [(1, 5), (1, 5), (1, 6), (2, 5), (1, 5), (2, 5)]
            .map(|(group, choice)| changes(&mut chosen, group, choice))
            .to_vec();
        assert_eq!(told, [true, false, true, true, true, false]);
        for group in 10..100 {
            changes(&mut chosen, group, 1);
        }
        assert_eq!(chosen.len(), MOST_GROUPS);
    }
}
