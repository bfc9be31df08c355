//! Events that are not of the schema: kept scrubbed where measuring is granted, listed, and read again.

use serde_json::{Value, json};

use crate::harness::{ADMIN_TOKEN, Answer, Running, batch, consent, files, session, view};

async fn letters(running: &Running) -> Vec<Value> {
    running.caller.admin("/v1/dead-letters?site=demo").await["letters"].as_array().expect("a list").clone()
}

async fn redrive(running: &Running, asked: Value) -> Answer {
    let request = running.caller.request("POST", "/v1/dead-letters/redrive").bearer_auth(ADMIN_TOKEN).json(&asked);
    Answer::of(request.send().await.expect("an answer")).await
}

async fn books(running: &Running) -> Value {
    running.caller.admin("/v1/aggregates?site=demo").await["outcomes"].clone()
}

fn with(mut event: Value, field: &str, value: Value) -> Value {
    event[field] = value;
    event
}

#[tokio::test]
async fn a_letter_tells_what_is_wrong_and_nothing_of_the_person() {
    let running = Running::start().await;
    let epoch = running.caller.grant(&session(1)).await;
    let wrong = json!({"seq": 2, "t": 5, "type": "page_view", "page": "product", "navigation": "teleport",
        "referrer": "https://shop.example/?mail=jane@example.com", "device": "mouse", "name": "Jane Doe"});
    let answer = running.caller.send("/v1/events", &batch(&session(1), epoch, [view(1), wrong])).await;
    assert_eq!(answer.body["rejected"], json!([{"index": 1, "code": "schema"}]));
    let kept = letters(&running).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    let letter = &kept[0];
    let event = json!({"seq": 2, "t": 5, "type": "page_view", "page": "product", "navigation": "teleport",
        "referrer": "?text", "device": "mouse", "?1": "?text"});
    assert_eq!((&letter["event"], letter["consent_epoch"].as_u64()), (&event, Some(epoch)));
    assert!(letter["expectation"].as_str().expect("a text").contains("expected one of `load`"), "{letter}");

    // The log remembers it, and neither it nor any other file knows more.
    let running = running.restart().await;
    assert_eq!(letters(&running).await, kept);
    for file in files(running.folder()) {
        // A running collector may be replacing it just now.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        for canary in [&b"jane@"[..], b"Jane"] {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary), "{}", file.display());
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_batch_of_nothing_but_nonsense_is_refused_and_kept_only_under_a_grant_to_measure() {
    let running = Running::start().await;
    let nonsense = || (1..=6).map(|seq| json!({"seq": seq, "t": 0, "type": "from_the_future"}));
    running.caller.send("/v1/consents", &consent(&session(2), "denied", "granted")).await;
    let epoch = running.caller.grant(&session(3)).await;
    for (shopper, epoch) in [(1, 1), (2, 1), (3, epoch + 1), (3, epoch)] {
        let answer = running.caller.send("/v1/events", &batch(&session(shopper), epoch, nonsense())).await;
        assert_eq!((answer.status, answer.code()), (422, "schema"));
        assert_eq!(answer.body["field"].as_str(), Some("events[0]"));
    }
    let kept = letters(&running).await;
    assert_eq!(kept.len(), 4, "four of a batch, and of the last batch alone");
    let books = books(&running).await;
    assert_eq!(books["received"], 24);
    let discarded = books["discarded"].as_object().expect("reasons").values().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(discarded, 24, "{books}");
    running.stop().await;
}

/// An event that cannot be read, and can once it is scrubbed, as one that a later schema knows: a foreign field of it is nested deeper
/// than readers follow.
fn mendable(seq: u64) -> Value {
    with(view(seq), "extra", (0..200).fold(json!([]), |inner, _| json!([inner])))
}

fn outcomes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let outcomes = answer.body["outcomes"].as_array().expect("a list").iter();
    outcomes.map(|outcome| outcome["outcome"].as_str().expect("a word").to_owned()).collect()
}

#[tokio::test]
async fn what_can_be_read_by_now_is_stored_and_is_a_letter_no_longer() {
    let running = Running::start().await;
    let caller = &running.caller;
    let [epoch, other] = [caller.grant(&session(1)).await, caller.grant(&session(2)).await];
    let text = with(view(3), "item", json!("jane@example.com"));
    let sent = batch(&session(1), epoch, [view(1), mendable(2), text, mendable(1)]);
    assert_eq!(caller.send("/v1/events", &sent).await.body["accepted"], 1);
    assert_eq!(caller.send("/v1/events", &batch(&session(2), other, [mendable(1)])).await.status, 422);
    caller.send("/v1/consents", &consent(&session(2), "denied", "denied")).await;
    let before = books(&running).await;
    assert_eq!(
        (&before["received"], &before["stored"], &before["discarded"]["schema"]),
        (&json!(5), &json!(1), &json!(4))
    );

    let asked = json!({"site": "demo"});
    // A text where an item should be is no item, and the event is not stored without it.
    assert_eq!(outcomes(&redrive(&running, asked.clone()).await), ["stored", "schema", "duplicate", "consent"]);
    let after = books(&running).await;
    assert_eq!(
        (&after["received"], &after["stored"]),
        (&json!(8), &json!(2)),
        "three were received once more: {after}"
    );
    assert_eq!(outcomes(&redrive(&running, asked).await), ["schema", "duplicate", "consent"]);
    assert_eq!(outcomes(&redrive(&running, json!({"site": "demo", "ids": ["999999-0"]})).await), ["not_found"]);

    let kept = letters(&running).await;
    assert_eq!(kept.len(), 3);
    let running = running.restart().await;
    assert_eq!(letters(&running).await, kept, "the log remembers what was read again");
    assert_eq!(running.caller.admin("/v1/aggregates").await["total"]["events"], 2);
    running.stop().await;
}

#[tokio::test]
async fn operators_alone_may_list_and_redrive() {
    let running = Running::start().await;
    for (method, path) in [("GET", "/v1/dead-letters"), ("POST", "/v1/dead-letters/redrive")] {
        let answer = Answer::of(running.caller.request(method, path).send().await.expect("an answer")).await;
        assert_eq!((answer.status, answer.code()), (401, "unauthorized"), "{path}");
    }
    for (asked, status) in [
        (json!({"site": "nobody"}), 401),
        (json!({"site": "demo", "ids": ["first"]}), 422),
        (json!({"ids": []}), 422),
        (json!({"site": "demo", "ids": []}), 200),
    ] {
        assert_eq!(redrive(&running, asked).await.status, status);
    }
    running.stop().await;
}
