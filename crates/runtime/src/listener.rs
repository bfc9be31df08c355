//! A listener that lives as long as its handle.

use js_sys::JSON;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{AddEventListenerOptions, Event, EventTarget};

use crate::page;

const CAPTURE: &str = r#"{"capture":true,"passive":true}"#;

/// A listener of the capture phase, passive. Dropping it removes it.
///
/// The handler is `Fn` and not `FnMut`: what it does can make the page dispatch the same event again before it returns.
pub(crate) struct Listener {
    target: EventTarget,
    kind: &'static str,
    handler: Closure<dyn Fn(Event)>,
}

impl Listener {
    /// Listens to events of `kind` at `target`, and at what is inside it. The handler is boxed so that this is compiled once.
    pub(crate) fn new(target: &EventTarget, kind: &'static str, handler: Box<dyn Fn(Event)>) -> Listener {
        let handler: Closure<dyn Fn(Event)> = Closure::wrap(handler);
        let options: AddEventListenerOptions = JSON::parse(CAPTURE).unwrap_or_default().unchecked_into();
        // It fails only for what is no listener at all.
        let _ = target.add_event_listener_with_callback_and_add_event_listener_options(
            kind,
            handler.as_ref().unchecked_ref(),
            &options,
        );
        Listener { target: target.clone(), kind, handler }
    }

    /// Listens at the window, which every event of the page passes on its way down.
    pub(crate) fn everywhere(kind: &'static str, handler: Box<dyn Fn(Event)>) -> Listener {
        Listener::new(page::global().unchecked_ref(), kind, handler)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let handler = self.handler.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback_and_bool(self.kind, handler, true);
    }
}
