//! Where consent is read. Each source is an adapter in a file of its own that knows one thing: what its source says now. Events only say when
//! to read again; what is believed is the reading, taken anew just before each send.

mod cookieconsent;
mod page_call;
mod privacy_signal;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::JsCast;
use waver_core::consent::{Purpose, Reading};
use waver_schema::{ConsentChoice, ConsentSource};
use web_sys::EventTarget;

use crate::config::{Config, ConsentMode};
use crate::listener::Listener;
use crate::value;

pub(crate) use page_call::PageCall;

/// The sources of consent, and what each said last.
pub(crate) struct Sources {
    tag: Cell<Option<Reading>>,
    page_call: Cell<PageCall>,
    withdrawn_elsewhere: Cell<bool>,
    /// Looked for only in `auto`.
    consent_tool: bool,
    last: RefCell<Vec<(ConsentSource, Reading)>>,
}

impl Sources {
    pub(crate) fn new(mode: ConsentMode) -> Sources {
        Sources {
            tag: Cell::new(mode.reading()),
            page_call: Cell::default(),
            withdrawn_elsewhere: Cell::new(false),
            consent_tool: mode == ConsentMode::Auto,
            last: RefCell::default(),
        }
    }

    /// The page said something itself. From then on that is what counts of it, and not what its tag began with.
    pub(crate) fn take_page_call(&self, measure: Option<bool>, personalize: Option<bool>) {
        let before = self.page_call.get().reading().or(self.tag.take());
        self.page_call.set(PageCall::after(before, measure, personalize));
        self.withdrawn_elsewhere.set(false);
    }

    /// Another tab told of a withdrawal, or of a grant after it.
    pub(crate) fn hear_of_other_tab(&self, withdrawn: bool) {
        self.withdrawn_elsewhere.set(withdrawn);
    }

    /// What each source says now. Vetoes come first, so that a grant read in the same moment cannot open the gate before them.
    pub(crate) fn read(&self, config: &Config) -> [(ConsentSource, Option<Reading>); 5] {
        let elsewhere = self.withdrawn_elsewhere.get().then_some(Reading::all(ConsentChoice::Denied));
        let tool = if self.consent_tool { cookieconsent::read(&config.categories) } else { None };
        let readings = [
            (ConsentSource::Gpc, privacy_signal::global_privacy_control()),
            (ConsentSource::Dnt, privacy_signal::do_not_track()),
            (ConsentSource::Tag, self.tag.get()),
            (ConsentSource::PageCall, elsewhere.or(self.page_call.get().reading())),
            (ConsentSource::CookieConsent, tool),
        ];
        let present = readings.iter().filter_map(|(source, reading)| Some((*source, (*reading)?)));
        self.last.replace(present.collect());
        readings
    }

    /// The source that decided on `purpose`, by the order of reading.
    pub(crate) fn deciding(&self, purpose: Purpose, choice: ConsentChoice) -> Option<ConsentSource> {
        let last = self.last.borrow();
        last.iter().find(|(_, reading)| reading.of(purpose) == choice).map(|(source, _)| *source)
    }

    /// Whether the grant is older than this page, so that what the page did before this module came up happened under it.
    pub(crate) fn granted_before_page(&self) -> bool {
        let granting = |source| {
            self.last.borrow().iter().any(|(known, reading)| {
                *known == source && [reading.measure, reading.personalize].contains(&ConsentChoice::Granted)
            })
        };
        if granting(ConsentSource::CookieConsent) {
            cookieconsent::chosen_before_page()
        } else {
            granting(ConsentSource::Tag)
        }
    }
}

/// Listens for what tells that a source may have changed. These are the only listeners before a grant.
pub(crate) fn watch(mode: ConsentMode, read_again: Rc<dyn Fn()>) -> Vec<Listener> {
    let mut listeners = Vec::new();
    if let Ok(store) = value::get(&value::global(), "cookieStore").dyn_into::<EventTarget>() {
        // A choice in another tab changes the cookie of the tool, and fires nothing of the tool's in this one.
        let read_again = read_again.clone();
        listeners.push(Listener::new(&store, "change", move |_| read_again()));
    }
    if mode == ConsentMode::Auto {
        listeners.extend(cookieconsent::watch(read_again));
    }
    listeners
}
