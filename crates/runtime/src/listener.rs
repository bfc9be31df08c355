//! A listener that lives as long as its handle.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{AddEventListenerOptions, Event, EventTarget};

/// A listener of the capture phase, passive. Dropping it removes it.
///
/// The handler is `Fn` and not `FnMut`: what it does can make the page dispatch the same event again before it returns.
pub(crate) struct Listener {
    target: EventTarget,
    kind: &'static str,
    handler: Closure<dyn Fn(Event)>,
}

impl Listener {
    /// Listens to events of `kind` at `target`, and at what is inside it.
    pub(crate) fn new(target: &EventTarget, kind: &'static str, handler: impl Fn(Event) + 'static) -> Listener {
        Listener::of(target, kind, Closure::wrap(Box::new(handler)))
    }

    // Apart from `new`, so that it is compiled once and not for each handler.
    fn of(target: &EventTarget, kind: &'static str, handler: Closure<dyn Fn(Event)>) -> Listener {
        let options = AddEventListenerOptions::new();
        options.set_capture(true);
        options.set_passive(true);
        // It fails only for what is no listener at all.
        let _ = target.add_event_listener_with_callback_and_add_event_listener_options(
            kind,
            handler.as_ref().unchecked_ref(),
            &options,
        );
        Listener { target: target.clone(), kind, handler }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let handler = self.handler.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback_and_bool(self.kind, handler, true);
    }
}
