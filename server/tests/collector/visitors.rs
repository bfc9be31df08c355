//! Browsers that are remembered across sessions: only where the site wants it, only under a grant to personalise, and for as long as it says.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::erasure::{erase, get};
use crate::harness::{Answer, Caller, Running, decision_request, eventually, session};

const BROWSER: &str = "00112233445566778899aabbccddeeff";
const OTHER: &str = "ffeeddccbbaa99887766554433221100";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const REMEMBERS: (&str, &str) = ("WAVER__SITES__DEMO__VISITOR", "30days");

/// A policy whose offer is made twice to a browser, and once in a session.
fn twice(running: &Running) {
    let offers = running.folder().join("offers.toml");
    let text = std::fs::read_to_string(&offers).expect("reads");
    std::fs::write(&offers, text.replace("per_session = 1", "per_session = 1\nper_visitor = 2")).expect("writes");
}

async fn begin(environment: &[(&str, &str)]) -> Running {
    let running = Running::start_with(environment).await;
    twice(&running);
    running.restart_with(environment).await
}

async fn ask(caller: &Caller, session: &str, visitor: Option<&str>) -> Answer {
    // Where the clock was turned, the epoch of a grant may be over before it is used.
    eventually("a decision", async || {
        let epoch = caller.grant(session).await;
        let mut asked = decision_request(session, epoch);
        if let Some(visitor) = visitor {
            asked["visitor"] = json!(visitor);
        }
        let answer = caller.send("/v1/decisions", &asked).await;
        assert!(answer.status == 200 || answer.code() == "consent", "{}", answer.body);
        (answer.status == 200).then_some(answer)
    })
    .await
}

async fn reason(caller: &Caller, number: u64, visitor: Option<&str>) -> String {
    let body = ask(caller, &session(number), visitor).await.body;
    body["reason"].as_str().expect("a reason").to_owned()
}

async fn me(caller: &Caller, visitor: &str) -> Value {
    let asked = json!({"v": 1, "site": "demo", "session": session(9_999), "visitor": visitor});
    let answer = caller.send("/v1/me", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["visitor"].clone()
}

#[tokio::test]
async fn an_offer_is_capped_across_sessions_until_the_days_are_over() {
    let running = begin(&[REMEMBERS]).await;
    let caller = &running.caller;
    for number in [1, 2] {
        assert_eq!(reason(caller, number, Some(BROWSER)).await, "targeting_match");
    }
    assert_eq!(reason(caller, 3, Some(BROWSER)).await, "capped");
    assert_eq!(reason(caller, 4, Some(OTHER)).await, "targeting_match");
    assert_eq!(reason(caller, 5, None).await, "targeting_match", "who says nothing of itself is nobody");
    assert_eq!(me(caller, BROWSER).await["offered"].as_array().map(Vec::len), Some(2));
    // Over a start from the snapshot, and days after every session went.
    let running = running.restart_with(&[REMEMBERS]).await;
    running.clock.fetch_add(3 * DAY_MS, Ordering::SeqCst);
    assert_eq!(reason(&running.caller, 6, Some(BROWSER)).await, "capped");
    // The secret is over, and with it everybody's pseudonym.
    running.clock.fetch_add(28 * DAY_MS, Ordering::SeqCst);
    assert_eq!(me(&running.caller, BROWSER).await, Value::Null);
    assert_eq!(reason(&running.caller, 7, Some(BROWSER)).await, "targeting_match");
    running.stop().await;
}

#[tokio::test]
async fn nobody_is_remembered_unless_the_site_wants_it() {
    let running = begin(&[]).await;
    for number in 1..4 {
        assert_eq!(reason(&running.caller, number, Some(BROWSER)).await, "targeting_match");
    }
    assert_eq!(me(&running.caller, BROWSER).await, Value::Null);
    let grant = crate::harness::consent(&session(4), "granted", "granted");
    assert_eq!(running.caller.send("/v1/consents", &grant).await.body.get("visitor_days"), None);

    let running = running.restart_with(&[REMEMBERS]).await;
    for (personalize, days) in [("granted", json!(30)), ("denied", Value::Null)] {
        let grant = crate::harness::consent(&session(5), "granted", personalize);
        assert_eq!(running.caller.send("/v1/consents", &grant).await.body["visitor_days"], days);
    }
    for (number, expected) in [(6, "targeting_match"), (7, "targeting_match"), (8, "capped")] {
        assert_eq!(reason(&running.caller, number, Some(BROWSER)).await, expected);
    }
    // Turned off, nobody is recognised, and who comes after it was turned on again is new.
    let running = running.restart_with(&[]).await;
    assert_eq!(reason(&running.caller, 10, Some(BROWSER)).await, "targeting_match");
    assert_eq!(me(&running.caller, BROWSER).await, Value::Null);
    let running = running.restart_with(&[REMEMBERS]).await;
    assert_eq!(me(&running.caller, BROWSER).await, Value::Null);
    running.stop().await;
}

#[tokio::test]
async fn an_erased_browser_is_a_new_one_and_the_state_is_what_the_log_gives() {
    let running = begin(&[REMEMBERS]).await;
    let caller = &running.caller;
    for (number, browser) in [(1, BROWSER), (2, BROWSER), (3, OTHER)] {
        assert_eq!(reason(caller, number, Some(browser)).await, "targeting_match");
    }
    // Erasing a session alone leaves the browser's caps, which are not the session's.
    erase(caller, &session(1)).await;
    assert_eq!(me(caller, BROWSER).await["offered"].as_array().map(Vec::len), Some(2));
    let asked = json!({"v": 1, "site": "demo", "session": session(2), "visitor": BROWSER});
    let answer = caller.send("/v1/erase", &asked).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let erasure = answer.body["erasure"].as_str().expect("a name");
    let receipt = get(caller, &format!("/v1/erase/{erasure}")).await.body;
    assert_eq!(receipt["receipt"]["visitor"], true, "{receipt}");
    assert_eq!(receipt["receipt"]["keys_destroyed"], 2, "{receipt}");
    assert_eq!(me(caller, BROWSER).await, Value::Null);
    assert_eq!(me(caller, OTHER).await["offered"].as_array().map(Vec::len), Some(1));
    // What comes late of an erased browser is not remembered.
    assert_eq!(reason(caller, 4, Some(BROWSER)).await, "targeting_match");
    assert_eq!(me(caller, BROWSER).await, Value::Null);
    // An unknown one is erased like a known one.
    let unknown = json!({"v": 1, "site": "demo", "session": session(77), "visitor": "0".repeat(32)});
    assert_eq!(caller.send("/v1/erase", &unknown).await.status, 202);
    running
        .stop_and_look(|folder| {
            let config = folder.join("waver.toml");
            let arguments = ["replay", "--json", "--config", config.to_str().expect("text")];
            let output = crate::process::run(&arguments, &[REMEMBERS]);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        })
        .await;
}
