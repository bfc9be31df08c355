//! Consent, events and decisions, and what is left of them after a restart.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::harness::{NOW, Running, batch, consent, decision_request, eventually, session, view};

#[tokio::test]
async fn a_batch_is_stored_once_however_often_it_is_sent() {
    let running = Running::start().await;
    let caller = &running.caller;
    let shopper = session(1);
    let epoch = caller.grant(&shopper).await;
    let sent = batch(&shopper, epoch, (1..=3).map(view));
    let first = caller.send("/v1/events", &sent).await;
    assert_eq!((first.status, &first.body), (202, &json!({"accepted": 3, "duplicate": 0, "rejected": []})));
    let again = caller.send("/v1/events", &sent).await;
    assert_eq!((again.status, &again.body), (202, &json!({"accepted": 0, "duplicate": 3, "rejected": []})));
    let overlapping = caller.send("/v1/events", &batch(&shopper, epoch, [3, 5, 4].map(view))).await;
    assert_eq!(overlapping.body, json!({"accepted": 2, "duplicate": 1, "rejected": []}));

    let running = running.restart().await;
    let after = running.caller.send("/v1/events", &sent).await;
    assert_eq!(after.body["duplicate"], 3, "the log remembers");
    let aggregates = running.caller.admin("/v1/aggregates?site=demo").await;
    assert_eq!(aggregates["total"]["events"], 5);
    assert_eq!(aggregates["total"]["views"], json!({"product": 5}));
    assert_eq!(aggregates["live"]["sessions"], 1);
    running.stop().await;
}

/// Invariant I10. What a browser's wall clock says is read, and moves nothing: no order, no window, no watermark.
#[tokio::test]
async fn a_clock_that_is_two_days_off_changes_nothing() {
    const TWO_DAYS_MS: u64 = 2 * 24 * 60 * 60 * 1000;
    let mut told = Vec::new();
    for sent_at in [NOW, NOW - TWO_DAYS_MS, NOW + TWO_DAYS_MS, 0] {
        let running = Running::start().await;
        let epoch = running.caller.grant(&session(1)).await;
        for seqs in [[5, 6], [1, 2], [9, 10]] {
            let mut sent = batch(&session(1), epoch, seqs.map(view));
            sent["sent_at"] = json!(sent_at);
            assert_eq!(running.caller.send("/v1/events", &sent).await.body["accepted"], 2);
        }
        let mut known = running.caller.admin("/v1/aggregates?site=demo").await;
        known["session"] = running.caller.admin("/v1/sessions?site=demo").await["sessions"][0].clone();
        known["session"]["session"].take(); // its pseudonym is another one in each data folder
        told.push(known);
        running.stop().await;
    }
    assert!(told.iter().all(|known| *known == told[0]), "{told:?}");
}

#[tokio::test]
async fn one_bad_event_does_not_take_the_others_with_it() {
    let running = Running::start().await;
    let shopper = session(1);
    let epoch = running.caller.grant(&shopper).await;
    let events = [view(1), json!({"seq": 2, "t": 0, "type": "from_the_future", "warp": 9}), view(0), view(3)];
    let answer = running.caller.send("/v1/events", &batch(&shopper, epoch, events)).await;
    let rejected = json!([{"index": 1, "code": "schema"}, {"index": 2, "code": "seq_range"}]);
    assert_eq!(answer.body, json!({"accepted": 2, "duplicate": 0, "rejected": rejected}));
    running.stop().await;
}

#[tokio::test]
async fn fields_that_nobody_knows_are_let_pass_and_counted() {
    let running = Running::start().await;
    let epoch = running.caller.grant(&session(1)).await;
    let (mut one, mut other) = (view(1), view(2));
    one["warp"] = json!(9);
    other["note"] = json!({"text": "fast"});
    let answer = running.caller.send("/v1/events", &batch(&session(1), epoch, [one, other, view(3)])).await;
    assert_eq!(answer.body["accepted"], 3);
    assert_eq!(running.caller.metric("waver_unknown_fields_total", &["site=\"demo\""]).await, 2);
    assert_eq!(running.caller.metric("waver_unknown_fields_total", &[]).await, 2, "and of no other site");
    running.stop().await;
}

#[tokio::test]
async fn a_batch_needs_an_open_grant_under_its_own_epoch() {
    let running = Running::start().await;
    let caller = &running.caller;
    let shopper = session(1);
    let events = |epoch| batch(&shopper, epoch, [view(1)]);
    let refused = caller.send("/v1/events", &events(1)).await;
    assert_eq!((refused.status, refused.code()), (403, "consent"), "before a grant");

    let epoch = caller.grant(&shopper).await;
    assert_eq!(caller.send("/v1/events", &events(epoch + 1)).await.code(), "consent", "under another epoch");
    assert_eq!(caller.send("/v1/events", &events(epoch)).await.status, 202);

    let withdrawn = caller.send("/v1/consents", &consent(&shopper, "denied", "denied")).await;
    assert_eq!((withdrawn.status, withdrawn.body["consent_epoch"].as_u64()), (200, Some(epoch + 1)));
    for late in [epoch, epoch + 1] {
        assert_eq!(caller.send("/v1/events", &batch(&shopper, late, [view(2)])).await.code(), "consent");
    }

    let running = running.restart().await;
    assert_eq!(running.caller.send("/v1/events", &events(epoch)).await.code(), "consent", "the log remembers");
    running.stop().await;
}

#[tokio::test]
async fn purposes_are_separate() {
    let running = Running::start().await;
    let caller = &running.caller;
    let (measured, personal) = (session(1), session(2));
    let epoch = caller.consent(&measured, "granted", "denied").await;
    let other = caller.consent(&personal, "denied", "granted").await;
    assert_eq!(caller.send("/v1/events", &batch(&measured, epoch, [view(1)])).await.status, 202);
    assert_eq!(caller.send("/v1/decisions", &decision_request(&measured, epoch)).await.code(), "consent");
    assert_eq!(caller.send("/v1/events", &batch(&personal, other, [view(1)])).await.code(), "consent");
    assert_eq!(caller.send("/v1/decisions", &decision_request(&personal, other)).await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn an_offer_stays_the_same_until_it_is_taken_and_is_never_made_twice() {
    let running = Running::start().await;
    let shopper = session(1);
    let epoch = running.caller.grant(&shopper).await;
    let request = decision_request(&shopper, epoch);
    let first = running.caller.send("/v1/decisions", &request).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let offer = &first.body["offer"];
    assert_eq!(
        (&first.body["reason"], &first.body["arm"], &offer["id"]),
        (&json!("targeting_match"), &json!("offer"), &json!("ten-percent"))
    );
    assert_eq!(first.body["decision"].as_str().map(str::len), Some(32));
    assert_eq!(offer["text"], "10 % off your order");

    // A reload, another tab, a restart of the collector, some minutes later: the same offer with the same end.
    let running = running.restart().await;
    running.clock.fetch_add(5 * 60_000, Ordering::SeqCst);
    let again = running.caller.send("/v1/decisions", &request).await;
    for field in ["decision", "offer", "reason", "arm", "propensity"] {
        assert_eq!(first.body[field], again.body[field], "{field}");
    }

    // Once it is taken, the cap holds, and the books say so.
    let decision = &first.body["decision"];
    let taken = [
        json!({"seq": 1, "t": 100, "type": "offer", "action": "exposed", "decision": decision, "since_signal_ms": 120}),
        json!({"seq": 2, "t": 900, "type": "offer", "action": "accepted", "decision": decision}),
    ];
    assert_eq!(running.caller.send("/v1/events", &batch(&shopper, epoch, taken)).await.body["accepted"], 2);
    let third = running.caller.send("/v1/decisions", &request).await;
    assert_eq!((&third.body["offer"], &third.body["reason"]), (&Value::Null, &json!("capped")));

    let total = &running.caller.admin("/v1/aggregates").await["total"];
    assert_eq!(total["offers"]["decided"], 1);
    assert_eq!((&total["offers"]["exposed"], &total["offers"]["accepted"]), (&json!(1), &json!(1)));
    assert_eq!(total["offers"]["withheld"], json!({"capped": 1}));
    assert_eq!(total["velocity_ms"]["count"], 1);
    let sessions = running.caller.admin("/v1/sessions?site=demo").await;
    assert_eq!(sessions["sessions"][0]["offers"][0]["state"], "accepted");
    running.stop().await;
}

#[tokio::test]
async fn many_at_once_make_one_offer_and_lose_nothing() {
    let running = Running::start().await;
    let shopper = session(1);
    let epoch = running.caller.grant(&shopper).await;
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let (caller, request) = (running.caller.clone(), decision_request(&shopper, epoch));
            let sent = batch(&shopper, epoch, [view(number + 1)]);
            tokio::spawn(async move {
                let stored = caller.send("/v1/events", &sent).await;
                assert_eq!(stored.body["accepted"], 1, "{}", stored.body);
                caller.send("/v1/decisions", &request).await.body["decision"].clone()
            })
        })
        .collect();
    let mut decisions = Vec::new();
    for task in tasks {
        decisions.push(task.await.expect("no panic"));
    }
    assert!(decisions.iter().all(|decision| decision == &decisions[0] && decision.is_string()), "{decisions:?}");
    let total = &running.caller.admin("/v1/aggregates").await["total"];
    assert_eq!((&total["events"], &total["offers"]["decided"]), (&json!(40), &json!(1)));
    assert_eq!(total["lost_events"], 0);
    running.stop().await;
}

#[tokio::test]
async fn a_changed_policy_comes_into_force_and_a_broken_one_does_not() {
    let running = Running::start().await;
    let policy = async || running.caller.admin("/v1/aggregates").await["policy"].clone();
    let first = policy().await;
    let epoch = running.caller.grant(&session(2)).await;
    let standing = running.caller.send("/v1/decisions", &decision_request(&session(2), epoch)).await;
    assert!(standing.body["offer"].is_object(), "{}", standing.body);
    let offers = running.folder().join("offers.toml");
    let text = std::fs::read_to_string(&offers).expect("reads");
    std::fs::write(&offers, text.replace("kill_switch = false", "kill_switch = true")).expect("writes");
    let second = eventually("the kill switch", async || Some(policy().await).filter(|version| *version != first)).await;
    let epoch = running.caller.grant(&session(1)).await;
    let stopped = running.caller.send("/v1/decisions", &decision_request(&session(1), epoch)).await;
    assert_eq!((&stopped.body["reason"], &stopped.body["policy"]), (&json!("kill_switch"), &second));
    let fallen = running.caller.send("/v1/decisions", &decision_request(&session(2), epoch)).await;
    assert_eq!(
        (&fallen.body["offer"], &fallen.body["reason"]),
        (&Value::Null, &json!("kill_switch")),
        "an offer that stood"
    );

    std::fs::write(&offers, "[policy]\nholdout = \"all\"\n").expect("writes");
    let refused = ["site=\"demo\"", "result=\"refused\""];
    eventually("the broken file to be noticed", async || {
        (running.caller.metric("waver_policy_reloads_total", &refused).await > 0).then_some(())
    })
    .await;
    assert_eq!(policy().await, second);
    running.stop().await;
}

#[tokio::test]
async fn a_full_house_of_open_sessions_turns_new_ones_away_until_old_ones_end() {
    let running = Running::start_with(&[("WAVER__LIMITS__SESSIONS", "2")]).await;
    let caller = &running.caller;
    caller.grant(&session(2)).await;
    let epoch = caller.grant(&session(1)).await;
    let turned_away = caller.send("/v1/consents", &consent(&session(3), "granted", "granted")).await;
    assert_eq!((turned_away.status, turned_away.code()), (503, "unavailable"));
    assert!(turned_away.header("retry-after").is_some());
    assert_eq!(caller.send("/v1/events", &batch(&session(1), epoch, [view(1)])).await.status, 202, "open ones go on");
    running.clock.fetch_add(41 * 60_000, Ordering::SeqCst); // half an hour, and the ten minutes that a session is kept longer
    caller.grant(&session(3)).await;
    running.stop().await;
}
