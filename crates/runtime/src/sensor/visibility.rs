//! When the page is shown, hidden, left, and brought back. It listens from the start, since consent is read again at each of these moments;
//! a signal comes of it only while something is watched.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{PageTransitionEvent, VisibilityState};

use crate::listener::Listener;

/// What became of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Shown,
    /// Another tab or app is in front, or the shopper goes to another page: this may be the last chance to send.
    Hidden,
    /// Back from the back/forward cache, as it was; other pages of the tab came in between.
    Restored,
}

/// Tells of each moment.
pub(crate) fn watch(tell: Rc<dyn Fn(Moment)>) -> Vec<Listener> {
    let Some(window) = web_sys::window() else { return Vec::new() };
    let Some(document) = window.document() else { return Vec::new() };
    let (visibility, left, restored) = (tell.clone(), tell.clone(), tell);
    let seen = document.clone();
    vec![
        Listener::new(&document, "visibilitychange", move |_| {
            let hidden = seen.visibility_state() == VisibilityState::Hidden;
            visibility(if hidden { Moment::Hidden } else { Moment::Shown });
        }),
        // Safari leaves pages without hiding them first.
        Listener::new(&window, "pagehide", move |_| left(Moment::Hidden)),
        Listener::new(&window, "pageshow", move |event| {
            if event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted) {
                restored(Moment::Restored);
            }
        }),
    ]
}
