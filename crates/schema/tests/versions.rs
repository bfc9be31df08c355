//! What every version wrote, in `wire/v{version}/`, must still be read. A file's name begins with what it is.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;
use waver_schema::{
    ApiError, Batch, BatchAnswer, ConsentAnswer, ConsentRecord, Decision, DecisionRequest, WIRE_VERSION,
};

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The texts of that kind, of every version.
fn texts(kind: &str) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for version in 1..=WIRE_VERSION {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/wire/v{version}"));
        for file in std::fs::read_dir(&folder).expect("a folder for every version") {
            let path = file.expect("lists").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            if name.split('.').next() == Some(kind) {
                texts.push((format!("v{version}/{name}"), std::fs::read_to_string(&path).expect("reads")));
            }
        }
    }
    assert!(!texts.is_empty(), "a fixture of {kind}");
    texts
}

fn all<T: DeserializeOwned>(kind: &str) -> Vec<T> {
    let texts = texts(kind);
    texts.into_iter().map(|(name, text)| read(&text).unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
}

#[test]
fn every_versions_bodies_are_still_read() {
    let batches: Vec<Batch> = all("batch");
    let types: BTreeSet<&str> =
        batches.iter().flat_map(|batch| &batch.events).map(|event| event.body.type_name()).collect();
    let expected = ["commerce", "dropped", "engagement", "frustration", "hesitation", "intent", "offer", "page_view"];
    assert!(expected.iter().all(|name| types.contains(name)), "each type of event is among them: {types:?}");
    assert!(all::<ConsentRecord>("consent").len() >= 4);
    assert!(all::<DecisionRequest>("decision-request").len() >= 2);
    assert!(all::<Decision>("decision").len() >= 2);
    all::<BatchAnswer>("batch-answer");
    all::<ConsentAnswer>("consent-answer");
    all::<ApiError>("error");
}

#[test]
fn fields_that_nobody_knows_yet_are_let_pass() {
    fn with_more(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(object) => {
                object.values_mut().for_each(with_more);
                object.insert("from_a_later_version".to_owned(), serde_json::json!({"any": ["thing", 1.5, null]}));
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(with_more),
            _ => {}
        }
    }
    for (name, text) in texts("batch") {
        let before: Batch = read(&text).expect(&name);
        let mut later = serde_json::from_str(&text).expect(&name);
        with_more(&mut later);
        assert_eq!(read::<Batch>(&later.to_string()), Ok(before), "{name}");
    }
    for (name, text) in texts("decision-request") {
        let before: DecisionRequest = read(&text).expect(&name);
        let mut later = serde_json::from_str(&text).expect(&name);
        with_more(&mut later);
        assert_eq!(read::<DecisionRequest>(&later.to_string()), Ok(before), "{name}");
    }
}
