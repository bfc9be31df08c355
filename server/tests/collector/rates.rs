//! Limits of rate, over HTTP: who is refused, with which answer, and what it does to the books.

use serde_json::{Value, json};

use crate::harness::{Answer, Caller, Running, batch, consent, session, view};

/// A collector behind a proxy on loopback, with a limit of its own.
async fn limited(limit: &str, rate: &str) -> Running {
    let name = format!("WAVER__LIMITS__RATE__{limit}");
    Running::start_with(&[("WAVER__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]"), (&name, rate)]).await
}

async fn send_from(caller: &Caller, address: &str, path: &str, body: &Value) -> Answer {
    let request = caller.request("POST", path).header("x-forwarded-for", address).json(body);
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn a_source_that_asks_too_often_is_told_when_to_come_back_and_others_are_served() {
    let running = limited("SOURCE_REQUESTS", "2/min").await;
    let caller = &running.caller;
    let grant = consent(&session(1), "granted", "granted");
    let epoch = caller_epoch(&send_from(caller, "192.0.2.1", "/v1/consents", &grant).await);
    let events = batch(&session(1), epoch, [view(1)]);
    assert_eq!(send_from(caller, "192.0.2.1", "/v1/events", &events).await.status, 202);
    for path in ["/v1/events", "/v1/consents", "/v1/decisions"] {
        let refused = send_from(caller, "192.0.2.1", path, &json!("not even read")).await;
        assert_eq!((refused.status, refused.code()), (429, "too_many"), "{path}");
        let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
        assert!((1..=30).contains(&wait), "half a minute for one of two a minute, and not {wait} s");
        let message = refused.body["message"].as_str().expect("a message");
        assert!(message.contains("limits.rate.source_requests") && !message.contains("192.0"), "{message}");
    }
    assert_eq!(send_from(caller, "192.0.2.99", "/v1/events", &events).await.status, 202, "another source");
    // What is refused before it is read was not received; operators' routes are not limited, and neither is this machine.
    assert_eq!(running.caller.metric("waver_events_received_total", &[]).await, 2);
    let refused = ["limit=\"source_requests\""];
    assert_eq!(running.caller.metric("waver_rate_limited_total", &refused).await, 3);
    assert_eq!(running.caller.metric("waver_rate_limited_total", &[]).await, 3);
    running.stop().await;
}

fn caller_epoch(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["consent_epoch"].as_u64().expect("an epoch")
}

#[tokio::test]
async fn a_source_begins_only_so_many_sessions_and_withdraws_as_often_as_it_likes() {
    let running = limited("SOURCE_SESSIONS", "3/min").await;
    let caller = &running.caller;
    for number in 0..3 {
        let grant = consent(&session(number), "granted", "granted");
        assert_eq!(send_from(caller, "2001:db8:1:2::1", "/v1/consents", &grant).await.status, 200);
    }
    let grant = consent(&session(3), "granted", "granted");
    let refused = send_from(caller, "2001:db8:1:2:ffff::1", "/v1/consents", &grant).await;
    assert_eq!((refused.status, refused.code()), (429, "too_many"), "the same customer's network");
    for _ in 0..5 {
        let withdrawal = consent(&session(0), "denied", "denied");
        assert_eq!(send_from(caller, "2001:db8:1:2::1", "/v1/consents", &withdrawal).await.status, 200);
    }
    assert_eq!(running.caller.admin("/v1/sessions").await["sessions"].as_array().map(Vec::len), Some(3));
    running.stop().await;
}

#[tokio::test]
async fn a_site_is_limited_whoever_asks() {
    let running = limited("SITE_SESSIONS", "2/min").await;
    for (number, status) in [(0, 200), (1, 200), (2, 429)] {
        let address = format!("192.0.2.{number}");
        let grant = consent(&session(number), "granted", "granted");
        assert_eq!(send_from(&running.caller, &address, "/v1/consents", &grant).await.status, status);
    }
    running.stop().await;
    let running = limited("SITE_REQUESTS", "1/min").await;
    assert_eq!(running.caller.send("/v1/consents", &consent(&session(1), "granted", "granted")).await.status, 200);
    let events = batch(&session(1), 1, [view(1)]);
    assert_eq!(running.caller.send("/v1/events", &events).await.code(), "too_many", "programs of this machine too");
    running.stop().await;
}

#[tokio::test]
async fn a_shops_page_can_read_that_it_comes_too_often() {
    let running = limited("SOURCE_REQUESTS", "1/min").await;
    for status in [401, 429] {
        let request = running.caller.request("POST", "/v1/events").header("x-forwarded-for", "192.0.2.1");
        let mut sent = batch(&session(1), 1, [view(1)]);
        sent["site"] = json!("nobody");
        let answer =
            Answer::of(request.header("origin", crate::harness::SHOP).json(&sent).send().await.expect("an answer"))
                .await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(crate::harness::SHOP));
    }
    running.stop().await;
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_is_believed() {
    let running = Running::start_with(&[("WAVER__LIMITS__RATE__SOURCE_REQUESTS", "1/min")]).await;
    for number in 0..5 {
        let grant = consent(&session(number), "granted", "granted");
        let answer = send_from(&running.caller, "192.0.2.1", "/v1/consents", &grant).await;
        assert_eq!(answer.status, 200, "what the sender says of itself is not looked at");
    }
    running.stop().await;
}
