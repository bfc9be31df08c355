//! When the page is shown, hidden, left, and brought back. It listens from the start, since consent is read again at each of these moments;
//! a signal comes of it only while something is watched.

use std::cell::Cell;
use std::rc::Rc;

use crate::listener::Listener;
use crate::{page, value};

/// What became of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Shown,
    /// Another tab or app is in front: this may be the last chance to send.
    Hidden,
    /// The page goes: to another one, to its end, or into the back/forward cache.
    Left,
    /// Back from the back/forward cache, as it was; other pages of the tab came in between.
    Restored,
}

/// Tells of each moment.
pub(crate) fn watch(tell: Rc<dyn Fn(Moment)>) -> [Listener; 3] {
    // A page that comes back is first shown and then restored, and it must not act as if it had never been away.
    let left: Rc<Cell<bool>> = Rc::default();
    // Safari leaves pages without hiding them first, hence the second.
    ["visibilitychange", "pagehide", "pageshow"].map(|kind| {
        let (tell, left) = (tell.clone(), left.clone());
        let noticed = move |event: web_sys::Event| match kind {
            "pagehide" => {
                left.set(true);
                tell(Moment::Left);
            }
            "pageshow" => {
                left.set(false);
                if value::get(&event, "persisted").is_truthy() {
                    tell(Moment::Restored);
                }
            }
            _ if left.get() => {}
            _ => tell(if is_hidden() { Moment::Hidden } else { Moment::Shown }),
        };
        Listener::everywhere(kind, Box::new(noticed))
    })
}

/// Whether nothing of the page can be seen.
pub(crate) fn is_hidden() -> bool {
    value::get(&value::get(&page::global(), "document"), "hidden").is_truthy()
}
