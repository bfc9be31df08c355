//! Fields of events that the schema does not have. They are let pass, since a later browser may send them, and counted, since a mistaken
//! one may too.
//!
//! Looking at every key would cost a third of what reading costs. So colons are counted first, as many as an event has keys that is
//! written the way our own browser module writes it; only where the number is another one, the keys themselves are looked at.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use waver_schema::{Event, EventBody, PageType, WIRE_VERSION, Zone};

use crate::schemas;
use crate::site::{SiteIndex, Sites};

/// Whether the JSON that an event was read from has no other field than the schema, and no word that only a later version may have. `false`
/// says nothing.
pub(crate) fn is_plain(json: &str, event: &Event) -> bool {
    let has_other = match &event.body {
        EventBody::PageView { page, .. } => *page == PageType::Other,
        EventBody::Hesitation { page, zone, .. } | EventBody::Frustration { page, zone, .. } => {
            *page == PageType::Other || *zone == Some(Zone::Other)
        }
        _ => false,
    };
    !has_other && written_keys(event) == Some(colons(json))
}

/// How many fields of the event itself, out of the JSON that it was read from, the schema does not have.
pub(crate) fn count(json: &str, event: &Event) -> u32 {
    if written_keys(event) == Some(colons(json)) {
        return 0;
    }
    let Some(known) = KEYS.get(event.body.type_name()) else { return 0 };
    // It was read as an event before, so it can be read as an object.
    serde_json::Deserializer::from_str(json).deserialize_map(Unknown { known }).unwrap_or_default()
}

/// How many colons there are: as many as keys, where no text holds one.
pub(crate) fn colons(json: &str) -> usize {
    // By bytes in pieces in which a byte can count them: that is what compilers turn into a few instructions (20 ns an event and not 200).
    let pieces = json.as_bytes().chunks(usize::from(u8::MAX));
    pieces.map(|piece| usize::from(piece.iter().fold(0_u8, |count, byte| count + u8::from(*byte == b':')))).sum()
}

/// The keys of each type of event, as the published schema has them.
static KEYS: LazyLock<HashMap<String, HashSet<String>>> = LazyLock::new(|| {
    let batch = schemas::find("batch", WIRE_VERSION).map_or("{}", |published| published.text);
    let batch: Value = serde_json::from_str(batch).unwrap_or_default();
    let of_every_type = batch["$defs"]["Event"]["allOf"].as_array().into_iter().flatten();
    let of_every_type: Vec<&String> = of_every_type
        .filter_map(|part| part["properties"].as_object())
        .flat_map(|properties| properties.keys())
        .collect();
    let types = batch["$defs"]["EventBody"]["oneOf"].as_array().into_iter().flatten();
    let keys = types.filter_map(|body| {
        let properties = body["properties"].as_object()?;
        let name = properties["type"]["enum"][0].as_str()?.to_owned();
        Some((name, properties.keys().chain(of_every_type.iter().copied()).cloned().collect()))
    });
    keys.collect()
});

/// How many keys an event has that our own browser module writes; `None` where others may leave out one that is none of the optional.
fn written_keys(event: &Event) -> Option<usize> {
    let of_body = match &event.body {
        EventBody::PageView { item, .. } => 4 + usize::from(item.is_some()),
        EventBody::Engagement { .. } => 3,
        EventBody::Commerce { quantity: 0, .. } => return None,
        EventBody::Commerce { item, value_minor, currency, order, .. } => {
            let optional = [item.is_some(), value_minor.is_some(), currency.is_some(), order.is_some()];
            2 + optional.into_iter().filter(|is_there| *is_there).count()
        }
        EventBody::Hesitation { reasons, .. } if reasons.is_empty() => return None,
        EventBody::Hesitation { zone, reasons, .. } => 6 + usize::from(zone.is_some()) + 3 * reasons.len(),
        EventBody::Frustration { zone, .. } => 2 + usize::from(zone.is_some()),
        EventBody::Intent { .. } => 4,
        EventBody::Offer { since_signal_ms, .. } => 2 + usize::from(since_signal_ms.is_some()),
        EventBody::Dropped { .. } => 2,
    };
    Some(3 + of_body)
}

/// Counts the keys of an object that are not among those known.
struct Unknown<'k> {
    known: &'k HashSet<String>,
}

impl<'de> Visitor<'de> for Unknown<'_> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<u32, A::Error> {
        let mut unknown = 0;
        while let Some(is_known) = entries.next_key_seed(IsKnown { known: self.known })? {
            entries.next_value::<IgnoredAny>()?;
            unknown += u32::from(!is_known);
        }
        Ok(unknown)
    }
}

struct IsKnown<'k> {
    known: &'k HashSet<String>,
}

impl<'de> DeserializeSeed<'de> for IsKnown<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsKnown<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(self.known.contains(key))
    }
}

/// How many were met, by site, since the process began.
#[derive(Debug)]
pub(crate) struct UnknownFields {
    sites: Arc<Sites>,
    counts: Box<[AtomicU64]>,
}

impl UnknownFields {
    pub(crate) fn new(sites: Arc<Sites>) -> UnknownFields {
        let counts = std::iter::repeat_with(AtomicU64::default).take(sites.len()).collect();
        UnknownFields { sites, counts }
    }

    pub(crate) fn add(&self, site: SiteIndex, fields: u32) {
        if fields > 0 {
            self.counts[usize::from(site.0)].fetch_add(fields.into(), Ordering::Relaxed);
        }
    }
}

/// Shows them on `/metrics`.
#[derive(Debug)]
pub(crate) struct Met(pub(crate) Arc<UnknownFields>);

impl Collector for Met {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Fields of events that the schema does not have, and that were let pass.";
        let mut family = encoder.encode_descriptor("unknown_fields", help, None, MetricType::Counter)?;
        self.0.sites.iter().try_for_each(|(index, site)| {
            let count = self.0.counts[usize::from(index.0)].load(Ordering::Relaxed);
            ConstCounter::new(count).encode(family.encode_family(&[("site", site.key.as_str())])?)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waver_schema::Batch;

    use super::*;

    const EVERY_EVENT: &str = include_str!("../../crates/schema/tests/wire/v1/batch.every-event.json");

    fn unknown(event: &Value) -> u32 {
        let json = event.to_string();
        count(&json, &serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}")))
    }

    #[test]
    fn every_type_has_its_keys_and_the_number_of_them_is_known_beforehand() {
        let batch: Batch = serde_json::from_str(EVERY_EVENT).expect("a batch");
        for event in &batch.events {
            assert!(KEYS[event.body.type_name()].contains("seq"));
            let json = serde_json::to_string(event).expect("JSON");
            assert_eq!(colons(&json), json.matches(':').count());
            assert!(written_keys(event).is_none_or(|keys| keys == colons(&json)), "{json}");
            assert_eq!(count(&json, event), 0, "{json}");
        }
        let named = batch.events.iter().filter(|event| written_keys(event).is_some()).count();
        assert!(named * 3 > batch.events.len() * 2, "most are told by their number alone: {named}");
        assert_eq!(KEYS.len(), 8);
        assert_eq!(colons(&":".repeat(1000)), 1000);
    }

    #[test]
    fn fields_of_no_schema_and_of_other_events_are_counted() {
        let batch: Value = serde_json::from_str(EVERY_EVENT).expect("JSON");
        for event in batch["events"].as_array().expect("a list") {
            let mut event = event.clone();
            event["warp"] = json!({"a": 1, "b": [":", 2]});
            assert_eq!(unknown(&event), 1, "{event}");
            event["cause_of_it"] = json!(null);
            assert_eq!(unknown(&event), 2, "{event}");
        }
        let view = json!({"seq": 1, "t": 0, "type": "page_view", "page": "home", "navigation": "load", "referrer": "direct", "device": "mouse"});
        let mut other = view.clone();
        other["clicks"] = json!(1);
        assert_eq!(unknown(&other), 1, "a field of another type of event");
        let mut more = view.clone();
        more["item"] = json!(null);
        more["page"] = json!("https://shop.example:8080/");
        assert_eq!(unknown(&more), 0, "neither what is left open nor a colon in a text is a field");
        let least = json!({"seq": 1, "t": 0, "type": "commerce", "action": "view_cart", "why": 1});
        assert_eq!(unknown(&least), 1, "as many keys as with the quantity that it leaves out");
    }
}
