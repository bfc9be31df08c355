//! From the queue to the collector: when batches leave, and what becomes of them. Consent is read again just before each departure.

use js_sys::Math;
use wasm_bindgen::JsValue;
use waver_schema::{Batch, ConsentMethod, ConsentRecord, ConsentSource, ErrorCode, WIRE_VERSION};

use crate::decision::page_locale;
use crate::queue::Fate;
use crate::shell::Shell;
use crate::timer::Purpose;
use crate::transport::{self, Reply};
use crate::visit::Dispatch;
use crate::{clock, history, storage, value, visitor, wire};

/// Longest time that an event waits for others to travel with.
const GATHER_MS: u64 = 2_000;

/// How long the record of a grant waits for the hash of a consent string.
const HASH_MS: u32 = 50;

impl Shell {
    /// Sends what waits before long; at once if a batch is full.
    pub(crate) fn flush_soon(&'static self) {
        let (waits, full) = self.visit(|visit| (visit.has_something_to_send(), visit.has_full_batch()));
        let now = clock::now();
        let quiet_ms = self.quiet_until.get().saturating_sub(now);
        if waits && full && quiet_ms == 0 {
            self.flush_next(false);
        } else if waits && self.timers.due_at(Purpose::Flush).is_none() {
            let in_ms = GATHER_MS.max(quiet_ms);
            self.timers.set(self, Purpose::Flush, now + in_ms, in_ms as u32);
        }
    }

    /// Sends a batch that is packed already, if there is one: it waited long enough.
    pub(crate) fn flush_packed(&'static self) {
        if self.visit(|visit| visit.has_packed()) {
            self.flush_next(false);
        }
    }

    /// Sends one batch, if there is one that may leave. With `all`, whatever is on its way already.
    pub(crate) fn flush_next(&'static self, all: bool) -> bool {
        self.reread_consent();
        let now = clock::now();
        let Some(dispatch) = self.visit(|visit| visit.dispatch(all, now)) else { return false };
        let body = self.batch(&dispatch);
        self.log("sends", &JsValue::from(&body));
        let Dispatch { turn, epoch, first_seq, .. } = dispatch;
        let answered = move |reply: Reply| self.settle(turn, epoch, first_seq, &reply);
        transport::post(&self.url("/v1/events"), &body, JsValue::UNDEFINED, Box::new(answered));
        true
    }

    /// The JSON of a batch. Its events are written down already: they take the place of the empty array, with which the batch ends.
    fn batch(&self, dispatch: &Dispatch) -> String {
        let mut json = wire::json(&Batch {
            v: WIRE_VERSION,
            site: self.config.site.clone(),
            session: dispatch.session,
            consent_epoch: dispatch.epoch,
            sent_at: clock::wall(),
            events: Vec::new(),
        });
        json.truncate(json.len().saturating_sub("[]}".len()));
        json.push_str(&dispatch.events);
        json.push('}');
        json
    }

    fn settle(&'static self, turn: u32, epoch: u32, first_seq: u64, reply: &Reply) {
        let fate = reply.fate();
        let Some(attempts) = self.visit(|visit| visit.settle(turn, first_seq, fate)) else { return };
        match fate {
            Fate::Stored => self.flush_packed(),
            Fate::Later => {
                self.keep_quiet(attempts, reply);
            }
            Fate::Refused => self.take_refusal(epoch, &reply.code()),
        }
        self.flush_soon();
    }

    /// Leaves the collector alone for a while.
    fn keep_quiet(&self, attempts: u32, reply: &Reply) -> u32 {
        let pause_ms = transport::pause_ms(attempts, reply.retry_after_s, Math::random());
        self.quiet_until.set(clock::now() + u64::from(pause_ms));
        pause_ms
    }

    fn take_refusal(&'static self, epoch: u32, code: &str) {
        if code == ErrorCode::Erased.as_str() {
            self.visit(|visit| visit.end());
            self.stop();
            storage::remove();
            history::remove();
            self.hold.forget();
        } else if code == ErrorCode::Consent.as_str() && self.renewed.replace(epoch) != epoch {
            // The collector does not know the grant, though it stands: once it is put on record anew.
            self.visit(|visit| visit.renew_grant());
            self.record_grant();
        } else {
            self.complain(code);
        }
    }

    /// Puts the grant on record; events wait until the collector has numbered it.
    pub(crate) fn record_grant(&'static self) {
        if self.sources.is_worth_waiting() {
            return self.timers.set(self, Purpose::Grant, 0, HASH_MS);
        }
        let Some((turn, record)) = self.visit(|visit| visit.grant_to_record()) else { return };
        let record = self.proven(record);
        let answered = move |reply: Reply| {
            if self.visit(|visit| visit.turn()) != turn {
                return;
            }
            match (reply.fate(), value::number(&reply.body, "consent_epoch")) {
                (Fate::Stored, Some(epoch)) => {
                    self.visit(|visit| visit.admit(epoch as u32));
                    visitor::keep(value::number(&reply.body, "visitor_days"));
                    self.flush_soon();
                    self.ask_again();
                }
                (Fate::Later, _) => {
                    let attempts = self.attempts.get() + 1;
                    self.attempts.set(attempts);
                    let pause_ms = self.keep_quiet(attempts, &reply);
                    self.timers.set(self, Purpose::Grant, self.quiet_until.get(), pause_ms);
                }
                _ => self.complain(&reply.code()),
            }
        };
        transport::post(&self.url("/v1/consents"), &wire::json(&record), JsValue::UNDEFINED, Box::new(answered));
    }

    /// A record with what shows how the choice was made.
    fn proven(&self, mut record: ConsentRecord) -> ConsentRecord {
        let readings = self.visit(|visit| visit.readings());
        record.readings =
            readings.into_iter().map(|(source, reading)| self.sources.evidence(source, reading)).collect();
        (record.gpc, record.dnt) = self.objections();
        record.notice = self.config.notice.clone();
        record.language = page_locale();
        record.method = Some(match record.source {
            ConsentSource::PageCall => ConsentMethod::Page,
            ConsentSource::Tag => ConsentMethod::Tag,
            _ => ConsentMethod::Cmp,
        });
        record
    }

    /// A refusal that is the shop's set-up's fault, said once per page to its developer.
    fn complain(&self, code: &str) {
        if !self.complained.replace(true) {
            let said = "waver: the collector refused (for unknown_site and origin see [sites] in its waver.toml):";
            web_sys::console::warn_2(&said.into(), &code.into());
        }
    }
}
