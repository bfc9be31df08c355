//! What somebody finds who has everything the collector wrote, and whichever keys are left.

mod attacker;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use waver_store::{EventLog, Pseudonym, Record, RecordKind, SledLog};

use crate::erasure::erase;
use crate::harness::{Caller, NOW, Running, Shopper, batch, consent, eventually, files, folder, session, view};
use crate::process::{Process, run};
use attacker::{Dump, keys_in, surviving_keys};

/// Epochs of ten seconds of the injected clock, so that keys are looked after many times a second.
const QUICK: &[(&str, &str)] = &[
    ("WAVER__RETENTION__EPOCH", "10s"),
    ("WAVER__RETENTION__EVENTS", "1h"),
    ("WAVER__RETENTION__DEAD_LETTERS", "2h"),
    ("WAVER__RELEASE__K", "0"),
];
const EPOCH_MS: u64 = 10_000;
const HOUR_MS: u64 = 3_600_000;

fn at(running: &Running, after: u64) {
    running.clock.store(NOW + after, Ordering::SeqCst);
}

fn data(running: &Running) -> std::path::PathBuf {
    running.folder().join("data")
}

/// A batch of two events, one of which is not of the schema.
fn two(session: &str, epoch: u64) -> Value {
    batch(session, epoch, [view(1), json!({"seq": 2, "t": 0, "type": "mind_reading"})])
}

/// Row C30: by the injected clock, with every key that is left.
#[tokio::test]
async fn each_class_is_unreadable_after_its_time_to_whoever_kept_a_copy() {
    let running = Running::start_with(QUICK).await;
    let epoch = running.caller.grant(&session(1)).await;
    assert_eq!(running.caller.send("/v1/events", &two(&session(1), epoch)).await.status, 202);
    let copy = Dump::of(&running.caller).await;
    let first_keys = surviving_keys(&data(&running)).await;
    let first_of_keyring = keys_in(&data(&running).join("keys/waver.keys")).await;
    let opens = async |keys: &[[u8; 32]]| {
        let opened = copy.readable(keys);
        let of_kind = |kind| opened.iter().any(|record| copy.records[*record].kind == kind);
        (of_kind(RecordKind::Batch), of_kind(RecordKind::DeadLetter))
    };
    assert_eq!(opens(&first_keys).await, (true, true), "with all of its keys it opens, or this test shows nothing");

    // The secret of the epoch goes after two of them, and with it the session.
    at(&running, 2 * EPOCH_MS);
    eventually("the session to end with its epoch", async || {
        let answer = running.caller.send("/v1/events", &batch(&session(1), epoch, [view(3)])).await;
        (answer.code() == "consent").then_some(())
    })
    .await;
    let mut left = Vec::new();
    for (after, batch_opens, letter_opens) in [
        (2 * EPOCH_MS + HOUR_MS - 1, true, true),
        (2 * EPOCH_MS + HOUR_MS, false, true),
        (2 * EPOCH_MS + 2 * HOUR_MS - 1, false, true),
        (2 * EPOCH_MS + 2 * HOUR_MS, false, false),
    ] {
        at(&running, after);
        eventually(&format!("what is left after {after} ms"), async || {
            left = surviving_keys(&data(&running)).await;
            (opens(&left).await == (batch_opens, letter_opens)).then_some(())
        })
        .await;
    }
    // Of the keys of that epoch and its session none is in any file.
    let first_keys = first_of_keyring;
    assert!(first_keys.len() >= 5 && first_keys.iter().all(|key| !left.contains(key)));
    running
        .stop_and_look(|folder| {
            for file in files(&folder.join("data")) {
                let bytes = std::fs::read(&file).expect("reads");
                let holds = |key: &[u8; 32]| bytes.windows(32).any(|window| window == key);
                assert!(!first_keys.iter().any(holds), "{}", file.display());
                assert!(!bytes.windows(11).any(|window| window == b"\"page_view\""), "{}", file.display());
            }
        })
        .await;
}

/// Row C23: ids are unlinkable from the store, for whoever has all of it, the keys of other epochs, and a list of session ids.
#[tokio::test]
async fn pseudonyms_of_sites_purposes_and_epochs_cannot_be_joined() {
    const BROWSERS: u64 = 30;
    let running = Running::start_with(QUICK).await;
    let strict = Shopper::at_the_strict_site(&running.caller);
    // The same session ids everywhere, which no browser does: it takes a new one whenever what is granted changes.
    let ids: Vec<String> = (0..BROWSERS).map(session).collect();
    for (round, choices) in
        [("granted", "granted"), ("granted", "denied"), ("denied", "granted")].into_iter().enumerate()
    {
        at(&running, round as u64);
        for id in &ids {
            running.caller.consent(id, choices.0, choices.1).await;
            strict.consent(id, choices.0, choices.1).await;
        }
    }
    let first_keys = surviving_keys(&data(&running)).await;
    at(&running, 3 * EPOCH_MS);
    eventually("the secret of the first epoch to go", async || {
        let keys = surviving_keys(&data(&running)).await;
        first_keys.iter().any(|key| !keys.contains(key)).then_some(())
    })
    .await;
    for id in &ids {
        running.caller.consent(id, "granted", "granted").await;
    }
    let later_keys = surviving_keys(&data(&running)).await;
    let dump = Dump::of(&running.caller).await;

    let by = |site: &str, from: u64, to: u64| -> Vec<Pseudonym> {
        let records = dump.records.iter().filter(|record| record.site.as_str() == site);
        let of_then = records.filter(|record| (NOW + from..NOW + to).contains(&record.received_at));
        let all: BTreeSet<Pseudonym> = of_then.map(|record| record.pseudonym).collect();
        all.into_iter().collect()
    };
    let groups = [
        ("both purposes", by("demo", 0, 1)),
        ("another site", by("strict", 0, 1)),
        ("another epoch", by("demo", 3 * EPOCH_MS, 4 * EPOCH_MS)),
    ];
    for (name, group) in &groups {
        assert_eq!(group.len(), ids.len(), "{name}");
    }
    // In the rounds between, the grant before was closed under its own pseudonym, and another begun under a new one.
    let of_one_site = by("demo", 0, 3);
    assert_eq!(of_one_site.len(), 3 * ids.len(), "one for each set of purposes");

    // Whoever knows the ids and the keys of the epoch finds everybody, or this test shows nothing; with all keys of later epochs, nobody.
    let found = |keys: &[[u8; 32]], among: &[Pseudonym]| attacker::named(&ids, keys, &["demo", "strict"], among);
    assert_eq!(found(&first_keys, &of_one_site), of_one_site.len());
    assert_eq!(found(&later_keys, &groups[2].1), ids.len());
    assert_eq!(found(&later_keys, &of_one_site), 0);
    assert_eq!(found(&later_keys, &groups[1].1), 0);

    // Without the ids: whoever guesses partners by any likeness of pseudonyms does no better than chance, one in thirty a guess. Nine right
    // ones of thirty come by chance once in a million runs.
    for (index, (name, left)) in groups.iter().enumerate() {
        for (other, right) in &groups[index + 1..] {
            let truth = attacker::truth(&ids, &[&first_keys[..], &later_keys].concat(), left, right);
            assert_eq!(truth.len(), ids.len(), "{name} and {other}");
            for guess in attacker::guesses(left, right) {
                let right_ones = guess.iter().filter(|pair| truth.contains(pair)).count();
                assert!(right_ones < 9, "{name} and {other}: {right_ones} of {}", ids.len());
            }
        }
    }
    running.stop().await;
}

/// Row C35: nothing of before is known of who comes back.
#[tokio::test]
async fn who_withdraws_and_consents_again_is_somebody_else() {
    let running = Running::start_with(QUICK).await;
    let epoch = running.caller.grant(&session(1)).await;
    assert_eq!(running.caller.send("/v1/events", &batch(&session(1), epoch, [view(1)])).await.status, 202);
    erase(&running.caller, &session(1)).await;
    let again = running.caller.grant(&session(2)).await;
    assert_eq!(running.caller.send("/v1/events", &batch(&session(2), again, [view(1)])).await.status, 202);
    let sessions = running.caller.admin("/v1/sessions").await;
    let rows = sessions["sessions"].as_array().expect("rows");
    assert_eq!((rows.len(), &rows[0]["views"]), (1, &json!(1)), "{sessions}");
    let dump = Dump::of(&running.caller).await;
    let pseudonyms: BTreeSet<Pseudonym> = dump.records.iter().map(|record| record.pseudonym).collect();
    let known = pseudonyms.iter().map(|pseudonym| *pseudonym.as_bytes()).collect::<Vec<_>>();
    assert_eq!(known.len(), 2);
    // With every key that is left the batch of before stays closed, and that of after opens.
    let opened = dump.readable(&surviving_keys(&data(&running)).await);
    assert_eq!(opened.len(), 1);
    // Who was erased stays so under every set of purposes.
    for choices in [("granted", "granted"), ("granted", "denied"), ("denied", "granted")] {
        let answer = running.caller.send("/v1/consents", &consent(&session(1), choices.0, choices.1)).await;
        assert_eq!(answer.status, 410, "{choices:?}");
    }
    running.stop().await;
}

/// A narrower grant ends the wider one: what was sent under it is not admitted any more.
#[tokio::test]
async fn a_grant_stands_for_the_whole_of_its_session_id() {
    let running = Running::start_with(QUICK).await;
    let both = running.caller.grant(&session(1)).await;
    assert_eq!(running.caller.send("/v1/events", &batch(&session(1), both, [view(1)])).await.status, 202);
    at(&running, 2_000);
    let measure = running.caller.consent(&session(1), "granted", "denied").await;
    let decision = |epoch| crate::harness::decision_request(&session(1), epoch);
    for epoch in [both, measure] {
        assert_eq!(running.caller.send("/v1/decisions", &decision(epoch)).await.code(), "consent");
    }
    assert_eq!(running.caller.send("/v1/events", &batch(&session(1), both, [view(2)])).await.code(), "consent");
    assert_eq!(running.caller.send("/v1/events", &batch(&session(1), measure, [view(1)])).await.status, 202);
    // In the next epoch it is still the session that it was.
    at(&running, EPOCH_MS + 1_000);
    eventually("the next epoch", async || (running.caller.metric("waver_epochs_total", &[]).await > 2).then_some(()))
        .await;
    let again = running.caller.consent(&session(1), "granted", "denied").await;
    let answer = running.caller.send("/v1/events", &batch(&session(1), again, [view(1), view(2)])).await;
    assert_eq!((&answer.body["accepted"], &answer.body["duplicate"]), (&json!(1), &json!(1)), "the same session");
    running.stop().await;
}

/// Rows C24 and C25: what was erased is unreadable in a backup from before it, for whoever has that and every key; and it is erased again
/// before anything is served.
#[tokio::test]
async fn a_backup_from_before_an_erasure_does_not_bring_it_back() {
    let first = folder();
    let process = Process::start(first.path()).await;
    let mut epochs = Vec::new();
    for shopper in [1, 2] {
        let epoch = process.caller.grant(&session(shopper)).await;
        assert_eq!(process.caller.send("/v1/events", &two(&session(shopper), epoch)).await.status, 202);
        epochs.push(epoch);
    }
    let backup = first.path().join("backup.waver");
    let answer = process.caller.request("GET", "/v1/export").bearer_auth(crate::harness::ADMIN_TOKEN).send().await;
    std::fs::write(&backup, answer.expect("an answer").bytes().await.expect("a backup")).expect("writes");
    let dump = Dump::read(&backup);
    let keys = first.path().join("data");
    assert_eq!(dump.readable(&surviving_keys(&keys).await).len(), 4, "two batches and two dead letters");
    erase(&process.caller, &session(1)).await;
    assert_eq!(dump.readable(&surviving_keys(&keys).await).len(), 2, "the keys of the other");
    assert_eq!(process.terminate().await, Some(0));
    let of_the_other = dump.readable(&surviving_keys(&keys).await);

    // Restored with the keys as they are.
    let second = folder();
    std::fs::create_dir_all(second.path().join("data/keys")).expect("makes");
    for file in files(&keys.join("keys")) {
        let name = file.file_name().expect("a name");
        std::fs::copy(&file, second.path().join("data/keys").join(name)).expect("copies");
    }
    let process = Process::start_with(second.path(), &["--restore", backup.to_str().expect("text")]).await;
    let late = process.caller.send("/v1/events", &batch(&session(1), epochs[0], [view(5)])).await;
    assert_eq!(late.status, 410, "{}", late.body);
    assert_eq!(held(&process.caller, &session(1)).await, 0);
    assert!(held(&process.caller, &session(2)).await >= 3);
    let live = process.caller.send("/v1/events", &batch(&session(2), epochs[1], [view(5)])).await;
    assert_eq!(live.status, 202, "{}", live.body);
    let total = process.caller.admin("/v1/aggregates").await["total"].take();
    assert_eq!(total["events"], 2, "that of the other and the new one");
    let restored = Dump::of(&process.caller).await;
    let left = surviving_keys(&second.path().join("data")).await;
    let opened: BTreeSet<Pseudonym> =
        restored.readable(&left).into_iter().map(|record| restored.records[record].pseudonym).collect();
    assert_eq!(opened.into_iter().collect::<Vec<_>>(), [dump.records[of_the_other[0]].pseudonym]);
    assert_eq!(process.terminate().await, Some(0));
    for file in files(&second.path().join("data")) {
        let bytes = std::fs::read(&file).expect("reads");
        assert!(!bytes.windows(11).any(|window| window == b"\"page_view\""), "{}", file.display());
    }
}

/// A data folder as the version before left it: nothing in its log is sealed, and all pseudonyms follow from one key.
#[tokio::test]
async fn a_data_folder_of_the_version_before_is_read_and_its_pseudonym_key_destroyed() {
    let folder = folder();
    let data = folder.path().join("data");
    let pseudonym = Pseudonym::from_bytes(*b"of the old times");
    let site = waver_schema::SiteKey::parse("demo").expect("valid");
    let at = now();
    let consent = json!({"measure": "granted", "personalize": "granted", "source": "tag"});
    let batch = json!({"consent_epoch": at / 1000, "events": [view(1), view(2)]});
    let records = [(RecordKind::Consent, consent), (RecordKind::Batch, batch)].map(|(kind, payload)| {
        let payload = payload.to_string().into_bytes();
        Record { kind, site: site.clone(), pseudonym, received_at: at, key_id: None, payload }
    });
    let log = SledLog::open(&data.join("log"), std::time::Duration::from_secs(3600)).expect("opens");
    log.append(&records).await.expect("appends");
    drop(log);
    let key = data.join("keys/pseudonym.key");
    std::fs::create_dir_all(data.join("keys")).expect("a folder");
    std::fs::write(&key, [7; 64]).expect("writes");

    for _ in 0..2 {
        let process = Process::start(folder.path()).await;
        let total = process.caller.admin("/v1/aggregates").await["total"].take();
        assert_eq!((&total["events"], &total["sessions"]), (&json!(2), &json!(1)), "{total}");
        assert_eq!(process.terminate().await, Some(0));
        assert!(!key.exists());
    }
    let config = folder.path().join("waver.toml");
    let output = run(&["replay", "--json", "--config", config.to_str().expect("text")], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("fits")
}

/// How many records are held about a session.
async fn held(caller: &Caller, session: &str) -> usize {
    let answer = caller.send("/v1/me", &json!({"v": 1, "site": "demo", "session": session})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let kinds = answer.body["records"].as_array().expect("records").iter();
    kinds.filter(|record| !["consent", "erasure"].contains(&record["kind"].as_str().unwrap_or_default())).count()
        + usize::from(!answer.body["session"].is_null())
}
