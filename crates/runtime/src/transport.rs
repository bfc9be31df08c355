//! Requests to the collector: without cookies, without a referrer, out of no cache, and such that they outlive the page.

use js_sys::{Array, Function, JSON, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Response;

use crate::queue::Fate;
use crate::{page, value};

/// A text body has a content type that needs no preflight.
const REQUEST: &str = r#"{"method":"POST","mode":"cors","credentials":"omit","referrerPolicy":"no-referrer","cache":"no-store","keepalive":true}"#;

/// Bodies are filled up with spaces to a multiple of this, so that their length tells next to nothing of what is in them to who sees only that.
const STEP: usize = 512;

/// First pause after a failure; it doubles with each further one.
const FIRST_PAUSE_MS: f64 = 1_000.0;
const LONGEST_PAUSE_MS: f64 = 60_000.0;
/// No collector can silence a page for longer than this.
const LONGEST_RETRY_AFTER_S: u32 = 600;

/// What came of a request.
#[derive(Default)]
pub(crate) struct Reply {
    /// 0 where no answer came.
    pub(crate) status: u16,
    pub(crate) retry_after_s: Option<u32>,
    /// Whatever the body was as JSON.
    pub(crate) body: JsValue,
}

impl Reply {
    /// What it means for what was sent.
    pub(crate) fn fate(&self) -> Fate {
        match self.status {
            200..=299 => Fate::Stored,
            0 | 429 | 503 => Fate::Later,
            _ => Fate::Refused,
        }
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        value::text(&self.body, "code").unwrap_or_default()
    }
}

/// Ends a request when it is dropped, wherever it has come to; one that has come to its end stays as it is.
pub(crate) struct Cancel(JsValue);

impl Cancel {
    pub(crate) fn new() -> Cancel {
        let controller: Result<Function, JsValue> = value::get(&page::global(), "AbortController").dyn_into();
        // Where there is none, the answer is not listened to.
        Cancel(controller.and_then(|controller| Reflect::construct(&controller, &Array::new())).unwrap_or_default())
    }

    /// What the request is to listen to.
    pub(crate) fn signal(&self) -> JsValue {
        value::get(&self.0, "signal")
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        let _ = value::call(&self.0, "abort", &Array::new());
    }
}

/// Sends `body`, unless `signal` of a [`Cancel`] ends it. The request has begun when this returns; `then` is called later, and once.
pub(crate) fn post(url: &str, body: &str, signal: JsValue, then: Box<dyn FnOnce(Reply)>) {
    let request = JSON::parse(REQUEST).unwrap_or_default();
    value::set(&request, "body", filled_up(body).as_str());
    value::set(&request, "signal", signal);
    send(url, &request, then);
}

fn filled_up(body: &str) -> String {
    let length = body.len().next_multiple_of(STEP);
    let mut filled = String::with_capacity(length);
    filled.push_str(body);
    while filled.len() < length {
        filled.push(' ');
    }
    filled
}

fn send(url: &str, request: &JsValue, then: Box<dyn FnOnce(Reply)>) {
    // By its name at the moment of the call, and caught: pages replace `fetch`.
    let sent = page::fetch(url, request).unwrap_or_else(|thrown| Promise::reject(&thrown));
    when(&sent, Box::new(move |answer| read(answer, then)));
}

fn read(answer: JsValue, then: Box<dyn FnOnce(Reply)>) {
    let Ok(answer) = answer.dyn_into::<Response>() else { return then(Reply::default()) };
    let status = answer.status();
    let retry_after_s = answer.headers().get("retry-after").ok().flatten().and_then(|seconds| seconds.parse().ok());
    let body = answer.json().unwrap_or_else(|thrown| Promise::reject(&thrown));
    when(&body, Box::new(move |body| then(Reply { status, retry_after_s, body })));
}

/// Calls `then` with what the promise came to, whichever way.
pub(crate) fn when(promise: &Promise, then: Box<dyn FnOnce(JsValue)>) {
    let then = Closure::once_into_js(then);
    let _ = value::call(promise, "then", &Array::of2(&then, &then));
}

/// Sends `body` so that it survives the page, whose end nobody waits for. The request has begun when this returns.
pub(crate) fn post_surely(url: &str, body: &str, then: Box<dyn FnOnce(Reply)>) {
    let prototype = value::get(&value::get(&page::global(), "Request"), "prototype");
    if js_sys::Reflect::has(&prototype, &"keepalive".into()) == Ok(true) {
        post(url, body, JsValue::UNDEFINED, then);
    } else {
        // Only where there is nothing better, since a beacon carries what cookies there are, and brings no answer.
        let _ = page::send_beacon(url, &filled_up(body));
        then(Reply::default());
    }
}

/// Fetches what is there; `then` is called later, and once.
pub(crate) fn get(url: &str, then: Box<dyn FnOnce(Reply)>) {
    let request = JSON::parse(REQUEST).unwrap_or_default();
    value::set(&request, "method", "GET");
    send(url, &request, then);
}

/// How long to wait after `attempts` that failed: doubling, at least as long as the collector asked for, and spread by `chance` (0..1)
/// so that the browsers of a shop do not come back all at once.
pub(crate) fn pause_ms(attempts: u32, retry_after_s: Option<u32>, chance: f64) -> u32 {
    let doubled = FIRST_PAUSE_MS * f64::from(1_u32 << attempts.saturating_sub(1).min(16));
    let asked = f64::from(retry_after_s.unwrap_or(0).min(LONGEST_RETRY_AFTER_S)) * 1_000.0;
    let pause = doubled.min(LONGEST_PAUSE_MS).max(asked);
    (pause * (1.0 + chance / 2.0)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_are_spread() {
        let pauses: Vec<u32> = (1..=9).map(|attempts| pause_ms(attempts, None, 0.0)).collect();
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        assert_eq!(pause_ms(1, None, 1.0), 1_500);
    }

    #[test]
    fn lengths_go_in_steps() {
        for (length, filled) in [(0, 0), (1, 512), (511, 512), (512, 512), (513, 1_024)] {
            let body = filled_up(&"7".repeat(length));
            assert_eq!((body.len(), body.trim_end().len()), (filled, length));
        }
    }

    #[test]
    fn the_collectors_wish_counts_within_reason() {
        assert_eq!(pause_ms(1, Some(30), 0.0), 30_000);
        assert_eq!(pause_ms(6, Some(1), 0.0), 32_000);
        assert_eq!(pause_ms(1, Some(u32::MAX), 0.0), 600_000);
    }
}
