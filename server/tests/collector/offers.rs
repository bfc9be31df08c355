//! What the file of offers says, as shoppers meet it, and taken again from the log.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::harness::{Running, decision_request, eventually, folder, session};

/// 2027-01-15 is a Friday; the tests begin at nine in the morning in Berlin.
fn offers(keys: &str) -> String {
    let offer = |id: &str, keys: &str| {
        format!(
            "[[offer]]\nid = \"{id}\"\nslots = [\"cart\"]\nkind = \"message\"\nwhen = \"true\"\n{keys}\n[offer.text.en]\ntext = \"For you\"\n\
             accept = \"Yes\"\ndismiss = \"No\"\n"
        )
    };
    format!(
        "[policy]\nholdout = 0.2\ntime_zone = \"Europe/Berlin\"\n{}{}{}",
        offer("first", "learn = true"),
        offer("second", &format!("learn = true\nholdout = 0.0\n{keys}")),
        offer("night", "priority = 9\n[offer.schedule]\nhours = \"22:00-02:00\"\ndays = [\"fri\"]")
    )
}

async fn begin(keys: &str) -> Running {
    let folder = folder();
    std::fs::write(folder.path().join("offers.toml"), offers(keys)).expect("writes");
    Running::start_in(folder, &[]).await
}

async fn ask(running: &Running, number: u64) -> Value {
    let epoch = running.caller.grant(&session(number)).await;
    running.caller.send("/v1/decisions", &decision_request(&session(number), epoch)).await.body
}

fn replays(folder: &std::path::Path, decisions: u64) {
    let config = folder.join("waver.toml");
    let output = crate::process::run(&["replay", "--json", "--config", config.to_str().expect("text")], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let proof: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&proof["decisions"], &proof["decisions_unchecked"]), (&json!(decisions), &json!(0)), "{proof}");
}

#[tokio::test]
async fn what_was_drawn_is_drawn_again_from_the_log() {
    let running = begin("").await;
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for number in 0..120 {
        let decision = ask(&running, number).await;
        let shown = decision["offer"]["id"].as_str().unwrap_or("nothing").to_owned();
        let arm = decision["arm"].as_str().expect("an arm").to_owned();
        // Nothing is learned yet: each offer is as likely, and shown half of the time. The second has no holdout.
        let propensity = match (arm.as_str(), shown.as_str()) {
            ("offer", "first") => 0.5 * 0.5 * 0.8,
            ("offer", "second") => 0.5 * 0.5,
            ("nothing", _) => 0.5,
            _ => 0.5 * 0.5 * 0.2,
        };
        assert!((decision["propensity"].as_f64().expect("a number") - propensity).abs() < 1e-12, "{decision}");
        assert_eq!(decision["reason"], if arm == "holdout" { "holdout" } else { "targeting_match" }, "{decision}");
        if arm != "offer" {
            assert_eq!(ask(&running, number).await["offer"], Value::Null, "who was drawn nothing is not drawn again");
        }
        *counts.entry((arm, shown)).or_default() += 1;
    }
    // The least likely of these, an offer of 0.2, fails to come up among 120 once in 10^11 runs.
    for (arm, shown) in [("offer", "first"), ("offer", "second"), ("nothing", "nothing")] {
        assert!(counts.contains_key(&(arm.to_owned(), shown.to_owned())), "{counts:?}");
    }
    running
        .stop_and_look(|folder| {
            let config = folder.join("waver.toml");
            let output = crate::process::run(&["replay", "--json", "--config", config.to_str().expect("text")], &[]);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let proof: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert!(proof["decisions"].as_u64().is_some_and(|taken| taken >= 120), "{proof}");
            assert_eq!((&proof["decisions_unchecked"], &proof["differences"]), (&json!(0), &json!(0)), "{proof}");
        })
        .await;
}

#[tokio::test]
async fn an_offer_comes_with_its_hours_and_goes_with_its_switch() {
    let running = begin("kill_switch = true").await;
    // 22:30 in Berlin.
    running.clock.fetch_add((13 * 60 + 30) * 60_000, Ordering::SeqCst);
    let mut shown = None;
    for number in 0..40 {
        let decision = ask(&running, number).await;
        assert!([&json!("night"), &Value::Null].contains(&&decision["offer"]["id"]), "{decision}");
        shown = shown.or(decision["offer"].is_object().then_some(number));
    }
    let shown = shown.expect("four of five are not held out");
    let offers = running.folder().join("offers.toml");
    let text = std::fs::read_to_string(&offers).expect("reads");
    let before = running.caller.admin("/v1/aggregates").await["policy"].clone();
    std::fs::write(&offers, text.replace("priority = 9", "priority = 9\nkill_switch = true")).expect("writes");
    eventually("the switch", async || {
        Some(running.caller.admin("/v1/aggregates").await["policy"].clone()).filter(|version| *version != before)
    })
    .await;
    let fallen = ask(&running, shown).await;
    assert_ne!(fallen["offer"]["id"], "night", "an offer that stood falls with its own switch: {fallen}");
    running.stop_and_look(|folder| replays(folder, 41)).await;
}
