//! Withdrawal: one request to erase the session, and the collector's receipt for a page that asked for it.

use std::cell::{Cell, RefCell};

use gloo_timers::callback::Timeout;
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use waver_schema::{EraseRequest, ErasureId, SessionId, WIRE_VERSION};

use crate::queue::Fate;
use crate::shell::Shell;
use crate::transport::{self, Reply};
use crate::{page, value, visitor, wipe, wire};

/// Attempts at fetching the receipt. It is there once the request was answered, unless something on the way fails.
const MOST_ATTEMPTS: u32 = 6;
/// Pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE_MS: u32 = 250;

/// What was withdrawn on this page.
#[derive(Default)]
pub(crate) struct Erasures {
    /// Requests without an answer.
    on_the_way: Cell<u32>,
    /// The name of the last one that was done. It says nothing about the session.
    last: RefCell<Option<ErasureId>>,
    /// Who waits for the receipt.
    waiting: RefCell<Vec<Function>>,
}

impl Shell {
    /// Asks the collector to erase `session`, and the browser's name across sessions unless personalising is still granted: once, in this very task, and such that it survives the page. If it is lost, what the collector has
    /// dies with its keys.
    pub(crate) fn withdraw(&'static self, session: Option<SessionId>) {
        let keeps_name = self.visit(|visit| visit.stands()).personalize;
        let visitor = if keeps_name { None } else { visitor::take() };
        if session.is_none() && visitor.is_none() {
            return;
        }
        // Where there is no session to erase beside the name, one stands for it that nobody knows.
        let session = session.unwrap_or_else(|| SessionId::from_bytes(page::random()));
        let site = self.config.site.clone();
        let request = wire::json(&EraseRequest { v: WIRE_VERSION, site, session, nonce: None, visitor });
        self.log("withdraws", &JsValue::from(&request));
        let erasures = &self.erasures;
        erasures.on_the_way.set(erasures.on_the_way.get() + 1);
        transport::post_surely(&self.url("/v1/erase"), &request, Box::new(|reply| self.take_erasure(&reply)));
        drop(request);
        wipe::stack();
        // Once more from the top, where the calls that lead here are over.
        Timeout::new(0, wipe::stack).forget();
    }

    fn take_erasure(&'static self, reply: &Reply) {
        let erasures = &self.erasures;
        erasures.on_the_way.set(erasures.on_the_way.get().saturating_sub(1));
        if reply.fate() == Fate::Stored
            && let Some(name) = value::text(&reply.body, "erasure").and_then(|name| ErasureId::parse(&name).ok())
        {
            erasures.last.replace(Some(name));
        }
        self.fetch_receipt(1);
    }

    /// Resolves to the receipt once the local state is gone, which it is when this returns; without one if there was nothing to erase, or no
    /// collector to erase it.
    pub(crate) fn forget(&'static self) -> Promise {
        self.sources.take_page_call(Some(false), Some(false));
        self.reread_consent();
        let promise = Promise::new(&mut |resolve, _| self.erasures.waiting.borrow_mut().push(resolve));
        self.fetch_receipt(1);
        promise
    }

    fn fetch_receipt(&'static self, attempt: u32) {
        if self.erasures.waiting.borrow().is_empty() || self.erasures.on_the_way.get() > 0 {
            return;
        }
        let Some(name) = *self.erasures.last.borrow() else { return self.hand_out(&JsValue::NULL) };
        let url = [&self.url("/v1/erase/"), name.to_string().as_str()].concat();
        let answered = move |reply: Reply| match reply.status {
            200 => self.hand_out(&reply.body),
            _ if attempt < MOST_ATTEMPTS => {
                Timeout::new(FIRST_PAUSE_MS << (attempt - 1), move || self.fetch_receipt(attempt + 1)).forget();
            }
            _ => self.hand_out(&JsValue::NULL),
        };
        transport::get(&url, Box::new(answered));
    }

    fn hand_out(&self, receipt: &JsValue) {
        let answer = value::object();
        value::set(&answer, "erased_locally", true);
        value::set(&answer, "receipt", receipt);
        for resolve in self.erasures.waiting.take() {
            let _ = resolve.call1(&JsValue::UNDEFINED, &answer);
        }
    }
}
