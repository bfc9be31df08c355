//! Being forgotten, and seeing what is held.

use serde_json::{Value, json};

use crate::harness::{
    ADMIN_TOKEN, Answer, Caller, NOW, Running, SHOP, batch, consent, decision_request, folder, session, view,
};
use crate::process::{Process, run};

const NONCE: &str = "000102030405060708090a0b0c0d0e0f";

fn request(session: &str) -> Value {
    json!({"v": 1, "site": "demo", "session": session})
}

pub(crate) async fn get(caller: &Caller, path: &str) -> Answer {
    Answer::of(caller.request("GET", path).send().await.expect("an answer")).await
}

/// Erases a session and gives the erasure.
pub(crate) async fn erase(caller: &Caller, session: &str) -> String {
    let answer = caller.send("/v1/erase", &request(session)).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body["erasure"].as_str().expect("a name").to_owned()
}

/// Everything held about a session: what is known now, and its records.
pub(crate) async fn me(caller: &Caller, session: &str) -> (Value, Vec<Value>) {
    let (mut records, mut from) = (Vec::new(), Value::Null);
    loop {
        let mut asked = request(session);
        if !from.is_null() {
            asked["from"] = from;
        }
        let Answer { status, mut body, .. } = caller.send("/v1/me", &asked).await;
        assert_eq!(status, 200, "{body}");
        records.extend(body["records"].as_array().expect("records").iter().cloned());
        from = body["next"].take();
        if from.is_null() {
            return (body["session"].take(), records);
        }
    }
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["kind"].as_str().expect("a kind")).collect()
}

#[tokio::test]
async fn an_erased_session_is_gone_and_its_receipt_verifies() {
    let running = Running::start().await;
    let caller = &running.caller;
    let epoch = caller.grant(&session(1)).await;
    let events = (1..4).map(view).chain([json!({"seq": 4, "t": 0, "type": "mind_reading"})]);
    assert_eq!(caller.send("/v1/events", &batch(&session(1), epoch, events)).await.status, 202);
    assert_eq!(caller.send("/v1/decisions", &decision_request(&session(1), epoch)).await.status, 200);
    let (held, records) = me(caller, &session(1)).await;
    assert_eq!(held["views"], 3);
    assert_eq!(kinds(&records), ["consent", "batch", "dead_letter", "decision"]);
    assert_eq!(records[1]["content"]["events"].as_array().map(Vec::len), Some(3));

    let mut asked = request(&session(1));
    asked["nonce"] = json!(NONCE);
    let answer = caller.send("/v1/erase", &asked).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let erasure = answer.body["erasure"].as_str().expect("a name");

    assert_eq!(me(caller, &session(1)).await.0, Value::Null);
    assert_eq!(caller.admin("/v1/sessions").await["sessions"], json!([]));
    assert_eq!(caller.admin("/v1/dead-letters").await["letters"], json!([]));
    let total = caller.admin("/v1/aggregates").await["total"].clone();
    assert_eq!((&total["events"], &total["sessions"], &total["views"]), (&json!(0), &json!(0), &json!({})), "{total}");
    assert_eq!(total["offers"]["decided"], 0, "{total}");

    let receipt = get(caller, &format!("/v1/erase/{erasure}")).await;
    assert_eq!(receipt.status, 200);
    let told = &receipt.body["receipt"];
    assert_eq!(told["classes"], json!(["aggregates", "dead_letters", "decisions", "events", "session"]));
    assert_eq!(told["keys_destroyed"], 1);
    assert_eq!(told["records"], json!({"batches": 1, "dead_letters": 1, "decisions": 1}));
    assert_eq!((&told["erased_at"], &told["nonce"], &told["site"]), (&json!(NOW), &json!(NONCE), &json!("demo")));
    assert_ne!(told["log"]["before"]["chain"], told["log"]["after"]["chain"]);
    assert_eq!(told["log"]["record"], told["log"]["before"]["offset"]);

    // Offline, with the published key, by the program itself.
    let path = running.folder().join("receipt.json");
    let key = running.folder().join("key.json");
    std::fs::write(&path, receipt.body.to_string()).expect("writes");
    std::fs::write(&key, get(caller, "/v1/erase/key").await.body.to_string()).expect("writes");
    let check = |receipt: &std::path::Path| {
        let arguments = ["check", "--receipt", receipt.to_str().expect("text"), "--key", key.to_str().expect("text")];
        run(&arguments, &[]).status.code()
    };
    assert_eq!(check(&path), Some(0));
    std::fs::write(&path, receipt.body.to_string().replace("\"batches\":1", "\"batches\":2")).expect("writes");
    assert_eq!(check(&path), Some(65), "a changed receipt");
    running.stop().await;
}

/// C10: what was under way when the session was erased.
#[tokio::test]
async fn what_arrives_late_is_refused_and_not_stored() {
    let running = Running::start().await;
    let caller = &running.caller;
    let epoch = caller.grant(&session(1)).await;
    let late = batch(&session(1), epoch, [view(1)]);
    erase(caller, &session(1)).await;
    let refused = [
        caller.send("/v1/events", &late).await,
        caller.send("/v1/events", &batch(&session(1), epoch, [json!({"seq": 1, "t": 0, "type": "unheard_of"})])).await,
        caller.send("/v1/decisions", &decision_request(&session(1), epoch)).await,
        caller.send("/v1/consents", &consent(&session(1), "granted", "granted")).await,
    ];
    for answer in &refused[2..] {
        assert_eq!((answer.status, answer.code()), (410, "erased"), "{}", answer.body);
    }
    assert_eq!((refused[0].status, refused[0].code()), (410, "erased"));
    assert_eq!(refused[1].status, 422, "nothing of it could be read, which is said first");
    // A withdrawal of what is gone is no grant, and is answered as that of any unknown session.
    let withdrawn = caller.send("/v1/consents", &consent(&session(1), "denied", "denied")).await;
    assert_eq!((withdrawn.status, &withdrawn.body["consent_epoch"]), (200, &json!(0)));
    let (held, records) = me(caller, &session(1)).await;
    assert_eq!((held, kinds(&records)), (Value::Null, vec!["consent", "erasure"]));
    assert_eq!(caller.admin("/v1/dead-letters").await["letters"], json!([]));
    let outcomes = caller.admin("/v1/aggregates").await["outcomes"].clone();
    assert_eq!((&outcomes["received"], &outcomes["discarded"]["erased"]), (&json!(2), &json!(2)), "{outcomes}");

    // The same over a restart, from the log and from a snapshot.
    let running = running.restart().await.restart().await;
    let answer = running.caller.send("/v1/events", &late).await;
    assert_eq!((answer.status, answer.code()), (410, "erased"));
    // It stands for 25 hours; then the pseudonym is as any other.
    running.clock.fetch_add(25 * 60 * 60 * 1000 + 1, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(running.caller.send("/v1/events", &late).await.status, 403);
    running.stop().await;
}

#[tokio::test]
async fn asking_again_is_answered_alike_and_does_nothing() {
    let running = Running::start().await;
    let caller = &running.caller;
    caller.grant(&session(1)).await;
    let erasure = erase(caller, &session(1)).await;
    let receipt = get(caller, &format!("/v1/erase/{erasure}")).await.body;
    // A nonce that comes later, or that was seen before, begins nothing new.
    let mut again = request(&session(1));
    again["nonce"] = json!(NONCE);
    assert_eq!(caller.send("/v1/erase", &again).await.body["erasure"], json!(erasure));
    assert_eq!(get(caller, &format!("/v1/erase/{erasure}")).await.body, receipt);
    assert_eq!(kinds(&me(caller, &session(1)).await.1), ["consent", "erasure"], "the log has it once");
    let mut other = request(&session(2));
    other["nonce"] = json!(NONCE);
    assert_ne!(caller.send("/v1/erase", &other).await.body["erasure"], json!(erasure));
    running.stop().await;
}

/// C27, as far as one can see without a clock: both take the same way, and their answers differ in the name alone.
#[tokio::test]
async fn an_unknown_session_is_erased_like_a_known_one() {
    let running = Running::start().await;
    let caller = &running.caller;
    let epoch = caller.grant(&session(1)).await;
    assert_eq!(caller.send("/v1/events", &batch(&session(1), epoch, [view(1)])).await.status, 202);
    let mut shapes = Vec::new();
    for number in [1, 2] {
        let answer = caller.send("/v1/erase", &request(&session(number))).await;
        let text = answer.body.to_string();
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        shapes.push((answer.status, text.len(), names, answer.header("content-length").map(str::to_owned)));
        // And from then on: a record in the log, a tombstone, a receipt.
        let erasure = answer.body["erasure"].as_str().expect("a name").to_owned();
        assert_eq!(get(caller, &format!("/v1/erase/{erasure}")).await.status, 200);
        assert_eq!(caller.send("/v1/consents", &consent(&session(number), "granted", "granted")).await.status, 410);
        assert_eq!(kinds(&me(caller, &session(number)).await.1).last(), Some(&"erasure"));
    }
    assert_eq!(shapes[0], shapes[1]);
    // Of a session that nobody knows, nothing is held, in the same shape.
    let (held, records) = me(caller, &session(3)).await;
    assert_eq!((held, records.len()), (Value::Null, 0));
    running.stop().await;
}

/// C28: nobody erases what they cannot name, nor many in a short time.
#[tokio::test]
async fn ids_that_are_none_are_refused_and_so_is_a_flood() {
    let environment =
        [("WAVER__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]"), ("WAVER__LIMITS__RATE__SOURCE_ERASURES", "3/min")];
    let running = Running::start_with(&environment).await;
    let caller = &running.caller;
    for id in ["", "1", &session(1)[1..], &format!("{}0", session(1)), &session(1).to_uppercase(), "*"] {
        for path in ["/v1/erase", "/v1/me"] {
            let answer = caller.send(path, &request(id)).await;
            assert_eq!((answer.status, answer.code()), (422, "schema"), "{path} {id}");
        }
    }
    let from = async |address: &str, path: &str, number: u64| {
        let request = caller.request("POST", path).header("x-forwarded-for", address).json(&request(&session(number)));
        Answer::of(request.send().await.expect("an answer")).await
    };
    // Both ways count together: each would tell whether an id is known, if it could be tried often enough.
    for number in 0..3 {
        let path = if number == 1 { "/v1/me" } else { "/v1/erase" };
        assert!(from("192.0.2.1", path, number).await.status < 300);
    }
    for path in ["/v1/erase", "/v1/me"] {
        let answer = from("192.0.2.1", path, 9).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("20")), "{path}");
    }
    assert_eq!(from("192.0.2.2", "/v1/erase", 9).await.status, 202, "another source is not held up");
    running.stop().await;
}

#[tokio::test]
async fn pages_of_the_shop_may_ask_and_others_may_not() {
    let running = Running::start().await;
    let caller = &running.caller;
    // As a page that closes sends it: plain text, without a preflight.
    let body = request(&session(1)).to_string();
    let send = async |path: &str, origin: &str, body: String| {
        let request = caller.request("POST", path).header("origin", origin).header("content-type", "text/plain");
        Answer::of(request.body(body).send().await.expect("an answer")).await
    };
    for path in ["/v1/erase", "/v1/me"] {
        let answer = send(path, SHOP, body.clone()).await;
        assert!(answer.status < 300, "{path}: {}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
        let answer = send(path, "https://strict.example", body.clone()).await;
        assert_eq!((answer.status, answer.code()), (403, "origin"), "{path}");
    }
    // Who asks not to be tracked may of course be forgotten.
    let asked = caller.request("POST", "/v1/erase").header("sec-gpc", "1").json(&request(&session(2)));
    assert_eq!(asked.send().await.expect("an answer").status(), 202);
    // An operator may ask for a shopper, whatever the site says of origins.
    let strict = json!({"v": 1, "site": "strict", "session": session(3)});
    assert_eq!(caller.send("/v1/erase", &strict).await.status, 403);
    let asked = caller.request("POST", "/v1/erase").bearer_auth(ADMIN_TOKEN).json(&strict);
    assert_eq!(asked.send().await.expect("an answer").status(), 202);
    for (path, status) in [("/v1/erase/0011", 422), ("/v1/erase/00112233445566778899aabbccddeeff", 404)] {
        assert_eq!(get(caller, path).await.status, status, "{path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn the_command_erases_and_prints_the_receipt() {
    let folder = folder();
    let process = Process::start(folder.path()).await;
    process.caller.grant(&session(1)).await;
    let erase =
        |session: &str| run(&["erase", "--url", &process.caller.url, "--site", "demo", "--session", session], &[]);
    let output = erase(&session(1));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(printed["receipt"]["classes"], json!(["session"]));
    let again = erase(&session(1));
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).expect("JSON"), printed);
    assert!(String::from_utf8_lossy(&again.stderr).contains("before"), "{again:?}");
    assert_eq!(erase("no-id").status.code(), Some(64));
    assert_eq!(process.terminate().await, Some(0));
}

/// C25: a backup from before an erasure does not bring the session back, where the keys are those of today.
#[tokio::test]
async fn a_backup_from_before_has_the_erasure_applied_before_it_serves() {
    let first = folder();
    let process = Process::start(first.path()).await;
    let mut epochs = Vec::new();
    for number in [1, 2] {
        let epoch = process.caller.grant(&session(number)).await;
        assert_eq!(process.caller.send("/v1/events", &batch(&session(number), epoch, [view(1)])).await.status, 202);
        epochs.push(epoch);
    }
    let backup = first.path().join("backup.waver");
    let address = process.caller.url.trim_start_matches("http://").to_owned();
    let config = first.path().join("waver.toml");
    let output = run(
        &["export", "--to", backup.to_str().expect("text"), "--config", config.to_str().expect("text")],
        &[("WAVER__ADMIN__TOKEN", ADMIN_TOKEN), ("WAVER__SERVER__LISTEN", &address)],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let erasure = erase(&process.caller, &session(1)).await;
    assert_eq!(process.terminate().await, Some(0));

    // The disk with the data was lost, the one with the keys was not.
    let second = folder();
    std::fs::create_dir_all(second.path().join("data")).expect("makes");
    std::fs::rename(first.path().join("data/keys"), second.path().join("data/keys")).expect("moves");
    let process = Process::start_with(second.path(), &["--restore", backup.to_str().expect("text")]).await;
    let late = process.caller.send("/v1/events", &batch(&session(1), epochs[0], [view(2)])).await;
    assert_eq!((late.status, late.code()), (410, "erased"));
    assert_eq!(me(&process.caller, &session(1)).await.0, Value::Null);
    assert_eq!(erase(&process.caller, &session(1)).await, erasure, "it is the same erasure");
    let total = process.caller.admin("/v1/aggregates").await["total"].clone();
    assert_eq!((&total["events"], &total["sessions"]), (&json!(1), &json!(1)), "{total}");
    let kept = process.caller.send("/v1/events", &batch(&session(2), epochs[1], [view(1)])).await;
    assert_eq!(kept.body["duplicate"], 1, "the other session is as it was: {}", kept.body);
    assert_eq!(process.terminate().await, Some(0));
}
