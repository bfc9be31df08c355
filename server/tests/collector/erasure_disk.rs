//! C24: what is left on the disk of an erased session, searched byte by byte, and tried with every key that is left.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use waver_store::{EventLog, FileKeys, KeyStore, Record, RecordKind, SecretKey, SledLog};

use crate::erasure::{erase, get, me};
use crate::harness::{ADMIN_TOKEN, batch, decision_request, files, folder, session, view};
use crate::process::{Process, run};

/// A product that nobody else looks at.
const ITEM: u64 = 7_263_514_098_271_653;
/// How long it may take until the receipt is there.
const PATIENCE: Duration = Duration::from_secs(5);
/// A segment of the log holds so much time; the one of the configuration does not matter to a reader.
const SPAN: Duration = Duration::from_secs(3600);

/// A sealed payload, as `keyring::seal` writes it.
#[derive(Deserialize)]
struct Sealed<'a> {
    #[serde(borrow, with = "serde_bytes")]
    readable: &'a [u8],
    nonce: [u8; 24],
    #[serde(borrow, with = "serde_bytes")]
    bytes: &'a [u8],
}

/// Every key in a folder of keys.
async fn keys(folder: &Path) -> Vec<SecretKey> {
    let mut found = Vec::new();
    for path in files(folder) {
        let Ok(keys) = FileKeys::open(&path) else { continue };
        found.extend(keys.all().await.expect("reads").into_iter().map(|(_, key)| key));
    }
    found
}

/// Every record of a log, which no process has open.
async fn records(data: &Path) -> Vec<Record> {
    let log = SledLog::open(&data.join("log"), SPAN).expect("opens");
    let (mut all, mut next) = (Vec::new(), 0);
    loop {
        let page = log.read(next, 1000).await.expect("reads");
        let Some((last, _)) = page.last() else { return all };
        next = last.offset + 1;
        all.extend(page.into_iter().map(|(_, record)| record));
    }
}

/// What any one of `keys`, or any two of them together, open of `record`. Two are a session's half and its epoch's, in whatever order.
fn open(record: &Record, keys: &[SecretKey]) -> Option<Vec<u8>> {
    let sealed: Sealed<'_> = postcard::from_bytes(&record.payload).ok()?;
    let aad =
        [&[record.kind as u8][..], record.pseudonym.as_bytes(), record.site.as_str().as_bytes(), &[0], sealed.readable]
            .concat();
    let try_key = |key: &[u8; 32]| {
        let payload = Payload { msg: sealed.bytes, aad: &aad };
        XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(sealed.nonce), payload).ok()
    };
    keys.iter().find_map(|one| {
        try_key(one.as_bytes()).or_else(|| {
            keys.iter().find_map(|other| {
                let mut hasher = blake3::Hasher::new_keyed(other.as_bytes());
                hasher.update(one.as_bytes()).update(record.pseudonym.as_bytes());
                try_key(hasher.finalize().as_bytes())
            })
        })
    })
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).expect("below"));
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("makes");
        std::fs::copy(&path, &target).expect("copies");
    }
}

/// In which files any of `needles` stands.
fn found(folder: &Path, needles: &[Vec<u8>]) -> Vec<String> {
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).expect("reads");
        needles.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle))
    };
    files(folder).into_iter().filter(|path| holds(path)).map(|path| path.display().to_string()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digit).collect()
}

fn backed_up(folder: &TempDir, process: &Process) -> std::path::PathBuf {
    let backup = folder.path().join("backup.waver");
    let address = process.caller.url.trim_start_matches("http://").to_owned();
    let config = folder.path().join("waver.toml");
    let output = run(
        &["export", "--to", backup.to_str().expect("text"), "--config", config.to_str().expect("text")],
        &[("WAVER__ADMIN__TOKEN", ADMIN_TOKEN), ("WAVER__SERVER__LISTEN", &address)],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    backup
}

#[tokio::test]
async fn nothing_of_an_erased_session_is_on_the_disk_and_no_key_opens_what_is_sealed() {
    let folder = folder();
    let data = folder.path().join("data");
    let process = Process::start(folder.path()).await;
    let mut decision = String::new();
    for number in [1, 2] {
        let epoch = process.caller.grant(&session(number)).await;
        let mut seen = view(1);
        seen["item"] = json!(ITEM + number);
        let junk = json!({"seq": 9, "t": 0, "type": "page_view", "page": "no such page", "item": ITEM + number});
        assert_eq!(process.caller.send("/v1/events", &batch(&session(number), epoch, [seen, junk])).await.status, 202);
        let decided = process.caller.send("/v1/decisions", &decision_request(&session(number), epoch)).await;
        assert_eq!(decided.status, 200);
        if number == 1 {
            decision = decided.body["decision"].as_str().expect("an id").to_owned();
        }
    }
    let backup = backed_up(&folder, &process);
    assert_eq!(process.terminate().await, Some(0));
    // What somebody took of the disk before, keys and all, for a control: with these keys it opens.
    let before = TempDir::new().expect("a folder");
    copy(&data, before.path());
    let old_keys = keys(&before.path().join("keys")).await;
    let old_records = records(before.path()).await;
    let sealed: Vec<&Record> = old_records.iter().filter(|record| record.key_id.is_some()).collect();
    assert_eq!(sealed.len(), 6, "a batch, a dead letter and a decision of each");
    let item = |number: u64| (ITEM + number).to_string().into_bytes();
    let opened: Vec<Vec<u8>> = sealed.iter().map(|record| open(record, &old_keys).expect("opens")).collect();
    let of_first = |bytes: &[u8]| bytes.windows(16).any(|window| window == item(1));
    assert!(opened.iter().any(|bytes| of_first(bytes)), "the control finds the canary");

    let process = Process::start(folder.path()).await;
    let begun = Instant::now();
    let erasure = erase(&process.caller, &session(1)).await;
    let receipt = get(&process.caller, &format!("/v1/erase/{erasure}")).await;
    assert!(receipt.status == 200 && begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(receipt.body["receipt"]["keys_destroyed"], 1);
    let other = me(&process.caller, &session(2)).await;
    assert_eq!(process.terminate().await, Some(0));

    // The bytes of the disk, of the log's and the snapshot's sled files, of the keys, the ledger and the receipts, and of the backup.
    let needles =
        [item(1), decision.clone().into_bytes(), unhex(&decision), session(1).into_bytes(), unhex(&session(1))];
    assert_eq!(found(folder.path(), &needles), Vec::<String>::new());
    assert!(!found(before.path(), &[b"waver keys".to_vec()]).is_empty(), "the search finds what is there");

    // Every record there is, then and now, with every key there is now: only those of the other session open.
    let new_keys = keys(&data.join("keys")).await;
    let now = records(&data).await;
    let mut opens: HashMap<RecordKindName, (u32, u32)> = HashMap::new();
    for record in old_records.iter().chain(&now).filter(|record| record.key_id.is_some()) {
        let counts = opens.entry(name(record.kind)).or_default();
        match open(record, &new_keys) {
            Some(payload) => {
                assert!(!of_first(&payload), "the erased session's canary opens");
                counts.0 += 1;
            }
            None => counts.1 += 1,
        }
    }
    for (kind, counts) in opens {
        assert_eq!(counts, (2, 2), "{kind}: one of each session, before and after");
    }

    // The backup from before, with the keys of now: the other session comes back, this one does not (C25).
    let second = crate::harness::folder();
    copy(&data.join("keys"), &second.path().join("data/keys"));
    let process = Process::start_with(second.path(), &["--restore", backup.to_str().expect("text")]).await;
    let (known, records) = me(&process.caller, &session(1)).await;
    assert!(known.is_null() && records.iter().all(|record| record["kind"] == "consent" || record["kind"] == "erasure"));
    let (known, records) = me(&process.caller, &session(2)).await;
    assert_eq!((strip(known), records), (strip(other.0), other.1));
    assert_eq!(process.terminate().await, Some(0));
}

type RecordKindName = &'static str;

fn name(kind: RecordKind) -> RecordKindName {
    match kind {
        RecordKind::Batch => "batch",
        RecordKind::Decision => "decision",
        RecordKind::DeadLetter => "dead letter",
        RecordKind::Visit => "visit",
        RecordKind::Purchase => "purchase",
        RecordKind::Consent
        | RecordKind::Erasure
        | RecordKind::Stop
        | RecordKind::Grant
        | RecordKind::Order
        | RecordKind::Catalog => "what is not sealed",
    }
}

/// Without what depends on when it is asked.
fn strip(mut session: Value) -> Value {
    session["live"] = Value::Null;
    session
}
