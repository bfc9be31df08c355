//! Tabs of one shop tell each other of a withdrawal and of a new grant, and of nothing else.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use crate::listener::Listener;

const NAME: &str = "waver";
const WITHDRAWN: &str = "withdrawn";
const GRANTED: &str = "granted";

/// The line between the tabs.
pub(crate) struct Tabs {
    channel: BroadcastChannel,
    _listener: Listener,
}

impl Tabs {
    /// Hears whether another tab withdrew (`true`) or granted; `None` where the browser has no such line.
    pub(crate) fn listen(hear: Rc<dyn Fn(bool)>) -> Option<Tabs> {
        let channel = BroadcastChannel::new(NAME).ok()?;
        let listener = Listener::new(&channel, "message", move |event| {
            let message = event.dyn_ref::<MessageEvent>().and_then(|event| event.data().as_string());
            match message.as_deref() {
                Some(WITHDRAWN) => hear(true),
                Some(GRANTED) => hear(false),
                _ => {}
            }
        });
        Some(Tabs { channel, _listener: listener })
    }

    pub(crate) fn tell(&self, withdrawn: bool) {
        let _ = self.channel.post_message(&JsValue::from_str(if withdrawn { WITHDRAWN } else { GRANTED }));
    }
}
