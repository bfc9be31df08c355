//! What offers are worth, over HTTP: from decisions and orders to the report, to the stop, and back by the log.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::harness::{Caller, Running, batch, decision_request, eventually, session, view};

const MINUTE: u64 = 60 * 1000;
const DAY: u64 = 24 * 60 * MINUTE;

const POLICY: &str = r#"
[policy]
holdout = 0.5
kill_switch = false
default_locale = "en"

[[offer]]
id = "ten-percent"
slots = ["cart"]
kind = "percent"
value = 10
priority = 10
per_session = 1
cooldown = "10m"
expires_after = "30m"
when = "session.purchases == 0"

[offer.text.en]
text = "10 % off your order"
disclosure = "This offer was personalised for you by automated decision-making."
accept = "Take it"
dismiss = "No, thanks"
"#;

/// How many sessions there were, and how many of them bought, by arm.
type Seen = BTreeMap<String, (u64, u64)>;

/// A session that is made an offer or is in the holdout, tells of the rendering, and buys if `buys` says so of its arm and number within the
/// arm.
async fn visit(caller: &Caller, number: u64, seen: &mut Seen, buys: impl Fn(&str, u64) -> bool) {
    let id = session(number);
    let epoch = caller.grant(&id).await;
    assert_eq!(caller.send("/v1/events", &batch(&id, epoch, [view(1)])).await.status, 202);
    let decision = caller.send("/v1/decisions", &decision_request(&id, epoch)).await.body;
    let arm = decision["arm"].as_str().expect("an arm").to_owned();
    let action = if arm == "offer" { "exposed" } else { "withheld" };
    let shown = json!({"seq": 2, "t": 200, "type": "offer", "action": action, "decision": decision["decision"], "since_signal_ms": 50});
    let (sessions, bought) = seen.entry(arm.clone()).or_default();
    *sessions += 1;
    let order = json!({"seq": 3, "t": 300, "type": "commerce", "action": "purchase", "quantity": 1, "value_minor": 5_000,
        "currency": "EUR", "order": number});
    let is_buyer = buys(&arm, *sessions);
    *bought += u64::from(is_buyer);
    let told = batch(&id, epoch, [Some(shown), is_buyer.then_some(order)].into_iter().flatten());
    let told = caller.send("/v1/events", &told).await;
    assert_eq!((told.status, &told.body["rejected"]), (202, &json!([])), "{arm}: {}", told.body);
}

async fn report(caller: &Caller) -> Value {
    caller.admin("/v1/offers/report").await
}

/// The report once it knows of so many sessions.
async fn report_of(caller: &Caller, sessions: u64) -> Value {
    eventually("the sessions to be over and counted", async || {
        let report = report(caller).await;
        let arms = report["offers"][0]["arms"].as_array().cloned().unwrap_or_default();
        let assigned: u64 = arms.iter().filter_map(|arm| arm["assigned"].as_u64()).sum();
        (assigned == sessions).then_some(report)
    })
    .await
}

#[tokio::test]
async fn an_offer_that_does_harm_is_told_stopped_and_let_go_by_a_new_policy_and_the_log_gives_the_same() {
    let running = Running::start().await;
    let offers = running.folder().join("offers.toml");
    let first = running.caller.admin("/v1/aggregates").await["policy"].clone();
    std::fs::write(&offers, POLICY).expect("writes");
    eventually("the policy", async || (running.caller.admin("/v1/aggregates").await["policy"] != first).then_some(()))
        .await;
    let mut seen = Seen::new();
    // One in six of those with the offer buys, and five in six of the others.
    for number in 0..360 {
        visit(&running.caller, number, &mut seen, |arm, nth| (nth % 6 == 0) == (arm == "offer")).await;
    }
    assert!(seen.values().all(|(sessions, _)| *sessions > 120), "{seen:?}");
    assert_eq!(report(&running.caller).await["offers"], json!([]), "nobody's session is over");

    // One is erased before it is over, and is in no number.
    let erase = json!({"v": 1, "site": "demo", "session": session(7)});
    assert_eq!(running.caller.send("/v1/erase", &erase).await.status, 202);
    running.clock.fetch_add(41 * MINUTE, Ordering::SeqCst);
    let told = report_of(&running.caller, 359).await;
    let offer = &told["offers"][0];
    assert_eq!((&offer["offer"], &offer["currency"]), (&json!("ten-percent"), &json!("EUR")));
    for arm in offer["arms"].as_array().expect("arms") {
        let (sessions, bought) = seen[arm["arm"].as_str().expect("an arm")];
        let erased = sessions - arm["assigned"].as_u64().expect("a count");
        assert!(erased <= 1 && arm["exposed"] == arm["assigned"], "{arm} {seen:?}");
        let converted = arm["converted"].as_u64().expect("a count");
        assert!(converted <= bought && bought - converted <= erased, "{arm} {seen:?}");
        assert_eq!(arm["revenue_minor"], json!(converted * 5_000));
        // Nobody told a margin.
        assert_eq!(arm["margin_minor"].as_i64().unwrap_or_default(), 0);
    }
    let effect = &offer["assigned"]["conversion"];
    assert!(effect["high"].as_f64().expect("an interval") < 0.0, "{offer}");
    assert_eq!((&offer["standing"], &offer["sample_ratio"]["alarm"]), (&json!("harm"), &json!(false)));

    running.clock.fetch_add(MINUTE, Ordering::SeqCst);
    let stopped = eventually("the stop", async || {
        let stopped = report(&running.caller).await["stopped"].clone();
        (stopped != json!([])).then_some(stopped)
    })
    .await;
    assert_eq!((&stopped[0]["offer"], stopped.as_array().map(Vec::len)), (&json!("ten-percent"), Some(1)));
    let ask = async |running: &Running, number: u64| {
        let epoch = running.caller.grant(&session(number)).await;
        running.caller.send("/v1/decisions", &decision_request(&session(number), epoch)).await.body
    };
    let refused = ask(&running, 1_000).await;
    assert_eq!(
        (&refused["offer"], &refused["reason"], &refused["holdout"].is_boolean()),
        (&Value::Null, &json!("kill_switch"), &true)
    );

    // It stands after a start, with all that was learned.
    let running = running.restart().await;
    assert_eq!(report(&running.caller).await["stopped"], stopped);
    assert_eq!(report(&running.caller).await["offers"], told["offers"]);
    assert_eq!(ask(&running, 1_001).await["reason"], "kill_switch");

    // A new version of the policy goes free, and is not stopped for what another one did.
    let before = report(&running.caller).await["policy"].clone();
    std::fs::write(&offers, POLICY.replace("10 % off", "Ten percent off")).expect("writes");
    eventually("the new policy", async || (report(&running.caller).await["policy"] != before).then_some(())).await;
    running.clock.fetch_add(MINUTE, Ordering::SeqCst);
    let free = ask(&running, 1_002).await;
    assert!(["targeting_match", "holdout"].contains(&free["reason"].as_str().expect("a reason")), "{free}");
    assert_eq!(report(&running.caller).await["stopped"], json!([]));

    running
        .stop_and_look(|folder| {
            let config = folder.join("waver.toml");
            let arguments = ["replay", "--json", "--config", config.to_str().expect("text")];
            let output = crate::process::run(&arguments, &[]);
            let proof: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!((output.status.code(), &proof["differences"]), (Some(0), &json!(0)), "{proof}");
            assert!(proof["trials"].as_u64().expect("a count") > 0, "{proof}");
        })
        .await;
}

#[tokio::test]
async fn with_a_threshold_nothing_is_told_of_few_and_of_a_day_only_when_it_is_over() {
    let running = Running::start_with(&[("WAVER__RELEASE__K", "5")]).await;
    let offers = running.folder().join("offers.toml");
    let first = running.caller.admin("/v1/aggregates").await["policy"].clone();
    std::fs::write(&offers, POLICY).expect("writes");
    eventually("the policy", async || (running.caller.admin("/v1/aggregates").await["policy"] != first).then_some(()))
        .await;
    let midnight = running.clock.load(Ordering::SeqCst) / DAY * DAY + DAY;
    running.clock.store(midnight, Ordering::SeqCst);
    let mut seen = Seen::new();
    for number in 0..60 {
        visit(&running.caller, number, &mut seen, |_, nth| nth % 3 == 0).await;
    }
    assert!(seen.values().all(|(_, bought)| *bought >= 5), "{seen:?}");
    running.clock.store(midnight + 60 * MINUTE, Ordering::SeqCst);
    eventually("the sessions to be over", async || {
        (running.caller.metric("waver_sessions_live", &["site=\"demo\""]).await == 0).then_some(())
    })
    .await;
    assert_eq!(report(&running.caller).await["offers"], json!([]), "the day is not over");
    running.clock.store(midnight + DAY, Ordering::SeqCst);
    let told = report_of(&running.caller, 60).await;
    assert_eq!(told["release_k"], 5);
    // A second day of which too few bought moves nothing.
    for number in 100..112 {
        visit(&running.caller, number, &mut seen, |_, nth| nth % 1_000 == 0).await;
    }
    running.clock.store(midnight + 2 * DAY + 60 * MINUTE, Ordering::SeqCst);
    assert_eq!(report_of(&running.caller, 60).await["offers"], told["offers"]);
    running.stop().await;
}
