use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::fields::Holds;
use super::*;

fn of_this_build() -> ProcessingRecord {
    ProcessingRecord::new(&Retention::default())
}

#[test]
fn the_documents_follow_from_the_schemas() {
    let made = of_this_build();
    let json = serde_json::to_string_pretty(&made).expect("JSON") + "\n";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (name, text) in [
        ("processing-record.json", json),
        ("processing-record.md", record(&made)),
        ("privacy-notice.md", notice(&made)),
    ] {
        let path = folder.join(name);
        if std::env::var_os("WAVER_REWRITE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).expect("writes");
        }
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            before == text,
            "docs/{name} is not what is implemented; WAVER_REWRITE_SCHEMAS=1 cargo test -p waver schemas"
        );
    }
}

#[test]
fn every_route_that_takes_something_from_a_shopper_is_in_the_record() {
    let document = crate::http::document();
    let mut taking = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let is_ingest = operation["tags"].as_array().is_some_and(|tags| tags.contains(&json!("ingest")));
            if is_ingest && operation.get("requestBody").is_some() {
                taking.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let made = of_this_build();
    let recorded = made.activities.iter().flat_map(|activity| &activity.requests).map(|request| request.route.clone());
    assert_eq!(recorded.collect::<BTreeSet<_>>(), taking);
}

#[test]
fn no_field_may_hold_just_anything_and_each_says_what_it_is() {
    let made = of_this_build();
    let mut fields = 0;
    for request in made.activities.iter().flat_map(|activity| &activity.requests) {
        for field in &request.fields {
            fields += 1;
            assert_ne!(field.holds, Holds::Anything, "{} of {}", field.path, request.route);
            let is_tag = field.path.ends_with(".type");
            assert!(is_tag || !field.what.is_empty(), "{field:?} of {}", request.route);
        }
    }
    assert!(fields > 60, "{fields} fields");
}
