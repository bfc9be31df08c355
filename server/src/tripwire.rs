//! The tripwire of the closed schema. What is sent holds no free text, and whatever the schema does not know is dropped unread; but a page that
//! sends an address in such a place is wrong about what it does, and should hear of it. So a text that looks like a person's is refused, wherever
//! a text is possible at all: in fields that the schema does not have, in words that a later version may have, in the few names that pages
//! choose (slots, locales, versions of notices).
//!
//! It refuses and does not scrub, says what kind of thing it saw and never what. It is no filter of free text: it knows forms, not names.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use waver_schema::WIRE_VERSION;

use crate::schemas;

/// What a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Personal {
    Card,
    Coordinates,
    Email,
    /// The name of a field that says itself what it holds.
    Field,
    Iban,
    Imei,
    IpAddress,
    MacAddress,
    Phone,
    Secret,
    SocialSecurity,
    Url,
    UserAgent,
    Uuid,
}

impl Personal {
    pub(crate) const ALL: [Personal; 14] = [
        Personal::Card,
        Personal::Coordinates,
        Personal::Email,
        Personal::Field,
        Personal::Iban,
        Personal::Imei,
        Personal::IpAddress,
        Personal::MacAddress,
        Personal::Phone,
        Personal::Secret,
        Personal::SocialSecurity,
        Personal::Url,
        Personal::UserAgent,
        Personal::Uuid,
    ];

    /// The name in answers and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Personal::Card => "card",
            Personal::Coordinates => "coordinates",
            Personal::Email => "email",
            Personal::Field => "field",
            Personal::Iban => "iban",
            Personal::Imei => "imei",
            Personal::IpAddress => "ip_address",
            Personal::MacAddress => "mac_address",
            Personal::Phone => "phone",
            Personal::Secret => "credential",
            Personal::SocialSecurity => "social_security",
            Personal::Url => "url",
            Personal::UserAgent => "user_agent",
            Personal::Uuid => "uuid",
        }
    }
}

/// Forms that a pattern tells by itself. Bounded repetitions: the engine takes time in proportion to text and pattern.
static FORMS: LazyLock<Vec<(Personal, Regex)>> = LazyLock::new(|| {
    let forms = [
        (Personal::Email, r"(?i)[a-z0-9._+%-]{1,64}(?:@|%40)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+"),
        (Personal::Url, r"(?i)\b(?:https?|wss?|ftp|file|mailto|tel|data|javascript)(?::|%3a)"),
        (Personal::Url, r"(?i)\bwww\.[a-z0-9-]+\.|//[a-z0-9-]+(?:\.[a-z0-9-]+)+|[?&][a-z0-9_.-]+="),
        (Personal::MacAddress, r"(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b"),
        (Personal::Uuid, r"(?i)\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b"),
        (Personal::SocialSecurity, r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b"),
        (Personal::Coordinates, r"-?\b[0-9]{1,3}\.[0-9]{3,}\s*[,;/ ]\s*-?[0-9]{1,3}\.[0-9]{3,}\b"),
        (Personal::UserAgent, r"\b(?:Mozilla|AppleWebKit|Gecko|Chrome|Safari|Firefox)/[0-9]"),
        (Personal::Secret, r"-----BEGIN|\beyJ[A-Za-z0-9_-]{8,}\."),
        // International or national form, or as in North America.
        (
            Personal::Phone,
            r"(?:\+|\b0)[0-9](?:[ ()./-]{0,2}[0-9]){7,13}\b|\(?\b[0-9]{3}\)?[ .-]?[0-9]{3}[ .-][0-9]{4}\b",
        ),
    ];
    forms.map(|(kind, form)| (kind, pattern(form))).into()
});
/// Numbers, with what people put between their digits.
static DIGITS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[0-9](?:[ .-]?[0-9]){12,18}\b"));
/// ISO 13616: country, check digits, account; with or without the spaces of print.
static IBAN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]{2,4}){3,8}\b"));

/// A pattern of ours. By bytes: what it looks for is ASCII, and so no table of Unicode has to be built in.
fn pattern(form: &str) -> Regex {
    RegexBuilder::new(form).unicode(false).build().expect("a pattern of ours")
}

/// Names of fields that say what they hold, without separators. No field of ours is among them.
const FIELDS: &[&str] = &[
    "accesstoken",
    "address",
    "apikey",
    "authorization",
    "birthday",
    "card",
    "cardnumber",
    "city",
    "cookie",
    "creditcard",
    "cvc",
    "cvv",
    "dateofbirth",
    "deviceid",
    "dob",
    "email",
    "emailaddress",
    "familyname",
    "fingerprint",
    "firstname",
    "fullname",
    "givenname",
    "href",
    "iban",
    "ip",
    "ipaddress",
    "lastname",
    "lat",
    "latitude",
    "lng",
    "lon",
    "longitude",
    "mail",
    "mobile",
    "name",
    "passwd",
    "password",
    "phone",
    "phonenumber",
    "postalcode",
    "postcode",
    "pwd",
    "query",
    "searchterm",
    "secret",
    "ssn",
    "street",
    "surname",
    "tel",
    "telephone",
    "title",
    "url",
    "useragent",
    "userid",
    "username",
    "zip",
    "zipcode",
];

/// Fields whose text is hexadecimal by their type, or names a site of the configuration.
const SURE: &[&str] = &["decision", "hash", "session", "site", "string_hash", "visitor"];

/// Builds the patterns, so that no request waits for it.
pub(crate) fn set_up() {
    LazyLock::force(&FORMS);
    LazyLock::force(&DIGITS);
    LazyLock::force(&IBAN);
    LazyLock::force(&KEYS);
}

/// What `text` looks like, if it looks like anything of a person's.
pub(crate) fn of_text(text: &str) -> Option<Personal> {
    let of_form = || FORMS.iter().find(|(_, form)| form.is_match(text)).map(|(kind, _)| *kind);
    let of_address = || {
        let is_part = |byte: char| byte.is_ascii_hexdigit() || byte == '.' || byte == ':';
        let mut parts = text.split(|byte: char| !is_part(byte)).filter(|part| part.len() > 3);
        parts.any(|part| part.parse::<IpAddr>().is_ok()).then_some(Personal::IpAddress)
    };
    let of_digits = || DIGITS.find_iter(text).find_map(|found| of_number(found.as_str()));
    let of_account = || IBAN.find_iter(text).any(|found| is_iban(found.as_str())).then_some(Personal::Iban);
    of_digits().or_else(of_account).or_else(of_form).or_else(of_address)
}

/// What a number looks like.
fn of_number(text: &str) -> Option<Personal> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(10)).collect();
    if !has_check_digit(&digits) {
        return None;
    }
    match (digits.len(), digits[0]) {
        // Of cards only those of American Express and Diners Club have the fifteen digits of a device.
        (15, first) if first != 3 => Some(Personal::Imei),
        (13..=19, 2..=6) => Some(Personal::Card),
        _ => None,
    }
}

/// Luhn, ISO/IEC 7812-1.
fn has_check_digit(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, doubled) => doubled / 10 + doubled % 10,
    });
    digits.iter().any(|digit| *digit > 0) && weighed.sum::<u32>().is_multiple_of(10)
}

/// ISO 13616: the first four characters moved to the end, letters as 10 to 35, modulo 97 is 1.
fn is_iban(text: &str) -> bool {
    let plain: Vec<u32> = text.chars().filter_map(|character| character.to_digit(36)).collect();
    if !(15..=34).contains(&plain.len()) {
        return false;
    }
    let moved = plain[4..].iter().chain(&plain[..4]);
    moved.fold(0, |rest, value| (rest * if *value < 10 { 10 } else { 100 } + value) % 97) == 1
}

/// What a body of the schema called `name` holds that looks like a person's, in whatever place. `json` was read as one before.
pub(crate) fn of_body(name: &'static str, json: &[u8]) -> Option<Personal> {
    let known = KEYS.get(name)?;
    let value: Value = serde_json::from_slice(json).ok()?;
    of_value(known, &value, true)
}

fn of_value(known: &HashSet<String>, value: &Value, is_known: bool) -> Option<Personal> {
    match value {
        Value::Null | Value::Bool(_) => None,
        Value::String(text) => of_text(text),
        // Where the schema has a number, its range says all; references of items and orders are hashes and may look like anything.
        Value::Number(_) if is_known => None,
        Value::Number(number) => of_text(&number.to_string()),
        Value::Array(list) => list.iter().find_map(|element| of_value(known, element, is_known)),
        Value::Object(object) => object.iter().find_map(|(key, value)| {
            let is_known_key = known.contains(key);
            if is_known_key && SURE.contains(&key.as_str()) && value.is_string() {
                return None;
            }
            let of_key = || if is_known_key { None } else { of_key(key) };
            of_key().or_else(|| of_value(known, value, is_known_key))
        }),
    }
}

fn of_key(key: &str) -> Option<Personal> {
    let plain: String =
        key.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    if FIELDS.binary_search(&plain.as_str()).is_ok() { Some(Personal::Field) } else { of_text(key) }
}

/// Every key of what is sent, as the published schemas have them.
static KEYS: LazyLock<BTreeMap<&'static str, HashSet<String>>> = LazyLock::new(|| {
    fn collect(schema: &Value, keys: &mut HashSet<String>) {
        match schema {
            Value::Object(object) => {
                if let Some(Value::Object(properties)) = object.get("properties") {
                    keys.extend(properties.keys().cloned());
                }
                object.values().for_each(|value| collect(value, keys));
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, keys)),
            _ => {}
        }
    }
    let of = |name| {
        let text = schemas::find(name, WIRE_VERSION).map_or("{}", |published| published.text);
        let mut keys = HashSet::new();
        collect(&serde_json::from_str(text).unwrap_or_default(), &mut keys);
        (name, keys)
    };
    ["batch", "consent", "decision-request"].map(of).into()
});

/// How often it was met, since the process began.
#[derive(Debug, Default)]
pub(crate) struct Tripped([AtomicU64; Personal::ALL.len()]);

impl Tripped {
    pub(crate) fn add(&self, kind: Personal) {
        self.0[kind as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Shows it on `/metrics`.
#[derive(Debug)]
pub(crate) struct Met(pub(crate) std::sync::Arc<Tripped>);

impl Collector for Met {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help =
            "Events and requests refused since something in them looked like a person's, by what it looked like.";
        let mut family = encoder.encode_descriptor("tripwire", help, None, MetricType::Counter)?;
        Personal::ALL.into_iter().try_for_each(|kind| {
            let count = self.0.0[kind as usize].load(Ordering::Relaxed);
            ConstCounter::new(count).encode(family.encode_family(&[("kind", kind.as_str())])?)
        })
    }
}

#[cfg(test)]
mod tests;
