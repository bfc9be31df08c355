//! Where consent is read. Each source is an adapter in a file of its own that knows one thing: what its source says now. Events only say when
//! to read again; what is believed is the reading, taken anew just before each send.

mod cookieconsent;
mod page_call;
mod privacy_signal;

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use waver_core::consent::{Purpose, Reading};
use waver_schema::{ConsentChoice, ConsentSource};
use web_sys::EventTarget;

use crate::config::Config;
use crate::listener::Listener;
use crate::{page, value};

/// What each source says, in the order of reading. Vetoes come first, so that a grant read in the same moment cannot open the gate before them.
type Readings = [(ConsentSource, Option<Reading>); 5];

/// The sources of consent, and what each said last.
pub(crate) struct Sources {
    /// What the tag said, until the page says something itself.
    tag: Cell<Option<Reading>>,
    page_call: Cell<Option<Reading>>,
    withdrawn_elsewhere: Cell<bool>,
    last: Cell<Readings>,
}

impl Sources {
    pub(crate) fn new(tag: Option<Reading>) -> Sources {
        Sources {
            tag: Cell::new(tag),
            page_call: Cell::new(None),
            withdrawn_elsewhere: Cell::new(false),
            last: Cell::new([(ConsentSource::Tag, None); 5]),
        }
    }

    /// The page said something itself. From then on that is what counts of it, and not what its tag began with.
    pub(crate) fn take_page_call(&self, measure: Option<bool>, personalize: Option<bool>) {
        let before = self.page_call.get().or(self.tag.take());
        self.page_call.set(Some(page_call::after(before, measure, personalize)));
        self.withdrawn_elsewhere.set(false);
    }

    /// Another tab told of a withdrawal, or of a grant after it.
    pub(crate) fn hear_of_other_tab(&self, withdrawn: bool) {
        self.withdrawn_elsewhere.set(withdrawn);
    }

    /// What each source says now.
    pub(crate) fn read(&self, config: &Config) -> Readings {
        let elsewhere = self.withdrawn_elsewhere.get().then_some(Reading::all(ConsentChoice::Denied));
        let tool = if config.consent_tool { cookieconsent::read(&config.categories) } else { None };
        let readings = [
            (ConsentSource::Gpc, privacy_signal::global_privacy_control()),
            (ConsentSource::Dnt, privacy_signal::do_not_track()),
            (ConsentSource::Tag, self.tag.get()),
            (ConsentSource::PageCall, elsewhere.or(self.page_call.get())),
            (ConsentSource::CookieConsent, tool),
        ];
        self.last.set(readings);
        readings
    }

    /// The source that decided on `purpose`, by the order of reading.
    pub(crate) fn deciding(&self, purpose: Purpose, choice: ConsentChoice) -> Option<ConsentSource> {
        let decided = |reading: &Option<Reading>| reading.is_some_and(|reading| reading.of(purpose) == choice);
        self.last.get().iter().find(|(_, reading)| decided(reading)).map(|(source, _)| *source)
    }

    /// Whether the grant is older than this page, so that what the page did before this module came up happened under it.
    pub(crate) fn granted_before_page(&self) -> bool {
        let grants = |source| {
            self.deciding(Purpose::Measure, ConsentChoice::Granted) == Some(source)
                || self.deciding(Purpose::Personalize, ConsentChoice::Granted) == Some(source)
        };
        grants(ConsentSource::Tag) || grants(ConsentSource::CookieConsent) && cookieconsent::chosen_before_page()
    }
}

/// Listens for what tells that a source may have changed. These are the only listeners before a grant.
pub(crate) fn watch(config: &Config, read_again: Rc<dyn Fn()>) -> Vec<Listener> {
    let mut listeners = Vec::new();
    if let Ok(store) = value::get(&page::global(), "cookieStore").dyn_into::<EventTarget>() {
        // A choice in another tab changes the cookie of the tool, and fires nothing of the tool's in this one.
        let read_again = read_again.clone();
        listeners.push(Listener::new(&store, "change", Box::new(move |_| read_again())));
    }
    if config.consent_tool {
        for kind in cookieconsent::EVENTS {
            let read_again = read_again.clone();
            listeners.push(Listener::everywhere(kind, Box::new(move |_| read_again())));
        }
    }
    listeners
}
