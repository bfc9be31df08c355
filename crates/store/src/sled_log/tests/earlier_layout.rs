//! A folder of the earlier layout: sled directly in the log's folder, and groups without checksums.

use super::*;
use crate::Cutoffs;
use crate::record::encode_group;

fn sled_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("lists")
        .map(|entry| entry.expect("lists").path())
        .filter(|path| !path.ends_with("db"))
        .collect();
    files.sort();
    files.push(folder.join("db"));
    files
}

/// As an earlier collector left it, with 40 records. Opened twice, so that sled has made a snapshot.
fn earlier() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for numbers in [0..20, 20..40] {
        let db = sled::open(folder.path()).expect("opens");
        let groups = db.open_tree("log").expect("opens");
        for number in numbers.step_by(2) {
            let group = encode_group(&records(number..number + 2)).expect("encodes");
            groups.insert(u64::from(number).to_be_bytes(), group).expect("inserts");
        }
        db.flush().expect("flushes");
    }
    folder
}

/// The log in `folder` has 40 records, goes on after them, and is so again when it is opened next.
async fn is_whole(folder: &Path, why: &str) {
    let log = open(folder);
    assert_eq!((log.begin(), read_all(&log, 0, 7).await), (0, records(0..40)), "{why}");
    assert_eq!(log.append(&records(40..41)).await.expect("appends")[0].offset, 40, "{why}");
    drop(log);
    assert_eq!(read_all(&open(folder), 0, 100).await, records(0..41), "{why}");
}

#[tokio::test]
async fn it_becomes_the_first_segment() {
    let folder = earlier();
    is_whole(folder.path(), "adopted").await;
    assert!(!folder.path().join("db").exists());
    let log = open(folder.path());
    log.trim(&Cutoffs { events: 30, consent: 0, dead_letters: 100, shop: 100 }).await.expect("trims");
    let left = log.read(0, 100).await.expect("reads");
    assert_eq!(left.iter().filter(|(at, _)| at.offset < 30 && at.offset % 4 != 0).count(), 0, "only consent is kept");
    assert_eq!(left.first().map(|(at, record)| (at.offset, record.clone())), Some((0, record(0))));
}

#[tokio::test]
async fn a_crash_anywhere_on_the_way_is_taken_up_again() {
    let earlier = earlier();
    let moves = sled_files(earlier.path()).len();
    for moved in 0..=moves {
        let crashed = files_as_they_lie(earlier.path());
        let segment = crashed.path().join(FIRST);
        let files = sled_files(crashed.path());
        fs::create_dir(&segment).expect("makes");
        for path in files.iter().take(moved) {
            fs::rename(path, segment.join(path.file_name().expect("a name"))).expect("moves");
        }
        is_whole(crashed.path(), &format!("{moved} files of {moves} moved")).await;
    }
    // All but the manifest was there.
    drop(open(earlier.path()));
    fs::remove_file(earlier.path().join("manifest")).expect("removes");
    is_whole(earlier.path(), "all but the manifest").await;
}

#[test]
fn an_earlier_collector_that_still_runs_keeps_it() {
    let folder = earlier();
    let _running = sled::open(folder.path()).expect("opens");
    let error = SledLog::open(folder.path(), SPAN).expect_err("locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(folder.path().join("db").exists(), "nothing is moved under its feet");
}

#[test]
fn a_group_that_is_missing_is_noticed() {
    let folder = earlier();
    let db = sled::open(folder.path()).expect("opens");
    db.open_tree("log").expect("opens").remove(10_u64.to_be_bytes()).expect("removes");
    db.flush().expect("flushes");
    drop(db);
    let error = SledLog::open(folder.path(), SPAN).expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { offset: 10, .. }), "{error}");
}
