//! OpenFeature's remote evaluation protocol: the same decisions, in its words.

use serde_json::{Value, json};

use crate::harness::{Answer, Caller, Running, SHOP, decision_request, session};

const ONE: &str = "/ofrep/v1/evaluate/flags/cart";
const ALL: &str = "/ofrep/v1/evaluate/flags";

fn context(session: &str, consent_epoch: u64) -> Value {
    json!({"context": {"targetingKey": session, "site": "demo", "consent_epoch": consent_epoch, "page": "cart", "locale": "en"}})
}

async fn evaluate(caller: &Caller, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let request =
        headers.iter().fold(caller.request("POST", path), |request, (name, value)| request.header(*name, *value));
    Answer::of(request.json(body).send().await.expect("an answer")).await
}

#[tokio::test]
async fn a_slot_is_a_flag_whose_value_is_the_decision() {
    let running = Running::start().await;
    let caller = &running.caller;
    let shopper = session(1);
    let epoch = caller.grant(&shopper).await;
    let flag = evaluate(caller, ONE, &[], &context(&shopper, epoch)).await;
    assert_eq!(flag.status, 200, "{}", flag.body);
    assert_eq!((&flag.body["key"], &flag.body["reason"]), (&json!("cart"), &json!("TARGETING_MATCH")));
    assert_eq!(flag.body["variant"], "ten-percent");
    assert_eq!(flag.body["metadata"]["reason"], "targeting_match");
    let decision = &flag.body["value"];
    assert_eq!((&decision["offer"]["value"], &decision["arm"]), (&json!(10), &json!("offer")));

    // Whoever asks by the other protocol is told of the same decision: it is one log.
    let same = caller.send("/v1/decisions", &decision_request(&shopper, epoch)).await;
    assert_eq!((&same.body["decision"], &same.body["offer"]), (&decision["decision"], &decision["offer"]));
    let decided = caller.admin("/v1/aggregates?site=demo").await["total"]["offers"]["decided"].clone();
    assert_eq!(decided, json!(1), "asked twice, decided once");
    assert_eq!(caller.metric("waver_decisions_total", &["reason=\"targeting_match\""]).await, 2);
    running.stop().await;
}

#[tokio::test]
async fn all_flags_come_with_a_tag_that_says_whether_anything_changed() {
    let running = Running::start().await;
    let caller = &running.caller;
    let shopper = session(1);
    let epoch = caller.grant(&shopper).await;
    let first = evaluate(caller, ALL, &[], &context(&shopper, epoch)).await;
    assert_eq!((first.status, first.body["flags"].as_array().map(Vec::len)), (200, Some(1)), "{}", first.body);
    assert_eq!(first.body["flags"][0]["key"], "cart");
    let tag = first.header("etag").expect("a tag").to_owned();

    let again = evaluate(caller, ALL, &[("if-none-match", &tag)], &context(&shopper, epoch)).await;
    assert_eq!((again.status, &again.body, again.header("etag")), (304, &Value::Null, Some(tag.as_str())));
    let weak = format!("\"other\", W/{tag}");
    assert_eq!(evaluate(caller, ALL, &[("if-none-match", &weak)], &context(&shopper, epoch)).await.status, 304);
    let other = evaluate(caller, ALL, &[("if-none-match", "\"other\"")], &context(&shopper, epoch)).await;
    assert_eq!((other.status, other.header("etag")), (200, Some(tag.as_str())));

    // Half an hour later the offer has ended, and it was the only one.
    running.clock.fetch_add(30 * 60_000, std::sync::atomic::Ordering::SeqCst);
    let shopper = session(2);
    let epoch = caller.grant(&shopper).await;
    let new = evaluate(caller, ALL, &[("if-none-match", &tag)], &context(&shopper, epoch)).await;
    assert_eq!(new.status, 200, "another end is another offer");
    running.stop().await;
}

#[tokio::test]
async fn without_a_grant_the_flag_says_so_and_is_no_error() {
    let running = Running::start().await;
    let caller = &running.caller;
    let shopper = session(1);
    for body in [
        context(&shopper, 7),
        json!({"context": {"targetingKey": shopper, "site": "demo"}}),
        json!({"context": {"targetingKey": shopper, "site": "demo", "slots": ["cart"]}}),
    ] {
        for path in [ONE, ALL] {
            let answer = evaluate(caller, path, &[], &body).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let flag = if path == ONE { &answer.body } else { &answer.body["flags"][0] };
            assert_eq!((&flag["reason"], &flag["variant"]), (&json!("DISABLED"), &json!("nothing")));
            let decision = &flag["value"];
            assert_eq!(
                (&decision["reason"], &decision["offer"], &decision["decision"]),
                (&json!("no_consent"), &Value::Null, &Value::Null)
            );
        }
    }
    // Measuring alone allows no offer either, and what is taken back is taken back.
    let epoch = caller.consent(&shopper, "granted", "denied").await;
    let measured = evaluate(caller, ONE, &[], &context(&shopper, epoch)).await;
    assert_eq!(measured.body["value"]["reason"], "no_consent");
    let epoch = caller.grant(&shopper).await;
    assert_eq!(evaluate(caller, ONE, &[], &context(&shopper, epoch)).await.body["value"]["reason"], "targeting_match");
    caller.consent(&shopper, "denied", "denied").await;
    assert_eq!(evaluate(caller, ONE, &[], &context(&shopper, epoch)).await.body["value"]["reason"], "no_consent");
    running.stop().await;
}

#[tokio::test]
async fn the_site_is_named_in_the_context_or_in_a_header() {
    let running = Running::start().await;
    let caller = &running.caller;
    let shopper = session(1);
    let epoch = caller.grant(&shopper).await;
    let mut plain = context(&shopper, epoch);
    plain["context"].as_object_mut().expect("an object").remove("site");
    for headers in [[("x-api-key", "demo")], [("authorization", "Bearer demo")]] {
        let answer = evaluate(caller, ONE, &headers, &plain).await;
        assert_eq!((answer.status, &answer.body["variant"]), (200, &json!("ten-percent")), "{headers:?}");
    }
    let nobody = evaluate(caller, ONE, &[], &plain).await;
    assert_eq!((nobody.status, &nobody.body["errorCode"]), (401, &json!("GENERAL")), "{}", nobody.body);
    running.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_as_the_protocol_says_it() {
    let running = Running::start().await;
    let caller = &running.caller;
    let shopper = session(1);
    let epoch = caller.grant(&shopper).await;
    let with = |name: &str, value: Value| {
        let mut body = context(&shopper, epoch);
        body["context"][name] = value;
        body
    };
    let many: Vec<Value> = (0..33).map(|item| json!({"item": item})).collect();
    for (path, body, status, code) in [
        (ALL, json!({}), 400, "TARGETING_KEY_MISSING"),
        (ONE, with("targetingKey", json!("")), 400, "TARGETING_KEY_MISSING"),
        (ONE, with("targetingKey", json!("jane")), 400, "INVALID_CONTEXT"),
        (ONE, with("page", json!("jane@example.com")), 400, "INVALID_CONTEXT"),
        (ALL, with("items", json!(many)), 400, "INVALID_CONTEXT"),
        (ALL, with("slots", json!(vec!["cart"; 17])), 400, "INVALID_CONTEXT"),
        (ALL, with("email", json!("jane@example.com")), 400, "INVALID_CONTEXT"),
        (ALL, with("slots", json!(["nowhere"])), 404, "FLAG_NOT_FOUND"),
        ("/ofrep/v1/evaluate/flags/nowhere", context(&shopper, epoch), 404, "FLAG_NOT_FOUND"),
        ("/ofrep/v1/evaluate/flags/jane@example.com", context(&shopper, epoch), 404, "FLAG_NOT_FOUND"),
        (ONE, with("site", json!("nobody")), 401, "GENERAL"),
        (ONE, with("site", json!("strict")), 403, "GENERAL"),
    ] {
        let answer = evaluate(caller, path, &[], &body).await;
        assert_eq!((answer.status, answer.body["errorCode"].as_str()), (status, Some(code)), "{path} {body}");
        assert!(
            answer.body["errorDetails"].is_string() && !answer.body.to_string().contains("jane"),
            "{}",
            answer.body
        );
        let key = if path == ALL {
            None
        } else {
            Some(path.rsplit('/').next().filter(|key| !key.contains('@')).unwrap_or(""))
        };
        assert_eq!(answer.body["key"].as_str(), key, "{path}");
    }
    let request = caller.request("POST", ONE).header("content-type", "application/json").body("{");
    let answer = Answer::of(request.send().await.expect("an answer")).await;
    assert_eq!((answer.status, &answer.body["errorCode"]), (400, &json!("PARSE_ERROR")));
    let objects = evaluate(caller, ONE, &[("sec-gpc", "1")], &context(&shopper, epoch)).await;
    assert_eq!((objects.status, &objects.body["errorCode"]), (403, &json!("GENERAL")));
    running.stop().await;
}

#[tokio::test]
async fn pages_may_send_and_read_what_the_protocol_needs_and_nothing_else() {
    let running = Running::start().await;
    let shopper = session(1);
    let epoch = running.caller.grant(&shopper).await;
    for path in [ONE, ALL] {
        let preflight = async |origin: &str| {
            let request = running.caller.request("OPTIONS", path).header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            Answer::of(
                request
                    .header("access-control-request-headers", "content-type,if-none-match")
                    .send()
                    .await
                    .expect("an answer"),
            )
            .await
        };
        let allowed = preflight(SHOP).await;
        assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, Some(SHOP)));
        let sent = allowed.header("access-control-allow-headers");
        assert_eq!(sent, Some("content-type, if-none-match, x-api-key, authorization"));
        let foreign = preflight("https://evil.example").await;
        assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (403, None));

        let answer = evaluate(&running.caller, path, &[("origin", SHOP)], &context(&shopper, epoch)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(SHOP)));
        assert_eq!(answer.header("access-control-expose-headers"), Some("etag, retry-after, x-request-id"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        // An origin of another site passes the preflight, which names no site, and may read nothing.
        let other =
            evaluate(&running.caller, path, &[("origin", "https://strict.example")], &context(&shopper, epoch)).await;
        assert_eq!((other.status, other.header("access-control-allow-origin")), (403, None));
    }
    running.stop().await;
}
