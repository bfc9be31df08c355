//! Backup, restore and replay with the real program.

use std::collections::HashSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{ADMIN_TOKEN, batch, decision_request, folder, session, view};
use crate::process::{Process, run};

/// What a shop would miss.
async fn contents(process: &Process) -> Value {
    let aggregates = process.caller.admin("/v1/aggregates").await;
    let sessions = process.caller.admin("/v1/sessions?limit=1000").await;
    let mut total = aggregates["total"].clone();
    if let Value::Object(total) = &mut total {
        // The hour that is looked at moves on with the clock.
        total.remove("start");
    }
    json!([total, aggregates["outcomes"]["stored"], sessions])
}

fn waver(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let config = folder.path().join("waver.toml");
    let config = ["--config", config.to_str().expect("text")];
    let output = run(&[arguments, &config].concat(), &[("WAVER__ADMIN__TOKEN", ADMIN_TOKEN)]);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), said.concat())
}

/// What an operator does who restores on another machine: the keys come from where they are, not from the backup.
fn bring_keys(from: &TempDir, to: &TempDir) {
    std::fs::create_dir_all(to.path().join("data/keys")).expect("makes");
    std::fs::copy(from.path().join("data/keys/waver.keys"), to.path().join("data/keys/waver.keys")).expect("copies");
}

async fn shop(process: &Process, shopper: u64) {
    let epoch = process.caller.grant(&session(shopper)).await;
    for seq in 1..6 {
        let answer = process.caller.send("/v1/events", &batch(&session(shopper), epoch, [view(seq)])).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    assert_eq!(process.caller.send("/v1/decisions", &decision_request(&session(shopper), epoch)).await.status, 200);
}

#[tokio::test]
async fn a_backup_of_a_running_collector_comes_up_as_it_was_and_replay_proves_it() {
    let first = folder();
    let process = Process::start(first.path()).await;
    for shopper in 0..20 {
        shop(&process, shopper).await;
    }
    let before = contents(&process).await;
    let backup = first.path().join("backup.waver");
    let address = process.caller.url.trim_start_matches("http://").to_owned();
    let listen = ("WAVER__SERVER__LISTEN", address.as_str());
    let config = first.path().join("waver.toml");
    let output = run(
        &["export", "--to", backup.to_str().expect("text"), "--config", config.to_str().expect("text")],
        &[("WAVER__ADMIN__TOKEN", ADMIN_TOKEN), listen],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    shop(&process, 99).await;
    assert_eq!(process.terminate().await, Some(0));

    // Without the keys, which are in no backup, nothing of what anybody did is left but that so many events came.
    let third = folder();
    let process = Process::start_with(third.path(), &["--restore", backup.to_str().expect("text")]).await;
    let left = contents(&process).await;
    assert_eq!((&left[0]["events"], &left[1], &left[2]["sessions"]), (&json!(0), &json!(100), &json!([])), "{left}");
    assert_eq!(process.terminate().await, Some(0));

    // What came after the backup is not in it.
    let second = folder();
    bring_keys(&first, &second);
    let process = Process::start_with(second.path(), &["--restore", backup.to_str().expect("text")]).await;
    assert_eq!(contents(&process).await, before);
    shop(&process, 100).await;
    assert_eq!(process.terminate().await, Some(0));

    // Both are what their logs give, and every decision comes out again.
    for (folder, decisions) in [(&first, 21), (&second, 21)] {
        let (code, said) = waver(folder, &["replay", "--json"]);
        assert_eq!(code, Some(0), "{said}");
        let proof: Value =
            serde_json::from_str(&said[said.find('{').expect("JSON")..=said.rfind('}').expect("JSON")]).expect("JSON");
        assert_eq!((&proof["differences"], &proof["decisions_unchecked"]), (&json!(0), &json!(0)), "{said}");
        assert_eq!(proof["decisions"], json!(decisions), "{said}");
        assert!(proof["from_scratch"] == json!(true) && proof["events"].as_u64() >= Some(105), "{said}");
    }

    // The keys are in no backup.
    let keys = std::fs::read(first.path().join("data/keys/waver.keys")).expect("keys");
    let bytes = std::fs::read(&backup).expect("a backup");
    // A slot of 128 bytes has its key in the 32 before its checksum.
    let keys: HashSet<&[u8]> =
        keys.chunks(128).skip(1).map(|slot| &slot[64..96]).filter(|key| *key != [0; 32]).collect();
    assert!(keys.len() > 20 && !bytes.windows(32).any(|window| keys.contains(window)));
    assert!(!bytes.windows(11).any(|window| window == b"\"page_view\""), "what was done lies open nowhere");
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_with_a_reason_and_never_served() {
    let first = folder();
    let process = Process::start(first.path()).await;
    shop(&process, 1).await;
    assert_eq!(process.terminate().await, Some(0));
    // No collector runs: the data folder itself is read.
    let backup = first.path().join("backup.waver");
    let path = backup.to_str().expect("text");
    let (code, said) = waver(&first, &["export", "--to", path]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = waver(&first, &["serve", "--restore", path]);
    assert!(code == Some(73) && said.contains("holds data already"), "{said}");

    let second = folder();
    let bytes = std::fs::read(&backup).expect("reads");
    std::fs::write(&backup, &bytes[..bytes.len() - 40]).expect("cuts");
    let (code, said) = waver(&second, &["serve", "--restore", path]);
    assert!(code == Some(65) && said.contains("cut short or damaged"), "{said}");
    assert!(!second.path().join("data").exists(), "nothing is written for a backup that is of no use");
    // What a crash in the middle of a restore leaves.
    std::fs::create_dir(second.path().join("data")).expect("makes");
    std::fs::write(second.path().join("data/restore-unfinished"), "").expect("writes");
    for arguments in [&["serve"][..], &["serve", "--restore", path]] {
        let (code, said) = waver(&second, arguments);
        assert!(code == Some(65) && said.contains("did not finish"), "{said}");
    }
    std::fs::write(&backup, "something else altogether").expect("writes");
    let (code, said) = waver(&folder(), &["serve", "--restore", path]);
    assert!(code == Some(65) && said.contains("not an export of Waver"), "{said}");
}

#[tokio::test]
async fn replay_says_where_state_and_log_differ() {
    let first = folder();
    let process = Process::start(first.path()).await;
    shop(&process, 1).await;
    assert_eq!(process.terminate().await, Some(0));
    // The snapshot of another folder, whose log went on otherwise.
    let second = folder();
    let process = Process::start(second.path()).await;
    shop(&process, 2).await;
    assert_eq!(process.terminate().await, Some(0));
    std::fs::remove_dir_all(first.path().join("data/state")).expect("removes");
    std::fs::rename(second.path().join("data/state"), first.path().join("data/state")).expect("moves");
    bring_keys(&second, &first);
    let (code, said) = waver(&first, &["replay"]);
    assert!(code == Some(65) && said.contains("NOT equal") && said.contains("not there"), "{said}");
}
