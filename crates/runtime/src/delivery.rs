//! From the queue to the collector: when batches leave, and what becomes of them. Consent is read again just before each departure.

use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::futures::{JsFuture, spawn_local};
use js_sys::{JSON, Math, Promise};
use wasm_bindgen::{JsCast, JsValue};
use waver_schema::{Batch, ConsentRecord, ErrorCode, SessionId, WIRE_VERSION};
use web_sys::Response;

use crate::queue::Fate;
use crate::shell::Shell;
use crate::visit::Dispatch;
use crate::{clock, storage, transport, value, wire};

/// Longest time that an event waits for others to travel with.
const GATHER_MS: u32 = 2_000;

impl Shell {
    /// Sends what waits before long; at once if a batch is full.
    pub(crate) fn flush_soon(self: &Rc<Shell>) {
        if !self.visit(|visit| visit.has_something_to_send()) {
            return;
        }
        let quiet_ms = self.quiet_until.get().saturating_sub(clock::now());
        let quiet_ms = u32::try_from(quiet_ms).unwrap_or(u32::MAX);
        if quiet_ms == 0 && self.visit(|visit| visit.has_full_batch()) {
            self.flush_next(false);
        } else if self.flush.borrow().is_none() {
            let shell = self.clone();
            let flush = Timeout::new(GATHER_MS.max(quiet_ms), move || {
                shell.flush.take();
                shell.flush_next(false);
            });
            self.flush.replace(Some(flush));
        }
    }

    /// Sends as much as may leave at once, since the page may not come back.
    pub(crate) fn flush_all(self: &Rc<Shell>) {
        while self.flush_next(true) {}
    }

    /// Sends one batch, if there is one that may leave. With `all`, whatever is on its way already.
    fn flush_next(self: &Rc<Shell>, all: bool) -> bool {
        self.reread_consent();
        let now = clock::now();
        let Some(dispatch) = self.visit(|visit| visit.dispatch(all, now)) else { return false };
        let body = self.batch(&dispatch);
        self.log("sends", || JSON::parse(&body).unwrap_or_default());
        let answer = self.send("/v1/events", &body);
        let shell = self.clone();
        spawn_local(async move {
            let answer = received(answer).await;
            shell.settle(&dispatch, answer.as_ref()).await;
        });
        true
    }

    /// The JSON of a batch. Its events are written down already: they take the place of the empty array, with which the batch ends.
    fn batch(&self, dispatch: &Dispatch) -> String {
        let envelope = wire::json(&Batch {
            v: WIRE_VERSION,
            site: self.config.site.clone(),
            session: dispatch.session,
            consent_epoch: dispatch.epoch,
            sent_at: clock::wall(),
            events: Vec::new(),
        });
        [envelope.strip_suffix("[]}").unwrap_or_default(), &dispatch.events, "}"].concat()
    }

    fn send(&self, route: &str, body: &str) -> Result<Promise, JsValue> {
        let signal = self.requests.borrow().as_ref().map(web_sys::AbortController::signal);
        transport::post(&self.config.url(route), body, signal.as_ref())
    }

    async fn settle(self: &Rc<Shell>, dispatch: &Dispatch, answer: Option<&Response>) {
        let fate = transport::fate(answer);
        let refusal = if fate == Fate::Refused { refusal(answer).await } else { None };
        let Some(attempts) = self.visit(|visit| visit.settle(dispatch.turn, dispatch.first_seq, fate)) else { return };
        match fate {
            Fate::Stored => {}
            Fate::Later => drop(self.keep_quiet(attempts, answer)),
            Fate::Refused => self.take_refusal(dispatch.epoch, refusal),
        }
        self.flush_soon();
    }

    fn keep_quiet(&self, attempts: u32, answer: Option<&Response>) -> u32 {
        let pause_ms = transport::pause_ms(attempts, transport::retry_after_s(answer), Math::random());
        self.quiet_until.set(clock::now() + u64::from(pause_ms));
        pause_ms
    }

    fn take_refusal(self: &Rc<Shell>, epoch: u32, code: Option<ErrorCode>) {
        match code {
            // The collector does not know the grant, though it stands: once it is put on record anew.
            Some(ErrorCode::Consent) if self.renewed.replace(epoch) != epoch => {
                self.visit(|visit| visit.renew_grant());
                self.record_grant();
            }
            Some(ErrorCode::Erased) => {
                self.visit(|visit| visit.end());
                self.stop();
                storage::remove();
            }
            _ => self.complain(code),
        }
    }

    /// Puts the grant on record; events wait until the collector has numbered it.
    pub(crate) fn record_grant(self: &Rc<Shell>) {
        let source = self.deciding_source();
        let Some((turn, record)) = self.visit(|visit| visit.grant_to_record(source)) else { return };
        let shell = self.clone();
        spawn_local(async move {
            let mut attempts = 0;
            while shell.visit(|visit| visit.turn()) == turn {
                let answer = received(shell.send("/v1/consents", &wire::json(&record))).await;
                attempts += 1;
                match transport::fate(answer.as_ref()) {
                    Fate::Stored => return shell.take_epoch(turn, answer).await,
                    Fate::Later => pause(shell.keep_quiet(attempts, answer.as_ref())).await,
                    Fate::Refused => return shell.complain(refusal(answer.as_ref()).await),
                }
            }
        });
    }

    async fn take_epoch(self: &Rc<Shell>, turn: u32, answer: Option<Response>) {
        let Some(epoch) = body(answer.as_ref()).await.and_then(|body| value::number(&body, "consent_epoch")) else {
            return;
        };
        if self.visit(|visit| visit.admit(turn, epoch as u32)) {
            self.flush_soon();
        }
    }

    /// Tells the collector that `session` is over by the shopper's will: once, in this very task, and such that it survives the page.
    pub(crate) fn withdraw(&self, session: Option<SessionId>) {
        let Some(session) = session else { return };
        let source = self.deciding_source();
        let record: ConsentRecord = self.visit(|visit| visit.consent_record(session, source));
        self.log("withdraws", || record.measure.as_str().into());
        transport::post_and_go(&self.config.url("/v1/consents"), &wire::json(&record));
    }

    /// A refusal that is the shop's set-up's fault, said once per page to its developer.
    fn complain(&self, code: Option<ErrorCode>) {
        if self.complained.replace(true) {
            return;
        }
        let advice = match code {
            Some(ErrorCode::UnknownSite) => "it does not know this data-site; see [sites] in its waver.toml",
            Some(ErrorCode::Origin) => "it does not allow this page's origin; see origins in its waver.toml",
            Some(ErrorCode::Gpc) => "the browser asks not to be tracked",
            _ => "see its answer in the network panel",
        };
        web_sys::console::warn_2(&"waver: the collector refused:".into(), &advice.into());
    }
}

/// The answer, if one comes.
pub(crate) async fn received(request: Result<Promise, JsValue>) -> Option<Response> {
    JsFuture::from(request.ok()?).await.ok()?.dyn_into().ok()
}

/// The body of an answer, if it is JSON.
pub(crate) async fn body(answer: Option<&Response>) -> Option<JsValue> {
    JsFuture::from(answer?.json().ok()?).await.ok()
}

/// What a refusal says of itself.
pub(crate) async fn refusal(answer: Option<&Response>) -> Option<ErrorCode> {
    ErrorCode::from_name(&value::text(&body(answer).await?, "code")?)
}

/// Waits.
pub(crate) async fn pause(ms: u32) {
    let mut begin = |resolve: js_sys::Function, _| {
        Timeout::new(ms, move || drop(resolve.call0(&JsValue::UNDEFINED))).forget();
    };
    let _ = JsFuture::from(Promise::new(&mut begin)).await;
}
