//! The ledger held against logs that are as they should be, and against logs and ledgers that are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use waver_core::session::Client;
use waver_schema::{ConsentChoice, ConsentRecord, ConsentSource, SessionId};
use waver_store::{EventLog, FileKeys, KeyStore, MemoryLog, Pseudonym, Record};

use super::*;
use crate::entry::{BatchEntry, ConsentEntry, Entry};
use crate::host::Host;

const NOW: u64 = 1_800_000_000_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const KEPT_MS: u64 = 183 * DAY_MS;
const GRANTED: ConsentChoice = ConsentChoice::Granted;
const DENIED: ConsentChoice = ConsentChoice::Denied;

fn site() -> SiteKey {
    SiteKey::parse("demo").expect("valid")
}

fn pseudonym(number: u8) -> Pseudonym {
    Pseudonym::from_bytes([number; 16])
}

fn consent(session: u8, measure: ConsentChoice, at: u64) -> Record {
    let record = ConsentRecord::new(site(), SessionId::from_bytes([0; 16]), [measure, measure], ConsentSource::Tcf);
    let entry = Entry::Consent(ConsentEntry::new(record, Client::default()));
    entry.to_record(site(), pseudonym(session), at).expect("encodes")
}

fn batch(session: u8, at: u64) -> Record {
    let entry = Entry::Batch(BatchEntry { consent_epoch: 1, events: Vec::new(), unreadable: 0, redriven: None });
    entry.to_record(site(), pseudonym(session), at).expect("encodes")
}

/// A log and the ledger that follows it.
struct Followed {
    folder: TempDir,
    log: Arc<MemoryLog>,
    now: Arc<AtomicU64>,
}

impl Followed {
    fn new() -> Followed {
        let folder = tempfile::tempdir().expect("a folder");
        Followed { folder, log: Arc::new(MemoryLog::default()), now: Arc::new(AtomicU64::new(NOW)) }
    }

    async fn with(records: &[Record]) -> Followed {
        let followed = Followed::new();
        followed.log.append(records).await.expect("appends");
        followed.follow().await;
        followed
    }

    fn ledgers(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    /// A start of the follower, and all that it does until it has the whole log.
    async fn follow(&self) -> LedgerRoot {
        let ledgers = Ledgers::open(self.ledgers(), self.log.end()).expect("opens");
        let roots = ledgers.roots();
        let now = Arc::clone(&self.now);
        let host = Host::system().with_clock(move || now.load(Ordering::SeqCst));
        let mut follower = Follower::new(Arc::clone(&self.log), self.keys(), ledgers, host, KEPT_MS);
        follower.follow().await.expect("follows");
        roots.of(&site())
    }

    fn keys(&self) -> FileKeys {
        open_keys(self.folder.path()).expect("opens")
    }

    fn bodies(&self) -> Vec<Value> {
        let mut bodies = Vec::new();
        let read = waver_store::read_ledger(&self.ledgers().join("demo"), |_, entry, _| {
            bodies.push(serde_json::from_str(&entry.body).expect("JSON"));
            Ok(())
        });
        read.expect("verifies");
        bodies
    }

    async fn verify(&self) -> Result<Vec<Verified>, LedgerError> {
        verify(&self.ledgers(), &*self.log).await
    }

    /// What is wrong with the ledger if the log were another one.
    async fn against(&self, records: &[Record]) -> String {
        let log = MemoryLog::default();
        log.append(records).await.expect("appends");
        verify(&self.ledgers(), &log).await.expect_err("something is wrong").to_string()
    }
}

fn a_visit() -> [Record; 5] {
    [
        consent(1, GRANTED, NOW + 61_000),
        batch(1, NOW + 62_000),
        consent(2, GRANTED, NOW + 90_000),
        consent(1, DENIED, NOW + 125_000),
        batch(2, NOW + 126_000),
    ]
}

#[tokio::test]
async fn grants_and_withdrawals_are_entered_and_what_was_stored_falls_under_them() {
    let followed = Followed::with(&a_visit()).await;
    let bodies = followed.bodies();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[0]["kind"], "grant");
    assert_eq!((&bodies[0]["granted_at"], &bodies[0]["withdrawn_at"]), (&json!(NOW + 60_000), &Value::Null));
    assert_eq!(bodies[2]["kind"], "withdrawal");
    assert_eq!(bodies[2]["withdrawn_at"], json!(NOW + 120_000), "to the minute");
    assert_eq!(bodies[0]["who"], bodies[2]["who"], "a withdrawal is found by its grant");
    assert_ne!(bodies[0]["who"], bodies[1]["who"]);
    let text = bodies.iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains(&pseudonym(1).to_string()), "no pseudonym: {text}");
    let verified = followed.verify().await.expect("verifies");
    assert_eq!((verified.len(), verified[0].entries, verified[0].covered), (1, 3, 2));
    assert_eq!(verify_copy(&followed.ledgers()).expect("verifies")[0].root, verified[0].root);
}

#[tokio::test]
async fn what_was_stored_without_an_open_record_is_found() {
    let visit = a_visit();
    let late = [visit.to_vec(), vec![batch(1, NOW + 127_000)]].concat();
    let stranger = [visit.to_vec(), vec![batch(3, NOW + 127_000)]].concat();
    let stale = [visit.to_vec(), vec![batch(2, NOW + 26 * 60 * 60 * 1000)]].concat();
    for (records, offset) in [(late, 5), (stranger, 5), (stale, 5)] {
        let error = Followed::with(&records).await.verify().await.expect_err("refused").to_string();
        assert_eq!(
            error,
            format!("site demo: the batch at offset {offset} of the log falls under no open consent record")
        );
    }
}

#[tokio::test]
async fn a_ledger_that_says_something_else_than_the_log_is_found() {
    let followed = Followed::with(&a_visit()).await;
    let mut other = a_visit();
    other[2] = consent(2, DENIED, NOW + 90_000);
    assert_eq!(
        followed.against(&other[..3]).await,
        "site demo: entry 2: it says something else than its record in the log"
    );
    let mut later = a_visit();
    later[0].received_at += 60_000;
    later[1].received_at += 60_000;
    assert!(followed.against(&later).await.starts_with("site demo: entry 1: "));
    let more = [a_visit().to_vec(), vec![consent(4, GRANTED, NOW + 200_000)]].concat();
    assert!(
        followed.against(&more).await.starts_with("site demo: the entry of the log's record at offset 5 is missing")
    );
    assert_eq!(
        followed.against(&a_visit()[..3]).await,
        "site demo: entry 3: the log has no record of consent at its offset"
    );
}

#[tokio::test]
async fn the_tail_that_a_crash_cost_comes_again_from_the_log_and_is_the_same() {
    let followed = Followed::with(&a_visit()).await;
    let root = followed.follow().await;
    assert_eq!(root.entries, 3);
    // As if the crash had come before the second entry was durable, or before anything was.
    let head = followed.ledgers().join("demo/head");
    let whole = std::fs::read(&head).expect("reads");
    let short = Followed::with(&a_visit()[..2]).await;
    let keys = std::fs::read(followed.folder.path().join("ledger.keys")).expect("reads");
    std::fs::write(short.folder.path().join("ledger.keys"), keys).expect("writes");
    std::fs::remove_dir_all(short.ledgers()).expect("removes");
    short.follow().await;
    std::fs::copy(short.ledgers().join("demo/head"), &head).expect("copies");
    assert!(followed.verify().await.is_err(), "the tail is missing");
    assert_eq!(followed.follow().await, root);
    assert_eq!(std::fs::read(&head).expect("reads"), whole);
    std::fs::remove_dir_all(followed.ledgers()).expect("removes");
    assert_eq!(followed.follow().await, root);
    followed.verify().await.expect("verifies");
}

#[tokio::test]
async fn once_the_keys_of_a_day_are_destroyed_nobody_can_tell_whose_entries_are_whose_and_the_chain_stands() {
    let followed = Followed::with(&a_visit()).await;
    let first_day = NOW / DAY_MS;
    let names = followed.keys().list().await.expect("lists");
    assert_eq!(names.len(), 1);
    // A session that goes on over midnight is still recognised.
    let midnight = (first_day + 1) * DAY_MS;
    followed.now.store(midnight, Ordering::SeqCst);
    followed.log.append(&[consent(2, DENIED, midnight)]).await.expect("appends");
    followed.follow().await;
    let bodies = followed.bodies();
    assert_eq!(bodies[3]["who_before"], bodies[1]["who"]);
    assert_ne!(bodies[3]["who"], bodies[1]["who"]);
    // A day later the first key is gone, and with it what said so.
    followed.now.store(midnight + DAY_MS, Ordering::SeqCst);
    followed.follow().await;
    let names = followed.keys().list().await.expect("lists");
    assert_eq!(names.len(), 1, "{names:?}");
    followed.verify().await.expect("verifies");
    // Entries that are made again after that, as after a restore, name nobody.
    std::fs::remove_dir_all(followed.ledgers()).expect("removes");
    followed.follow().await;
    assert_eq!(followed.bodies()[0]["who"], Value::Null);
    followed.verify().await.expect("verifies");
}

#[tokio::test]
async fn a_ledger_beyond_its_log_is_refused() {
    let followed = Followed::with(&a_visit()).await;
    let opened = Ledgers::open(followed.ledgers(), 2);
    assert!(matches!(opened, Err(StoreError::Unreadable { .. })), "{opened:?}");
}
