//! What the collector does about what should never have been sent: it refuses it, keeps nothing of it, and says nothing of it. Row numbers are
//! those of the consent conformance table.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{
    Answer, Caller, Running, SHOP, batch, consent, decision_request, eventually, files, folder, session, view,
};
use crate::process::Process;

const EVERY_EVENT: &str = include_str!("../../../crates/schema/tests/wire/v1/batch.every-event.json");
const CONSENT: &str = include_str!("../../../crates/schema/tests/wire/v1/consent.with-evidence.json");
const DECISION: &str = include_str!("../../../crates/schema/tests/wire/v1/decision-request.full.json");

/// What a page might let slip, each in a form that can be found again.
const CANARIES: &[&str] = &[
    "canary.jane@canary-mail.example",
    "+49 171 2345678",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "https://shop.example/canary?q=Canary+Jane",
    "203.0.113.77",
    "Mozilla/5.0 (Canary; rv:77.0)",
    "52.520008, 13.404954",
    "550e8400-e29b-41d4-a716-446655440000",
];
/// A name has no form of its own: the closed types keep it out, not the tripwire.
const NAME: &str = "Canary Jane";

async fn send_with(caller: &Caller, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let request = caller.request("POST", path).json(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request.send().await.expect("an answer")).await
}

/// C15: whatever a dialog granted, the collector itself refuses a browser that objects.
#[tokio::test]
async fn a_browser_that_objects_is_refused_even_with_a_forged_grant() {
    let running = Running::start().await;
    let caller = &running.caller;
    let grant = consent(&session(1), "granted", "granted");
    let epoch = caller.grant(&session(1)).await;
    let entries = async || caller.admin("/v1/ledger/root").await["entries"].clone();
    eventually("the grant in the ledger", async || (entries().await == 1).then_some(())).await;
    let events = batch(&session(1), epoch, [view(1)]);
    for header in [("sec-gpc", "1"), ("dnt", "1"), ("sec-gpc", " 1 ")] {
        for (path, body) in [
            ("/v1/consents", &grant),
            ("/v1/events", &events),
            ("/v1/decisions", &decision_request(&session(1), epoch)),
        ] {
            let answer = send_with(caller, path, body, &[header]).await;
            assert_eq!((answer.status, answer.code()), (403, "gpc"), "{path} with {header:?}");
        }
    }
    for flag in ["gpc", "dnt"] {
        let mut forged = consent(&session(2), "granted", "denied");
        forged[flag] = json!(true);
        let answer = caller.send("/v1/consents", &forged).await;
        assert_eq!((answer.status, answer.code()), (403, "gpc"), "a grant that says {flag}");
        let withdrawal = json!({"v": 1, "site": "demo", "session": session(1), "measure": "denied", "personalize": "denied", "source": "gpc", flag: true});
        assert_eq!(caller.send("/v1/consents", &withdrawal).await.status, 200, "a withdrawal always passes");
    }
    let outcomes = caller.admin("/v1/aggregates").await["outcomes"].clone();
    assert_eq!(outcomes, json!({"received": 0, "stored": 0, "duplicate": 0, "discarded": {}}));
    // The grant before the objection and the two withdrawals; nothing of the forged ones.
    eventually("the withdrawals in the ledger", async || (entries().await == 3).then_some(())).await;
    let without = send_with(caller, "/v1/events", &batch(&session(1), epoch, [view(1)]), &[("sec-gpc", "0")]).await;
    assert_eq!((without.status, without.code()), (403, "consent"), "zero is no objection, and the grant is withdrawn");
    running.stop().await;
}

/// Every place of `body`: values that can be replaced and objects that can be added to.
fn places(body: &Value) -> Vec<(String, bool)> {
    fn walk(value: &Value, pointer: &str, places: &mut Vec<(String, bool)>) {
        match value {
            Value::Object(object) => {
                places.push((pointer.to_owned(), true));
                object.iter().for_each(|(key, value)| walk(value, &format!("{pointer}/{key}"), places));
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(at, value)| walk(value, &format!("{pointer}/{at}"), places));
            }
            _ => places.push((pointer.to_owned(), false)),
        }
    }
    let mut found = Vec::new();
    walk(body, "", &mut found);
    found
}

/// `body` with a canary in that place.
fn poisoned(body: &Value, (pointer, is_object): &(String, bool), canary: &str) -> Value {
    let mut body = body.clone();
    let place = body.pointer_mut(pointer).expect("there");
    if *is_object {
        place["remark"] = json!(canary)
    } else {
        *place = json!(canary)
    }
    body
}

/// Every file of the collector, searched for what must not be there.
fn expect_nowhere(folder: &Path, needles: &[&str]) {
    let searched = files(folder);
    assert!(searched.iter().any(|path| path.ends_with("stderr.log")) && searched.len() > 5, "{searched:?}");
    for path in searched {
        let bytes = std::fs::read(&path).expect("reads");
        for needle in needles {
            let holds = bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle.as_bytes()));
            assert!(!holds, "{needle} is in {}", path.display());
        }
    }
}

/// C20: a canary in every field of every body, and in everything around them, is refused, and nothing of it is on disk, in an answer, in what
/// operators see, in a metric or in the log.
#[tokio::test]
async fn a_canary_in_any_field_is_refused_and_nowhere_kept() {
    let folder = folder();
    let process = Process::start(folder.path()).await;
    let caller = &process.caller;
    let around = [
        ("referer", "https://shop.example/canary?mail=canary.jane@canary-mail.example"),
        ("cookie", "canary=canary.jane@canary-mail.example"),
        ("from", "canary.jane@canary-mail.example"),
        ("x-forwarded-for", "203.0.113.77"),
        ("accept-language", "x-canary"),
    ];
    let shopper = session(1);
    let epoch = caller.grant(&shopper).await;
    let mut events: Value = serde_json::from_str(EVERY_EVENT).expect("JSON");
    let mut decision: Value = serde_json::from_str(DECISION).expect("JSON");
    for body in [&mut events, &mut decision] {
        body["session"] = json!(shopper);
        body["consent_epoch"] = json!(epoch);
    }
    let mut record: Value = serde_json::from_str(CONSENT).expect("JSON");
    record["session"] = json!(session(2));

    let (mut sent, mut answered) = (0, Vec::new());
    let mut post = async |path: &str, body: &Value| {
        let answer = send_with(caller, &format!("{path}?mail=canary.jane@canary-mail.example"), body, &around).await;
        sent += 1;
        answered.push(answer.body.to_string());
        answer
    };
    for (path, body) in [("/v1/consents", &record), ("/v1/decisions", &decision)] {
        for place in places(body) {
            for canary in CANARIES {
                let answer = post(path, &poisoned(body, &place, canary)).await;
                // Words that a later version may have read as `other`; even there the tripwire looks.
                assert_eq!((answer.status, answer.code()), (422, "schema"), "{canary} at {} of {path}", place.0);
            }
            post(path, &poisoned(body, &place, NAME)).await;
        }
    }
    // Outside of the events, and then one event at a time, so that every refusal is its own.
    let all = events["events"].as_array_mut().expect("a list").split_off(0);
    for place in places(&events) {
        for canary in CANARIES {
            let answer = post("/v1/events", &poisoned(&events, &place, canary)).await;
            assert_eq!((answer.status, answer.code()), (422, "schema"), "{canary} at {} of a batch", place.0);
        }
    }
    for event in &all {
        let mut body = events.clone();
        body["events"] = json!([event]);
        for place in places(event) {
            for canary in CANARIES {
                body["events"][0] = poisoned(event, &place, canary);
                let answer = post("/v1/events", &body).await;
                assert_eq!((answer.status, answer.code()), (422, "schema"), "{canary} at {} of {event}", place.0);
            }
            body["events"][0] = poisoned(event, &place, NAME);
            post("/v1/events", &body).await;
        }
    }
    assert!(caller.metric("waver_tripwire_total", &["kind=\"email\""]).await > 10);
    // A withdrawal counts whatever comes with it.
    let mut withdrawal = consent(&shopper, "denied", "denied");
    withdrawal["notice"] = json!({"version": "0171-2345678", "hash": "0".repeat(64)});
    withdrawal["remark"] = json!(CANARIES[0]);
    assert_eq!(post("/v1/consents", &withdrawal).await.status, 200);
    assert!(sent > 1000, "{sent} bodies");
    // Everything that the log holds of these sessions, in plain text.
    for session in [&shopper, &session(2)] {
        let mut from = json!(0);
        while !from.is_null() {
            let asked = json!({"v": 1, "site": "demo", "session": session, "from": from});
            let held = caller.send("/v1/me", &asked).await;
            assert_eq!(held.status, 200, "{}", held.body);
            from = held.body["next"].clone();
            answered.push(held.body.to_string());
        }
    }
    assert!(answered.iter().any(|text| text.contains("page_view")), "words of later versions were stored as others");
    for path in ["/v1/dead-letters?limit=1000", "/v1/sessions?limit=1000", "/v1/aggregates"] {
        answered.push(caller.admin(path).await.to_string());
    }
    answered.push(caller.request("GET", "/metrics").send().await.expect("an answer").text().await.expect("text"));
    assert_eq!(process.terminate().await, Some(0));

    // What stands in the answers and on the disk; a card's digits also without what was between them.
    let needles =
        [CANARIES, &[NAME, "canary", "4111111111111111", "491712345678", "0171-2345678", "52.520008"]].concat();
    for text in &answered {
        let text = text.to_lowercase();
        let found = needles.iter().find(|needle| text.contains(&needle.to_lowercase()));
        assert_eq!(found, None, "in {text}");
    }
    expect_nowhere(folder.path(), &needles);
}

/// C22, the collector's side: no answer to a shopper's browser carries anything by which the browser could be recognised later.
#[tokio::test]
async fn answers_set_nothing_by_which_a_browser_could_be_recognised() {
    let running = Running::start().await;
    let caller = &running.caller;
    let origin = ("origin", SHOP);
    let epoch = caller.grant(&session(1)).await;
    let events = batch(&session(1), epoch, [view(1)]);
    let mut answers = Vec::new();
    for (path, body) in [
        ("/v1/events", events.clone()),
        ("/v1/decisions", decision_request(&session(1), epoch)),
        ("/v1/consents", consent(&session(1), "granted", "granted")),
        ("/v1/events", json!({})),
        ("/v1/decisions", json!({"jane": 1})),
        ("/v1/consents", consent(&session(1), "denied", "denied")),
        ("/v1/events", events.clone()),
        ("/v1/me", json!({"v": 1, "site": "demo", "session": session(1)})),
        ("/v1/erase", json!({"v": 1, "site": "demo", "session": session(1)})),
        ("/v1/erase", json!({"v": 1, "site": "demo", "session": session(2)})),
        ("/v1/events", events.clone()),
        ("/v1/nothing", json!({})),
    ] {
        // Whatever a browser might send back is not asked for, and changes nothing.
        for headers in [&[origin][..], &[origin, ("cookie", "id=7"), ("if-none-match", "\"7\""), ("dnt", "1")]] {
            answers.push((path, send_with(caller, path, &body, headers).await));
        }
    }
    let erased = answers.iter().find_map(|(_, answer)| answer.body["erasure"].as_str()).expect("an erasure").to_owned();
    for path in [format!("/v1/erase/{erased}"), "/v1/erase/key".to_owned(), format!("/v1/erase/{}", "0".repeat(32))] {
        let request = caller.request("GET", &path).header(origin.0, origin.1);
        answers.push(("receipt", Answer::of(request.send().await.expect("an answer")).await));
    }
    assert!(answers.iter().any(|(_, answer)| answer.status == 410), "late for an erased session");
    let preflight = caller.request("OPTIONS", "/v1/events").header(origin.0, origin.1);
    let preflight = preflight.header("access-control-request-method", "POST");
    answers.push(("preflight", Answer::of(preflight.send().await.expect("an answer")).await));
    assert!(answers.iter().any(|(_, answer)| answer.status == 202));
    // A closed list, so that a header that is added is thought about here. What differs between two answers is no id of the browser: the
    // length, the date, and the name of the request in the log.
    const MAY: &[&str] = &[
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "allow",
        "cache-control",
        "content-length",
        "content-type",
        "cross-origin-resource-policy",
        "date",
        "referrer-policy",
        "retry-after",
        "vary",
        "x-content-type-options",
        "x-request-id",
    ];
    for (path, answer) in &answers {
        for name in answer.headers.keys() {
            assert!(MAY.contains(&name.as_str()), "{name} in the answer {} of {path}", answer.status);
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_ne!(answer.header("access-control-allow-credentials"), Some("true"), "{path}");
    }
    let ids: std::collections::HashSet<&str> =
        answers.iter().filter_map(|(_, answer)| answer.header("x-request-id")).collect();
    assert_eq!(ids.len(), answers.len(), "each request has a name of its own, so none names a browser");
    running.stop().await;
}
