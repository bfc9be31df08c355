//! The module at work on a page: what follows from consent, from signals and from the page's coming and going.
//!
//! The state is in [`Visit`], which is pure. It is borrowed for single calls only, never while something of the page runs, since page code
//! may call back at any point: callbacks, event handlers, a replaced `fetch`. The shell lives as long as the page.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::JsValue;
use waver_core::consent::Purpose;
use waver_core::{Effect, SignalKind};
use waver_schema::{ConsentChoice, Navigation, SessionId};

use crate::config::Config;
use crate::consent::{self, Sources};
use crate::decision::Questions;
use crate::emit::Emitter;
use crate::erasure::Erasures;
use crate::hold::Hold;
use crate::listener::Listener;
use crate::sensor::navigation::came_back;
use crate::sensor::visibility::{self, Moment};
use crate::sensor::{Sensors, Sink};
use crate::session::HandOver;
use crate::slot::Slots;
use crate::tabs::Tabs;
use crate::timer::{self, Timers};
use crate::view::{Page, Views};
use crate::visit::Visit;
use crate::{clock, history, page, storage, value};

/// How long a route change waits for the page to say what it now shows.
const PAGE_CALL_GRACE_MS: u32 = 100;
/// How long a page that was restored waits before it looks for the session: Chromium shows it the storage as it was when it left, and
/// what other pages of the tab wrote since only after its `pageshow` handlers.
const STORAGE_SETTLES_MS: u32 = 50;
/// Least time between two writes of the session while the page stays. A page that goes writes in any case.
const KEEP_MS: u64 = 2_000;
/// Everything of one page.
pub(crate) struct Shell {
    pub(crate) config: Config,
    pub(crate) sources: Sources,
    pub(crate) emitter: Emitter,
    pub(crate) slots: Slots,
    pub(crate) timers: Timers,
    pub(crate) debug: Cell<bool>,
    /// What the collector is being asked.
    pub(crate) asks: RefCell<Questions>,
    /// Before this millisecond of the page the collector is left alone.
    pub(crate) quiet_until: Cell<u64>,
    /// How often putting the grant on record has failed.
    pub(crate) attempts: Cell<u32>,
    /// The last grant that the collector did not know and was told again.
    pub(crate) renewed: Cell<u32>,
    pub(crate) complained: Cell<bool>,
    pub(crate) erasures: Erasures,
    visit: RefCell<Visit>,
    views: Views,
    sensors: RefCell<Option<Sensors>>,
    /// Whether the sensors may look at what the page's `dataLayer` holds already.
    pub(crate) replay: Cell<bool>,
    /// Whether they have been at work for a session on this page.
    looked: Cell<bool>,
    pub(crate) tabs: RefCell<Option<Tabs>>,
    listeners: RefCell<Vec<Listener>>,
    pub(crate) told: Cell<[ConsentChoice; 2]>,
    /// Whether the sources are being read, and whether something that they did meanwhile asks for another reading.
    pub(crate) reading: Cell<(bool, bool)>,
    /// Whether what an earlier page left is known to be gone.
    pub(crate) wiped: Cell<bool>,
    pub(crate) hold: Hold,
    /// When the session was last left for the tab's next page.
    kept_at: Cell<Option<u64>>,
}

impl Shell {
    pub(crate) fn new(config: Config) -> &'static Shell {
        let read_again = || {
            if let Some(shell) = crate::shell() {
                shell.reread_consent();
            }
        };
        let mut visit = Visit::new(config.site.clone());
        visit.predict_by(config.model.clone());
        Box::leak(Box::new(Shell {
            sources: Sources::new(config.tag, Box::new(read_again)),
            emitter: Emitter::default(),
            slots: Slots::default(),
            timers: Timers::default(),
            debug: Cell::new(config.debug),
            asks: RefCell::default(),
            quiet_until: Cell::default(),
            attempts: Cell::default(),
            renewed: Cell::default(),
            complained: Cell::default(),
            erasures: Erasures::default(),
            visit: RefCell::new(visit),
            views: Views::default(),
            sensors: RefCell::default(),
            replay: Cell::default(),
            looked: Cell::default(),
            tabs: RefCell::default(),
            listeners: RefCell::default(),
            told: Cell::new([ConsentChoice::Unknown; 2]),
            reading: Cell::default(),
            wiped: Cell::default(),
            hold: Hold::default(),
            kept_at: Cell::default(),
            config,
        }))
    }

    /// Begins to look for consent, and for nothing else unless the shop asked for local detection.
    pub(crate) fn start(&'static self) {
        let mut listeners = consent::watch(&self.sources, &self.config, Rc::new(move || self.reread_consent()));
        listeners.extend(visibility::watch(Rc::new(move |moment| self.take_moment(moment))));
        self.listeners.replace(listeners);
        let hear = move |withdrawn, granted| {
            self.sources.hear_of_other_tab(withdrawn, granted);
            self.reread_consent();
        };
        self.tabs.replace(Tabs::listen(Box::new(hear)));
        self.hold.starting.set(true);
        self.open_line();
        self.watch_locally();
        self.look_again();
        self.hold.starting.set(false);
    }

    /// Lends the state for one call of one of its methods.
    pub(crate) fn visit<R>(&self, call: impl FnOnce(&mut Visit) -> R) -> R {
        call(&mut self.visit.borrow_mut())
    }

    pub(crate) fn url(&self, route: &str) -> String {
        [self.config.endpoint.as_str(), route].concat()
    }

    /// What a timer was set for is due.
    pub(crate) fn take_due(&'static self, purpose: timer::Purpose) {
        let now = clock::now();
        match purpose {
            timer::Purpose::Start => self.start_sensors(Navigation::Load),
            timer::Purpose::Look => {
                self.look_again();
                // A clock that was set, or a machine that slept, sets no timer off.
                self.expire_offers();
            }
            // Meanwhile a dialogue may have opened.
            timer::Purpose::Resume if !self.visit(|visit| visit.is_open()) => {}
            timer::Purpose::Resume => self.join(Navigation::Restore),
            timer::Purpose::Join => self.stop_waiting(),
            timer::Purpose::Keep => drop(self.keep_session()),
            timer::Purpose::View => self.begin_view(Navigation::Route),
            timer::Purpose::Wake => {
                // Signals may have put off the moment since.
                if self.visit(|visit| visit.wake_at()).is_some_and(|at| at <= now) {
                    self.observe(SignalKind::Tick, now);
                }
                self.wake_soon();
            }
            timer::Purpose::Flush if now < self.quiet_until.get() => self.flush_soon(),
            timer::Purpose::Flush => drop(self.flush_next(false)),
            timer::Purpose::Grant => {
                let turn = self.visit(|visit| visit.turn());
                self.reread_consent();
                // A change has put on record what it brought.
                if self.visit(|visit| visit.turn()) == turn {
                    self.record_grant();
                }
            }
            timer::Purpose::Questions => self.answer_overdue(),
            timer::Purpose::Offers => self.expire_offers(),
        }
    }

    pub(crate) fn begin_session(&'static self, handed: Option<HandOver>) -> bool {
        let (now, wall) = (clock::now(), clock::wall());
        let id = SessionId::from_bytes(page::random());
        let goes_on = self.visit(|visit| visit.begin(handed, id, now, wall));
        if !goes_on
            && self.visit(|visit| visit.is_granted(Purpose::Personalize))
            && let Some((history, hours_away)) = history::recall(&self.config.site, wall)
        {
            self.visit(|visit| visit.remember(history, hours_away));
        }
        self.quiet_until.set(0);
        self.attempts.set(0);
        self.record_grant();
        // What the last page could not see stored, before this one goes too.
        self.flush_packed();
        goes_on
    }

    /// Without a grant, for the page's own callbacks, if the shop asked for that.
    pub(crate) fn watch_locally(&'static self) {
        if self.config.local {
            self.visit(|visit| visit.watch_afresh(clock::now()));
            self.replay.set(false);
            self.start_sensors_soon();
        }
    }

    /// Stops everything that looks at the shopper, waits or shows.
    pub(crate) fn stop(&self) {
        self.timers.unset_most();
        self.sensors.take();
        self.views.end();
        self.slots.clear();
    }

    /// After the current task, in which calls that waited for this module are still to be taken up: `page` among them.
    pub(crate) fn start_sensors_soon(&'static self) {
        self.sensors.take();
        self.timers.set(self, timer::Purpose::Start, 0, 0);
    }

    fn start_sensors(&'static self, navigation: Navigation) {
        // Once: what is there after a pause of the consent has been counted already, or came in the pause.
        let replay = self.replay.take() && !self.looked.get();
        self.looked.set(self.looked.get() || self.visit(|visit| visit.has_session()));
        if (replay || navigation == Navigation::Restore) && came_back() {
            self.observe(SignalKind::Back, clock::now());
        }
        self.begin_view(navigation);
        let sink: Sink = Rc::new(move |kind, at| self.observe(kind, at));
        let mut sensors = Sensors::start(&sink);
        sensors.watch_navigation(Box::new(move |back| {
            if back {
                self.observe(SignalKind::Back, clock::now());
            }
            // The page gets a moment to say what it now shows.
            self.timers.set(self, timer::Purpose::View, 0, PAGE_CALL_GRACE_MS);
        }));
        if let Some(name) = &self.config.data_layer {
            sensors.watch_data_layer(name, replay, sink);
        }
        sensors.look_at_view();
        self.sensors.replace(Some(sensors));
    }

    /// The session came back to this page: from the back/forward cache, or from another tab.
    pub(crate) fn watch_again(&'static self, navigation: Navigation) {
        if self.sensors.borrow().is_some() {
            self.begin_view(navigation);
        } else {
            self.replay.set(false);
            self.start_sensors(navigation);
        }
        self.expire_offers();
    }

    /// The page says what it shows.
    pub(crate) fn take_page(&'static self, page: Page) {
        if self.views.say(page) && self.sensors.borrow().is_some() {
            self.begin_view(Navigation::Route);
        }
    }

    fn begin_view(&'static self, navigation: Navigation) {
        self.timers.unset(timer::Purpose::View);
        self.slots.begin_view();
        let view = self.views.begin(navigation, self.config.data_layer.as_deref());
        self.observe(view, clock::now());
        if let Some(sensors) = self.sensors.borrow().as_ref() {
            sensors.look_at_view();
        }
        self.restore_offer();
    }

    /// Takes in what a sensor saw at `at`, milliseconds of the page, and carries out what follows.
    pub(crate) fn observe(&'static self, kind: SignalKind, at: u64) {
        if self.hold.is_away() {
            // The shopper is back in this tab, unless these are the signs of going.
            let goes = matches!(
                kind,
                SignalKind::PointerExit { .. } | SignalKind::ZoneLeave { .. } | SignalKind::Window { focused: false }
            );
            if kind.is_sign_of_life() && !goes && !visibility::is_hidden() {
                self.fetch_session();
            }
            if self.hold.is_fetched() {
                self.hold.wait(kind, at);
            }
            return;
        }
        if kind.is_sign_of_life() && self.visit(|visit| visit.has_ended(at)) {
            self.begin_anew();
        }
        for effect in self.visit(|visit| visit.observe(kind, at)) {
            let (topic, payload) = match &effect {
                Effect::Hesitation(hesitation) => ("hesitation", value::from_rust(hesitation)),
                Effect::Frustration(frustration) => ("frustration", value::from_rust(frustration)),
                Effect::Intent(intent) => ("intent", value::from_rust(intent)),
                Effect::Rising => {
                    self.ask_ahead();
                    continue;
                }
                // The visit has queued or dropped these.
                Effect::Record(_) => continue,
            };
            self.log(topic, &payload);
            self.emitter.emit(topic, &payload);
            // A frustrated shopper is offered help, which is the policy's to say.
            if matches!(effect, Effect::Hesitation(_) | Effect::Frustration(_)) {
                self.offer_everywhere(at);
            }
        }
        self.wake_soon();
        self.flush_soon();
    }

    /// The session ended by idleness or age: another one begins, with a view of its own.
    fn begin_anew(&'static self) {
        if self.visit(|visit| visit.is_open()) {
            self.keep_history();
            self.begin_session(None);
        } else {
            self.visit(|visit| visit.watch_afresh(clock::now()));
        }
        self.begin_view(Navigation::Restore);
    }

    fn wake_soon(&'static self) {
        let Some(at) = self.visit(|visit| visit.wake_at()) else { return };
        if self.timers.due_at(timer::Purpose::Wake).is_none_or(|planned| planned > at) {
            let in_ms = at.saturating_sub(clock::now()).max(1) as u32;
            self.timers.set(self, timer::Purpose::Wake, at, in_ms);
        }
    }

    fn take_moment(&'static self, moment: Moment) {
        if moment == Moment::Restored {
            self.sources.doubt();
        }
        self.reread_consent();
        match moment {
            Moment::Shown => {
                self.timers.unset(timer::Purpose::Keep);
                // The page holds its session itself again.
                if self.visit(|visit| visit.has_session()) {
                    storage::remove();
                }
                self.observe(SignalKind::Visibility { visible: true }, clock::now());
            }
            Moment::Hidden | Moment::Left => {
                self.observe(SignalKind::Visibility { visible: false }, clock::now());
                while self.flush_next(true) {}
                let wait_ms = self.kept_at.get().map_or(0, |at| (at + KEEP_MS).saturating_sub(clock::now()));
                if moment == Moment::Left {
                    let row = self.keep_session();
                    self.close_line(row);
                } else if wait_ms == 0 {
                    self.keep_session();
                } else {
                    self.timers.set(self, timer::Purpose::Keep, 0, wait_ms as u32);
                }
            }
            Moment::Restored => {
                self.open_line();
                if self.visit(|visit| visit.stands()).is_empty() {
                    self.begin_view(Navigation::Restore);
                } else {
                    // Other pages of the tab went on with the session meanwhile.
                    self.visit(Visit::end);
                    self.sensors.take();
                    self.timers.unset_most();
                    self.timers.set(self, timer::Purpose::Resume, 0, STORAGE_SETTLES_MS);
                }
            }
        }
    }

    /// Leaves the session for the next page of the tab, and gives what it left.
    fn keep_session(&self) -> Option<JsValue> {
        let row = self.hand_over()?;
        self.keep_history();
        self.kept_at.set(Some(clock::now()));
        storage::put(&row);
        Some(row)
    }

    fn keep_history(&self) {
        if let Some(history) = self.visit(|visit| visit.history()) {
            history::keep(&self.config.site, &history, clock::wall());
        }
    }

    /// Says something on the console, if debugging is on.
    pub(crate) fn log(&self, what: &str, value: &JsValue) {
        if self.debug.get() {
            web_sys::console::log_3(&"waver".into(), &what.into(), value);
        }
    }
}
