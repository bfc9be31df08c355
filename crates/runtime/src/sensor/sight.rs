//! Which parts of the page can be seen. It matters where nothing hovers: on a touch screen it is what tells that the shopper looks at the price.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, JSON};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use waver_core::SignalKind;
use waver_schema::Zone;
use web_sys::{Element, IntersectionObserver};

use super::Sink;
use super::element::{is_ignored, zone_of};
use crate::{clock, markup, value};

/// Parts beyond this are not observed. A product's page has about ten, a list one or two for each product.
const MOST_PARTS: usize = 64;
/// A part is in sight when half of it is.
const HALF: &str = r#"{"threshold":[0.5]}"#;

/// Observes the parts of a page.
pub(super) struct Sight {
    observer: IntersectionObserver,
    seen: Rc<RefCell<Vec<(Element, Zone)>>>,
    _changed: Closure<dyn Fn(Array)>,
}

impl Sight {
    pub(super) fn new(sink: Sink) -> Option<Sight> {
        let seen: Rc<RefCell<Vec<(Element, Zone)>>> = Rc::default();
        let parts = seen.clone();
        let changed: Closure<dyn Fn(Array)> = Closure::new(move |entries: Array| {
            for entry in entries {
                let told = take(&mut parts.borrow_mut(), &entry);
                if let Some(kind) = told {
                    sink(kind, clock::now());
                }
            }
        });
        let options = JSON::parse(HALF).unwrap_or_default();
        let observer =
            IntersectionObserver::new_with_options(changed.as_ref().unchecked_ref(), options.unchecked_ref());
        Some(Sight { observer: observer.ok()?, seen, _changed: changed })
    }

    /// Looks for the parts that the page has now.
    pub(super) fn look(&self) {
        self.observer.disconnect();
        self.seen.take();
        let parts = markup::every_part();
        for part in Array::from(&parts).into_iter().take(MOST_PARTS) {
            let part: Element = part.unchecked_into();
            if !is_ignored(&part) && zone_of(&part).is_some() {
                self.observer.observe(&part);
            }
        }
    }
}

impl Drop for Sight {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Notes what became of a part, and says so if it was the first of its zone to come into sight or the last to leave it.
fn take(seen: &mut Vec<(Element, Zone)>, entry: &JsValue) -> Option<SignalKind> {
    let part: Element = value::get(entry, "target").unchecked_into();
    let visible = value::number(entry, "intersectionRatio").is_some_and(|ratio| ratio >= 0.5);
    let known = seen.iter().position(|(element, _)| *element == part);
    let zone = match (known, visible) {
        (None, true) => {
            let zone = zone_of(&part)?;
            seen.push((part, zone));
            (seen.iter().filter(|(_, of)| *of == zone).count() == 1).then_some(zone)
        }
        (Some(known), false) => {
            let (_, zone) = seen.remove(known);
            seen.iter().all(|(_, of)| *of != zone).then_some(zone)
        }
        _ => None,
    }?;
    Some(SignalKind::ZoneSight { zone, visible })
}
