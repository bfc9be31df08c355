//! The OpenAPI document is what is implemented.

use std::collections::BTreeSet;

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
    "GET /v1/schemas",
    "GET /v1/schemas/{name}/{version}",
    "GET /v1/sessions",
    "GET /v1/stream",
    "GET /waver.js",
    "POST /dashboard/login",
    "POST /dashboard/logout",
    "POST /v1/consents",
    "POST /v1/dead-letters/redrive",
    "POST /v1/decisions",
    "POST /v1/erase",
    "POST /v1/events",
    "POST /v1/export/aggregates",
    "POST /v1/me",
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
