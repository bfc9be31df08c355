//! Retention by an injected clock, on real files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use waver_core::session::Client;
use waver_schema::{ConsentChoice, ConsentSource};
use waver_store::{Key, Pseudonym, SledLog, SledSnapshots, StateStore};

use super::*;
use crate::collector::bring_up;
use crate::committer::forget_over;
use crate::entry::{BatchEntry, ConsentEntry, Entry};
use crate::keyring::{Opened, Readable, Unsealed};
use crate::site::{SiteIndex, Sites};

const NOW: u64 = 1_800_000_000_000;
const HOUR_MS: u64 = 60 * 60 * 1000;
const CANARY: [u8; 16] = *b"canary-pseudonym";
const SITE: SiteIndex = SiteIndex(0);

fn sites() -> Sites {
    let folder = tempfile::tempdir().expect("a folder");
    let offers = folder.path().join("offers.toml");
    std::fs::write(&offers, "[policy]\nholdout = 0.0\nkill_switch = false\ndefault_locale = \"en\"\n").expect("writes");
    let text = format!("[sites.demo]\norigins = []\noffers = {offers:?}\n");
    let config: crate::Config = toml::from_str(&text).expect("valid");
    Sites::load(&config.sites).expect("a policy").0
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("lists").map(|entry| entry.expect("lists").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Files below `folder` that hold `bytes`.
fn holders(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let content = std::fs::read(path).expect("reads");
        content.windows(bytes.len()).any(|window| window == bytes)
    };
    files(folder).into_iter().filter(holds).collect()
}

/// A data folder with a keeper over it, and its clock.
struct Kept {
    folder: TempDir,
    keeper: Keeper<SledLog, SledSnapshots>,
    now: Arc<AtomicU64>,
}

impl Kept {
    async fn new() -> Kept {
        let folder = tempfile::tempdir().expect("a folder");
        let retention = Retention::default();
        let log = SledLog::open(&folder.path().join("log"), retention.segment()).expect("opens");
        let open = |name: &str| SledSnapshots::open(&folder.path().join(name)).expect("opens");
        let (snapshots, anchors) = (open("state"), [open("a"), open("b")]);
        let now = Arc::new(AtomicU64::new(NOW));
        let clock = Arc::clone(&now);
        let host = Host::system().with_clock(move || clock.load(Ordering::SeqCst));
        let keys = sites().iter().map(|(_, site)| (site.key.clone(), site.visitor)).collect::<Vec<_>>();
        let keyring = Keyring::open(&folder.path().join("keys"), keys, &retention, host.clone()).await.expect("keys");
        let keyring = Arc::new(keyring);
        let state = Arc::new(bring_up(&log, &snapshots, &sites(), &keyring).await.expect("a state"));
        let keeper = Keeper {
            log: Arc::new(log),
            state,
            snapshots,
            anchors,
            retention,
            keyring,
            host,
            metrics: Arc::new(Metrics::new()),
            saved: None,
        };
        Kept { folder, keeper, now }
    }

    /// A grant and an event of the canary at `at`, as the committer would have logged and folded them.
    async fn visit(&mut self, at: u64) {
        let granted = ConsentChoice::Granted;
        let client = Client::default();
        let consent = Entry::Consent(ConsentEntry {
            measure: granted,
            personalize: granted,
            source: ConsentSource::Tag,
            client,
            evidence: Default::default(),
        });
        let epoch = u32::try_from(at / 1000).expect("fits");
        let event = serde_json::json!({"seq": 1, "t": 0, "type": "dropped", "cause": "refused", "count": 7});
        let events = vec![serde_json::from_value(event).expect("an event")];
        let batch = Entry::Batch(BatchEntry { consent_epoch: epoch, events, unreadable: 0, redriven: None });
        for entry in [consent, batch] {
            let site = sites().get(SITE).key.clone();
            let record = entry.to_record(site.clone(), Pseudonym::from_bytes(CANARY), at).expect("encodes");
            let epoch = self.keeper.keyring.current(&site);
            let unsealed = Unsealed { record, epoch, readable: Readable::default() };
            let records = self.keeper.keyring.seal(vec![unsealed]).await.expect("seals");
            self.keeper.log.append(&records).await.expect("appends");
        }
        let from = self.keeper.state.applied();
        let Keeper { log, state, keyring, .. } = &self.keeper;
        let range = (from, u64::MAX);
        crate::committer::replay(&**log, state, &sites(), keyring, range, &mut |_| {}).await.expect("folds");
    }

    async fn keep_at(&mut self, now: u64) -> Trimmed {
        self.now.store(now, Ordering::SeqCst);
        // As the committer does each second.
        forget_over(&*self.keeper.state, now, Some(self.keeper.log.end())).await.expect("forgets");
        self.keeper.keyring.rotate().await.expect("turns");
        self.keeper.keep().await.expect("keeps")
    }
}

#[tokio::test]
async fn what_is_past_its_time_is_gone_from_disk_class_by_class() {
    let mut kept = Kept::new().await;
    kept.visit(NOW).await;
    kept.keep_at(NOW).await;
    let session = Key::Session(SITE.number(), Pseudonym::from_bytes(CANARY));
    let holding = |kept: &Kept, part: &str| holders(&kept.folder.path().join(part), &CANARY).len();
    assert!(holding(&kept, "log") > 0 && holding(&kept, "state") > 0);
    assert!(holders(kept.folder.path(), br#""cause":"refused""#).is_empty(), "nothing that was done lies open");
    let (_, batch) = kept.keeper.log.read(1, 1).await.expect("reads").remove(0);
    let event = &batch.payload[batch.payload.len() - 32..];
    assert_eq!(holders(kept.folder.path(), event).len(), 1, "the event itself is in the log alone");
    let opens = |kept: &Kept| matches!(kept.keeper.keyring.open_record(batch.clone()), Ok(Opened::Record(_)));

    // The session ends after half an hour, and its row goes ten minutes later: from memory, and with the next snapshot from disk.
    kept.keep_at(NOW + 40 * 60_000).await;
    assert!(kept.keeper.state.row(session).is_some());
    kept.keep_at(NOW + 40 * 60_000 + 1).await;
    assert!(kept.keeper.state.row(session).is_none() && kept.keeper.state.sessions() == 0);
    assert_eq!(holding(&kept, "state"), 0);

    // An event goes after a day, once its segment of an hour is over; that is written anew with the consent record only.
    assert_eq!(kept.keep_at(NOW + 24 * HOUR_MS).await, Trimmed::default());
    assert_eq!(holders(kept.folder.path(), event).len(), 1);
    let trimmed = kept.keep_at(NOW + 25 * HOUR_MS).await;
    assert_eq!((trimmed.events.records, trimmed.consent.records), (1, 0));
    assert_eq!(holders(kept.folder.path(), event), Vec::<PathBuf>::new());
    assert!(holding(&kept, "log") > 0, "the consent is kept");
    assert!(opens(&kept) && holding(&kept, "keys") > 0, "a copy that somebody kept of it opens");
    kept.keep_at(NOW + 37 * HOUR_MS).await;
    kept.keep_at(NOW + 50 * HOUR_MS).await;
    assert!(!opens(&kept) && holding(&kept, "keys") == 0, "until the key is gone, two days after it was made");
    assert_eq!(holding(&kept, "a") + holding(&kept, "b"), 0, "anchors are no older than what the log keeps of events");

    // The minutes are gone, the hours tell what happened.
    let report = |kept: &Kept| {
        kept.keeper.state.with_windows(SITE.number(), |windows| windows.report(NOW - HOUR_MS, NOW + HOUR_MS, HOUR_MS))
    };
    assert_eq!((report(&kept).step_ms, report(&kept).total.events), (HOUR_MS, 1));

    // After half a year the consent record goes, and with it the last of the canary.
    let trimmed = kept.keep_at(NOW + 184 * 24 * HOUR_MS).await;
    assert_eq!(trimmed.consent.records, 1);
    assert_eq!(holders(kept.folder.path(), &CANARY), Vec::<PathBuf>::new());

    // After thirteen months the hours go too.
    kept.keep_at(NOW + 402 * 24 * HOUR_MS).await;
    assert_eq!(report(&kept).total.events, 0);
}

#[tokio::test]
async fn nothing_is_trimmed_that_no_snapshot_holds() {
    let mut kept = Kept::new().await;
    kept.visit(NOW).await;
    kept.now.store(NOW + 30 * HOUR_MS, Ordering::SeqCst);
    // The state's folder cannot be written: a file lies where the snapshot is to be.
    let state = kept.folder.path().join("state");
    std::fs::remove_dir_all(&state).expect("removes");
    std::fs::write(&state, "in the way").expect("writes");
    assert!(kept.keeper.keep().await.is_err());
    assert_eq!(kept.keeper.log.read(0, 9).await.expect("reads").len(), 2, "the log holds what nobody else does");
    std::fs::remove_file(&state).expect("removes");
    std::fs::create_dir(&state).expect("makes");
    let trimmed = kept.keeper.keep().await.expect("keeps");
    assert_eq!(trimmed.events.records, 1);
}
