//! The position of the page, at most once a frame.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use waver_core::SignalKind;
use web_sys::Event;

use super::{Sensors, Sink};
use crate::{clock, page, value};

/// How long a measured range of scrolling holds. Pages grow while pictures load and lists extend.
const RANGE_HOLDS_MS: u64 = 1_000;

/// Reads the position in a frame of its own: there the layout is done, while in a handler the reading would force it.
#[derive(Default)]
struct Frame {
    requested: Cell<Option<f64>>,
    range: Cell<i32>,
    measured_at: Cell<Option<u64>>,
}

impl Drop for Frame {
    fn drop(&mut self) {
        if let Some(request) = self.requested.get() {
            page::cancel_animation_frame(request);
        }
    }
}

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    let frame: Rc<Frame> = Rc::default();
    let (scrolled, resized, read) = (frame.clone(), frame.clone(), Rc::downgrade(&frame));
    let read: Closure<dyn Fn()> = Closure::new(move || {
        if let Some(frame) = read.upgrade() {
            let at = clock::now();
            frame.requested.set(None);
            sink(frame.read(at), at);
        }
    });
    let on_scroll = move |event: Event| {
        // Boxes that scroll within the page tell of it too.
        let of_page = event.target().is_some_and(|target| target.has_type::<web_sys::Document>());
        if of_page && scrolled.requested.get().is_none() {
            let read: &Function = read.as_ref().unchecked_ref();
            scrolled.requested.set(Some(page::request_animation_frame(read)));
        }
    };
    sensors.listen("scroll", Box::new(on_scroll));
    sensors.listen("resize", Box::new(move |_| resized.measured_at.set(None)));
}

impl Frame {
    fn read(&self, at: u64) -> SignalKind {
        let window = page::global();
        if self.measured_at.get().is_none_or(|measured_at| at.saturating_sub(measured_at) >= RANGE_HOLDS_MS) {
            let root = value::get(&value::get(&window, "document"), "documentElement");
            let height = |key| value::number(&root, key).unwrap_or_default();
            self.range.set((height("scrollHeight") - height("clientHeight")).max(0.0) as i32);
            self.measured_at.set(Some(at));
        }
        let y = value::number(&window, "scrollY").unwrap_or_default() as i32;
        SignalKind::Scroll { y, range: self.range.get() }
    }
}
