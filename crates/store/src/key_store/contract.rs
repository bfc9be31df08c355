//! What every key store must do, whatever is behind it: one suite, run on each backend.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::slot::SLOT_BYTES;
use super::{FileKeys, KeyError, KeyName, KeyStore, MemoryKeys, NAME_BYTES};
use crate::SecretKey;
use crate::files_as_they_lie::files_as_they_lie;

/// A backend under test: opens the same store again and again.
trait Backend: Default {
    type Keys: KeyStore;
    fn open(&self) -> Self::Keys;
}

#[derive(Default)]
struct Memory(MemoryKeys);

impl Backend for Memory {
    type Keys = MemoryKeys;
    fn open(&self) -> MemoryKeys {
        self.0.clone()
    }
}

struct InFile(TempDir);

impl Default for InFile {
    fn default() -> InFile {
        InFile(TempDir::new().expect("a folder"))
    }
}

impl InFile {
    fn path(&self) -> PathBuf {
        self.0.path().join("keys/sessions.keys")
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("reads")
    }

    /// Another folder with the same file in it.
    fn copy(&self) -> InFile {
        InFile(files_as_they_lie(self.0.path()))
    }
}

impl Backend for InFile {
    type Keys = FileKeys;
    fn open(&self) -> FileKeys {
        FileKeys::open(&self.path()).expect("opens")
    }
}

fn name(number: u16) -> KeyName {
    KeyName::new(format!("demo/session/{number}").as_bytes()).expect("short")
}

/// 32 bytes that no other number has, spread like those of a real key.
fn bytes(number: u16) -> [u8; 32] {
    blake3::hash(&number.to_be_bytes()).into()
}

fn key(number: u16) -> SecretKey {
    SecretKey::from_bytes(bytes(number))
}

async fn get(keys: &impl KeyStore, number: u16) -> Option<[u8; 32]> {
    keys.get(&name(number)).await.expect("gets").map(|key| *key.as_bytes())
}

async fn create(keys: &impl KeyStore, number: u16, fresh: u16) -> [u8; 32] {
    *keys.get_or_create(&name(number), key(fresh)).await.expect("creates").as_bytes()
}

async fn suite<B: Backend>() {
    let backend = B::default();
    let keys = backend.open();
    assert_eq!((get(&keys, 1).await, keys.list().await), (None, Ok(Vec::new())), "a new store is empty");
    assert_eq!(keys.destroy(&name(1)).await, Ok(false));

    // What is made once is there ever after.
    assert_eq!(create(&keys, 1, 10).await, bytes(10));
    assert_eq!(create(&keys, 1, 11).await, bytes(10), "there is one already");
    assert_eq!(create(&keys, 2, 12).await, bytes(12));
    assert_eq!((get(&keys, 1).await, get(&keys, 2).await), (Some(bytes(10)), Some(bytes(12))));
    let longest = KeyName::new(&[0xff; NAME_BYTES]).expect("as long as may be");
    assert_eq!(keys.get_or_create(&longest, key(13)).await.expect("creates").as_bytes(), &bytes(13));
    assert_eq!(keys.list().await, Ok(vec![name(1), name(2), longest.clone()]));

    // What is destroyed is gone, and a later key of that name is another one.
    assert_eq!(keys.destroy(&name(1)).await, Ok(true));
    assert_eq!(keys.destroy(&name(1)).await, Ok(false));
    assert_eq!((get(&keys, 1).await, get(&keys, 2).await), (None, Some(bytes(12))));
    assert_eq!(create(&keys, 1, 14).await, bytes(14));
    assert_eq!(keys.destroy(&longest).await, Ok(true));

    // More than a file begins with, with gaps that are filled again.
    for number in 100..800 {
        assert_eq!(create(&keys, number, number).await, bytes(number));
    }
    for number in (100..800).step_by(2) {
        assert_eq!(keys.destroy(&name(number)).await, Ok(true));
    }
    for number in 1000..1100 {
        assert_eq!(create(&keys, number, number).await, bytes(number));
    }

    // Many at once are as one after the other.
    let wanted = [1, 2000, 2000, 2001].map(|number| (name(number), key(number + 5000))).to_vec();
    let made = keys.get_or_create_all(wanted).await.expect("creates");
    let made: Vec<[u8; 32]> = made.iter().map(|key| *key.as_bytes()).collect();
    assert_eq!(made, [bytes(14), bytes(7000), bytes(7000), bytes(7001)]);
    assert_eq!(keys.destroy_all(vec![name(2000), name(2000), name(3000)]).await, Ok(1));
    assert_eq!((get(&keys, 2000).await, get(&keys, 2001).await), (None, Some(bytes(7001))));
    let all = keys.all().await.expect("reads");
    let names: Vec<KeyName> = all.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(Ok(names), keys.list().await);
    assert!(all.iter().any(|(found, key)| *found == name(2001) && *key.as_bytes() == bytes(7001)));

    // Opened again, it is as it was.
    let listed = keys.list().await.expect("lists");
    drop(keys);
    let keys = backend.open();
    assert_eq!(keys.list().await, Ok(listed));
    assert_eq!((get(&keys, 1).await, get(&keys, 2).await), (Some(bytes(14)), Some(bytes(12))));
    for number in 100..800 {
        assert_eq!(get(&keys, number).await, (number % 2 == 1).then(|| bytes(number)), "key {number}");
    }
    for number in 1000..1100 {
        assert_eq!(get(&keys, number).await, Some(bytes(number)), "key {number}");
    }

    // All who ask at once get the same key.
    let keys = Arc::new(keys);
    let mut crowd = JoinSet::new();
    for number in 0..50 {
        let keys = Arc::clone(&keys);
        crowd.spawn(async move { create(&*keys, 3, 2000 + number).await });
    }
    let got = crowd.join_all().await;
    assert!(got.iter().all(|key| *key == got[0]), "one key for all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_the_contract() {
    suite::<Memory>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_keeps_the_contract() {
    suite::<InFile>().await;
}

#[test]
fn names_have_a_length() {
    assert!(matches!(KeyName::new(&[]), Err(KeyError::Name { bytes: 0 })));
    assert!(matches!(KeyName::new(&[1; NAME_BYTES + 1]), Err(KeyError::Name { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let backend = InFile::default();
    let _keys = backend.open();
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("exists").permissions().mode() & 0o777;
    assert_eq!((mode(&backend.path()), mode(backend.path().parent().expect("a folder"))), (0o600, 0o700));
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let backend = InFile::default();
    let _keys = backend.open();
    assert!(matches!(FileKeys::open(&backend.path()), Err(KeyError::Open { .. })));
}

fn holds(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|window| window == bytes)
}

#[tokio::test]
async fn the_bytes_of_a_destroyed_key_are_nowhere_in_the_file() {
    let backend = InFile::default();
    let keys = backend.open();
    for number in 0..20 {
        create(&keys, number, number).await;
    }
    for number in 0..20 {
        assert!(holds(&backend.bytes(), &bytes(number)), "key {number} is there before");
        assert_eq!(keys.destroy(&name(number)).await, Ok(true));
        let file = backend.bytes();
        let pieces = bytes(number);
        assert!(pieces.chunks(8).all(|piece| !holds(&file, piece)), "no piece of key {number} is there after");
        assert!(!holds(&file, format!("demo/session/{number}\0").as_bytes()), "nor its name");
        assert!((number + 1..20).all(|other| holds(&file, &bytes(other))), "the others are");
    }
    let folder = backend.path().parent().expect("a folder").to_owned();
    assert_eq!(std::fs::read_dir(folder).expect("lists").count(), 1, "there is no other file");
}

#[tokio::test]
async fn each_call_is_on_disk_when_it_is_answered_and_whole_before() {
    let backend = InFile::default();
    let keys = backend.open();
    for number in 0..40_u16 {
        let mut created = Box::pin(create(&keys, number, number));
        let first = std::future::poll_fn(|context| Poll::Ready(created.as_mut().poll(context))).await;
        let under_way = get(&backend.copy().open(), number).await;
        assert!(under_way.is_none_or(|key| key == bytes(number)), "key {number} is there whole or not at all");
        if first.is_pending() {
            created.await;
        }
        let crashed = backend.copy().open();
        assert_eq!(get(&crashed, number).await, Some(bytes(number)));
        if number % 3 == 2 {
            assert_eq!(keys.destroy(&name(number - 1)).await, Ok(true));
        }
        let crashed = backend.copy().open();
        for other in 0..=number {
            let destroyed = other % 3 == 1 && other < number;
            assert_eq!(get(&crashed, other).await, (!destroyed).then(|| bytes(other)), "key {other} after {number}");
        }
    }
}

/// A store with three keys, and where the second one's slot begins in its file.
async fn three_keys() -> (InFile, usize) {
    let backend = InFile::default();
    let keys = backend.open();
    for number in 1..4 {
        create(&keys, number, number).await;
    }
    (backend, 2 * SLOT_BYTES)
}

#[tokio::test]
async fn a_torn_slot_is_cleared_and_the_others_stay() {
    let (backend, at) = three_keys().await;
    let whole = backend.bytes();
    for cut in 1..SLOT_BYTES {
        for zeros in [0..cut, cut..SLOT_BYTES] {
            let mut torn = whole.clone();
            torn[at + zeros.start..at + zeros.end].fill(0);
            std::fs::write(backend.path(), &torn).expect("writes");
            match FileKeys::open(&backend.path()) {
                Ok(keys) => {
                    let found = get(&keys, 2).await;
                    assert!(found.is_none() || torn == whole, "zeros in {zeros:?}");
                    assert_eq!((get(&keys, 1).await, get(&keys, 3).await), (Some(bytes(1)), Some(bytes(3))));
                    assert_eq!(create(&keys, 2, 9).await, bytes(found.map_or(9, |_| 2)), "the slot is free again");
                    assert!(found.is_some() || !holds(&backend.bytes(), &bytes(2)[..]), "zeros in {zeros:?}");
                }
                // Less than what a sector tears off: taken for damage.
                Err(KeyError::Damaged { offset, .. }) => {
                    assert_eq!(offset, at as u64);
                    assert!(zeros.len() < 8, "zeros in {zeros:?}");
                }
                Err(error) => panic!("zeros in {zeros:?}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_byte_is_refused_and_named() {
    let (backend, at) = three_keys().await;
    let whole = backend.bytes();
    for byte in 0..SLOT_BYTES {
        for flip in [1, 0xff] {
            let mut damaged = whole.clone();
            damaged[at + byte] ^= flip;
            std::fs::write(backend.path(), &damaged).expect("writes");
            let error = FileKeys::open(&backend.path()).expect_err("damaged");
            assert!(matches!(error, KeyError::Damaged { offset: 256, .. }), "byte {byte}: {error}");
        }
    }
    // As the message says: zeros give the key up.
    let mut given_up = whole.clone();
    given_up[at..at + SLOT_BYTES].fill(0);
    std::fs::write(backend.path(), &given_up).expect("writes");
    assert_eq!(backend.open().list().await, Ok(vec![name(1), name(3)]));
    // A slot in another's place, and one that is there twice.
    let mut twice = whole.clone();
    twice.copy_within(at..at + SLOT_BYTES, at + 5 * SLOT_BYTES);
    let mut moved = twice.clone();
    moved[at..at + SLOT_BYTES].fill(0);
    for misplaced in [twice, moved] {
        std::fs::write(backend.path(), &misplaced).expect("writes");
        let error = FileKeys::open(&backend.path()).expect_err("damaged");
        assert!(matches!(error, KeyError::Damaged { offset, .. } if offset == (at + 5 * SLOT_BYTES) as u64), "{error}");
    }
}

#[tokio::test]
async fn growth_that_a_crash_cut_short_goes_on_and_a_cut_file_is_refused() {
    let (backend, _) = three_keys().await;
    let whole = backend.bytes();
    for length in [SLOT_BYTES, SLOT_BYTES + 1, 2 * SLOT_BYTES, 100 * SLOT_BYTES + 7] {
        let mut crashed = whole[..length].to_vec();
        crashed[SLOT_BYTES..].fill(0);
        std::fs::write(backend.path(), &crashed).expect("writes");
        let keys = backend.open();
        assert_eq!(create(&keys, 1, 1).await, bytes(1));
        drop(keys);
        assert_eq!(backend.bytes().len(), whole.len(), "{length} bytes are filled up");
    }
    for length in [3 * SLOT_BYTES, whole.len() - 1] {
        std::fs::write(backend.path(), &whole[..length]).expect("writes");
        let error = FileKeys::open(&backend.path()).expect_err("cut");
        assert!(matches!(error, KeyError::Cut { .. }), "{length} bytes: {error}");
    }
    for other in [&b""[..], b"waver", &[7; 1000]] {
        std::fs::write(backend.path(), other).expect("writes");
        assert!(matches!(FileKeys::open(&backend.path()), Err(KeyError::NotKeys { .. })));
    }
}

#[tokio::test]
async fn secrets_are_not_printed() {
    let keys = MemoryKeys::new();
    create(&keys, 1, 1).await;
    let printed = format!("{keys:?} {:?} {:?}", key(1), keys.get(&name(1)).await);
    assert!(!printed.contains(&format!("{:?}", bytes(1))[1..20]), "{printed}");
}
