//! vanilla-cookieconsent, version 3. Its own state is stale after a choice in another tab, after `reset(true)` and after its cookie was deleted,
//! and none of these fires an event of its; so a grant also has to stand in its cookie, which `getCookie` reads anew.

use std::rc::Rc;

use js_sys::{Array, Date};
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::{Purpose, Reading};
use waver_schema::ConsentChoice;

use crate::listener::Listener;
use crate::value;

/// What it says now; `None` where it is not on the page.
pub(super) fn read(categories: &[(String, Purpose)]) -> Option<Reading> {
    let tool = tool()?;
    // Whatever it throws or gives instead of an answer is no choice.
    Some(read_choice(&tool, categories).unwrap_or(Reading::all(ConsentChoice::Unknown)))
}

fn read_choice(tool: &JsValue, categories: &[(String, Purpose)]) -> Option<Reading> {
    if ask(tool, "validConsent", None)? != JsValue::TRUE {
        return None;
    }
    let in_cookie: Array = ask(tool, "getCookie", Some("categories"))?.dyn_into().ok()?;
    let rejected = value::get(&ask(tool, "getUserPreferences", None)?, "rejectedCategories");
    let choice = |purpose| {
        let mut accepted_any = false;
        for (name, _) in categories.iter().filter(|(_, meaning)| *meaning == purpose) {
            let accepted = ask(tool, "acceptedCategory", Some(name)) == Some(JsValue::TRUE);
            let kept = contains(&in_cookie, name);
            if accepted && kept {
                accepted_any = true;
            } else if accepted || kept || rejected.dyn_ref().is_some_and(|rejected| contains(rejected, name)) {
                return ConsentChoice::Denied;
            }
        }
        if accepted_any { ConsentChoice::Granted } else { ConsentChoice::Denied }
    };
    Some(Reading { measure: choice(Purpose::Measure), personalize: choice(Purpose::Personalize) })
}

/// Whether the last choice was made before this page began.
pub(super) fn chosen_before_page() -> bool {
    let Some(chosen) = tool().and_then(|tool| ask(&tool, "getCookie", Some("lastConsentTimestamp"))?.as_string())
    else {
        return false;
    };
    let page_began = value::number(&value::get(&value::global(), "performance"), "timeOrigin");
    page_began.is_some_and(|page_began| Date::parse(&chosen) < page_began)
}

pub(super) fn watch(read_again: Rc<dyn Fn()>) -> Vec<Listener> {
    let Some(window) = web_sys::window() else { return Vec::new() };
    let on = |kind| {
        let read_again = read_again.clone();
        Listener::new(&window, kind, move |_| read_again())
    };
    // `onModalReady` comes when it has started and waits for a choice.
    vec![on("cc:onFirstConsent"), on("cc:onConsent"), on("cc:onChange"), on("cc:onModalReady")]
}

fn tool() -> Option<JsValue> {
    Some(value::get(&value::global(), "CookieConsent")).filter(JsValue::is_object)
}

fn ask(tool: &JsValue, method: &str, argument: Option<&str>) -> Option<JsValue> {
    let arguments = Array::new();
    if let Some(argument) = argument {
        arguments.push(&argument.into());
    }
    value::call(tool, method, &arguments).ok()
}

fn contains(list: &Array, name: &str) -> bool {
    list.includes(&name.into(), 0)
}
