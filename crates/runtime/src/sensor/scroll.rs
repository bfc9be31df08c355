use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use waver_core::SignalKind;
use web_sys::Window;

use super::Sink;
use crate::clock;
use crate::listener::Listener;

/// How long a measured range of scrolling holds. Pages grow while pictures load and lists extend.
const RANGE_HOLDS_MS: u64 = 1_000;

/// The position of the page, at most once a frame.
pub(super) struct Scroll {
    _listeners: [Listener; 2],
    frame: Rc<Frame>,
}

/// Reads the position in a frame of its own: there the layout is done, while in a handler the reading would force it.
struct Frame {
    window: Window,
    sink: Sink,
    requested: Cell<Option<i32>>,
    range: Cell<Option<(i32, u64)>>,
    read: RefCell<Option<Closure<dyn Fn()>>>,
}

impl Scroll {
    pub(super) fn start(window: &Window, sink: Sink) -> Option<Scroll> {
        let frame = Rc::new(Frame {
            window: window.clone(),
            sink,
            requested: Cell::new(None),
            range: Cell::new(None),
            read: RefCell::new(None),
        });
        let reading = Rc::downgrade(&frame);
        let read: Closure<dyn Fn()> = Closure::new(move || {
            if let Some(frame) = reading.upgrade() {
                frame.read();
            }
        });
        *frame.read.borrow_mut() = Some(read);
        let (scrolled, resized) = (frame.clone(), frame.clone());
        let document = window.document()?;
        // At the document and not the window, whose capture phase also sees every box that scrolls within the page.
        let on_scroll = move |event: web_sys::Event| {
            if event.target().is_some_and(|target| target.has_type::<web_sys::Document>()) {
                scrolled.request();
            }
        };
        let listeners = [
            Listener::new(&document, "scroll", on_scroll),
            Listener::new(window, "resize", move |_| resized.range.set(None)),
        ];
        Some(Scroll { _listeners: listeners, frame })
    }
}

impl Frame {
    fn request(&self) {
        if self.requested.get().is_none()
            && let Some(read) = self.read.borrow().as_ref()
        {
            let read: &Function = read.as_ref().unchecked_ref();
            self.requested.set(self.window.request_animation_frame(read).ok());
        }
    }

    fn read(&self) {
        self.requested.set(None);
        let at = clock::now();
        let known = self.range.get().filter(|(_, measured_at)| at.saturating_sub(*measured_at) < RANGE_HOLDS_MS);
        let Some((range, measured_at)) = known.or_else(|| Some((self.measure_range()?, at))) else { return };
        self.range.set(Some((range, measured_at)));
        let y = self.window.scroll_y().unwrap_or_default() as i32;
        (self.sink)(SignalKind::Scroll { y, range }, at);
    }

    fn measure_range(&self) -> Option<i32> {
        let root = self.window.document()?.document_element()?;
        Some((root.scroll_height() - root.client_height()).max(0))
    }
}

impl Drop for Scroll {
    fn drop(&mut self) {
        if let Some(request) = self.frame.requested.take() {
            let _ = self.frame.window.cancel_animation_frame(request);
        }
    }
}
