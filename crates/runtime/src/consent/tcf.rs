//! IAB TCF, versions 2.2 and 2.3: `__tcfapi`. What counts is what its listener was told, as long as a `ping` does not say otherwise. Until its
//! tool has loaded, the stub answers only that, and keeps the listener in a queue.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::Reading;
use waver_core::consent::tc_string::{PURPOSES, TcConsents, VendorConsents};
use waver_core::consent::tcf::{self, TcBasis};
use waver_schema::{ConsentChoice, ConsentSource, EventStatus};

use super::asker::Asker;
use super::frames;
use super::restored::Restored;
use super::string_hash::StringHash;
use super::told::Told;
use crate::{page, value};

const API: &str = "__tcfapi";
const LOCATOR: &str = "__tcfapiLocator";
const VERSION: u8 = 2;

/// What it said last, and of what.
#[derive(Clone, Copy)]
struct Said {
    reading: Option<Reading>,
    status: Option<EventStatus>,
    policy: Option<u8>,
}

const NOTHING_YET: Said = Said { reading: Some(Reading::all(ConsentChoice::Unknown)), status: None, policy: None };

/// What its listener was told.
pub(super) struct Tcf {
    told: Told,
    asker: Asker,
    said: Rc<Cell<Said>>,
    string: Rc<StringHash>,
}

impl Default for Tcf {
    fn default() -> Tcf {
        Tcf {
            told: Told::default(),
            asker: Asker::default(),
            said: Rc::new(Cell::new(NOTHING_YET)),
            string: Rc::default(),
        }
    }
}

impl Tcf {
    /// What it says now; `None` where it is not on the page, or says that the law does not apply.
    pub(super) fn read(&self, basis: TcBasis, changed: &Function, restored: &Restored) -> Option<Reading> {
        let Ok(api) = value::get(&page::global(), API).dyn_into::<Function>() else {
            // A frame cannot ask the tool of the page around it in the same moment, and what may be out of date is no grant.
            return frames::around_has(LOCATOR).then_some(Reading::all(ConsentChoice::Unknown));
        };
        if self.told.is_other(&api) {
            self.said.set(NOTHING_YET);
        }
        self.told.by(&api, || self.listen(&api, basis, changed.clone(), restored.clone()));
        let reading = self.said.get().reading;
        let ping = self.asker.ask(&api, |callback| Array::of3(&"ping".into(), &VERSION.into(), callback));
        match ping.as_ref() {
            Some(ping) if value::get(ping, "cmpStatus") == "error" => Some(Reading::all(ConsentChoice::Denied)),
            Some(ping) if value::get(ping, "displayStatus") == "visible" => reading.map(|_| Reading::PAUSED),
            _ => reading,
        }
    }

    /// How far its dialogue was, and under which policies.
    pub(super) fn evidence(&self) -> (Option<EventStatus>, Option<u8>) {
        let said = self.said.get();
        (said.status, said.policy)
    }

    /// Its string.
    pub(super) fn string(&self) -> &StringHash {
        &self.string
    }

    fn listen(&self, api: &Function, basis: TcBasis, changed: Function, restored: Restored) {
        let (said, string) = (self.said.clone(), self.string.clone());
        let take = move |data: JsValue, success: JsValue| {
            restored.hear(ConsentSource::Tcf);
            string.take(&value::text(&data, "tcString").unwrap_or_default());
            said.set(if success == true { take(&data, basis) } else { NOTHING_YET });
            let _ = changed.call0(&JsValue::UNDEFINED);
        };
        // Never dropped: whoever has it may call it at any time.
        let take = Closure::<dyn Fn(JsValue, JsValue)>::new(take).into_js_value();
        let arguments = Array::of3(&"addEventListener".into(), &VERSION.into(), &take);
        let _ = Reflect::apply(api, &JsValue::UNDEFINED, &arguments);
    }
}

fn take(data: &JsValue, basis: TcBasis) -> Said {
    let status = value::text(data, "eventStatus").and_then(|status| EventStatus::from_name(&status));
    let policy = value::number(data, "tcfPolicyVersion").map(|policy| policy as u8);
    let unknown = Some(Reading::all(ConsentChoice::Unknown));
    let reading = match (value::get(data, "gdprApplies").as_bool(), status) {
        _ if value::get(data, "cmpStatus") == "error" => Some(Reading::all(ConsentChoice::Denied)),
        // Then there are no purposes in it. That is no signal, and no grant.
        (Some(false), _) => None,
        (None, _) => unknown,
        // While the dialogue is open the tool may mix old consents into what is not saved yet.
        (_, Some(EventStatus::CmpUiShown)) => Some(Reading::PAUSED),
        (_, Some(EventStatus::TcLoaded | EventStatus::UserActionComplete)) => {
            let string = value::text(data, "tcString").unwrap_or_default();
            Some(tcf::reading(basis, &shown(data, basis), &string))
        }
        (_, None) => unknown,
    };
    Said { reading, status, policy }
}

/// The fields that matter, as its object shows them.
fn shown(data: &JsValue, basis: TcBasis) -> TcConsents {
    let of = |object: &str, key: &str| value::get(&value::get(data, object), key);
    let publisher = value::get(data, "publisher");
    TcConsents {
        policy: value::get(data, "tcfPolicyVersion").as_f64().unwrap_or_default() as u8,
        service_specific: value::get(data, "isServiceSpecific") == true,
        purpose_one_treatment: value::get(data, "purposeOneTreatment") == true,
        purposes: purposes(|purpose| value::get(&of("purpose", "consents"), purpose) == true),
        publisher: purposes(|purpose| value::get(&value::get(&publisher, "consents"), purpose) == true),
        vendor: basis.vendor().map_or(VendorConsents::default(), |vendor| {
            let vendor = vendor.to_string();
            // It stands in either place, and an empty list means that nothing is told.
            let lists = [of("vendor", "disclosedVendors"), of("outOfBand", "disclosedVendors")];
            let told =
                |list: &&JsValue| list.is_object() && Object::keys((*list).unchecked_ref::<Object>()).length() > 0;
            let restrictions = value::get(&publisher, "restrictions");
            let by_consent = |kind: JsValue| kind.is_undefined() || kind == 1;
            VendorConsents {
                consented: value::get(&of("vendor", "consents"), &vendor) == true,
                disclosed: lists.iter().find(told).map(|list| value::get(list, &vendor) == true),
                restricted: purposes(|purpose| !by_consent(value::get(&value::get(&restrictions, purpose), &vendor))),
            }
        }),
    }
}

/// Bits of the purposes for which `is` says so, given their numbers as text.
pub(super) fn purposes(is: impl Fn(&str) -> bool) -> u32 {
    (0..PURPOSES).filter(|bit| is(&(bit + 1).to_string())).map(|bit| 1 << bit).sum()
}
