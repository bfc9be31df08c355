//! Requests to the collector: without cookies, without a referrer, out of no cache, and such that they outlive the page.

use js_sys::{Array, JSON, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, Response};

use crate::queue::Fate;
use crate::value;

/// A text body has a content type that needs no preflight.
const REQUEST: &str = r#"{"method":"POST","mode":"cors","credentials":"omit","referrerPolicy":"no-referrer","cache":"no-store","keepalive":true}"#;

/// Statuses after which the same request may succeed later.
const TOO_MANY: u16 = 429;
const UNAVAILABLE: u16 = 503;

/// First pause after a failure; it doubles with each further one.
const FIRST_PAUSE_MS: f64 = 1_000.0;
const LONGEST_PAUSE_MS: f64 = 60_000.0;
/// No collector can silence a page for longer than this.
const LONGEST_RETRY_AFTER_S: u32 = 600;

/// Sends `body`. The request has begun when this returns.
///
/// # Errors
/// What `fetch`, or what a page put in its place, throws.
pub(crate) fn post(url: &str, body: &str, signal: Option<&AbortSignal>) -> Result<Promise, JsValue> {
    let request = JSON::parse(REQUEST)?;
    value::set(&request, "body", &body.into());
    if let Some(signal) = signal {
        value::set(&request, "signal", signal);
    }
    // By its name at the moment of the call, and caught: pages replace `fetch`.
    value::call(&value::global(), "fetch", &Array::of2(&url.into(), &request))?.dyn_into()
}

/// Sends `body` when nobody will be there for the answer.
pub(crate) fn post_and_go(url: &str, body: &str) {
    let prototype = value::get(&value::get(&value::global(), "Request"), "prototype");
    let outlives_page = Reflect::has(&prototype, &"keepalive".into()).unwrap_or(false);
    if outlives_page {
        if let Ok(promise) = post(url, body, None) {
            let ignore = js_sys::futures::JsFuture::from(promise);
            js_sys::futures::spawn_local(async move { drop(ignore.await) });
        }
    } else if let Some(window) = web_sys::window() {
        // Only where there is nothing better, since a beacon carries what cookies there are.
        let _ = window.navigator().send_beacon_with_opt_str(url, Some(body));
    }
}

/// What an answer, or its absence, means for what was sent.
pub(crate) fn fate(answer: Option<&Response>) -> Fate {
    match answer {
        None => Fate::Later,
        Some(answer) if answer.ok() => Fate::Stored,
        Some(answer) if matches!(answer.status(), TOO_MANY | UNAVAILABLE) => Fate::Later,
        Some(_) => Fate::Refused,
    }
}

/// The seconds of `Retry-After`; its other form, a date, is not used by the collector.
pub(crate) fn retry_after_s(answer: Option<&Response>) -> Option<u32> {
    answer?.headers().get("retry-after").ok()??.trim().parse().ok()
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
    fn the_collectors_wish_counts_within_reason() {
        assert_eq!(pause_ms(1, Some(30), 0.0), 30_000);
        assert_eq!(pause_ms(6, Some(1), 0.0), 32_000);
        assert_eq!(pause_ms(1, Some(u32::MAX), 0.0), 600_000);
    }
}
