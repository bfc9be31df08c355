//! The consent ledger as operators and auditors meet it: its published root, and the offline verifier over what a real collector wrote.

use std::path::Path;

use serde_json::{Value, json};

use crate::erasure::{erase, get};
use crate::harness::{Caller, batch, consent, eventually, files, folder, session, view};
use crate::process::{Process, run};

/// A grant with everything that proves it.
fn proven_grant(session: &str) -> Value {
    let mut record = consent(session, "granted", "granted");
    let proof = json!({
        "source": "tcf",
        "readings": [{
            "source": "tcf", "version": "5", "event_status": "useractioncomplete",
            "string_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "measure": "granted", "personalize": "granted"
        }],
        "gpc": false,
        "notice": {"version": "2026-11-01", "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        "language": "de", "method": "cmp"
    });
    record.as_object_mut().expect("an object").extend(proof.as_object().expect("an object").clone());
    record
}

async fn root(caller: &Caller, entries: u64) -> Value {
    eventually("the ledger to follow", async || {
        let root = caller.admin("/v1/ledger/root?site=demo").await;
        (root["entries"] == entries).then_some(root)
    })
    .await
}

fn check(folder: &Path, further: &[&str]) -> (Option<i32>, String) {
    let config = folder.join("waver.toml");
    let output = run(&[&["check", "--config", config.to_str().expect("text"), "--ledger"], further].concat(), &[]);
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&told).into_owned())
}

#[tokio::test]
async fn a_verifier_confirms_what_was_stored_under_consent_and_names_the_first_bad_entry() {
    let folder = folder();
    let process = Process::start(folder.path()).await;
    let caller = &process.caller;
    let empty = root(caller, 0).await;
    assert_eq!((&empty["site"], &empty["root"], empty.get("offset")), (&json!("demo"), &json!("0".repeat(64)), None));
    let key = get(caller, "/v1/erase/key").await.body;
    let granted = caller.send("/v1/consents", &proven_grant(&session(1))).await;
    let epoch = granted.body["consent_epoch"].as_u64().expect("an epoch");
    caller.send("/v1/events", &batch(&session(1), epoch, [view(1)])).await;
    caller.grant(&session(2)).await;
    let at_two = root(caller, 2).await;
    caller.consent(&session(1), "denied", "denied").await;
    let published = root(caller, 3).await;
    assert_ne!(published["root"], at_two["root"]);
    let receipt = get(caller, &format!("/v1/erase/{}", erase(caller, &session(3)).await)).await.body;
    let in_receipt = receipt["receipt"]["ledger"].clone();
    assert_eq!(in_receipt, json!({"entries": 3, "root": published["root"]}), "{receipt}");
    assert_eq!(process.terminate().await, Some(0));

    let (code, told) = check(folder.path(), &[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("site demo: 4 entries are one chain, root "), "{told}");
    assert!(
        told.contains("site demo: 1 batches, decisions and dead letters, each under an open consent record"),
        "{told}"
    );
    let ledger = folder.path().join("data/ledger");
    let ledger_text = ledger.to_str().expect("text");
    let (code, told) = check(folder.path(), &[ledger_text]);
    assert_eq!(code, Some(0), "{told}");

    // Roots that somebody kept: an early one, the empty one, a forged one, and one of another chain.
    let kept = |root: &Value, key: &Value, further: &[&str]| {
        let [root_file, key_file] = ["root.json", "key.json"].map(|name| folder.path().join(name));
        std::fs::write(&root_file, root.to_string()).expect("writes");
        std::fs::write(&key_file, key.to_string()).expect("writes");
        let signed = ["--root", root_file.to_str().expect("text"), "--key", key_file.to_str().expect("text")];
        check(folder.path(), &[further, &signed].concat())
    };
    for further in [&[][..], &[ledger_text]] {
        for root in [&at_two, &published, &empty] {
            let (code, told) = kept(root, &key, further);
            assert!(code == Some(0) && told.contains("it goes through the kept root"), "{told}");
        }
        let mut forged = at_two.clone();
        forged["root"] = published["root"].clone();
        assert_eq!(kept(&forged, &key, further).0, Some(65));
        let mut other_key = key.clone();
        other_key["public_key"] = json!("58".repeat(32));
        assert_eq!(kept(&at_two, &other_key, further).0, Some(65));
    }

    let segments: Vec<_> =
        files(&ledger).into_iter().filter(|path| path.extension().is_some_and(|e| e == "ledger")).collect();
    let [segment] = &segments[..] else { panic!("{segments:?}") };
    let text = std::fs::read_to_string(segment).expect("reads");
    for field in [
        r#""event_status":"useractioncomplete""#,
        r#""version":"2026-11-01""#,
        r#""language":"de""#,
        r#""method":"cmp""#,
    ] {
        assert!(text.contains(field), "{field} in {text}");
    }
    assert!(!text.contains(&session(1)) && !text.contains("127.0.0.1") && !text.contains("Mozilla"), "{text}");
    std::fs::write(segment, text.replacen(r#""kind":"withdrawal""#, r#""kind":"grantedNow""#, 1)).expect("writes");
    for further in [&[][..], &[ledger.to_str().expect("text")]] {
        let (code, told) = check(folder.path(), further);
        assert_eq!(code, Some(65), "{told}");
        assert!(told.contains("site demo: entry 3 in "), "{told}");
    }
    // A chain that is whole in itself, and not the one that the kept root is of.
    let other = crate::harness::folder();
    let process = Process::start(other.path()).await;
    for shopper in 0..3 {
        process.caller.grant(&session(shopper)).await;
    }
    root(&process.caller, 3).await;
    assert_eq!(process.terminate().await, Some(0));
    let others = other.path().join("data/ledger");
    let (code, told) = kept(&at_two, &key, &[others.to_str().expect("text")]);
    assert!(code == Some(65) && told.contains("entry 2 has another hash"), "{told}");
    std::fs::write(segment, &text).expect("writes");
    assert_eq!(check(folder.path(), &[]).0, Some(0));
}

#[tokio::test]
async fn after_kill_9_the_ledger_is_whole_again() {
    let folder = folder();
    for round in 1..=3 {
        let process = Process::start(folder.path()).await;
        for shopper in 0..5 {
            process.caller.grant(&session(10 * round + shopper)).await;
        }
        // No goodbye, and no wait for the ledger.
        process.kill().await;
    }
    let process = Process::start(folder.path()).await;
    root(&process.caller, 15).await;
    assert_eq!(process.terminate().await, Some(0));
    let (code, told) = check(folder.path(), &[]);
    assert_eq!(code, Some(0), "{told}");
}
