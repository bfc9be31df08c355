//! Whether the page answers a click: whether anything of the document changes, or a form, a box or a player does what clicks make them do.
//! It is looked for only as long as a click waits for it.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::JSON;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use waver_core::{DEAD_CLICK_MS, SignalKind};
use web_sys::{MutationObserver, MutationObserverInit, Node};

use super::{Sensors, Sink};
use crate::{clock, page, value};

/// Answers that change nothing of the document.
const EVENTS: [&str; 7] = ["submit", "change", "toggle", "play", "pause", "copy", "scroll"];
const EVERYTHING: &str = r#"{"subtree":true,"childList":true,"attributes":true,"characterData":true}"#;

/// Looks for the first answer after a click.
pub(super) struct Responses {
    sink: Sink,
    /// `None` where the browser has none, and then nothing is ever looked for.
    observer: Option<MutationObserver>,
    _changed: Closure<dyn Fn()>,
    /// Ends the wait. While there is none, nothing waits.
    end: RefCell<Option<Timeout>>,
}

impl Responses {
    pub(super) fn start(sensors: &mut Sensors, sink: Sink) -> Rc<Responses> {
        let responses = Rc::<Responses>::new_cyclic(|responses| {
            let responses = responses.clone();
            let changed: Closure<dyn Fn()> = Closure::new(move || {
                if let Some(responses) = responses.upgrade() {
                    responses.answer();
                }
            });
            let observer = MutationObserver::new(changed.as_ref().unchecked_ref()).ok();
            Responses { sink, observer, _changed: changed, end: RefCell::default() }
        });
        for kind in EVENTS {
            let responses = Rc::clone(&responses);
            sensors.listen(kind, Box::new(move |_| responses.answer()));
        }
        responses
    }

    /// Whether answers can be looked for.
    pub(super) fn can_watch(&self) -> bool {
        self.observer.is_some()
    }

    /// Looks for an answer to a click that was just made.
    pub(super) fn watch(self: &Rc<Responses>) {
        let Some(observer) = &self.observer else { return };
        let options: MutationObserverInit = JSON::parse(EVERYTHING).unwrap_or_default().unchecked_into();
        let document: Node = value::get(&page::global(), "document").unchecked_into();
        // Observing what is observed already changes nothing.
        let _ = observer.observe_with_options(&document, &options);
        let responses = Rc::downgrade(self);
        let end = move || {
            if let Some(responses) = responses.upgrade() {
                responses.rest();
            }
        };
        self.end.replace(Some(Timeout::new(DEAD_CLICK_MS as u32, end)));
    }

    fn answer(&self) {
        if self.rest() {
            (self.sink)(SignalKind::Response, clock::now());
        }
    }

    /// Looks no longer. Gives whether a click was waiting.
    fn rest(&self) -> bool {
        let waited = self.end.take().is_some();
        if let Some(observer) = self.observer.as_ref().filter(|_| waited) {
            observer.disconnect();
        }
        waited
    }
}
