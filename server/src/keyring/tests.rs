//! The keyring over keys in memory and over the real file, by an injected clock.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use proptest::prelude::*;
use tempfile::TempDir;
use waver_schema::SessionId;
use waver_store::{DecodeError, Key, MemoryKeys, Record, RowSeal};

use super::*;
use crate::outcome::Outcomes;

const NOW: u64 = 1_800_000_000_000;
const HOUR_MS: u64 = 60 * 60 * 1000;
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A keyring over keys in memory, made at `now`.
pub(crate) fn in_memory(sites: &[SiteKey], now: u64) -> Keyring {
    let host = Host::system().with_clock(move || now);
    let retention = Retention::default();
    let keyring = Keyring::over(MemoryKeys::new(), forgetful(sites.to_vec()), &retention, host);
    keyring.now_or_never().expect("memory does not wait").expect("keys")
}

fn site(name: &str) -> SiteKey {
    SiteKey::parse(name).expect("valid")
}

fn sites() -> Vec<SiteKey> {
    ["demo", "other"].map(site).to_vec()
}

/// Sites that remember nobody across sessions.
fn forgetful(sites: Vec<SiteKey>) -> impl Iterator<Item = (SiteKey, Option<Duration>)> {
    sites.into_iter().map(|site| (site, None))
}

fn session(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

/// Keys whose clock is turned by hand.
struct Timed {
    store: MemoryKeys,
    now: Arc<AtomicU64>,
}

impl Timed {
    fn new() -> Timed {
        Timed { store: MemoryKeys::new(), now: Arc::new(AtomicU64::new(NOW)) }
    }

    async fn open(&self) -> Keyring {
        let now = Arc::clone(&self.now);
        let host = Host::system().with_clock(move || now.load(Ordering::SeqCst));
        Keyring::over(self.store.clone(), forgetful(sites()), &Retention::default(), host).await.expect("keys")
    }

    /// With a first site that remembers visitors for a month.
    async fn remembering(&self) -> Keyring {
        let now = Arc::clone(&self.now);
        let host = Host::system().with_clock(move || now.load(Ordering::SeqCst));
        let sites = [(site("demo"), Some(MONTH)), (site("other"), None)];
        Keyring::over(self.store.clone(), sites, &Retention::default(), host).await.expect("keys")
    }

    fn at(&self, now: u64) {
        self.now.store(now, Ordering::SeqCst);
    }

    async fn names(&self) -> Vec<String> {
        let names = self.store.list().await.expect("lists");
        names.iter().map(|name| name.as_bytes().escape_ascii().to_string()).collect()
    }
}

fn record(kind: RecordKind, site: &SiteKey, pseudonym: Pseudonym, payload: &[u8]) -> Record {
    Record { kind, site: site.clone(), pseudonym, received_at: NOW, key_id: None, payload: payload.to_vec() }
}

async fn sealed(keyring: &Keyring, record: Record) -> Record {
    let epoch = keyring.current(&record.site);
    let unsealed = Unsealed { record, epoch, readable: Readable::default() };
    keyring.seal(vec![unsealed]).await.expect("seals").remove(0)
}

fn opened(keyring: &Keyring, record: &Record) -> Option<Vec<u8>> {
    match keyring.open_record(record.clone()).expect("is what was sealed") {
        Opened::Record(record) => Some(record.payload),
        Opened::Erased(_) => None,
    }
}

#[tokio::test]
async fn an_epoch_begins_every_twelve_hours_and_its_secret_lives_for_a_day() {
    let timed = Timed::new();
    let keyring = timed.open().await;
    let name = |keyring: &Keyring| keyring.pseudonyms(&site("demo"), &session(1), &[PurposeSet::Both]);
    let first = name(&keyring);
    assert_eq!(first.len(), 1);
    timed.at(NOW + 12 * HOUR_MS - 1);
    assert_eq!(keyring.rotate().await, Ok(Turn::default()));
    timed.at(NOW + 12 * HOUR_MS);
    assert_eq!(keyring.rotate().await, Ok(Turn { begun: 2, destroyed: 0 }), "one for each site");
    let both = name(&keyring);
    assert_eq!((both.len(), both[1]), (2, first[0]), "this epoch's first, then the one before");
    assert_ne!(both[0].pseudonym, both[1].pseudonym);
    // Those that begin now are of the new epoch, and those of the one before are known until its secret goes.
    assert_eq!(keyring.current(&site("demo")), both[0].epoch);
    timed.at(NOW + 24 * HOUR_MS - 1);
    keyring.rotate().await.expect("turns");
    assert!(name(&keyring).contains(&first[0]));
    timed.at(NOW + 24 * HOUR_MS);
    assert_eq!(keyring.rotate().await, Ok(Turn { begun: 2, destroyed: 2 }));
    assert!(!name(&keyring).contains(&first[0]));
    let held = timed.names().await.join(" ");
    assert!(!held.contains("epoch/demo/1800000000") && held.contains("seal/demo/1800000000"), "{held}");
}

#[tokio::test]
async fn what_was_sealed_is_unreadable_once_its_class_is_past_its_time() {
    let timed = Timed::new();
    let keyring = timed.open().await;
    let demo = site("demo");
    let who = Pseudonym::from_bytes([7; 16]);
    let batch = sealed(&keyring, record(RecordKind::Batch, &demo, who, b"a batch")).await;
    let letter = sealed(&keyring, record(RecordKind::DeadLetter, &demo, who, b"a letter")).await;
    let consent = sealed(&keyring, record(RecordKind::Consent, &demo, who, b"a grant")).await;
    assert_eq!((consent.key_id, &consent.payload[..]), (None, &b"a grant"[..]), "consent is read without a key");
    // Sessions of this epoch send for a day at most; events are kept for a day after, dead letters for three.
    for (hours, batch_opens, letter_opens) in
        [(47, true, true), (48, false, true), (95, false, true), (96, false, false)]
    {
        timed.at(NOW + hours * HOUR_MS);
        keyring.rotate().await.expect("turns");
        assert_eq!(opened(&keyring, &batch).is_some(), batch_opens, "{hours}");
        assert_eq!(opened(&keyring, &letter).is_some(), letter_opens, "{hours}");
        // A start finds the same.
        let again = timed.open().await;
        assert_eq!((opened(&again, &batch).is_some(), opened(&again, &letter).is_some()), (batch_opens, letter_opens));
    }
    let held = timed.names().await;
    let of_session = |name: &String| name.starts_with("s/") || name.starts_with("l/");
    assert!(!held.iter().any(of_session), "the keys of sessions go with their epoch's: {held:?}");
    assert_eq!(keyring.counts().sessions, 0);
}

#[tokio::test]
async fn sites_purposes_epochs_and_sessions_have_nothing_in_common() {
    let timed = Timed::new();
    let keyring = timed.open().await;
    timed.at(NOW + 12 * HOUR_MS);
    keyring.rotate().await.expect("turns");
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for site in sites() {
        for number in 0..50 {
            for named in keyring.pseudonyms(&site, &session(number), &PurposeSet::ALL) {
                seen.insert(named.pseudonym);
                count += 1;
            }
        }
    }
    assert_eq!((seen.len(), count), (600, 600), "2 sites, 50 sessions, 3 sets, 2 epochs");
}

#[tokio::test]
async fn destroying_a_key_erases_what_is_sealed_under_it_and_nothing_else() {
    let timed = Timed::new();
    let keyring = timed.open().await;
    let demo = site("demo");
    let [one, two] = [1, 2].map(|number| Pseudonym::from_bytes([number; 16]));
    let of_one = sealed(&keyring, record(RecordKind::Batch, &demo, one, b"one")).await;
    let of_two = sealed(&keyring, record(RecordKind::Decision, &demo, two, b"two")).await;
    let letter = sealed(&keyring, record(RecordKind::DeadLetter, &demo, one, b"letter")).await;
    let row = RowSeal::seal(&keyring, &demo, &Key::Session(0, one), b"row").expect("seals").expect("has a key");
    assert_eq!(keyring.counts().sessions, 3);
    assert_eq!(keyring.destroy(vec![(demo.clone(), one)]).await, Ok(2));
    assert_eq!(keyring.destroy(vec![(demo.clone(), one)]).await, Ok(0));
    assert!(!keyring.has(&demo, &one) && keyring.has(&demo, &two));
    for keyring in [&keyring, &timed.open().await] {
        assert_eq!((opened(keyring, &of_one), opened(keyring, &letter)), (None, None));
        assert_eq!(RowSeal::open(keyring, &demo, &Key::Session(0, one), &row).expect("is sealed"), None);
        assert_eq!(opened(keyring, &of_two), Some(b"two".to_vec()));
        assert_eq!(keyring.counts().erased, 3);
    }
}

#[tokio::test]
async fn what_is_readable_of_a_sealed_record_stays_so_and_is_bound_to_it() {
    let keyring = in_memory(&sites(), NOW);
    let (demo, who) = (site("demo"), Pseudonym::from_bytes([3; 16]));
    let outcomes = Outcomes { received: 3, stored: 2, duplicate: 1, ..Outcomes::default() };
    let readable = Readable { outcomes: Some(outcomes), letters: 0 };
    let plain = record(RecordKind::Batch, &demo, who, b"{\"events\":[]}");
    let unsealed = Unsealed { record: plain.clone(), epoch: keyring.current(&demo), readable: readable.clone() };
    let sealed = keyring.seal(vec![unsealed]).await.expect("seals").remove(0);
    assert!(sealed.payload.len() <= plain.payload.len() + SEAL_BYTES);
    assert_eq!(opened(&keyring, &sealed), Some(plain.payload.clone()));

    // Every flipped bit is noticed, in what is readable too; so is another envelope.
    for at in 0..sealed.payload.len() {
        let mut flipped = sealed.clone();
        flipped.payload[at] ^= 1;
        assert!(matches!(keyring.open_record(flipped), Err(DecodeError::Damaged)), "{at}");
    }
    let as_decision = Record { kind: RecordKind::Decision, ..sealed.clone() };
    assert!(keyring.open_record(as_decision).is_err());
    keyring.begin(Vault::Behaviour, [(&demo, Pseudonym::from_bytes([4; 16]), 1)]).await.expect("makes");
    let of_another = Record { pseudonym: Pseudonym::from_bytes([4; 16]), ..sealed.clone() };
    assert!(opened(&keyring, &of_another).is_none(), "of another epoch");

    keyring.destroy(vec![(demo.clone(), who)]).await.expect("destroys");
    match keyring.open_record(sealed).expect("is what was sealed") {
        Opened::Erased(left) => assert_eq!(left, readable),
        Opened::Record(_) => panic!("its key is gone"),
    }
}

#[tokio::test]
async fn records_of_the_version_before_stay_readable() {
    let keyring = in_memory(&sites(), NOW);
    let old = record(RecordKind::Batch, &site("demo"), Pseudonym::from_bytes([9; 16]), b"not sealed");
    assert_eq!(opened(&keyring, &old), Some(b"not sealed".to_vec()));
}

#[tokio::test]
async fn a_crash_between_any_two_keys_of_a_new_epoch_is_mended_at_the_next_start() {
    // What was on disk when it happened: any part of the three keys of an epoch.
    for missing in ["epoch/demo/", "seal/demo/", "letters/demo/"] {
        let timed = Timed::new();
        drop(timed.open().await);
        for name in timed.store.list().await.expect("lists") {
            if name.as_bytes().starts_with(missing.as_bytes()) {
                timed.store.destroy(&name).await.expect("destroys");
            }
        }
        let keyring = timed.open().await;
        let demo = site("demo");
        assert!(keyring.current(&demo).is_some(), "{missing}");
        let batch = sealed(&keyring, record(RecordKind::Batch, &demo, Pseudonym::from_bytes([1; 16]), b"x")).await;
        let letter =
            sealed(&keyring, record(RecordKind::DeadLetter, &demo, Pseudonym::from_bytes([1; 16]), b"y")).await;
        assert!(opened(&keyring, &batch).is_some() && opened(&keyring, &letter).is_some(), "{missing}");
        drop(keyring);
        let again = timed.open().await;
        assert!(opened(&again, &batch).is_some() && opened(&again, &letter).is_some(), "{missing}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("lists").map(|entry| entry.expect("lists").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn the_bytes_of_a_destroyed_key_are_in_no_file() {
    let folder = TempDir::new().expect("a folder");
    let now = Arc::new(AtomicU64::new(NOW));
    let host = {
        let now = Arc::clone(&now);
        Host::system().with_clock(move || now.load(Ordering::SeqCst))
    };
    let open = async || {
        Keyring::open(folder.path(), forgetful(sites()), &Retention::default(), host.clone()).await.expect("keys")
    };
    let keyring = open().await;
    let (demo, who) = (site("demo"), Pseudonym::from_bytes([5; 16]));
    keyring.begin(Vault::Behaviour, [(&demo, who, 1_800_000_000)]).await.expect("makes");
    let bytes = |keyring: &Keyring| {
        let held = keyring.read();
        let of_site = &held[&demo];
        let epoch = &of_site.epochs[&1_800_000_000];
        let keys = [
            &of_site.sessions.of(Vault::Behaviour)[&who].1,
            epoch.secret.as_ref().expect("there"),
            epoch.seals.of(Vault::Behaviour).as_ref().expect("there"),
        ];
        keys.map(|key| *key.as_bytes())
    };
    let [session, secret, seal] = bytes(&keyring);
    let holds = |key: &[u8]| {
        files(folder.path()).iter().any(|file| std::fs::read(file).expect("reads").windows(32).any(|part| part == key))
    };
    assert!(holds(&session) && holds(&secret) && holds(&seal));
    keyring.destroy(vec![(demo.clone(), who)]).await.expect("destroys");
    assert!(!holds(&session) && holds(&secret) && holds(&seal));
    now.store(NOW + 24 * HOUR_MS, Ordering::SeqCst);
    keyring.rotate().await.expect("turns");
    assert!(!holds(&secret) && holds(&seal));
    drop(keyring);
    now.store(NOW + 48 * HOUR_MS, Ordering::SeqCst);
    drop(open().await);
    assert!(!holds(&seal), "a start turns before it serves");
}

proptest! {
    #[test]
    fn what_is_sealed_comes_back_and_anything_else_does_not(
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        foreign in proptest::collection::vec(any::<u8>(), 0..300),
        who in any::<[u8; 16]>(),
    ) {
        let keyring = in_memory(&sites(), NOW);
        let plain = record(RecordKind::Batch, &site("demo"), Pseudonym::from_bytes(who), &payload);
        let once = sealed(&keyring, plain.clone()).now_or_never().expect("memory does not wait");
        let twice = sealed(&keyring, plain).now_or_never().expect("memory does not wait");
        prop_assert_ne!(&once.payload, &twice.payload, "no nonce comes twice");
        prop_assert_eq!(opened(&keyring, &once), Some(payload));
        let wrong = Record { payload: foreign.clone(), ..once };
        prop_assert!(keyring.open_record(wrong).is_err());
        let row = RowSeal::open(&keyring, &site("demo"), &Key::Session(0, Pseudonym::from_bytes(who)), &foreign);
        prop_assert!(!matches!(row, Ok(Some(_))));
    }
}

/// The figure for the page on cost: `cargo test --release -p waver -- --ignored --nocapture cost_of_sealing`.
#[tokio::test]
#[ignore = "a measurement"]
async fn cost_of_sealing() {
    let keyring = in_memory(&sites(), NOW);
    for bytes in [300, 1_300, 8_300] {
        let plain = record(RecordKind::Batch, &site("demo"), Pseudonym::from_bytes([1; 16]), &vec![7; bytes]);
        let epoch = keyring.current(&site("demo"));
        let batch = || vec![Unsealed { record: plain.clone(), epoch, readable: Readable::default() }; 256];
        let groups: Vec<Vec<Unsealed>> = (0..40).map(|_| batch()).collect();
        let begun = Instant::now();
        for group in groups {
            keyring.seal(group).await.expect("seals");
        }
        println!("{bytes} bytes: {:.2} us each", begun.elapsed().as_secs_f64() * 1e6 / (40.0 * 256.0));
    }
}

#[tokio::test]
async fn a_visitor_has_one_name_for_as_many_days_as_the_site_says() {
    let keys = Timed::new();
    let id = waver_schema::VisitorId::from_bytes([7; 16]);
    let other = waver_schema::VisitorId::from_bytes([8; 16]);
    let (demo, row) = (site("demo"), b"what was offered".to_vec());
    let keyring = keys.remembering().await;
    assert_eq!(keyring.visitor(&site("other"), &id), None, "that site remembers nobody");
    let first = keyring.visitor(&demo, &id).expect("a name");
    assert_eq!(first.until, NOW + u64::try_from(MONTH.as_millis()).expect("fits"));
    assert_ne!(keyring.visitor(&demo, &other).expect("a name").pseudonym, first.pseudonym);
    let sessions = keyring.pseudonyms(&demo, &SessionId::from_bytes([7; 16]), &PurposeSet::ALL);
    assert!(sessions.iter().all(|named| named.pseudonym != first.pseudonym), "no session of the same bits");

    let key = Key::Visitor(0, first.pseudonym);
    keyring.begin(Vault::Visitors, [(&demo, first.pseudonym, first.epoch.expect("an epoch"))]).await.expect("a key");
    let sealed = RowSeal::seal(&keyring, &demo, &key, &row).expect("seals").expect("has a key");
    assert!(!sealed.windows(row.len()).any(|part| part == row));
    // A month less an epoch later everything else of that time is gone.
    keys.at(first.until - 1);
    keyring.rotate().await.expect("turns");
    let keyring = keys.remembering().await;
    assert_eq!(keyring.visitor(&demo, &id).expect("still").pseudonym, first.pseudonym);
    assert_eq!(keyring.open(&demo, &key, &sealed).expect("opens"), Some(row.clone()));
    // Erasing one destroys its key and nobody else's.
    assert_eq!(keyring.destroy(vec![(demo.clone(), first.pseudonym)]).await.expect("destroys"), 1);
    assert_eq!(keyring.open(&demo, &key, &sealed).expect("is erased"), None);

    keys.at(first.until);
    assert_eq!(keyring.visitor(&demo, &id), None);
    for _ in 0..2 {
        keyring.rotate().await.expect("turns");
    }
    let second = keyring.visitor(&demo, &id).expect("a new name");
    assert_ne!(second.pseudonym, first.pseudonym);
    // Turned off, nothing of it is left, and turned on again it is another.
    keys.open().await;
    let left: Vec<_> = keys.store.list().await.expect("lists").iter().filter_map(Name::parse).collect();
    let of_visitors = |name: &&Name| {
        matches!(name, Name::Visitors(..) | Name::Seal(Vault::Visitors, ..) | Name::Session(Vault::Visitors, ..))
    };
    assert_eq!(left.iter().filter(of_visitors).count(), 0, "{left:?}");
    assert_ne!(keys.remembering().await.visitor(&demo, &id).expect("a name").pseudonym, second.pseudonym);
}
