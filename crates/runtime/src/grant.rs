//! What follows from consent, in the very task in which it is read: sessions begin and end, and other tabs are told.

use wasm_bindgen::JsValue;
use waver_core::consent::{GateChange, Purpose, PurposeSet};
use waver_schema::{ConsentChoice, ConsentSource, Navigation, SessionId};

use crate::session::HandOver;
use crate::shell::Shell;
use crate::visit::Visit;
use crate::{history, storage, timer, value};

/// How often the sources of consent are looked at if nothing tells of a change: tools come late, lose their cookie, and know nothing of other tabs.
const LOOK_MS: u32 = 1_000;

const PURPOSES: [(&str, Purpose); 2] = [("measure", Purpose::Measure), ("personalize", Purpose::Personalize)];

impl Shell {
    /// Reads the sources now and from then on.
    pub(crate) fn look_again(&'static self) {
        self.reread_consent();
        self.timers.set(self, timer::Purpose::Look, 0, LOOK_MS);
    }

    /// Reads all sources of consent, and does at once what follows.
    pub(crate) fn reread_consent(&'static self) {
        if self.reading.get().0 {
            // A source called back while it was asked. What it has to say is read in a moment, in this same task.
            self.reading.set((true, true));
            return;
        }
        let mut readings;
        loop {
            self.reading.set((true, false));
            readings = self.sources.read(&self.config);
            if !self.reading.take().1 {
                break;
            }
        }
        let stood = self.visit(|visit| visit.stands());
        let change = self.visit(|visit| visit.read(readings));
        self.take_change(change, stood);
        let choices = PURPOSES.map(|(_, purpose)| self.visit(|visit| visit.choice(purpose)));
        if choices == [ConsentChoice::Denied; 2] && !self.wiped.replace(true) {
            // Refused before the gate ever opened on this page: what an earlier page left goes too.
            self.withdraw(self.take_left_session());
        }
        if self.told.replace(choices) != choices {
            if choices[1] == ConsentChoice::Denied {
                history::remove();
            }
            self.emitter.emit("consent", &self.consent_state());
        }
    }

    /// Does what follows from a change of the gate, under which `stood` was what a session stood on.
    fn take_change(&'static self, change: GateChange, stood: PurposeSet) {
        let granted = self.visit(|visit| visit.granted());
        match change {
            GateChange::Unchanged => {}
            GateChange::Paused => self.stop(),
            GateChange::Resumed if self.visit(|visit| visit.has_session()) => {
                self.record_grant();
                self.start_sensors_soon();
            }
            GateChange::Opened | GateChange::Resumed => {
                self.wiped.set(false);
                self.join(Navigation::Load);
            }
            GateChange::Widened | GateChange::Narrowed => {
                // A session never outlives the set that it was begun for, and what was seen under one is not taken over into another.
                let away = self.hold.is_away();
                let session = self.visit(Visit::end).or_else(|| self.take_left_session());
                self.stop();
                if change == GateChange::Narrowed {
                    self.withdraw(session);
                }
                self.tell_tabs(stood.without(granted), granted);
                if away {
                    // The tab that has it does the same.
                    self.join(Navigation::Load);
                } else {
                    self.begin_session(None);
                    self.replay.set(false);
                    self.start_sensors_soon();
                }
            }
            GateChange::Closed => {
                let session = self.visit(Visit::end).or_else(|| self.take_left_session());
                self.stop();
                storage::remove();
                self.hold.forget();
                self.wiped.set(true);
                self.withdraw(session);
                self.tell_tabs(stood, PurposeSet::NONE);
                self.watch_locally();
            }
        }
        if matches!(change, GateChange::Closed | GateChange::Narrowed) && !granted.personalize {
            history::remove();
        }
        if change != GateChange::Unchanged {
            // What waited for an answer gets one, if only that there is no consent any more.
            self.ask_again();
        }
    }

    /// Goes on with the session that was handed over, or begins one, and begins to watch.
    pub(crate) fn go_on(&'static self, handed: Option<HandOver>, navigation: Navigation) {
        let granted = self.visit(|visit| visit.granted());
        // What was withdrawn while no page was there to see it.
        let withdrawn = handed.as_ref().filter(|handed| !granted.contains(handed.granted_set()));
        let withdrawn = withdrawn.map(|handed| SessionId::from_bytes(handed.id));
        let goes_on = self.begin_session(handed);
        self.withdraw(withdrawn);
        if navigation == Navigation::Load {
            let source = self.visit(|visit| visit.deciding_source());
            self.replay.set(goes_on || self.sources.granted_before_page(source));
            self.start_sensors_soon();
        } else {
            self.watch_again(navigation);
        }
        if !goes_on {
            self.tell_tabs(PurposeSet::NONE, granted);
        }
    }

    /// The session that an earlier page of this tab left, or one of another tab, for its withdrawal.
    fn take_left_session(&self) -> Option<SessionId> {
        let of_tab = storage::take(&self.config.site).map(|handed| handed.id);
        let left = of_tab.or_else(|| self.hold.take_left().map(|handed| handed.id));
        left.map(SessionId::from_bytes)
    }

    /// The state per purpose, its source, and whether an objection that the browser sent was honoured.
    pub(crate) fn consent_state(&self) -> JsValue {
        let state = value::object();
        for (name, purpose) in PURPOSES {
            let known = self.visit(|visit| visit.state(purpose));
            let of_purpose = value::object();
            value::set(&of_purpose, "state", known.choice.as_str());
            let source = known.source.map(ConsentSource::as_str);
            value::set(&of_purpose, "source", source.map_or(JsValue::NULL, JsValue::from));
            value::set(&state, name, of_purpose);
        }
        let (gpc, dnt) = self.objections();
        value::set(&state, "gpc", gpc);
        value::set(&state, "dnt", dnt);
        value::set(&state, "opt_out_honoured", gpc || dnt);
        state
    }

    /// Whether Global Privacy Control and Do Not Track are raised.
    pub(crate) fn objections(&self) -> (bool, bool) {
        self.visit(|visit| (visit.denies(ConsentSource::Gpc), visit.denies(ConsentSource::Dnt)))
    }

    fn tell_tabs(&self, withdrawn: PurposeSet, granted: PurposeSet) {
        if let Some(tabs) = self.tabs.borrow().as_ref() {
            tabs.tell(withdrawn, granted);
        }
    }
}
