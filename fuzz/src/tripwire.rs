//! The tripwire for what looks like a person's, and the count of fields that the schema does not have, which says what it need not look at.

use waver::decoders::{personal, personal_text, unknown_fields};
use waver_schema::Event;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Nothing that stands around an address hides it.
    for around in
        [format!("{text} jane@shop.example"), format!("jane@shop.example {text}"), format!("{text} 192.0.2.60 ")]
    {
        assert!(personal_text(&around).is_some(), "`{around}` is let pass");
    }
    for name in ["batch", "consent", "decision-request"] {
        let _ = personal(name, bytes);
    }
    let Ok(event) = serde_json::from_str::<Event>(text) else { return };
    let (is_plain, unknown) = unknown_fields(text, &event);
    // What is not looked at holds nothing.
    if is_plain {
        assert_eq!((personal("batch", bytes), unknown), (None, 0), "{text}");
    }
    let written = serde_json::to_string(&event).expect("an event is JSON");
    assert_eq!(unknown_fields(&written, &event).1, 0, "{written}");
}
