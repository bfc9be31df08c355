//! Which of the shopper's tabs holds the session. It is one session, whichever tab is in front: it goes from tab to tab as it goes from page to page,
//! by the same hand-over, and so has one engine, one numbering of its events and one grant.
//!
//! The tab that holds it has a lock of the browser. A tab that comes to the front, and finds the lock taken, asks; the one that has it hands it
//! over on a channel of the origin and looks on no longer. A page that goes leaves its session to the next page of its tab (`storage`), and, where
//! it has company, with the other tabs as well: whoever gets the lock first goes on with it. All of it happens under a grant, with what the grant
//! covers, and in the memory of the shop's own pages.
//!
//! Where the browser has no such lock (pages without TLS), or the other tab does not answer in time, each tab has a session of its own.

use std::cell::{Cell, RefCell};

use js_sys::{Array, Function, JSON, Math, Promise};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use waver_core::SignalKind;
use waver_schema::{Navigation, SessionId};
use web_sys::BroadcastChannel;

use crate::listener::Listener;
use crate::sensor::visibility::is_hidden;
use crate::session::HandOver;
use crate::shell::Shell;
use crate::visit::Visit;
use crate::{clock, page, storage, timer, value};

/// The lock's name and the channel's.
const NAME: &str = "waver-session";
const IF_AVAILABLE: &str = r#"{"ifAvailable":true}"#;
/// How long the other tab may take to answer. A background tab answers within a few milliseconds, a busy one after its task.
const ANSWER_MS: u32 = 1_000;
/// How long a tab that comes to the front waits for what the one that was just closed leaves: its last words may come after the lock.
const LAST_WORDS_MS: u32 = 50;

/// Signals beyond this are lost while the session is being fetched. The sensors make about thirty in a second.
const MOST_WAITING: usize = 64;

/// What tabs say, each with the site.
const HELLO: &str = "hello";
const HERE: &str = "here";
const ASK: &str = "ask";
const GIVE: &str = "give";
const LEFT: &str = "left";
const HELD: &str = "held";

/// Where the session is, as far as this tab is concerned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// In this tab, or nowhere.
    #[default]
    Here,
    /// This tab waits for the lock, or for the one that has it.
    Awaited,
    /// In another tab.
    Elsewhere,
}

/// What this tab knows of it.
#[derive(Default)]
pub(crate) struct Hold {
    line: RefCell<Option<(BroadcastChannel, Listener)>>,
    /// Gives the lock back.
    release: RefCell<Option<Function>>,
    /// Whether another tab of the shop has made itself heard.
    company: Cell<bool>,
    place: Cell<Place>,
    /// Tells the answer to this tab's question from those to others.
    question: Cell<f64>,
    /// How the view begins that waits for the session.
    navigation: Cell<Option<Navigation>>,
    /// What was seen since, with the millisecond of the page.
    waiting: RefCell<Vec<(SignalKind, u64)>>,
    /// What a page of another tab left when it went. In a box, which is wiped when it is given back.
    left: RefCell<Option<Box<HandOver>>>,
    /// Whether the page is just starting, so that nobody has had the time to make himself heard.
    pub(crate) starting: Cell<bool>,
}

impl Hold {
    /// Whether the session is in another tab, or being fetched from there.
    pub(crate) fn is_away(&self) -> bool {
        self.place.get() != Place::Here
    }

    /// The session that a page of another tab left, if it did.
    pub(crate) fn take_left(&self) -> Option<Box<HandOver>> {
        self.left.take()
    }

    /// Whether it is being fetched.
    pub(crate) fn is_fetched(&self) -> bool {
        self.place.get() == Place::Awaited
    }

    /// Keeps what was seen while the session is being fetched.
    pub(crate) fn wait(&self, kind: SignalKind, at: u64) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() < MOST_WAITING {
            waiting.push((kind, at));
        }
    }

    /// There is no session any more.
    pub(crate) fn forget(&self) {
        self.left.take();
        self.waiting.take();
        self.place.set(Place::Here);
        self.release();
    }

    fn release(&self) {
        if let Some(release) = self.release.take() {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

impl Shell {
    /// Opens the line to the other tabs. It is closed while the page is in the back/forward cache: a message would throw it out of there.
    pub(crate) fn open_line(&'static self) {
        let Ok(line) = BroadcastChannel::new(NAME) else { return };
        let heard = move |event: web_sys::Event| {
            if let Ok(said) = value::get(&event, "data").dyn_into::<Array>() {
                self.hear(&said);
            }
        };
        let listener = Listener::new(&line, "message", Box::new(heard));
        self.hold.line.replace(Some((line, listener)));
        self.say(HELLO, &[]);
    }

    fn say(&self, what: &str, more: &[JsValue]) {
        if let Some((line, _)) = self.hold.line.borrow().as_ref() {
            let said = Array::of2(&self.config.site.as_str().into(), &what.into());
            for more in more {
                said.push(more);
            }
            let _ = line.post_message(&said);
        }
    }

    /// Anything may be said on a channel of the origin, and what makes no sense is nothing.
    fn hear(&'static self, said: &Array) {
        if said.get(0) != self.config.site.as_str() {
            return;
        }
        let hold = &self.hold;
        hold.company.set(true);
        match said.get(1).as_string().as_deref() {
            Some(HELLO) => self.say(HERE, &[]),
            Some(HELD) => drop(hold.left.take()),
            Some(LEFT) => {
                let left = storage::from_row(&self.config.site, said.get(2));
                let of_grant =
                    |left: &HandOver| self.visit(|visit| !visit.has_session() && visit.granted() == left.granted_set());
                hold.left.replace(left.filter(of_grant).map(Box::new));
            }
            Some(ASK) => self.lend(&said.get(2)),
            Some(GIVE) if said.get(2) == hold.question.get() => {
                if let Some(handed) = storage::from_row(&self.config.site, said.get(3)) {
                    self.receive(handed);
                }
            }
            _ => {}
        }
    }

    fn receive(&'static self, handed: HandOver) {
        if self.hold.place.get() == Place::Awaited {
            self.take_up(Some(handed));
            self.lock(false);
        } else if self.visit(|visit| visit.stands()).is_empty() {
            // Consent was taken back in this tab while the session was on its way.
            self.withdraw(Some(SessionId::from_bytes(handed.id)));
        }
    }

    /// Hands the session over to the tab that asked for it.
    fn lend(&'static self, question: &JsValue) {
        let row = self.hand_over();
        let Some(row) = row.filter(|_| self.visit(|visit| visit.is_open())) else { return };
        self.say(GIVE, &[question.clone(), row.clone()]);
        // Should the other tab be closed before it says that it has it.
        self.hold.left.replace(storage::from_row(&self.config.site, row).map(Box::new));
        self.visit(Visit::end);
        storage::remove();
        self.timers.unset_most();
        self.hold.place.set(Place::Elsewhere);
        self.hold.release();
    }

    /// The session as it is handed over, if there is one.
    pub(crate) fn hand_over(&self) -> Option<JsValue> {
        let (now, wall) = (clock::now(), clock::wall());
        storage::to_row(&self.config.site, self.visit(|visit| visit.hand_over(now, wall))?)
    }

    /// The page goes. What it has is left to the other tabs as well, since this one may be closed for good.
    pub(crate) fn close_line(&self, row: Option<JsValue>) {
        if let Some(row) = row.filter(|_| self.hold.company.get()) {
            self.say(LEFT, &[row]);
        }
        self.hold.release();
        if let Some((line, _)) = self.hold.line.take() {
            line.close();
        }
    }

    /// Goes on with the session wherever it is, or begins one: at once if no other tab can have it.
    pub(crate) fn join(&'static self, navigation: Navigation) {
        let hold = &self.hold;
        hold.navigation.set(Some(navigation));
        let alone = !hold.company.get() && !hold.starting.get() && navigation == Navigation::Load;
        if alone || locks().is_none() {
            self.take_up(None);
            self.lock(false);
        } else {
            self.visit(Visit::end);
            hold.place.set(Place::Elsewhere);
            self.fetch_session();
        }
    }

    /// The shopper is in this tab, and the session is in another or free to be taken.
    pub(crate) fn fetch_session(&'static self) {
        if !self.visit(|visit| visit.is_open()) {
            return;
        }
        if self.hold.place.replace(Place::Awaited) != Place::Awaited {
            self.timers.set(self, timer::Purpose::Join, 0, ANSWER_MS);
            self.lock(true);
        }
    }

    /// Asks for the lock: `now` or never, or for as long as it takes.
    fn lock(&'static self, now: bool) {
        let Some(locks) = locks().filter(|_| self.hold.release.borrow().is_none()) else { return };
        let answered = Closure::once_into_js(move |lock: JsValue| self.take_lock(&lock, now));
        let options = if now { JSON::parse(IF_AVAILABLE).unwrap_or_default() } else { value::object() };
        let asked = value::call(&locks, "request", &Array::of3(&NAME.into(), &options, &answered));
        // Where locks are forbidden nothing is answered, and that is all there is to it.
        let nothing = value::get(&page::global(), "Boolean");
        let _ = asked.and_then(|asked| value::call(&asked, "catch", &Array::of1(&nothing)));
    }

    /// Gives what keeps the lock until it is fulfilled.
    fn take_lock(&'static self, lock: &JsValue, now: bool) -> JsValue {
        let hold = &self.hold;
        let awaited = hold.place.get() == Place::Awaited;
        if !lock.is_object() {
            if awaited && is_hidden() {
                // Opened in the background: it is the shopper's once it is looked at.
                hold.place.set(Place::Elsewhere);
                self.timers.unset(timer::Purpose::Join);
            } else if awaited {
                hold.question.set(Math::random());
                self.say(ASK, &[hold.question.get().into()]);
            }
            return JsValue::UNDEFINED;
        }
        if !awaited && !self.visit(|visit| visit.has_session()) || hold.release.borrow().is_some() {
            return JsValue::UNDEFINED;
        }
        let kept = Promise::new(&mut |release, _| drop(hold.release.replace(Some(release))));
        // A lock that was waited for comes before what its last holder says.
        if awaited && now {
            let returns = hold.navigation.get() == Some(Navigation::Restore);
            if returns && hold.company.get() && hold.left.borrow().is_none() {
                self.timers.set(self, timer::Purpose::Join, 0, LAST_WORDS_MS);
            } else {
                self.take_up(None);
            }
        }
        kept.into()
    }

    /// Nobody answered in time.
    pub(crate) fn stop_waiting(&'static self) {
        if self.hold.place.get() == Place::Awaited {
            self.take_up(None);
            self.lock(false);
        }
    }

    /// Goes on with what was handed over, or was left by an earlier page of this tab or of another, or begins afresh.
    fn take_up(&'static self, handed: Option<HandOver>) {
        let hold = &self.hold;
        hold.place.set(Place::Here);
        self.timers.unset(timer::Purpose::Join);
        let (kept, left) = (storage::take(&self.config.site), hold.left.take());
        let newer = match (&kept, &left) {
            (Some(kept), Some(left)) => left.wall > kept.wall,
            _ => kept.is_none(),
        };
        let left = if newer { left.map(|left| *left) } else { kept };
        // Meanwhile a dialogue may have opened.
        if self.visit(|visit| visit.is_open()) {
            let navigation = hold.navigation.replace(Some(Navigation::Restore));
            self.go_on(handed.or(left), navigation.unwrap_or(Navigation::Restore));
            for (kind, at) in hold.waiting.take() {
                self.observe(kind, at);
            }
            self.say(HELD, &[]);
            self.ask_again();
        }
    }
}

fn locks() -> Option<JsValue> {
    let locks = value::get(&value::get(&page::global(), "navigator"), "locks");
    locks.is_object().then_some(locks)
}
