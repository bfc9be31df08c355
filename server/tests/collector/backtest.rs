//! `waver backtest POLICY`, on the log of a collector of which is known what offers do there.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::harness::{Running, batch, decision_request, session, view};

const SESSIONS: u64 = 200;

/// Half are in the holdout. Of ten shoppers who are offered something six buy, of ten others three: the first ones.
#[tokio::test]
async fn another_policy_is_worth_what_its_arms_are() {
    let running = Running::start().await;
    let folder = running.folder().to_path_buf();
    let text = std::fs::read_to_string(folder.join("offers.toml")).expect("a policy");
    let text = text.replace("holdout = 0.0", "holdout = 0.5");
    std::fs::write(folder.join("offers.toml"), &text).expect("writes");
    let running = running.restart().await;
    let mut arms = [0_u64; 2];
    for number in 0..SESSIONS {
        let shopper = session(number);
        let epoch = running.caller.grant(&shopper).await;
        let told = running.caller.send("/v1/events", &batch(&shopper, epoch, [view(1)])).await;
        assert_eq!(told.status, 202, "{}", told.body);
        let decision = running.caller.send("/v1/decisions", &decision_request(&shopper, epoch)).await;
        let arm = usize::from(decision.body["offer"].is_null());
        let buys = arms[arm] % 10 < [6, 3][arm];
        arms[arm] += 1;
        let bought = json!({
            "seq": 2, "t": 200, "type": "commerce", "action": "purchase", "quantity": 1, "order": number,
            "value_minor": 5_000, "currency": "EUR"
        });
        if buys {
            let told = running.caller.send("/v1/events", &batch(&shopper, epoch, [bought])).await;
            assert_eq!(told.body["accepted"], 1, "{}", told.body);
        }
    }
    // One that comes an hour later makes the log's time go on: the others are over.
    running.clock.fetch_add(60 * 60 * 1000, Ordering::SeqCst);
    running.caller.grant(&session(SESSIONS)).await;
    let mut judged = Vec::new();
    let ask = |folder: &Path| {
        let of = |text: &str, more: &[&str]| {
            let policy = folder.join("asked.toml");
            std::fs::write(&policy, text).expect("writes");
            let mut waver = Command::new(env!("CARGO_BIN_EXE_waver"));
            let waver = waver.arg("backtest").arg(&policy).arg("--config").arg(folder.join("waver.toml"));
            let output = waver.arg("--json").args(more).output().expect("runs");
            let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            (output.status.code(), found, String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let to_all = text.replace("holdout = 0.5", "holdout = 0.0");
        let other = text.replace("\"ten-percent\"", "\"another\"");
        for (text, more) in [
            (text.as_str(), &[][..]),
            (&to_all, &[]),
            (&text.replace("kill_switch = false", "kill_switch = true"), &[]),
            (&other, &[]),
            (&to_all, &["--to", "2026-01-01T00:00:00Z"]),
            (&to_all, &["--site", "nobody"]),
            ("nonsense", &[]),
        ] {
            judged.push(of(text, more));
        }
    };
    running.stop_and_look(ask).await;
    let [same, to_all, to_none, other, before, nobody, nonsense] = &judged[..] else { panic!("{judged:?}") };

    assert_eq!(same.0, Some(0), "{same:?}");
    assert_eq!(
        (&same.1["same"], &same.1["judged"], &same.1["conversion"]),
        (&json!(SESSIONS), &json!(0), &Value::Null)
    );
    let rate = |arm: usize| {
        let of_ten = arms[arm] / 10 * [6, 3][arm] + (arms[arm] % 10).min([6, 3][arm]);
        of_ten as f64 / arms[arm] as f64
    };
    for (found, arm) in [(to_all, 0), (to_none, 1)] {
        let (code, found, said) = found;
        assert_eq!(*code, Some(0), "{found} {said}");
        assert_eq!((&found["judged"], &found["open"], &found["unreadable"]), (&json!(SESSIONS), &json!(0), &json!(0)));
        let of = &found["conversion"];
        let figure = |name: &str| of["estimates"][name]["value"].as_f64().expect("a number");
        // By arithmetic: weights are 2 for one arm and 0 for the other.
        assert!((figure("snipw") - rate(arm)).abs() < 1e-9, "{found}");
        assert!((figure("ipw") - rate(arm) * 2.0 * arms[arm] as f64 / SESSIONS as f64).abs() < 1e-9, "{found}");
        assert!((figure("dr") - rate(arm)).abs() < 0.05, "{found}");
        assert_eq!(of["effective_sample_size"].as_f64().expect("a number").round(), arms[arm] as f64);
        let spent = found["revenue"]["EUR"]["estimates"]["snipw"]["value"].as_f64().expect("a number");
        assert!((spent - rate(arm) * 5_000.0).abs() < 1e-6, "{found}");
    }
    assert_eq!(other.0, Some(65), "{other:?}");
    let refused = other.1["conversion"]["refused"].to_string();
    assert!(refused.contains("50 % of what the policy would choose was never tried"), "{refused}");
    assert_eq!(other.1["conversion"]["estimates"], Value::Null);
    assert_eq!((&before.1["sessions"], before.0), (&json!(0), Some(0)), "{before:?}");
    assert_eq!((nobody.0, nonsense.0), (Some(64), Some(65)), "{nobody:?} {nonsense:?}");
}

/// What is not over is nobody's answer, unless asked for.
#[tokio::test]
async fn sessions_that_are_not_over_count_only_if_asked_for() {
    let running = Running::start().await;
    for number in 0..3 {
        let shopper = session(number);
        let epoch = running.caller.grant(&shopper).await;
        running.caller.send("/v1/decisions", &decision_request(&shopper, epoch)).await;
    }
    running
        .stop_and_look(|folder| {
            let text = std::fs::read_to_string(folder.join("offers.toml")).expect("a policy");
            let policy = folder.join("asked.toml");
            std::fs::write(&policy, text.replace("holdout = 0.0", "holdout = 0.25")).expect("writes");
            let ask = |more: &[&str]| {
                let mut waver = Command::new(env!("CARGO_BIN_EXE_waver"));
                let waver = waver.arg("backtest").arg(&policy).arg("--config").arg(folder.join("waver.toml"));
                let output = waver.args(more).output().expect("runs");
                (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
            };
            let (code, said) = ask(&[]);
            assert!(
                code == Some(0) && said.contains("3 are not over") && said.contains("nothing to estimate"),
                "{said}"
            );
            let (code, said) = ask(&["--with-open"]);
            assert!(code == Some(65) && said.contains("0 are not over") && said.contains("refused: "), "{said}");
        })
        .await;
}
