//! The OpenAPI document is what is implemented.

use std::collections::BTreeSet;

use serde_json::Value;
use waver_core::session::MOST_OFFERS;
use waver_core::window::{HOUR_MS, HOURS_KEPT_MS, KEPT_MS, WINDOW_MS};
use waver_schema::{
    BrowserFamily, DropCause, ErasedClass, FrustrationKind, HesitationKind, PageType, Stage, TrafficClass, Zone, limits,
};

use crate::harness::{Answer, Running};

/// The routes of the outer contract that this collector has. A route that is added or renamed changes this list on purpose.
const ROUTES: &[&str] = &[
    "GET /dashboard",
    "GET /dashboard/login",
    "GET /dashboard/{file}",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "GET /sdk/{version}/{file}",
    "GET /v1/aggregates",
    "GET /v1/dead-letters",
    "GET /v1/erase/key",
    "GET /v1/erase/{erasure}",
    "GET /v1/export",
    "GET /v1/ledger/root",
    "GET /v1/models",
    "GET /v1/offers/report",
    "GET /v1/schemas",
    "GET /v1/schemas/{name}/{version}",
    "GET /v1/sessions",
    "GET /v1/stream",
    "GET /waver.js",
    "POST /dashboard/login",
    "POST /dashboard/logout",
    "POST /ofrep/v1/evaluate/flags",
    "POST /ofrep/v1/evaluate/flags/{slot}",
    "POST /v1/consents",
    "POST /v1/dead-letters/redrive",
    "POST /v1/decisions",
    "POST /v1/erase",
    "POST /v1/events",
    "POST /v1/export/aggregates",
    "POST /v1/grants/{grant}/redeem",
    "POST /v1/grants/{grant}/release",
    "POST /v1/grants/{grant}/reserve",
    "POST /v1/me",
    "POST /v1/orders",
    "PUT /v1/catalog/items",
];

#[tokio::test]
async fn the_document_lists_the_routes_and_each_answers() {
    let running = Running::start().await;
    let document =
        Answer::of(running.caller.request("GET", "/openapi.json").send().await.expect("an answer")).await.body;
    assert_eq!(document["openapi"], "3.1.0");
    let mut listed = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            listed.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert_eq!(listed, ROUTES.iter().map(|route| (*route).to_owned()).collect());

    for route in ROUTES {
        let (method, path) = route.split_once(' ').expect("two words");
        let answer = running.caller.request(method, &path.replace(['{', '}'], "")).send().await.expect("an answer");
        assert_ne!(answer.status(), 405, "{route}");
        // A method that the document does not list is not implemented either.
        let other = if listed.contains(&format!("DELETE {path}")) { continue } else { "DELETE" };
        let answer = running.caller.request(other, &path.replace(['{', '}'], "")).send().await.expect("an answer");
        assert_eq!(answer.status(), 405, "{other} {path}");
    }
    // Every route was met by its own name, so the document's paths are the router's.
    for route in ROUTES {
        let (_, path) = route.split_once(' ').expect("two words");
        assert!(running.caller.metric("waver_requests_total", &[&format!("route=\"{path}\"")]).await > 0, "{route}");
    }
    running.stop().await;
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let running = Running::start().await;
    let text =
        running.caller.request("GET", "/openapi.json").send().await.expect("an answer").text().await.expect("text");
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let mut references = 0;
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("a pointer");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        references += 1;
    }
    assert!(references > 50, "{references} references");
    running.stop().await;
}

#[tokio::test]
async fn the_registry_lists_every_schema_and_serves_it_to_anybody() {
    let running = Running::start().await;
    let get = async |path: &str| Answer::of(running.caller.request("GET", path).send().await.expect("an answer")).await;
    let listed = get("/v1/schemas").await;
    assert_eq!((listed.status, listed.header("access-control-allow-origin")), (200, Some("*")));
    let schemas = listed.body["schemas"].as_array().expect("a list");
    let of_version_1 =
        schemas.iter().filter(|schema| schema["version"] == 1).filter_map(|schema| schema["name"].as_str());
    let expected = [
        "batch",
        "batch-answer",
        "consent",
        "consent-answer",
        "decision-request",
        "decision",
        "erase",
        "erase-answer",
        "receipt",
        "me",
        "error",
    ];
    assert_eq!(of_version_1.collect::<Vec<_>>(), expected);
    for schema in schemas {
        let path = schema["path"].as_str().expect("a path");
        let served = get(path).await;
        assert_eq!((served.status, served.header("content-type")), (200, Some("application/schema+json")), "{path}");
        assert_eq!(served.body["$id"], *path);
        assert_eq!(served.body["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(served.body["title"], schema["title"]);
    }
    for path in ["/v1/schemas/batch/2", "/v1/schemas/batch/one", "/v1/schemas/nothing/1", "/v1/schemas/batch/99999999"]
    {
        assert_eq!(get(path).await.code(), "not_found", "{path}");
    }
    running.stop().await;
}

/// Where a list or a text of the document has no bound.
fn unbounded(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            let is = |kind: &str| match entries.get("type") {
                Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
                one => one.is_some_and(|one| one == kind),
            };
            let has = |keys: &[&str]| keys.iter().any(|key| entries.contains_key(*key));
            if is("array") && !has(&["maxItems"]) || is("string") && !has(&["maxLength", "enum", "const", "pattern"]) {
                found.push(place.to_owned());
            }
            entries.iter().for_each(|(key, value)| unbounded(value, &format!("{place}/{key}"), found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| unbounded(element, place, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_list_and_text_of_the_document_is_bounded_by_what_the_code_holds_to() {
    let running = Running::start().await;
    let document =
        Answer::of(running.caller.request("GET", "/openapi.json").send().await.expect("an answer")).await.body;
    let mut found = Vec::new();
    unbounded(&document, "", &mut found);
    // The names of a map of counts: its words are a closed set.
    found.retain(|place| !place.ends_with("/propertyNames"));
    assert_eq!(found, Vec::<String>::new());

    let bound = |pointer: &str| {
        let place = format!("/components/schemas/{pointer}");
        let value = document.pointer(&place).unwrap_or_else(|| panic!("{place}"));
        usize::try_from(value.as_u64().expect("a number")).expect("it fits")
    };
    assert_eq!(bound("Batch/properties/events/maxItems"), limits::EVENTS_PER_BATCH);
    assert_eq!(bound("BatchAnswer/properties/rejected/maxItems"), limits::EVENTS_PER_BATCH);
    let bodies = document.pointer("/components/schemas/EventBody/oneOf").and_then(Value::as_array).expect("kinds");
    let reasons = bodies.iter().find_map(|body| body.pointer("/properties/reasons/maxItems")?.as_u64());
    assert_eq!(reasons, Some(limits::REASONS_PER_HESITATION as u64));
    assert_eq!(bound("Aggregates/properties/windows/maxItems") as u64, KEPT_MS / WINDOW_MS);
    assert_eq!(bound("NoisyAggregates/properties/windows/maxItems") as u64, HOURS_KEPT_MS / HOUR_MS);
    assert_eq!(bound("SessionRow/properties/offers/maxItems"), MOST_OFFERS);
    assert_eq!(bound("Receipt/properties/classes/maxItems"), ErasedClass::ALL.len());
    // Each cell of a table is there once.
    let zones = Zone::ALL.len() + 1;
    let cells = zones * PageType::ALL.len();
    assert!(bound("SessionRow/properties/hesitations/maxItems") >= HesitationKind::ALL.len() * zones);
    assert!(bound("ReleasedWindow/properties/hesitations/maxItems") >= HesitationKind::ALL.len() * cells);
    assert!(bound("ReleasedWindow/properties/frustrations/maxItems") >= FrustrationKind::ALL.len() * cells);
    assert!(bound("ReleasedWindow/properties/stage_moves/maxItems") >= Stage::ALL.len() * Stage::ALL.len());
    assert!(bound("ReleasedWindow/properties/dropped/maxItems") >= BrowserFamily::ALL.len() * DropCause::ALL.len());
    assert!(bound("ReleasedWindow/properties/automated/maxItems") >= TrafficClass::ALL.len());
}
