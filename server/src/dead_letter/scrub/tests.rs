use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use utoipa::PartialSchema;
use waver_schema::{Event, EventBody, Reason};

use super::*;

fn scrubbed(event: &Value) -> Value {
    serde_json::from_str(&scrub(&event.to_string())).expect("JSON")
}

#[test]
fn the_shape_stays_and_what_could_be_a_persons_goes() {
    let event = json!({
        "seq": 3, "t": 120, "type": "from_the_future", "page": "wish list of jane", "warp": {"jane@example.com": 1},
        "item": 7_206_304_311_287_921_u64, "currency": "EUR", "value_minor": 1.5, "decision": "0".repeat(32), "note": null,
        "reasons": [{"feature": "views", "value_milli": -5, "why": ["she wavers"]}, "because", 7],
    });
    // serde_json's own objects are sorted by key, so the placeholders are numbered in that order.
    let expected = json!({
        "seq": 3, "t": 120, "type": "from_the_future", "page": "?text", "?2": "?object",
        "item": 7_206_304_311_287_921_u64, "currency": "EUR", "value_minor": "?number", "decision": "?text", "?1": null,
        "reasons": [{"feature": "views", "value_milli": -5, "?1": "?array"}, "?text", "?number"],
    });
    assert_eq!(scrubbed(&event), expected);
}

#[test]
fn an_event_of_the_schema_stays_as_it_is() {
    let reason = json!({"feature": "cta_dwell_ms", "value_milli": 1200, "weight_milli": -300});
    for event in [
        json!({"seq": 1, "t": 0, "type": "page_view", "page": "product", "navigation": "load", "referrer": "direct",
            "device": "mouse", "item": 9_007_199_254_740_991_u64}),
        json!({"seq": 2, "t": 86_400_000, "type": "commerce", "action": "purchase", "quantity": 2, "value_minor": 123_456_789,
            "currency": "EUR", "order": 1_234_567_890_123_456_u64}),
        json!({"seq": 3, "t": 9, "type": "hesitation", "kind": "cta_hover", "zone": "cta", "page": "product", "score_milli": 900,
            "confidence_milli": 800, "since_ms": 4000, "reasons": [reason, reason, reason]}),
    ] {
        assert_eq!(scrubbed(&event), event);
        assert!(serde_json::from_value::<Event>(event).is_ok());
    }
}

#[test]
fn what_was_sent_twice_is_kept_twice() {
    assert_eq!(scrub(r#"{"seq":1,"seq":2,"x":1,"x":2}"#), r#"{"seq":1,"seq":2,"?1":"?number","?2":"?number"}"#);
}

#[test]
fn what_is_no_object_keeps_its_type_alone() {
    for (event, expected) in [
        ("null", "null"),
        ("true", "\"?bool\""),
        ("4111111111111111", "\"?number\""),
        ("[\"jane@example.com\"]", "\"?array\""),
        ("\"jane\"", "\"?text\""),
        ("{\"seq\":\"\\ud800\"}", "\"?unreadable\""),
        (&"[".repeat(9000), "\"?unreadable\""),
    ] {
        assert_eq!(scrub(event), expected, "{event}");
    }
}

#[test]
fn the_keys_are_those_of_the_schema() {
    fn properties(schema: &Value, into: &mut BTreeSet<String>) {
        match schema {
            Value::Object(object) => {
                if let Some(Value::Object(found)) = object.get("properties") {
                    into.extend(found.keys().cloned());
                }
                object.values().for_each(|inner| properties(inner, into));
            }
            Value::Array(list) => list.iter().for_each(|inner| properties(inner, into)),
            _ => {}
        }
    }
    let of = |schemas: &[Value]| {
        let mut keys = BTreeSet::new();
        schemas.iter().for_each(|schema| properties(schema, &mut keys));
        keys
    };
    let json = |schema| serde_json::to_value(schema).expect("JSON");
    let ours = |keys: &[(&str, Place)]| keys.iter().map(|(key, _)| (*key).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(of(&[json(Event::schema()), json(EventBody::schema())]), ours(EVENT));
    assert_eq!(of(&[json(Reason::schema())]), ours(REASON));
    for keys in [EVENT, REASON] {
        assert!(keys.is_sorted_by_key(|(key, _)| *key), "they are found by halving");
    }
}

/// What must never be kept, as a text, and where it is one as a number.
const CANARIES: &[&str] = &[
    "jane@example.com",
    "Jane Doe",
    "Müller",
    "+49 170 1234567",
    "491701234567",
    "4111111111111111",
    "378282246310005",
    "4111 1111 1111 1111",
    "DE89370400440532013000",
    "https://shop.example/?token=abc",
    "shop.example/checkout",
    "192.168.17.42",
    "2001:db8::17",
    "5e5510110000000000000000000000ff",
    "Mozilla/5.0 (X11; Linux x86_64)",
    "Hauptstraße 5, 10115 Berlin",
    "-----BEGIN PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.e30.abc",
];

/// Any JSON whose texts are canaries, at keys of the schema and at keys that are canaries themselves.
fn any_json() -> impl Strategy<Value = Value> {
    let canary = prop::sample::select(CANARIES);
    let number = prop::sample::select(vec![
        491_701_234_567_u64,
        4_111_111_111_111_111,
        378_282_246_310_005,
        5_555_555_555_554_444,
    ]);
    let leaf = prop_oneof![
        8 => canary.clone().prop_map(|text| json!(text)),
        4 => number.prop_map(|number| json!(number)),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => any::<u32>().prop_map(|number| json!(number)),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
    ];
    let known = EVENT.iter().chain(REASON).map(|(key, _)| *key).collect::<Vec<_>>();
    let key = prop_oneof![4 => prop::sample::select(known), 1 => canary];
    leaf.prop_recursive(5, 60, 40, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..12),
            3 => prop::collection::vec((key.clone(), inner), 0..40).prop_map(|entries| vec![object(entries)]),
        ]
        .prop_map(|mut values| if values.len() == 1 { values.remove(0) } else { Value::Array(values) })
    })
}

fn object(entries: Vec<(&str, Value)>) -> Value {
    Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn expect_clean(event: &str) {
    let kept = scrub(event);
    assert!(kept.len() <= LETTER_BYTES, "{} bytes of {event}", kept.len());
    assert!(serde_json::from_str::<Value>(&kept).is_ok(), "{kept} of {event}");
    for canary in CANARIES {
        assert!(!kept.contains(canary), "{canary} in {kept} of {event}");
    }
    let digits = kept.split(|sign: char| !sign.is_ascii_digit());
    let telling = digits.filter(|digits| (10..14).contains(&digits.len()));
    assert_eq!(telling.collect::<Vec<_>>(), [""; 0], "{kept} of {event}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_a_person_survives(event in any_json()) {
        expect_clean(&event.to_string());
    }

    #[test]
    fn no_bytes_break_it(event in "\\PC{0,300}") {
        expect_clean(&event);
    }
}

#[test]
fn every_canary_is_dropped_at_every_key() {
    for (key, _) in EVENT.iter().chain(REASON) {
        for canary in CANARIES {
            expect_clean(&json!({*key: canary, *canary: canary}).to_string());
            expect_clean(&json!({"reasons": [{*key: canary, *canary: canary}]}).to_string());
            if let Ok(number) = canary.parse::<u64>() {
                expect_clean(&json!({*key: number}).to_string());
            }
        }
    }
}
