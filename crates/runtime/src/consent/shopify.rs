//! Shopify's customer privacy API. What it allows mixes the merchant's settings and the visitor's region with consent, and is true where no
//! banner is required; so it grants only what the visitor said yes to, and what is allowed as well.

use std::cell::Cell;

use js_sys::{Array, Function, JSON};
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use crate::{page, value};

/// What it dispatches at the document.
pub(super) const COLLECTED: &str = "visitorConsentCollected";
const FEATURES: &str = r#"[{"name":"consent-tracking-api","version":"0.1"}]"#;

/// What it says now; `None` where the page is not Shopify's. `asked` is whether the API was asked for, which themes leave to who needs it.
pub(super) fn read(asked: &Cell<bool>, changed: &Function) -> Option<Reading> {
    let shop = value::get(&page::global(), "Shopify");
    if !shop.is_object() {
        return None;
    }
    let api = value::get(&shop, "customerPrivacy");
    if !api.is_object() {
        if !asked.replace(true) {
            let features = JSON::parse(FEATURES).unwrap_or_default();
            let _ = value::call(&shop, "loadFeatures", &Array::of2(&features, changed));
        }
        return Some(Reading::all(ConsentChoice::Unknown));
    }
    let consent = value::call(&api, "currentVisitorConsent", &Array::new()).unwrap_or_default();
    let choice = |said: &str, allowed: &str| {
        let allowed = value::call(&api, allowed, &Array::new()).unwrap_or_default();
        let said = value::get(&consent, said);
        if said == "no" || allowed == false {
            ConsentChoice::Denied
        } else if said == "yes" && allowed == true {
            ConsentChoice::Granted
        } else {
            ConsentChoice::Unknown
        }
    };
    let measure = choice("analytics", "analyticsProcessingAllowed");
    Some(Reading::new(measure, choice("preferences", "preferencesProcessingAllowed")))
}
