//! IAB GPP, version 1.1: `__gpp`. Its `ping` is asked at each reading, and its listener only says when to read: listeners that were given to a
//! stub are lost with some tools. Its TCF section can grant; its US sections can only veto, since "did not opt out" is no consent.

use js_sys::{Array, Function, Object};
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::Reading;
use waver_core::consent::tc_string::{self, TcConsents};
use waver_core::consent::tcf::{self, TcBasis};
use waver_schema::ConsentChoice;

use super::asker::Asker;
use super::frames;
use super::string_hash::StringHash;
use super::tcf::purposes;
use super::told::Told;
use crate::{page, value};

const API: &str = "__gpp";
const LOCATOR: &str = "__gppLocator";
/// The European Union's section, TCF version 2, and what it is called among the parsed ones.
const TCF_SECTION: f64 = 2.0;
const TCF_NAME: &str = "tcfeuv2";
/// The sections of the US and its states; 6 is the old US Privacy string.
const US_SECTIONS: std::ops::RangeInclusive<f64> = 6.0..=27.0;
/// 1 means opted out, 2 that the shopper did not, 0 that it does not apply.
const OPT_OUTS: [&str; 3] = ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"];

/// What it says now; `None` where it is not on the page.
pub(super) fn read(
    basis: TcBasis,
    (told, asker): &(Told, Asker),
    string: &StringHash,
    changed: &Function,
) -> Option<Reading> {
    let Ok(api) = value::get(&page::global(), API).dyn_into::<Function>() else {
        return frames::around_has(LOCATOR).then_some(Reading::all(ConsentChoice::Unknown));
    };
    told.by(&api, || {
        let _ = api.call2(&JsValue::UNDEFINED, &"addEventListener".into(), changed);
    });
    let ping = asker.ask(&api, |callback| Array::of2(&"ping".into(), callback));
    if let Some(read) = ping.as_ref().and_then(|ping| value::text(ping, "gppString")) {
        string.take(&read);
    }
    Some(ping.map_or(Reading::all(ConsentChoice::Unknown), |ping| of(&ping, basis)))
}

fn of(ping: &JsValue, basis: TcBasis) -> Reading {
    if value::get(ping, "cmpStatus") == "error" {
        return Reading::all(ConsentChoice::Denied);
    }
    if value::get(ping, "cmpStatus") != "loaded" {
        return Reading::all(ConsentChoice::Unknown);
    }
    if value::get(ping, "signalStatus") != "ready" || value::get(ping, "cmpDisplayStatus") == "visible" {
        return Reading::PAUSED;
    }
    let Ok(applicable) = value::get(ping, "applicableSections").dyn_into::<Array>() else {
        return Reading::all(ConsentChoice::Unknown);
    };
    let parsed = value::get(ping, "parsedSections");
    let keys: Vec<String> = if parsed.is_object() {
        Object::keys(parsed.unchecked_ref::<Object>()).into_iter().filter_map(|key| key.as_string()).collect()
    } else {
        Vec::new()
    };
    let sections_of_us = || keys.iter().filter(|key| key.starts_with("us")).map(|key| value::get(&parsed, key));
    if sections_of_us().any(|section| opted_out(&section)) {
        return Reading::all(ConsentChoice::Denied);
    }
    let applies = |is: &dyn Fn(f64) -> bool| applicable.iter().any(|section| section.as_f64().is_some_and(is));
    if applies(&|section| US_SECTIONS.contains(&section)) && sections_of_us().next().is_none() {
        return Reading::all(ConsentChoice::Unknown);
    }
    if applies(&|section| section == TCF_SECTION) {
        return of_tcf(ping, &value::get(&parsed, TCF_NAME), basis);
    }
    Reading::SILENT
}

/// Whether a section says that the shopper opted out. In the specification it is a list of segments, with some tools one flat object.
fn opted_out(section: &JsValue) -> bool {
    let segments = section.dyn_ref::<Array>().cloned().unwrap_or_else(|| Array::of1(section));
    segments.iter().any(|segment| {
        let gpc = value::get(&segment, "Gpc");
        // The old US Privacy string stands as such, or with its three answers by name.
        let old = segment.as_string().or(value::text(&segment, "uspString")).or(value::text(&segment, "OptOutSale"));
        let old = old.is_some_and(|old| old == "Y" || super::usp::opted_out(&old));
        old || gpc == true || gpc == 1 || OPT_OUTS.iter().any(|name| value::get(&segment, name) == 1)
    })
}

/// The rule of TCF on its section: the string, read by ourselves, has to say the same as what the tool parsed.
fn of_tcf(ping: &JsValue, section: &JsValue, basis: TcBasis) -> Reading {
    let denied = Reading::all(ConsentChoice::Denied);
    let Some(string) = tc_string_of(ping) else { return denied };
    let Some(read) = tc_string::read(&string, basis.vendor()) else { return denied };
    let segments = section.dyn_ref::<Array>().cloned().unwrap_or_else(|| Array::of1(section));
    let field =
        |name: &str| segments.iter().map(|segment| value::get(&segment, name)).find(|value| !value.is_undefined());
    // Flags for each purpose from the first on, or the numbers of those that are consented.
    let consented = |name: &str| {
        let list = field(name).and_then(|list| list.dyn_into::<Array>().ok())?;
        let flags = list.iter().all(|flag| flag.as_bool().is_some());
        Some(purposes(|purpose| {
            let number: u32 = purpose.parse().unwrap_or_default();
            if flags { list.get(number.wrapping_sub(1)) == true } else { list.includes(&number.into(), 0) }
        }))
    };
    let shown = TcConsents {
        purposes: consented("PurposeConsents").unwrap_or_default(),
        publisher: consented("PublisherConsents").unwrap_or_default(),
        ..read
    };
    tcf::reading(basis, &shown, &string)
}

/// The TC string inside of the GPP string: a header, and then the sections in the order of their numbers.
fn tc_string_of(ping: &JsValue) -> Option<String> {
    let sections: Array = value::get(ping, "sectionList").dyn_into().ok()?;
    let before =
        sections.iter().filter(|section| section.as_f64().is_some_and(|section| section < TCF_SECTION)).count();
    sections.includes(&TCF_SECTION.into(), 0).then_some(())?;
    value::text(ping, "gppString")?.split('~').nth(before + 1).map(str::to_owned)
}
