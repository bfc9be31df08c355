//! Who may read answers: exactly the origins of the site.

use serde_json::Value;

use crate::harness::{Answer, Running, SHOP, consent, session};

const ALLOWED: &str = "access-control-allow-origin";

async fn preflight(running: &Running, path: &str, origin: &str) -> Answer {
    let request = running.caller.request("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    let request = request.header("access-control-request-headers", "content-type");
    Answer::of(request.send().await.expect("an answer")).await
}

async fn grant(running: &Running, origin: &str) -> Answer {
    let body = consent(&session(1), "granted", "granted");
    let request = running.caller.request("POST", "/v1/consents").header("origin", origin).json(&body);
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn the_sites_own_origin_may_read_and_no_other() {
    let running = Running::start().await;
    for path in ["/v1/events", "/v1/consents", "/v1/decisions"] {
        let answer = preflight(&running, path, SHOP).await;
        assert_eq!((answer.status, answer.header(ALLOWED)), (204, Some(SHOP)), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("content-type, content-encoding"));
        assert_eq!(answer.header("vary"), Some("Origin"));
        assert_eq!(answer.header("access-control-allow-credentials"), None, "never with credentials");
        for foreign in [
            "https://evil.example",
            "null",
            "http://shop.example",
            "https://shop.example.evil.example",
            "https://shop.example:444",
        ] {
            let answer = preflight(&running, path, foreign).await;
            assert_eq!((answer.status, answer.header(ALLOWED)), (403, None), "{foreign} at {path}");
        }
    }
    let answer = grant(&running, SHOP).await;
    assert_eq!((answer.status, answer.header(ALLOWED), answer.header("vary")), (200, Some(SHOP), Some("Origin")));
    // Another site of the same collector passes a preflight, which names no site, and gets nothing to read from this one.
    let answer = grant(&running, "https://strict.example").await;
    assert_eq!((answer.status, answer.header(ALLOWED)), (403, None));
    running.stop().await;
}

#[tokio::test]
async fn refusals_can_be_read_by_the_page_that_caused_them() {
    let running = Running::start().await;
    let request = running.caller.request("POST", "/v1/events").header("origin", SHOP).header("sec-gpc", "1");
    let answer = Answer::of(request.json(&Value::Null).send().await.expect("an answer")).await;
    assert_eq!((answer.status, answer.code(), answer.header(ALLOWED)), (403, "gpc", Some(SHOP)));
    running.stop().await;
}

#[tokio::test]
async fn answers_to_shoppers_carry_nothing_that_could_recognise_them() {
    let running = Running::start().await;
    let answer = grant(&running, SHOP).await;
    for name in ["set-cookie", "etag", "last-modified", "server", "strict-transport-security"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    running.stop().await;
}

#[tokio::test]
async fn operators_pages_are_read_by_the_collectors_own_pages_only() {
    let running = Running::start().await;
    for path in ["/dashboard", "/dashboard/login", "/v1/aggregates", "/metrics", "/openapi.json"] {
        let request = running.caller.request("GET", path).header("origin", SHOP);
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!(answer.header(ALLOWED), None, "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert!(
            answer.header("content-security-policy").expect("a policy").contains("frame-ancestors 'none'"),
            "{path}"
        );
    }
    let loader = running.caller.request("GET", "/waver.js").header("origin", SHOP).send().await.expect("an answer");
    let loader = Answer::of(loader).await;
    assert_eq!(
        (loader.header(ALLOWED), loader.header("cross-origin-resource-policy")),
        (Some("*"), Some("cross-origin"))
    );
    running.stop().await;
}
