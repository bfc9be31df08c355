//! Tells the page: callbacks of `waver('on', ...)`, and the same payloads as `waver:*` events from `document`.

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::JsValue;
use web_sys::{CustomEvent, CustomEventInit};

/// What a page can be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Hesitation,
    Intent,
    Frustration,
    Offer,
    Consent,
}

impl Topic {
    const ALL: [(&'static str, &'static str, Topic); 5] = [
        ("hesitation", "waver:hesitation", Topic::Hesitation),
        ("intent", "waver:intent", Topic::Intent),
        ("frustration", "waver:frustration", Topic::Frustration),
        ("offer", "waver:offer", Topic::Offer),
        ("consent", "waver:consent", Topic::Consent),
    ];

    pub(crate) fn parse(name: &str) -> Option<Topic> {
        Topic::ALL.iter().find(|(known, ..)| *known == name).map(|(.., topic)| *topic)
    }

    fn event(self) -> &'static str {
        Topic::ALL[self as usize].1
    }
}

/// The page's callbacks.
#[derive(Default)]
pub(crate) struct Emitter {
    callbacks: RefCell<Vec<(Topic, Function)>>,
}

impl Emitter {
    pub(crate) fn on(&self, topic: Topic, callback: Function) {
        self.callbacks.borrow_mut().push((topic, callback));
    }

    /// Removes one registration of `callback`.
    pub(crate) fn off(&self, topic: Topic, callback: &Function) {
        let mut callbacks = self.callbacks.borrow_mut();
        if let Some(index) = callbacks.iter().position(|(of, known)| *of == topic && known == callback) {
            callbacks.remove(index);
        }
    }

    /// Tells everyone who asked, in order. What a callback throws is the page's own and goes to its console, not to the others.
    pub(crate) fn emit(&self, topic: Topic, payload: &JsValue) {
        // A copy, since a callback may register or remove callbacks.
        let callbacks: Vec<Function> = self
            .callbacks
            .borrow()
            .iter()
            .filter(|(of, _)| *of == topic)
            .map(|(_, callback)| callback.clone())
            .collect();
        for callback in callbacks {
            if let Err(thrown) = callback.call1(&JsValue::UNDEFINED, payload) {
                web_sys::console::error_1(&thrown);
            }
        }
        let init = CustomEventInit::new();
        init.set_bubbles(true);
        init.set_detail(payload);
        if let Some(document) = web_sys::window().and_then(|window| window.document())
            && let Ok(event) = CustomEvent::new_with_event_init_dict(topic.event(), &init)
        {
            let _ = document.dispatch_event(&event);
        }
    }
}
