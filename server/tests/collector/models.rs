//! How right models were, over HTTP: the one in the browsers, and one that is tried in the shadow.

use std::process::{Command, Output};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use waver_core::model::{Model, Origin, Parts, Summary, Term, Transform};

use crate::harness::{Running, batch, session, view};

const DAY: u64 = 24 * 60 * 60 * 1000;
const K: u64 = 5;

/// An artifact that says a half at one product view and more above.
fn challenger() -> Vec<u8> {
    let term = Term { feature: 0, transform: Transform::Identity, centre: 1.0, weight: 1.0 };
    let parts = Parts {
        task: "p_buy".to_owned(),
        name: "tried-1".to_owned(),
        features: vec!["product_views".to_owned()],
        terms: vec![term],
        ..Parts::default()
    };
    let summary = Summary {
        origin: Origin::Own,
        data: "log".to_owned(),
        data_hash: 0,
        seed: 1,
        rows: 0,
        positives: 0,
        groups: 0,
        figures: Vec::new(),
    };
    Model::new(parts).expect("a model").encode(&summary).expect("an artifact")
}

/// Three views and a score, and an order or not.
async fn visit(running: &Running, shopper: u64, p_buy: u64, buys: bool) {
    let session = session(shopper);
    let epoch = running.caller.grant(&session).await;
    let intent = json!({"seq": 4, "t": 400, "type": "intent", "p_buy_milli": p_buy, "p_leave_milli": 0, "stage": "low", "trend": "flat"});
    let seen = batch(&session, epoch, (1..=3).map(view).chain([intent]));
    assert_eq!(running.caller.send("/v1/events", &seen).await.status, 202);
    if buys {
        let order =
            json!({"seq": 5, "t": 500, "type": "commerce", "action": "purchase", "quantity": 1, "order": shopper});
        assert_eq!(running.caller.send("/v1/events", &batch(&session, epoch, [order])).await.status, 202);
    }
}

#[tokio::test]
async fn a_settled_day_tells_how_right_both_models_were_and_of_nobody() {
    let running = Running::start_with(&[("WAVER__RELEASE__K", "5")]).await;
    std::fs::write(running.folder().join("tried.wvmd"), challenger()).expect("writes");
    let running =
        running.restart_with(&[("WAVER__RELEASE__K", "5"), ("WAVER__MODELS__CHALLENGER", "tried.wvmd")]).await;
    let begun = running.clock.load(Ordering::SeqCst) / DAY * DAY + DAY;
    running.clock.store(begun, Ordering::SeqCst);
    for shopper in 0..4 * K {
        visit(&running, shopper, 250, shopper < K).await;
    }
    let early = running.caller.admin("/v1/models").await;
    assert_eq!((&early["days"], &early["challenger"]), (&json!([]), &json!("tried-1")));

    // A day later there are too few to tell of.
    running.clock.store(begun + DAY, Ordering::SeqCst);
    for shopper in 100..100 + K {
        visit(&running, shopper, 900, shopper == 100).await;
    }
    running.clock.store(begun + 2 * DAY + DAY / 2, Ordering::SeqCst);
    let models = running.caller.admin("/v1/models").await;
    let [day] = &models["days"].as_array().expect("days")[..] else { panic!("{models}") };
    assert_eq!((&day["start"], &day["end"]), (&json!(begun), &json!(begun + DAY)));
    // A quarter was said and a quarter bought.
    let champion = &day["champion"];
    assert_eq!((&champion["sessions"], &champion["bought"]), (&json!(4 * K), &json!(K)));
    assert_eq!(champion["calibration_error"], 0.0);
    assert_eq!(champion["bins"], json!([{"sessions": 4 * K, "predicted": 0.25, "bought": 0.25}]));
    // Three product views are two above the centre: 1 / (1 + exp(-2)).
    let said = 1.0 / (1.0 + (-2.0_f64).exp());
    let error = day["challenger"]["calibration_error"].as_f64().expect("a number");
    assert!((error - (said - 0.25)).abs() < 1e-9, "{error}");
    assert!(models["drift"].as_array().expect("features").iter().all(|feature| feature["psi"] == Value::Null));

    let metrics =
        running.caller.request("GET", "/metrics").send().await.expect("an answer").text().await.expect("text");
    for line in [
        "waver_model_calibration_error{site=\"demo\",model=\"champion\"} 0.0",
        "waver_model_brier{site=\"demo\",model=\"champion\"} 0.1875",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }

    running.clock.store(begun + 4 * DAY, Ordering::SeqCst);
    let models = running.caller.admin("/v1/models").await;
    let last = &models["days"].as_array().expect("days").last().expect("a day")["champion"];
    assert_eq!(last, &json!({"sessions": null, "bought": null, "brier": null, "calibration_error": null, "bins": []}));
    running.stop().await;
}

#[tokio::test]
async fn sessions_of_the_log_make_a_challenger_that_the_same_site_can_try() {
    const HOUR: u64 = 60 * 60 * 1000;
    let running = Running::start().await;
    // Who is said to buy does, but for one in ten.
    for shopper in 0..200 {
        running.clock.fetch_add(1_000, Ordering::SeqCst);
        let likely = shopper % 4 == 0;
        visit(&running, shopper, if likely { 700 } else { 100 }, likely != (shopper % 10 == 0)).await;
    }
    // One that is under way when the log is read tells nothing yet.
    running.clock.fetch_add(2 * HOUR, Ordering::SeqCst);
    visit(&running, 1_000, 100, false).await;
    let trained = Arc::new(Mutex::new(None));
    let told = Arc::clone(&trained);
    let running = running
        .restart_after(
            move |folder| {
                let config = folder.join("waver.toml");
                let model = folder.join("fitted.wvmd");
                let train = |more: &[&str]| {
                    let mut waver = Command::new(env!("CARGO_BIN_EXE_waver"));
                    waver.args(["train", "--log", "--json", "--config"]).arg(&config).args(more);
                    waver.output().expect("runs")
                };
                let model = model.to_str().expect("a path");
                let fitted = train(&["--mapping", "sessions", "--out", model]);
                assert!(fitted.status.success(), "{fitted:?}");
                let again = train(&["--evaluate", model]);
                assert!(again.status.success(), "{again:?}");
                let nobody = train(&["--mapping", "sessions", "--cross-validate", "--site", "nobody"]);
                assert_eq!(nobody.status.code(), Some(64));
                let json = |output: Output| serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
                *told.lock().expect("whole") = Some((json(fitted), json(again)));
            },
            &[("WAVER__MODELS__CHALLENGER", "fitted.wvmd")],
        )
        .await;
    let (fitted, again) = trained.lock().expect("whole").take().expect("told");
    // The first fifth in time has nothing before it that could judge it.
    assert_eq!((&fitted["rows"], &fitted["positives"]), (&json!(160), &json!(40)));
    assert_eq!((&again["rows"], &again["positives"]), (&json!(200), &json!(50)));
    assert!(fitted["roc_auc"]["value"].as_f64().expect("a number") > 0.8, "{fitted}");
    assert_eq!((&again["model"], &again["seen"]), (&json!("sessions-1"), &json!(true)));
    assert_eq!(running.caller.admin("/v1/models").await["challenger"], "sessions-1");
    running.stop().await;
}

#[tokio::test]
async fn browsers_get_the_artifact_of_the_configuration_and_otherwise_none() {
    let running = Running::start().await;
    let ask = |running: &Running| running.caller.request("GET", "/sdk/models/intent").send();
    assert_eq!(ask(&running).await.expect("an answer").status(), 404);
    std::fs::write(running.folder().join("intent.wvmd"), challenger()).expect("writes");
    let running = running.restart_with(&[("WAVER__MODELS__INTENT", "intent.wvmd")]).await;
    let answer = ask(&running).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.bytes().await.expect("bytes"), challenger());
    running.stop().await;
}

#[tokio::test]
async fn a_challenger_that_is_none_stops_the_start_with_its_name() {
    let folder = crate::harness::folder();
    std::fs::write(folder.path().join("tried.wvmd"), b"nothing").expect("writes");
    let variables = [("WAVER__MODELS__CHALLENGER".to_owned(), "tried.wvmd".to_owned())];
    let config = waver::Config::load(&folder.path().join("waver.toml"), variables).expect("a configuration");
    let refused = waver::Collector::start(config).await.expect_err("it is no model").to_string();
    assert!(refused.contains("tried.wvmd") && refused.contains("models.challenger"), "{refused}");
}
