//! Every row of the contract's table of refusals.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Answer, Caller, Running, SHOP, batch, consent, decision_request, session, view};

struct Refused {
    name: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
    status: u16,
    code: &'static str,
    field: Option<&'static str>,
}

fn with(mut body: Value, field: &str, value: Value) -> String {
    body[field] = value;
    body.to_string()
}

fn table() -> Vec<Refused> {
    let shopper = session(1);
    let events = || batch(&shopper, 1, [view(1)]);
    let grant = || consent(&shopper, "granted", "granted");
    let ask = || decision_request(&shopper, 1);
    let mut table = Vec::new();
    let mut row = |name, path, headers: &[(&'static str, &'static str)], body: String, status, code, field| {
        table.push(Refused { name, path, headers: headers.to_vec(), body, status, code, field });
    };
    let json_type = [("content-type", "application/json")];
    for path in ["/v1/events", "/v1/consents", "/v1/decisions"] {
        let (body, v) = match path {
            "/v1/events" => (events(), true),
            "/v1/consents" => (grant(), true),
            _ => (ask(), false),
        };
        row("no JSON", path, &json_type, "{\"v\":1,".to_owned(), 400, "bad_json", None);
        row("nothing", path, &json_type, String::new(), 400, "bad_json", None);
        row("more than JSON", path, &json_type, format!("{body} x"), 400, "bad_json", None);
        row(
            "not of its encoding",
            path,
            &[json_type[0], ("content-encoding", "gzip")],
            body.to_string(),
            400,
            "bad_json",
            None,
        );
        row(
            "unknown site",
            path,
            &json_type,
            with(body.clone(), "site", json!("nobody")),
            401,
            "unknown_site",
            Some("site"),
        );
        row(
            "foreign origin",
            path,
            &[json_type[0], ("origin", "https://evil.example")],
            body.to_string(),
            403,
            "origin",
            None,
        );
        row(
            "another site's origin",
            path,
            &[json_type[0], ("origin", "https://strict.example")],
            body.to_string(),
            403,
            "origin",
            None,
        );
        row("opaque origin", path, &[json_type[0], ("origin", "null")], body.to_string(), 403, "origin", None);
        row(
            "no origin where one is asked for",
            path,
            &json_type,
            with(body.clone(), "site", json!("strict")),
            403,
            "origin",
            None,
        );
        row("GPC", path, &[json_type[0], ("sec-gpc", "1")], body.to_string(), 403, "gpc", None);
        row("DNT", path, &[json_type[0], ("dnt", "1")], body.to_string(), 403, "gpc", None);
        row("too many bytes", path, &json_type, format!("{body}{}", " ".repeat(17_000)), 413, "too_large", None);
        row(
            "a form",
            path,
            &[("content-type", "application/x-www-form-urlencoded")],
            body.to_string(),
            415,
            "media_type",
            None,
        );
        row("no type", path, &[], body.to_string(), 415, "media_type", None);
        row(
            "unknown encoding",
            path,
            &[json_type[0], ("content-encoding", "rot13")],
            body.to_string(),
            415,
            "media_type",
            None,
        );
        row("not an object", path, &json_type, "[]".to_owned(), 422, "schema", None);
        row(
            "a URL for a site",
            path,
            &json_type,
            with(body.clone(), "site", json!("https://shop.example")),
            422,
            "schema",
            Some("site"),
        );
        row(
            "a short session",
            path,
            &json_type,
            with(body.clone(), "session", json!("abc")),
            422,
            "schema",
            Some("session"),
        );
        if v {
            row("a later version", path, &json_type, with(body.clone(), "v", json!(2)), 422, "schema", Some("v"));
            row("version 0", path, &json_type, with(body, "v", json!(0)), 422, "schema", Some("v"));
        }
    }
    row("no grant", "/v1/events", &json_type, events().to_string(), 403, "consent", Some("consent_epoch"));
    row("no grant", "/v1/decisions", &json_type, ask().to_string(), 403, "consent", Some("consent_epoch"));
    row(
        "too many events",
        "/v1/events",
        &json_type,
        batch(&shopper, 1, (1..=65).map(|seq| json!({"seq": seq}))).to_string(),
        413,
        "too_large",
        Some("events"),
    );
    row(
        "text in an event",
        "/v1/events",
        &json_type,
        batch(&shopper, 1, [json!({"seq": 1, "t": 0, "type": "note", "text": "jane@example.com"})]).to_string(),
        422,
        "schema",
        Some("events[0]"),
    );
    row(
        "a fraction",
        "/v1/events",
        &json_type,
        batch(&shopper, 1, [json!({"seq": 0.5})]).to_string(),
        422,
        "schema",
        Some("events[0].seq"),
    );
    row(
        "an unknown choice",
        "/v1/consents",
        &json_type,
        with(grant(), "measure", json!("perhaps")),
        422,
        "schema",
        Some("measure"),
    );
    row(
        "an unknown stage",
        "/v1/decisions",
        &json_type,
        with(ask(), "features", json!({"stage": "/jane"})),
        422,
        "schema",
        Some("features.stage"),
    );
    let score = json!({"kind": "cta_hover", "score_milli": 1});
    row(
        "too many scores",
        "/v1/decisions",
        &json_type,
        with(ask(), "features", json!({"hesitation": vec![score; 13]})),
        422,
        "schema",
        Some("features.hesitation"),
    );
    table
}

async fn send(caller: &Caller, refused: &Refused) -> Answer {
    let request = caller.request("POST", refused.path).body(refused.body.clone());
    let request = refused.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn refusals_have_status_code_message_and_place() {
    let running = Running::start().await;
    for refused in table() {
        let answer = send(&running.caller, &refused).await;
        let name = format!("{} at {}: {}", refused.name, refused.path, answer.body);
        assert_eq!((answer.status, answer.code()), (refused.status, refused.code), "{name}");
        assert_eq!(answer.body["field"].as_str(), refused.field, "{name}");
        let message = answer.body["message"].as_str().expect("a message");
        assert!(message.len() > 10 && !message.contains("jane") && !message.contains("5e551011"), "{name}");
        assert!(answer.header("retry-after").is_none(), "{name}: nothing here is worth a retry");
        assert!(answer.header("set-cookie").is_none() && answer.header("etag").is_none(), "{name}");
    }
    // Not one of them left anything behind.
    assert_eq!(running.caller.admin("/v1/sessions").await["sessions"], json!([]));
    assert_eq!(running.caller.metric("waver_log_position", &[]).await, 0);
    running.stop().await;
}

#[tokio::test]
async fn a_withdrawal_is_taken_from_a_browser_that_asks_not_to_be_tracked() {
    let running = Running::start().await;
    let epoch = running.caller.grant(&session(1)).await;
    let withdrawal = consent(&session(1), "denied", "denied");
    let request = running.caller.request("POST", "/v1/consents").header("sec-gpc", "1").json(&withdrawal);
    let answer = Answer::of(request.send().await.expect("an answer")).await;
    assert_eq!((answer.status, answer.body["consent_epoch"].as_u64()), (200, Some(epoch + 1)));
    // Who never granted anything leaves nothing behind by refusing.
    let refusal = running.caller.send("/v1/consents", &consent(&session(2), "denied", "denied")).await;
    assert_eq!((refusal.status, refusal.body["consent_epoch"].as_u64()), (200, Some(0)));
    assert_eq!(running.caller.admin("/v1/sessions").await["sessions"].as_array().map(Vec::len), Some(1));
    running.stop().await;
}

#[tokio::test]
async fn beacons_and_packed_bodies_are_taken() {
    let running = Running::start().await;
    let epoch = running.caller.grant(&session(1)).await;
    let sent = batch(&session(1), epoch, [view(1)]).to_string();
    let beacon = running.caller.request("POST", "/v1/events").header("origin", SHOP);
    let answer = Answer::of(
        beacon.header("content-type", "text/plain;charset=UTF-8").body(sent).send().await.expect("an answer"),
    )
    .await;
    assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(1)));
    running.stop().await;
}

#[tokio::test]
async fn unknown_routes_and_methods_say_so() {
    let running = Running::start().await;
    for (method, path, status, code) in [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/../etc/passwd", 404, "not_found"),
        ("GET", "/v1/events", 405, "method"),
        ("PUT", "/healthz", 405, "method"),
        ("GET", "/sdk/0.1.0-nothing/waver.js", 404, "not_found"),
    ] {
        let response = running.caller.request(method, path).send().await.expect("an answer");
        let answer = Answer::of(response).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{method} {path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-request-id").map(str::len), Some(16));
    }
    running.stop().await;
}

/// Speaks HTTP by hand, to be as slow or as large as no client would.
async fn raw(url: &str, send: &[&[u8]]) -> String {
    let address = url.strip_prefix("http://").expect("an address");
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connects");
    for part in send {
        if stream.write_all(part).await.is_err() {
            break; // refused already
        }
    }
    let mut answer = Vec::new();
    // A connection that was refused may also be reset.
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("ends in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn slow_and_giant_requests_are_cut_off() {
    let running = Running::start_with(&[("WAVER__LIMITS__REQUEST_TIMEOUT", "300ms")]).await;
    let url = &running.caller.url;
    assert_eq!(raw(url, &[b"POST /v1/events HTTP/1.1\r\nHost: a\r\n"]).await, "", "headers that never end");
    let slow_body =
        b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let answer = raw(url, &[slow_body]).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("unavailable"), "{answer}");
    let giant = vec![b'a'; 100_000];
    let answer = raw(url, &[b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Giant: ", &giant, b"\r\n\r\n"]).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    let answer = running.caller.request("GET", "/healthz").send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "everybody else is served");
    running.stop().await;
}
