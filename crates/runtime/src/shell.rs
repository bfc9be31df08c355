//! The module at work on a page: what follows from consent, from signals and from the page's coming and going.
//!
//! The state is in [`Visit`], which is pure. It is borrowed for single calls only, never while something of the page runs, since page code
//! may call back at any point: callbacks, event handlers, a replaced `fetch`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use wasm_bindgen::JsValue;
use waver_core::consent::{GateChange, Purpose, Reading};
use waver_core::{Effect, SignalKind};
use waver_schema::{ConsentChoice, ConsentSource, Navigation, SessionId};
use web_sys::AbortController;

use crate::config::Config;
use crate::consent::{self, Sources};
use crate::emit::{Emitter, Topic};
use crate::listener::Listener;
use crate::sensor::visibility::{self, Moment};
use crate::sensor::{Sensors, Sink};
use crate::slot::Slots;
use crate::tabs::Tabs;
use crate::view::{Page, Views};
use crate::visit::Visit;
use crate::{clock, storage, value};

/// How long a route change waits for the page to say what it now shows.
const PAGE_CALL_GRACE_MS: u32 = 100;

/// Everything of one page.
pub(crate) struct Shell {
    pub(crate) config: Config,
    pub(crate) sources: Sources,
    pub(crate) emitter: Emitter,
    pub(crate) slots: Slots,
    pub(crate) debug: Cell<bool>,
    visit: RefCell<Visit>,
    views: Views,
    sensors: RefCell<Option<Sensors>>,
    start: RefCell<Option<Timeout>>,
    wake: RefCell<Option<(u64, Timeout)>>,
    pub(crate) flush: RefCell<Option<Timeout>>,
    /// Before this millisecond of the page the collector is left alone.
    pub(crate) quiet_until: Cell<u64>,
    /// Ends the requests of the current turn.
    pub(crate) requests: RefCell<Option<AbortController>>,
    tabs: RefCell<Option<Tabs>>,
    listeners: RefCell<Vec<Listener>>,
    told: Cell<(ConsentChoice, ConsentChoice)>,
    /// Whether what an earlier page left is known to be gone.
    wiped: Cell<bool>,
    /// The last grant that the collector did not know and was told again.
    pub(crate) renewed: Cell<u32>,
    pub(crate) complained: Cell<bool>,
}

impl Shell {
    /// Begins to look for consent, and for nothing else unless the shop asked for local detection.
    pub(crate) fn start(config: Config) -> Rc<Shell> {
        let shell = Rc::new(Shell {
            sources: Sources::new(config.consent),
            emitter: Emitter::default(),
            slots: Slots::default(),
            debug: Cell::new(config.debug),
            visit: RefCell::new(Visit::new(config.site.clone())),
            views: Views::default(),
            sensors: RefCell::default(),
            start: RefCell::default(),
            wake: RefCell::default(),
            flush: RefCell::default(),
            quiet_until: Cell::default(),
            requests: RefCell::default(),
            tabs: RefCell::default(),
            listeners: RefCell::default(),
            told: Cell::new((ConsentChoice::Unknown, ConsentChoice::Unknown)),
            wiped: Cell::default(),
            renewed: Cell::default(),
            complained: Cell::default(),
            config,
        });
        shell.listen();
        if shell.config.local {
            shell.visit(|visit| visit.watch_afresh(clock::now()));
            shell.start_sensors_soon(Navigation::Load, false);
        }
        shell.reread_consent();
        shell
    }

    /// Lends the state for one call of one of its methods.
    pub(crate) fn visit<R>(&self, call: impl FnOnce(&mut Visit) -> R) -> R {
        call(&mut self.visit.borrow_mut())
    }

    fn listen(self: &Rc<Shell>) {
        let (reader, hearer, keeper) = (self.clone(), self.clone(), self.clone());
        let mut listeners = consent::watch(self.config.consent, Rc::new(move || reader.reread_consent()));
        listeners.extend(visibility::watch(Rc::new(move |moment| keeper.take_moment(moment))));
        self.listeners.replace(listeners);
        let hear = move |withdrawn| {
            hearer.sources.hear_of_other_tab(withdrawn);
            hearer.reread_consent();
        };
        self.tabs.replace(Tabs::listen(Rc::new(hear)));
    }

    /// Reads all sources of consent, and does at once what follows.
    pub(crate) fn reread_consent(self: &Rc<Shell>) {
        for (source, reading) in self.sources.read(&self.config) {
            self.take_reading(source, reading);
        }
        let choices = self.visit(|visit| (visit.choice(Purpose::Measure), visit.choice(Purpose::Personalize)));
        if choices == (ConsentChoice::Denied, ConsentChoice::Denied) && !self.wiped.replace(true) {
            // Refused before the gate ever opened on this page: what an earlier page left goes too.
            self.withdraw(storage::take(&self.config.site).map(|handed| SessionId::from_bytes(handed.id)));
        }
        if self.told.replace(choices) != choices {
            self.emitter.emit(Topic::Consent, &self.consent_state());
        }
    }

    fn take_reading(self: &Rc<Shell>, source: ConsentSource, reading: Option<Reading>) {
        match self.visit(|visit| visit.read(source, reading)) {
            GateChange::Unchanged => {}
            GateChange::Opened => self.open(),
            GateChange::Altered => self.alter(),
            GateChange::Closed => self.close(),
        }
    }

    fn open(self: &Rc<Shell>) {
        self.wiped.set(false);
        let goes_on = self.begin_session(storage::take(&self.config.site));
        self.start_sensors_soon(Navigation::Load, goes_on || self.sources.granted_before_page());
        if !goes_on && let Some(tabs) = self.tabs.borrow().as_ref() {
            tabs.tell(false);
        }
    }

    fn begin_session(self: &Rc<Shell>, handed: Option<crate::session::HandOver>) -> bool {
        let (now, wall) = (clock::now(), clock::wall());
        let goes_on = self.visit(|visit| visit.begin(handed, random_id(), now, wall));
        self.renew_requests();
        self.record_grant();
        goes_on
    }

    fn alter(self: &Rc<Shell>) {
        self.visit(Visit::renew_grant);
        self.renew_requests();
        if !self.visit(|visit| visit.is_granted(Purpose::Personalize)) {
            self.slots.clear();
        }
        self.record_grant();
    }

    fn close(self: &Rc<Shell>) {
        let session = self.visit(Visit::end);
        self.stop();
        storage::remove();
        self.wiped.set(true);
        self.withdraw(session);
        if let Some(tabs) = self.tabs.borrow().as_ref() {
            tabs.tell(true);
        }
        if self.config.local {
            self.visit(|visit| visit.watch_afresh(clock::now()));
            self.start_sensors_soon(Navigation::Load, false);
        }
    }

    /// Stops everything that looks, waits or shows.
    pub(crate) fn stop(&self) {
        self.start.take();
        self.sensors.take();
        self.wake.take();
        self.flush.take();
        self.views.end();
        self.slots.clear();
        if let Some(requests) = self.requests.take() {
            requests.abort();
        }
    }

    fn renew_requests(&self) {
        if let Some(requests) = self.requests.replace(AbortController::new().ok()) {
            requests.abort();
        }
        self.quiet_until.set(0);
    }

    /// Starts the sensors after the current task, in which calls that waited for this module are still to be taken up: `page` among them.
    fn start_sensors_soon(self: &Rc<Shell>, navigation: Navigation, replay: bool) {
        self.sensors.take();
        let shell = self.clone();
        let start = move || {
            shell.start.take();
            shell.begin_view(navigation);
            let (observer, navigator) = (shell.clone(), shell.clone());
            let sink: Sink = Rc::new(move |kind, at| observer.observe(kind, at));
            let navigated = Rc::new(move |navigation| navigator.begin_view_soon(navigation));
            let sensors = Sensors::start(&sink, navigated, shell.config.data_layer.as_deref(), replay);
            shell.sensors.replace(sensors);
        };
        self.start.replace(Some(Timeout::new(0, start)));
    }

    /// The page says what it shows.
    pub(crate) fn take_page(self: &Rc<Shell>, page: Page) {
        if self.views.say(page) && self.sensors.borrow().is_some() {
            self.begin_view(Navigation::Route);
        }
    }

    fn begin_view_soon(self: &Rc<Shell>, navigation: Navigation) {
        let shell = self.clone();
        let begin = Timeout::new(PAGE_CALL_GRACE_MS, move || shell.begin_view(navigation));
        self.views.soon.replace(Some(begin));
    }

    fn begin_view(self: &Rc<Shell>, navigation: Navigation) {
        self.slots.forget_detached();
        let view = self.views.begin(navigation, self.config.data_layer.as_deref());
        self.observe(view, clock::now());
    }

    /// Takes in what a sensor saw at `at`, milliseconds of the page, and carries out what follows.
    pub(crate) fn observe(self: &Rc<Shell>, kind: SignalKind, at: u64) {
        if kind != SignalKind::Tick && self.visit(|visit| visit.has_ended(at)) {
            self.begin_anew(&kind);
        }
        for effect in self.visit(|visit| visit.observe(kind, at)) {
            match effect {
                Effect::Hesitation(hesitation) => {
                    self.log("hesitation", || value::from_rust(&hesitation));
                    self.emitter.emit(Topic::Hesitation, &value::from_rust(&hesitation));
                    self.offer_everywhere(at);
                }
                Effect::Intent(intent) => {
                    self.log("intent", || value::from_rust(&intent));
                    self.emitter.emit(Topic::Intent, &value::from_rust(&intent));
                }
                // The visit has queued or dropped these.
                Effect::Record(_) => {}
            }
        }
        self.wake_soon();
        self.flush_soon();
    }

    /// The session ended by idleness or age: another one begins, with a view of its own.
    fn begin_anew(self: &Rc<Shell>, with: &SignalKind) {
        if self.visit(|visit| visit.is_open()) {
            self.begin_session(None);
        } else {
            self.visit(|visit| visit.watch_afresh(clock::now()));
        }
        if !matches!(with, SignalKind::View { .. }) {
            self.begin_view(Navigation::Restore);
        }
    }

    fn wake_soon(self: &Rc<Shell>) {
        let Some(at) = self.visit(|visit| visit.wake_at()) else { return };
        let waits_no_longer = self.wake.borrow().as_ref().is_some_and(|(planned, _)| *planned <= at);
        if waits_no_longer {
            return;
        }
        let shell = self.clone();
        let tick = move || {
            shell.wake.take();
            let now = clock::now();
            // Signals may have put off the moment since.
            if shell.visit(|visit| visit.wake_at()).is_some_and(|at| at <= now) {
                shell.observe(SignalKind::Tick, now);
            } else {
                shell.wake_soon();
            }
        };
        let in_ms = u32::try_from(at.saturating_sub(clock::now())).unwrap_or(u32::MAX).max(1);
        self.wake.replace(Some((at, Timeout::new(in_ms, tick))));
    }

    fn take_moment(self: &Rc<Shell>, moment: Moment) {
        self.reread_consent();
        match moment {
            Moment::Shown => {
                // The page holds its session itself again.
                if self.visit(|visit| visit.is_open()) {
                    storage::remove();
                }
                self.observe_visibility(true);
            }
            Moment::Hidden => {
                self.observe_visibility(false);
                self.flush_all();
                let (now, wall) = (clock::now(), clock::wall());
                if let Some(hand_over) = self.visit(|visit| visit.hand_over(now, wall)) {
                    storage::put(&self.config.site, hand_over);
                }
            }
            Moment::Restored => {
                // Other pages of the tab went on with the session meanwhile.
                if self.visit(|visit| visit.is_open()) {
                    self.begin_session(storage::take(&self.config.site));
                }
                self.begin_view(Navigation::Restore);
            }
        }
    }

    fn observe_visibility(self: &Rc<Shell>, visible: bool) {
        self.observe(SignalKind::Visibility { visible }, clock::now());
    }

    /// The state per purpose, its source, and which signals of the browser were honoured.
    pub(crate) fn consent_state(&self) -> JsValue {
        let state = js_sys::Object::new().into();
        for (name, purpose) in [("measure", Purpose::Measure), ("personalize", Purpose::Personalize)] {
            let choice = self.visit(|visit| visit.choice(purpose));
            let of_purpose = js_sys::Object::new().into();
            value::set(&of_purpose, "state", &choice.as_str().into());
            let source = self.sources.deciding(purpose, choice).map(ConsentSource::as_str);
            value::set(&of_purpose, "source", &source.map_or(JsValue::NULL, JsValue::from_str));
            value::set(&state, name, &of_purpose);
        }
        for (name, source) in [("gpc", ConsentSource::Gpc), ("dnt", ConsentSource::Dnt)] {
            value::set(&state, name, &self.visit(|visit| visit.denies(source)).into());
        }
        state
    }

    /// The source that a consent record names.
    pub(crate) fn deciding_source(&self) -> ConsentSource {
        let decided = |purpose| {
            let choice = self.visit(|visit| visit.choice(purpose));
            self.sources.deciding(purpose, choice)
        };
        decided(Purpose::Measure).or_else(|| decided(Purpose::Personalize)).unwrap_or(ConsentSource::PageCall)
    }

    /// Says something on the console, if debugging is on.
    pub(crate) fn log(&self, what: &str, value: impl FnOnce() -> JsValue) {
        if self.debug.get() {
            web_sys::console::log_3(&"[waver]".into(), &what.into(), &value());
        }
    }
}

/// 128 bits of the browser's cryptographic generator.
fn random_id() -> SessionId {
    let mut bytes = [0; 16];
    // It fails only for requests beyond 64 KiB.
    let _ = web_sys::window().and_then(|window| window.crypto().ok()?.get_random_values_with_u8_array(&mut bytes).ok());
    SessionId::from_bytes(bytes)
}
