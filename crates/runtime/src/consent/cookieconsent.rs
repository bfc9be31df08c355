//! vanilla-cookieconsent, version 3. Its own state is stale after a choice in another tab, after `reset(true)` and after its cookie was deleted,
//! and none of these fires an event of its; so a grant also has to stand in its cookie, which `getCookie` reads anew.

use js_sys::{Array, Date};
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use super::named::{self, Named};
use crate::{page, value};

/// What it dispatches at the window; `onModalReady` comes when it has started and waits for a choice.
pub(super) const EVENTS: [&str; 4] = ["cc:onFirstConsent", "cc:onConsent", "cc:onChange", "cc:onModalReady"];

/// What it says now; `None` where it is not on the page.
pub(super) fn read(names: &[Named]) -> Option<Reading> {
    // Whatever it throws or gives instead of an answer is no choice.
    tool().is_object().then(|| choices(names).unwrap_or(Reading::all(ConsentChoice::Unknown)))
}

fn choices(names: &[Named]) -> Option<Reading> {
    // In its opt-out mode categories are accepted before any choice, but there is no valid consent.
    if ask("validConsent", &JsValue::UNDEFINED)? != true {
        return None;
    }
    let in_cookie: Array = ask("getCookie", &"categories".into())?.dyn_into().ok()?;
    let preferences = ask("getUserPreferences", &JsValue::UNDEFINED)?;
    let rejected: Array = value::get(&preferences, "rejectedCategories").dyn_into().ok()?;
    Some(named::reading(names, |name| {
        let accepted = ask("acceptedCategory", name).is_some_and(|accepted| accepted == true);
        let kept = in_cookie.includes(name, 0);
        (accepted || kept || rejected.includes(name, 0)).then(|| named::agreed(accepted, kept))
    }))
}

/// Whether the last choice was made before this page began.
pub(super) fn chosen_before_page() -> bool {
    let chosen = ask("getCookie", &"lastConsentTimestamp".into()).and_then(|chosen| chosen.as_string());
    let page_began = value::number(&value::get(&page::global(), "performance"), "timeOrigin");
    chosen.zip(page_began).is_some_and(|(chosen, page_began)| Date::parse(&chosen) < page_began)
}

fn tool() -> JsValue {
    value::get(&page::global(), "CookieConsent")
}

fn ask(method: &str, argument: &JsValue) -> Option<JsValue> {
    value::call(&tool(), method, &Array::of1(argument)).ok()
}
