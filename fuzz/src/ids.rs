//! Identifiers, names, language tags, currencies and the words of the closed vocabularies.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use waver_schema::{
    ConsentSource, Currency, DecisionId, DecisionReason, ErrorCode, Feature, HesitationKind, ItemRef, Locale, Milli,
    OfferId, OrderRef, PageType, SessionId, SiteKey, SlotName, Zone, limits,
};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    same_in_json(text, SessionId::parse(text).ok(), ToString::to_string);
    same_in_json(text, DecisionId::parse(text).ok(), ToString::to_string);
    same_in_json(text, SiteKey::parse(text).ok(), ToString::to_string);
    same_in_json(text, SlotName::parse(text).ok(), ToString::to_string);
    same_in_json(text, OfferId::parse(text).ok(), ToString::to_string);
    same_in_json(text, Locale::parse(text).ok(), |locale| locale.as_str().to_owned());
    same_in_json(text, Currency::new(text).ok(), |currency| currency.as_str().to_owned());
    same_in_json(text, HesitationKind::from_name(text), |word| word.as_str().to_owned());
    same_in_json(text, Feature::from_name(text), |word| word.as_str().to_owned());
    same_in_json(text, ConsentSource::from_name(text), |word| word.as_str().to_owned());
    same_in_json(text, DecisionReason::from_name(text), |word| word.as_str().to_owned());
    same_in_json(text, ErrorCode::from_name(text), |word| word.as_str().to_owned());
    or_other(text, Zone::from_name(text), Zone::Other);
    or_other(text, PageType::from_name(text), PageType::Other);
    if let Ok(site) = SiteKey::parse(text) {
        assert!((1..=limits::NAME_CHARS).contains(&site.as_str().len()));
    }
    if let Ok(locale) = Locale::parse(text) {
        assert!(text.len() <= 21 && (2..=3).contains(&locale.language().len()));
    }

    assert!(ItemRef::from_label(text).get() <= limits::MAX_SAFE_INTEGER);
    number::<ItemRef>(text, |item| item.get() <= limits::MAX_SAFE_INTEGER);
    number::<OrderRef>(text, |order| order.get() <= limits::MAX_SAFE_INTEGER);
    number::<Milli>(text, |milli| milli.get() <= 1000);
}

/// JSON takes the text if, and only if, it is one; written again it is the same text.
fn same_in_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    text: &str,
    parsed: Option<T>,
    write: impl Fn(&T) -> String,
) {
    let json = serde_json::to_string(text).expect("texts are JSON");
    let read = serde_json::from_str::<T>(&json);
    assert_eq!(read.as_ref().ok(), parsed.as_ref());
    if let Some(value) = parsed {
        assert_eq!(write(&value), text);
        assert_eq!(serde_json::to_string(&value).expect("it is JSON"), json);
    }
}

/// As [`same_in_json`], but JSON reads words that are not known as `other`.
fn or_other<T: DeserializeOwned + PartialEq + Debug>(text: &str, known: Option<T>, other: T) {
    let json = serde_json::to_string(text).expect("texts are JSON");
    assert_eq!(serde_json::from_str::<T>(&json).ok(), known.or(Some(other)));
}

fn number<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str, is_in_range: impl Fn(&T) -> bool) {
    let Ok(value) = serde_json::from_str::<T>(text) else { return };
    assert!(is_in_range(&value), "{value:?}");
    let again = serde_json::to_string(&value).expect("it is JSON");
    assert_eq!(serde_json::from_str::<T>(&again).expect("it was written by us"), value);
}
