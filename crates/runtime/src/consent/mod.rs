//! Where consent is read. Each source is an adapter in a file of its own that knows one thing: what its source says now. Events only say when
//! to read again; what is believed is the reading, taken anew just before each send.

mod asker;
mod c15t;
mod consent_mode;
mod cookie;
mod cookieconsent;
mod evidence;
mod frames;
mod gpp;
mod klaro;
mod named;
mod orejime;
mod other_tab;
mod page_call;
mod privacy_signal;
mod restored;
mod shopify;
mod string_hash;
mod tarteaucitron;
mod tcf;
mod told;
mod usp;

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use waver_core::consent::{Purpose, PurposeSet, Reading};
use waver_schema::{ConsentChoice, ConsentSource};
use web_sys::EventTarget;

use crate::config::Config;
use crate::listener::Listener;
use crate::{page, value};

pub(crate) use named::Named;

/// What each source says.
type Readings = Vec<(ConsentSource, Option<Reading>)>;

/// The sources of consent, and what those remember that cannot be asked.
pub(crate) struct Sources {
    /// What the tag said, until the page says something itself.
    tag: Cell<Option<Reading>>,
    page_call: Cell<Option<Reading>>,
    other_tab: other_tab::OtherTab,
    restored: restored::Restored,
    /// Reads everything again, for interfaces that call back.
    changed: Function,
    tcf: tcf::Tcf,
    gpp_string: string_hash::StringHash,
    gpp: (told::Told, asker::Asker),
    usp: asker::Asker,
    klaro: told::Told,
    orejime: told::Told,
    c15t: told::Told,
    consent_mode: consent_mode::ConsentMode,
    shopify_asked: Cell<bool>,
}

impl Sources {
    /// Of a page whose tag said that much; `read_again` is called when a source may have changed.
    pub(crate) fn new(tag: Option<Reading>, read_again: Box<dyn Fn()>) -> Sources {
        Sources {
            tag: Cell::new(tag),
            page_call: Cell::default(),
            other_tab: other_tab::OtherTab::default(),
            restored: restored::Restored::default(),
            changed: Closure::<dyn Fn()>::wrap(read_again).into_js_value().unchecked_into(),
            tcf: tcf::Tcf::default(),
            gpp_string: string_hash::StringHash::default(),
            gpp: Default::default(),
            usp: asker::Asker::default(),
            klaro: told::Told::default(),
            orejime: told::Told::default(),
            c15t: told::Told::default(),
            consent_mode: consent_mode::ConsentMode::default(),
            shopify_asked: Cell::default(),
        }
    }

    /// The page said something itself. From then on that is what counts of it, and not what its tag began with.
    pub(crate) fn take_page_call(&self, measure: Option<bool>, personalize: Option<bool>) {
        let before = self.page_call.get().or(self.tag.take());
        self.page_call.set(Some(page_call::after(before, measure, personalize)));
        self.restored.hear(ConsentSource::PageCall);
        self.other_tab.forget(PurposeSet { measure: measure.is_some(), personalize: personalize.is_some() });
    }

    /// Another tab told of a withdrawal, or of a grant after it.
    pub(crate) fn hear_of_other_tab(&self, withdrawn: PurposeSet, granted: PurposeSet) {
        self.other_tab.hear(withdrawn, granted);
    }

    /// The page came back from the back/forward cache, with its sources as they were.
    pub(crate) fn doubt(&self) {
        self.restored.begin();
    }

    /// What each source says now.
    pub(crate) fn read(&self, config: &Config) -> Readings {
        let mut readings = vec![
            (ConsentSource::Gpc, privacy_signal::global_privacy_control()),
            (ConsentSource::Dnt, privacy_signal::do_not_track()),
            (ConsentSource::Tag, self.tag.get()),
            (ConsentSource::PageCall, self.page_call.get()),
        ];
        if config.consent_tool {
            readings.extend(self.read_tools(config));
        }
        for (source, reading) in &mut readings {
            let stands = || match source {
                ConsentSource::Tcf => self.tcf.string().is_in_cookies(),
                ConsentSource::Gpp => self.gpp_string.is_in_cookies(),
                _ => false,
            };
            *reading = self.restored.doubt(*source, *reading, stands);
        }
        let grants = |purpose| {
            let granted = |reading: &Reading| reading.of(purpose) == Some(ConsentChoice::Granted);
            readings.iter().any(|(_, reading)| reading.as_ref().is_some_and(granted))
        };
        let here = PurposeSet { measure: grants(Purpose::Measure), personalize: grants(Purpose::Personalize) };
        readings.push((ConsentSource::OtherTab, self.other_tab.read(here)));
        readings
    }

    fn read_tools(&self, config: &Config) -> [(ConsentSource, Option<Reading>); 10] {
        let (names, changed) = (&config.categories, &self.changed);
        let consent_mode =
            config.data_layer.as_ref().and_then(|queue| self.consent_mode.read(queue, names, &self.restored));
        [
            (ConsentSource::Tcf, self.tcf.read(config.tcf, changed, &self.restored)),
            (ConsentSource::Gpp, gpp::read(config.tcf, &self.gpp, &self.gpp_string, changed)),
            (ConsentSource::Usp, usp::read(&self.usp)),
            (ConsentSource::ConsentMode, consent_mode),
            (ConsentSource::Shopify, shopify::read(&self.shopify_asked, changed)),
            (ConsentSource::CookieConsent, cookieconsent::read(names)),
            (ConsentSource::Klaro, klaro::read(names, &self.klaro, changed)),
            (ConsentSource::Orejime, orejime::read(names, &self.orejime, changed)),
            (ConsentSource::Tarteaucitron, tarteaucitron::read(names)),
            (ConsentSource::C15t, c15t::read(names, &self.c15t, changed)),
        ]
    }

    /// Whether a consent string is being hashed, and the record of the grant should wait for that.
    pub(crate) fn is_worth_waiting(&self) -> bool {
        // Both are asked, since asking ends it.
        self.tcf.string().is_worth_waiting() | self.gpp_string.is_worth_waiting()
    }

    /// Whether the grant of `source` is older than this page, so that what the page did before this module came up happened under it.
    pub(crate) fn granted_before_page(&self, source: Option<ConsentSource>) -> bool {
        match source {
            Some(ConsentSource::Tag) => true,
            Some(ConsentSource::CookieConsent) => cookieconsent::chosen_before_page(),
            _ => false,
        }
    }
}

/// Listens for what tells that a source may have changed. These are the only listeners before a grant.
pub(crate) fn watch(sources: &'static Sources, config: &Config, read_again: Rc<dyn Fn()>) -> Vec<Listener> {
    let mut listeners = Vec::new();
    if let Ok(store) = value::get(&page::global(), "cookieStore").dyn_into::<EventTarget>() {
        // A choice in another tab changes the cookie of the tool, and fires nothing of the tool's in this one.
        let read_again = read_again.clone();
        listeners.push(Listener::new(&store, "change", Box::new(move |_| read_again())));
    }
    if config.consent_tool {
        let others = [orejime::LOADED, tarteaucitron::UPDATED, shopify::COLLECTED];
        for kind in cookieconsent::EVENTS.into_iter().chain(others) {
            let read_again = read_again.clone();
            let heard = move |_| {
                if kind == shopify::COLLECTED {
                    sources.restored.hear(ConsentSource::Shopify);
                }
                read_again();
            };
            listeners.push(Listener::everywhere(kind, Box::new(heard)));
        }
    }
    listeners
}
