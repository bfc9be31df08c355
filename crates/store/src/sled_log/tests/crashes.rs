//! A crash at each point of what changes the set of segments.

use super::*;
use crate::{Cutoffs, Record};

const CUTOFFS: Cutoffs = Cutoffs { events: 14, consent: 3, dead_letters: 8, shop: 5 };

/// Four segments of four records and an open one; before and after a trim that unlinks, rewrites and rolls.
struct Trimmed {
    before: TempDir,
    after: TempDir,
    all: Vec<(u64, Record)>,
    left: Vec<(u64, Record)>,
}

fn by_fours(folder: &Path) -> SledLog {
    SledLog::open(folder, Duration::from_millis(4)).expect("opens")
}

async fn read(log: &SledLog) -> Vec<(u64, Record)> {
    let read = log.read(0, 1000).await.expect("reads");
    read.into_iter().map(|(at, record)| (at.offset, record)).collect()
}

async fn trimmed() -> Trimmed {
    let folder = TempDir::new().expect("a folder");
    let log = by_fours(folder.path());
    for number in 0..18 {
        log.append(&[record(number)]).await.expect("appends");
    }
    let (all, before) = (read(&log).await, files_as_they_lie(folder.path()));
    log.trim(&CUTOFFS).await.expect("trims");
    let left = read(&log).await;
    assert!(left.len() > 4 && left.len() < all.len());
    Trimmed { before, after: files_as_they_lie(folder.path()), all, left }
}

/// Copies what is only in `from` into `to`.
fn add_missing(from: &Path, to: &Path) {
    for name in segments(from).into_iter().filter(|name| !to.join(name).exists()) {
        fs::rename(files_as_they_lie(&from.join(&name)).keep(), to.join(&name)).expect("moves");
    }
}

/// The log reads `expected`, goes on, and has no folder that is not its own.
async fn goes_on(folder: &Path, expected: &[(u64, Record)]) {
    let log = by_fours(folder);
    assert_eq!(read(&log).await, expected);
    assert_eq!(log.append(&records(18..19)).await.expect("appends")[0].offset, 18);
    let listed = log.shared.current().manifest.places().count();
    assert_eq!(segments(folder).len(), listed, "leftovers are gone");
}

#[tokio::test]
async fn a_trim_is_done_or_not_and_leaves_nothing_behind() {
    let Trimmed { before, after, all, left } = trimmed().await;
    goes_on(files_as_they_lie(before.path()).path(), &all).await;
    goes_on(files_as_they_lie(after.path()).path(), &left).await;

    // New segments are there, whole or begun, and the manifest is the old one.
    let crashed = files_as_they_lie(before.path());
    add_missing(after.path(), crashed.path());
    fs::write(crashed.path().join("manifest.new"), b"half a manifest").expect("writes");
    goes_on(crashed.path(), &all).await;
    let crashed = files_as_they_lie(before.path());
    add_missing(after.path(), crashed.path());
    for name in segments(crashed.path()).iter().filter(|name| !before.path().join(name).exists()) {
        fs::write(crashed.path().join(name).join("db"), b"half a segment").expect("writes");
    }
    goes_on(crashed.path(), &all).await;

    // The manifest is the new one, and old segments are still there, whole or in part.
    let crashed = files_as_they_lie(after.path());
    add_missing(before.path(), crashed.path());
    goes_on(crashed.path(), &left).await;
    let crashed = files_as_they_lie(after.path());
    add_missing(before.path(), crashed.path());
    for name in segments(crashed.path()).iter().filter(|name| !after.path().join(name).exists()) {
        fs::remove_file(crashed.path().join(name).join("db")).expect("removes");
    }
    goes_on(crashed.path(), &left).await;
}

#[tokio::test]
async fn a_segment_that_was_begun_and_not_yet_listed_is_begun_again() {
    let folder = TempDir::new().expect("a folder");
    let log = by_fours(folder.path());
    for number in 0..4 {
        log.append(&[record(number)]).await.expect("appends");
    }
    drop(log);
    for begun in [&b""[..], b"half a segment"] {
        let crashed = files_as_they_lie(folder.path());
        let next = crashed.path().join(format!("{:020}", 4));
        fs::create_dir(&next).expect("makes");
        fs::write(next.join("db"), begun).expect("writes");
        let log = by_fours(crashed.path());
        log.append(&[record(4)]).await.expect("appends");
        assert_eq!(read_all(&log, 0, 10).await, records(0..5));
    }
}

#[tokio::test]
async fn what_is_trimmed_is_gone_from_the_disk() {
    let folder = TempDir::new().expect("a folder");
    let log = by_fours(folder.path());
    let marked = |number: u8| Record { payload: format!("secret-{number:03}").into_bytes(), ..record(number) };
    for number in 0..18 {
        log.append(&[marked(number)]).await.expect("appends");
    }
    log.trim(&CUTOFFS).await.expect("trims");
    let left: Vec<String> =
        read(&log).await.into_iter().map(|(_, record)| String::from_utf8(record.payload).expect("text")).collect();
    let mut bytes = Vec::new();
    for name in segments(folder.path()) {
        for file in fs::read_dir(folder.path().join(name)).expect("lists") {
            let path = file.expect("lists").path();
            if path.is_file() {
                bytes.extend(fs::read(path).expect("reads"));
            }
        }
    }
    for number in 0..18 {
        let secret = format!("secret-{number:03}");
        let on_disk = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert_eq!(on_disk, left.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn neighbours_that_are_rewritten_become_one_segment() {
    let folder = TempDir::new().expect("a folder");
    let log = by_fours(folder.path());
    for number in 0..80 {
        log.append(&[record(number)]).await.expect("appends");
    }
    for events in 0..80 {
        log.trim(&Cutoffs { events, ..Cutoffs::default() }).await.expect("trims");
    }
    assert!(segments(folder.path()).len() <= 3, "{:?}", segments(folder.path()));
    assert_eq!(read(&log).await.len(), 50, "consent, dead letters and what the shop told");
}

#[tokio::test]
async fn a_segment_that_cannot_be_begun_breaks_the_log_until_it_is_opened_again() {
    let folder = TempDir::new().expect("a folder");
    let log = by_fours(folder.path());
    for number in 0..4 {
        log.append(&[record(number)]).await.expect("appends");
    }
    // In the way of the next manifest.
    let obstacle = folder.path().join("manifest.new");
    fs::create_dir(&obstacle).expect("makes");
    assert!(matches!(log.append(&[record(4)]).await, Err(StoreError::Write(_))));
    fs::remove_dir(&obstacle).expect("removes");
    assert!(matches!(log.append(&[record(4)]).await, Err(StoreError::Broken)));
    assert_eq!(read_all(&log, 0, 10).await, records(0..4), "what is acknowledged can be read");
    drop(log);
    let log = by_fours(folder.path());
    log.append(&[record(4)]).await.expect("appends");
    assert_eq!(read_all(&log, 0, 10).await, records(0..5));
}

#[tokio::test]
async fn a_trim_that_fails_is_done_next_time_and_does_not_stop_appends() {
    let folder = TempDir::new().expect("a folder");
    let log = by_fours(folder.path());
    for number in 0..8 {
        log.append(&[record(number)]).await.expect("appends");
    }
    let all = read(&log).await;
    let obstacle = folder.path().join("manifest.new");
    fs::create_dir(&obstacle).expect("makes");
    let cutoffs = Cutoffs { events: 4, ..Cutoffs::default() };
    assert!(matches!(log.trim(&cutoffs).await, Err(StoreError::Write(_))));
    assert_eq!(read(&log).await, all);
    fs::remove_dir(&obstacle).expect("removes");
    log.append(&[record(7)]).await.expect("appends go on");
    assert_eq!(log.trim(&cutoffs).await.expect("trims").events.records, 2);
    assert_eq!(read(&log).await.len(), 7);
}
