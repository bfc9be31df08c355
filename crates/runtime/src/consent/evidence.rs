//! What a consent record says of its sources beside the choice itself, so that it can be shown later what was read.

use js_sys::Array;
use wasm_bindgen::JsValue;
use waver_core::consent::Reading;
use waver_schema::{ConsentChoice, ConsentReading, ConsentSource, SourceVersion};

use super::Sources;
use crate::{page, value};

impl Sources {
    /// What stands in the record about the reading of one source.
    pub(crate) fn evidence(&self, source: ConsentSource, reading: Reading) -> ConsentReading {
        let (event_status, policy) = if source == ConsentSource::Tcf { self.tcf.evidence() } else { (None, None) };
        let string_hash = match source {
            ConsentSource::Tcf => self.tcf.string().get(),
            ConsentSource::Gpp => self.gpp_string.get(),
            _ => None,
        };
        let version = policy.map(|policy| policy.to_string()).or_else(|| version(source));
        ConsentReading {
            source,
            version: version.and_then(|version| SourceVersion::parse(&version).ok()),
            event_status,
            string_hash,
            measure: reading.measure.unwrap_or(ConsentChoice::Unknown),
            personalize: reading.personalize.unwrap_or(ConsentChoice::Unknown),
        }
    }
}

/// The version of those tools that tell it.
fn version(source: ConsentSource) -> Option<String> {
    let of = |tool: &str| value::get(&page::global(), tool);
    match source {
        ConsentSource::Klaro => {
            value::call(&of("klaro"), "version", &Array::new()).as_ref().ok().and_then(JsValue::as_string)
        }
        ConsentSource::Tarteaucitron => value::label(&of("tarteaucitron"), "version"),
        _ => None,
    }
}
