use serde_json::json;
use waver_schema::{CommerceAction, ConsentSource, Feature, HesitationKind, PageType};

use super::*;

#[test]
fn what_looks_like_a_persons_is_recognised() {
    for (kind, texts) in [
        (Personal::Email, &["jane@example.com", "write to j.doe+x@mail.example.co.uk now", "jane%40example.com"][..]),
        // Numbers that card brands publish for tests.
        (Personal::Card, &["4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"][..4]),
        (Personal::Iban, &["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "de89-3704-0044-0532-0130-00"]),
        (Personal::Imei, &["490154203237518", "49-015420-323751-8"]),
        (
            Personal::Phone,
            &[
                "+49 171 2345678",
                "0171-2345678",
                "00491712345678",
                "(212) 555-0100",
                "212-555-0100",
                "+1 (212) 555-0100",
            ],
        ),
        (
            Personal::IpAddress,
            &["192.168.1.77", "from 10.0.0.1, port 4", "2001:db8::8a2e:370:7334", "[::ffff:10.0.0.1]"],
        ),
        (Personal::MacAddress, &["00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E"]),
        (Personal::Uuid, &["550e8400-e29b-41d4-a716-446655440000", "550e8400e29b41d4a716446655440000"]),
        (Personal::SocialSecurity, &["078-05-1120"]),
        (
            Personal::Url,
            &[
                "https://shop.example/cart",
                "https%3A%2F%2Fshop",
                "www.shop.example",
                "//shop.example/x",
                "/search?q=jane",
                "mailto:x",
                "tel:1",
            ],
        ),
        (Personal::Coordinates, &["52.5200, 13.4050", "-33.868820;151.209290"]),
        (Personal::UserAgent, &["Mozilla/5.0 (X11; Linux x86_64)", "Chrome/138.0.0.0"]),
        (Personal::Secret, &["-----BEGIN PRIVATE KEY-----", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0"]),
    ] {
        for text in texts {
            assert_eq!(of_text(text), Some(kind), "{text}");
        }
    }
}

#[test]
fn what_is_nobodys_is_let_pass() {
    let words = PageType::ALL.iter().map(|word| word.as_str());
    let words = words.chain(HesitationKind::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(Feature::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(CommerceAction::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(ConsentSource::ALL.iter().map(|word| word.as_str()));
    let names = [
        "",
        "cart",
        "cart-2",
        "hero_banner_2026",
        "black-friday-2026-11-27",
        "2026-11-01",
        "v3",
        "3.1.0",
        "1.34.0",
        "4095",
        "de",
        "en-GB",
        "sl-rozaj-biske",
        "EUR",
        "1800000000000",
        "summer-20-off",
        "step-1-of-3",
        "4111111111111112",
        "?text",
    ];
    for text in words.chain(names) {
        assert_eq!(of_text(text), None, "{text}");
    }
}

#[test]
fn a_body_is_looked_through_wherever_the_schema_leaves_room() {
    let view = json!({"seq": 1, "t": 0, "type": "page_view", "page": "home", "navigation": "load", "referrer": "direct", "device": "mouse"});
    let with = |key: &str, value: Value| {
        let mut event = view.clone();
        event[key] = value;
        of_body("batch", event.to_string().as_bytes())
    };
    assert_eq!(of_body("batch", view.to_string().as_bytes()), None);
    // One item in eighteen has a reference that could be a card's number; it is a hash.
    assert_eq!(with("item", json!(4_111_111_111_111_111_u64)), None);
    assert_eq!(with("warp", json!(4_111_111_111_111_111_u64)), Some(Personal::Card));
    assert_eq!(with("warp", json!({"speed": [1, 2.5, null, true, "fast"]})), None);
    assert_eq!(with("warp", json!({"deep": [{"er": "jane@example.com"}]})), Some(Personal::Email));
    assert_eq!(with("page", json!("jane@example.com")), Some(Personal::Email), "a word that reads as another page");
    assert_eq!(with("jane@example.com", json!(1)), Some(Personal::Email));
    for key in ["email", "E-Mail", "first_name", "lat", "userAgent", "Password"] {
        assert_eq!(with(key, json!(1)), Some(Personal::Field), "{key}");
    }
    let hexadecimal = json!({"session": "550e8400e29b41d4a716446655440000", "string_hash": "0".repeat(64)});
    assert_eq!(of_body("consent", hexadecimal.to_string().as_bytes()), None);
    assert_eq!(of_body("consent", json!({"session": {"mail": 1}}).to_string().as_bytes()), Some(Personal::Field));
    assert_eq!(
        of_body("decision-request", json!({"slot": "0171-2345678"}).to_string().as_bytes()),
        Some(Personal::Phone)
    );
}

#[test]
fn names_of_fields_are_in_order_and_none_is_ours() {
    assert!(FIELDS.is_sorted());
    for (name, keys) in &*KEYS {
        assert!(keys.len() > 10, "{name}: {keys:?}");
        for key in keys {
            assert_eq!(of_key(key), None, "{key} of {name}");
        }
    }
}

#[test]
fn kinds_have_names_and_counters_of_their_own() {
    let names: HashSet<&str> = Personal::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), Personal::ALL.len());
    assert!(Personal::ALL.iter().enumerate().all(|(place, kind)| *kind as usize == place));
}
