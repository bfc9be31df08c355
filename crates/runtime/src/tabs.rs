//! Tabs of one shop tell each other of a withdrawal and of a new grant, and of nothing else.

use web_sys::BroadcastChannel;

use crate::listener::Listener;
use crate::value;

const NAME: &str = "waver";

/// The line between the tabs. What is said is one flag: whether consent was withdrawn.
pub(crate) struct Tabs {
    channel: BroadcastChannel,
    _listener: Listener,
}

impl Tabs {
    /// Hears whether another tab withdrew (`true`) or granted; `None` where the browser has no such line.
    pub(crate) fn listen(hear: Box<dyn Fn(bool)>) -> Option<Tabs> {
        let channel = BroadcastChannel::new(NAME).ok()?;
        let heard = move |event: web_sys::Event| {
            if let Some(withdrawn) = value::get(&event, "data").as_bool() {
                hear(withdrawn);
            }
        };
        let listener = Listener::new(&channel, "message", Box::new(heard));
        Some(Tabs { channel, _listener: listener })
    }

    pub(crate) fn tell(&self, withdrawn: bool) {
        let _ = self.channel.post_message(&withdrawn.into());
    }
}
