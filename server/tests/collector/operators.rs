//! What operators see, and that nobody else does.

use serde_json::{Value, json};

use crate::harness::{ADMIN_TOKEN, Answer, DEADLINE, Running, batch, eventually, session, view};

#[tokio::test]
async fn operators_routes_ask_who_is_there() {
    let running = Running::start().await;
    for path in ["/v1/aggregates", "/v1/ledger/root", "/v1/sessions", "/v1/stream"] {
        for token in [None, Some(""), Some("wrong"), Some(&ADMIN_TOKEN[1..])] {
            let request = running.caller.request("GET", path);
            let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
            let answer = Answer::of(request.send().await.expect("an answer")).await;
            assert_eq!((answer.status, answer.code()), (401, "unauthorized"), "{path} with {token:?}");
        }
    }
    running.stop().await;
}

async fn sign_in(running: &Running, token: &str, accept: &str) -> Answer {
    let request = running.caller.request("POST", "/dashboard/login").header("accept", accept);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(format!("token={token}"));
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn the_dashboard_opens_with_the_token_and_closes_by_signing_out() {
    let running = Running::start().await;
    let shut = Answer::of(running.caller.request("GET", "/dashboard").send().await.expect("an answer")).await;
    assert_eq!((shut.status, shut.header("location")), (303, Some("/dashboard/login")));

    let opened = sign_in(&running, ADMIN_TOKEN, "*/*").await;
    assert_eq!((opened.status, opened.header("location")), (303, Some("/dashboard")));
    let cookie = opened.header("set-cookie").expect("a cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let as_operator = |method: &str, path: &str| running.caller.request(method, path).header("cookie", &cookie);
    let seen = as_operator("GET", "/v1/aggregates").send().await.expect("an answer");
    assert_eq!(seen.status(), 200);
    assert_ne!(as_operator("GET", "/dashboard").send().await.expect("an answer").status(), 303);

    let closed = as_operator("POST", "/dashboard/logout").send().await.expect("an answer");
    assert_eq!(closed.status(), 303);
    assert_eq!(as_operator("GET", "/v1/aggregates").send().await.expect("an answer").status(), 401);
    running.stop().await;
}

#[tokio::test]
async fn wrong_tokens_are_refused_and_slowed_down() {
    let running = Running::start().await;
    let by_script = sign_in(&running, "wrong", "*/*").await;
    assert_eq!((by_script.status, by_script.code()), (401, "unauthorized"));
    let by_form = sign_in(&running, "wrong", "text/html,*/*;q=0.8").await;
    assert_eq!((by_form.status, by_form.header("location")), (303, Some("/dashboard/login?failed")));
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(sign_in(&running, "wrong", "*/*").await.status);
    }
    assert_eq!(answers.last(), Some(&429), "{answers:?}");
    let slowed = sign_in(&running, ADMIN_TOKEN, "*/*").await;
    assert_eq!((slowed.status, slowed.code()), (429, "too_many"));
    assert!(slowed.header("retry-after").is_some());
    running.caller.admin("/v1/aggregates").await; // the bearer's way stays open
    running.stop().await;
}

#[tokio::test]
async fn questions_that_make_no_sense_say_so() {
    let running = Running::start().await;
    for (query, status, field) in [
        ("site=nobody", 401, Some("site")),
        ("window=90s", 422, Some("window")),
        ("window=5", 422, Some("window")),
        ("from=7&to=7", 422, Some("from")),
        ("from=yesterday", 422, None),
    ] {
        let request = running.caller.request("GET", &format!("/v1/aggregates?{query}")).bearer_auth(ADMIN_TOKEN);
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (status, field), "{query}: {}", answer.body);
    }
    let hours = running.caller.admin("/v1/aggregates?site=strict&from=0&to=7200000&window=1h").await;
    assert_eq!((&hours["window_ms"], hours["windows"].as_array().map(Vec::len)), (&json!(3_600_000), Some(2)));
    running.stop().await;
}

/// Reads server-sent events named `aggregates` until one satisfies `enough`.
async fn follow(response: &mut reqwest::Response, enough: impl Fn(&Value) -> bool) -> Value {
    let mut text = String::new();
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        while let Some((message, rest)) = text.split_once("\n\n") {
            let data = message.strip_prefix("event: aggregates\ndata: ").map(serde_json::from_str::<Value>);
            let rest = rest.to_owned();
            if let Some(document) = data {
                let document = document.expect("JSON");
                if enough(&document) {
                    return document;
                }
            }
            text = rest;
        }
        let chunk = tokio::time::timeout_at(deadline, response.chunk()).await.expect("in time");
        text.push_str(std::str::from_utf8(&chunk.expect("a chunk").expect("not the end")).expect("text"));
    }
}

#[tokio::test]
async fn the_stream_tells_of_what_happens_and_ends_with_the_collector() {
    let running = Running::start().await;
    let request = running.caller.request("GET", "/v1/stream?site=demo").bearer_auth(ADMIN_TOKEN);
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let first = follow(&mut response, |_| true).await;
    assert_eq!((&first["site"], &first["total"]["events"]), (&json!("demo"), &json!(0)));
    assert_eq!(first["windows"].as_array().map(Vec::len), Some(60));

    let epoch = running.caller.grant(&session(1)).await;
    running.caller.send("/v1/events", &batch(&session(1), epoch, [view(1)])).await;
    let later = follow(&mut response, |document| document["total"]["events"] == 1).await;
    assert_eq!(later["outcomes"], json!({"received": 1, "stored": 1, "duplicate": 0, "discarded": {}}));

    running.stop().await;
    while response.chunk().await.expect("a clean end").is_some() {}
}

#[tokio::test]
async fn streams_are_bounded() {
    let running = Running::start_with(&[("WAVER__LIMITS__STREAMS", "1")]).await;
    let open = || running.caller.request("GET", "/v1/stream").bearer_auth(ADMIN_TOKEN).send();
    let first = open().await.expect("an answer");
    let second = Answer::of(open().await.expect("an answer")).await;
    assert_eq!((second.status, second.code()), (429, "too_many"));
    drop(first);
    eventually("the place to be free", async || {
        let again = open().await.expect("an answer");
        (again.status() == 200).then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_never_by_what_was_sent() {
    let running = Running::start().await;
    assert_eq!(running.caller.metric("waver_requests_total", &["route=\"/v1/events\""]).await, 0);
    running.caller.send("/v1/events", &json!({})).await;
    running.caller.request("GET", "/jane@example.com?token=secret").send().await.expect("an answer");
    running.caller.request("JANE", "/healthz").send().await.expect("an answer");
    assert_eq!(running.caller.metric("waver_requests_total", &["route=\"/v1/events\"", "status=\"422\""]).await, 1);
    let text = running.caller.request("GET", "/metrics").send().await.expect("an answer").text().await.expect("text");
    assert!(text.contains("route=\"unmatched\"") && text.contains("method=\"other\""));
    assert!(!text.to_lowercase().contains("jane") && !text.contains("secret"));
    for name in
        ["waver_build_info{version=", "waver_queue_depth 0", "waver_sessions_live{", "waver_commit_seconds_count"]
    {
        assert!(text.contains(name), "{name} in {text}");
    }
    running.stop().await;
}
