//! The wire as the contract prints it: what a version once wrote, every later one must read.

use waver_schema::{Batch, EventBody, HesitationKind, Zone};

const BATCH: &str = include_str!("wire/batch-v1.json");

#[test]
fn the_first_versions_batch_is_read_and_written_back_unchanged() {
    let batch: Batch = serde_json::from_str(BATCH).expect("a batch of version 1");
    let EventBody::Hesitation { kind, zone, .. } = &batch.events[1].body else {
        panic!("second event should be a hesitation");
    };
    assert_eq!((*kind, *zone), (HesitationKind::CtaHover, Some(Zone::Cta)));

    let written: serde_json::Value = serde_json::to_value(&batch).expect("serialises");
    let expected: serde_json::Value = serde_json::from_str(BATCH).expect("JSON");
    assert_eq!(written, expected);
}

#[test]
fn free_text_and_floats_have_no_place_in_an_event() {
    for body in [
        r#"{"seq":1,"t":0,"type":"page_view","page":"home","navigation":"jane","referrer":"direct","device":"mouse"}"#,
        r#"{"seq":1,"t":0.5,"type":"engagement","engaged_ms":1,"scroll_milli":0,"clicks":0}"#,
        r#"{"seq":1,"t":0,"type":"commerce","action":"add_to_cart","item":"jane@example.com"}"#,
        r#"{"seq":1,"t":0,"type":"note","text":"hello"}"#,
    ] {
        assert!(serde_json::from_str::<waver_schema::Event>(body).is_err(), "{body}");
    }
}

#[test]
fn what_is_not_a_known_page_is_another_page_and_nothing_of_it_is_kept() {
    let text =
        r#"{"seq":1,"t":0,"type":"frustration","kind":"rage_click","zone":"jane","page":"https://shop.example/jane"}"#;
    let event: waver_schema::Event = serde_json::from_str(text).expect("an event");
    assert_eq!(
        serde_json::to_string(&event).expect("serialises"),
        r#"{"seq":1,"t":0,"type":"frustration","kind":"rage_click","zone":"other","page":"other"}"#
    );
}
