//! Tabs of one shop tell each other of a withdrawal and of a new grant, and of nothing else.

use waver_core::consent::PurposeSet;
use web_sys::BroadcastChannel;

use crate::listener::Listener;
use crate::value;

const NAME: &str = "waver";

/// The line between the tabs. What is said is one number: which purposes were withdrawn, and which were granted.
pub(crate) struct Tabs {
    channel: BroadcastChannel,
    _listener: Listener,
}

impl Tabs {
    /// Hears what another tab withdrew and granted; `None` where the browser has no such line.
    pub(crate) fn listen(hear: Box<dyn Fn(PurposeSet, PurposeSet)>) -> Option<Tabs> {
        let channel = BroadcastChannel::new(NAME).ok()?;
        let heard = move |event: web_sys::Event| {
            if let Some(said) = value::get(&event, "data").as_f64() {
                let said = said as u8;
                hear(set_of(said), set_of(said >> 2));
            }
        };
        let listener = Listener::new(&channel, "message", Box::new(heard));
        Some(Tabs { channel, _listener: listener })
    }

    pub(crate) fn tell(&self, withdrawn: PurposeSet, granted: PurposeSet) {
        let _ = self.channel.post_message(&(bits_of(withdrawn) | bits_of(granted) << 2).into());
    }
}

fn bits_of(set: PurposeSet) -> u8 {
    u8::from(set.measure) | u8::from(set.personalize) << 1
}

fn set_of(bits: u8) -> PurposeSet {
    PurposeSet { measure: bits & 1 != 0, personalize: bits & 2 != 0 }
}
