//! Damaged files: whatever was acknowledged is read back, or there is an error. Never fewer records.

use super::super::chain::{self, Stored};
use super::super::witness::Witness;
use super::*;
use crate::{Cutoffs, Record};

/// Groups of a log that is to be damaged.
const GROUPS: u8 = 40;

fn group(number: u8) -> Vec<Record> {
    let payload = (0..400_u16).map(|byte| (byte as u8).wrapping_mul(number)).collect();
    vec![Record { payload, ..record(number) }, record(number)]
}

fn groups(numbers: std::ops::Range<u8>) -> Vec<Record> {
    numbers.flat_map(group).collect()
}

fn large_group(number: u8) -> Vec<Record> {
    let payload = (0..70_000_u32).map(|byte| (byte as u8).wrapping_mul(number)).collect();
    vec![Record { payload, ..record(number) }]
}

/// A log in one segment. Opened twice, so that sled has made a snapshot of the first half.
async fn written() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for numbers in [0..GROUPS / 2, GROUPS / 2..GROUPS] {
        let log = open(folder.path());
        for number in numbers {
            log.append(&group(number)).await.expect("appends");
        }
    }
    folder
}

/// Whether the log gives everything; `false` if it refuses with an error of damage.
async fn is_whole(folder: &Path, span: Duration, expected: &[Record], why: &str) -> bool {
    let read = match SledLog::open(folder, span) {
        Ok(log) => log.read(0, 1000).await,
        Err(error) => Err(error),
    };
    match read {
        Ok(read) => {
            let read: Vec<Record> = read.into_iter().map(|(_, record)| record).collect();
            assert!(read == expected, "{why}: silently {} records of {}", read.len(), expected.len());
            true
        }
        Err(StoreError::Damaged { .. } | StoreError::Unreadable { .. }) => false,
        Err(other) => panic!("{why}: {other}"),
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("reads");
    bytes[at] ^= 0x55;
    fs::write(path, bytes).expect("writes");
}

/// Something that sled takes for a log, and that nobody wrote.
type Harm = fn(&sled::Tree, &sled::IVec, &sled::IVec);

/// Does `harm` with the `number`th value of the segment `name`, by sled's own means.
fn harm(folder: &Path, name: &str, number: usize, harm: Harm) {
    let db = sled::Config::new()
        .segment_size(super::super::segment::SLED_SEGMENT_BYTES)
        .path(folder.join(name))
        .open()
        .expect("opens");
    let groups = db.open_tree("log").expect("opens");
    let (key, value) = groups.iter().nth(number).expect("enough values").expect("reads");
    harm(&groups, &key, &value);
    db.flush().expect("flushes");
}

#[tokio::test]
async fn what_sled_takes_for_whole_is_checked() {
    let harms: [(&str, Harm); 5] = [
        ("a value is missing", |groups, key, _| drop(groups.remove(key).expect("removes"))),
        ("a value is another's", |groups, key, value| {
            let (other, others) =
                groups.iter().find_map(|entry| entry.ok().filter(|(at, _)| at != key)).expect("another");
            groups.insert(key, others).expect("inserts");
            groups.insert(other, value).expect("inserts");
        }),
        ("a byte of the group is changed", |groups, key, value| {
            let mut bytes = value.to_vec();
            *bytes.last_mut().expect("a byte") ^= 1;
            groups.insert(key, bytes).expect("inserts");
        }),
        ("the checksum is gone", |groups, key, value| {
            let Ok(Stored::Chained(whole)) = chain::open(value) else { panic!("a checksum") };
            groups.insert(key, whole.group).expect("inserts");
        }),
        ("a version that is not known", |groups, key, value| {
            let mut bytes = value.to_vec();
            bytes[1] = 9;
            groups.insert(key, bytes).expect("inserts");
        }),
    ];
    let span = Duration::from_millis(10);
    let folder = TempDir::new().expect("a folder");
    let log = SledLog::open(folder.path(), span).expect("opens");
    for number in 0..GROUPS {
        log.append(&group(number)).await.expect("appends");
    }
    drop(log);
    for (what, change) in harms {
        for name in segments(folder.path()) {
            for number in [0, 4, 9] {
                let damaged = files_as_they_lie(folder.path());
                harm(damaged.path(), &name, number, change);
                let why = format!("{what}: value {number} of {name}");
                assert!(!is_whole(damaged.path(), span, &groups(0..GROUPS), &why).await, "{why}");
            }
        }
    }
}

/// How much of a file is more than zeros.
fn used(path: &Path) -> usize {
    let bytes = fs::read(path).expect("reads");
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Every file below `folder`, by its path within.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("lists") {
            let path = entry.expect("lists").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    let within = |path: PathBuf| path.strip_prefix(folder).expect("below").to_owned();
    found.into_iter().map(within).filter(|path| !path.ends_with("lock")).collect()
}

/// Flips single bytes all over the files of `folder`, and counts the flips that were survived and those that were refused.
async fn flip_all_over(folder: &Path, span: Duration, expected: &[Record], places_per_file: usize) -> (usize, usize) {
    let (mut survived, mut refused) = (0, 0);
    for file in files(folder) {
        let used = used(&folder.join(&file));
        for at in (0..used).step_by((used / places_per_file).max(1)) {
            let damaged = files_as_they_lie(folder);
            flip(&damaged.path().join(&file), at);
            let why = format!("byte {at} of {}", file.display());
            if is_whole(damaged.path(), span, expected, &why).await {
                survived += 1;
            } else {
                refused += 1;
                assert!(
                    !is_whole(damaged.path(), span, expected, &why).await,
                    "{why}: refused once, then taken for whole"
                );
            }
        }
    }
    (survived, refused)
}

#[tokio::test]
async fn a_flipped_byte_anywhere_loses_nothing_silently() {
    let (survived, refused) = flip_all_over(written().await.path(), SPAN, &groups(0..GROUPS), 40).await;
    assert!(survived > 0 && refused > 40, "{survived} survived, {refused} refused");
}

#[tokio::test]
async fn a_flipped_byte_in_large_groups_loses_nothing_silently() {
    // sled puts the pages of such groups into files of their own.
    let folder = TempDir::new().expect("a folder");
    let log = open(folder.path());
    for number in 0..GROUPS {
        log.append(&large_group(number)).await.expect("appends");
    }
    drop(log);
    assert!(files(folder.path()).iter().any(|file| file.parent().is_some_and(|parent| parent.ends_with("blobs"))));
    let expected: Vec<Record> = (0..GROUPS).flat_map(large_group).collect();
    let (_, refused) = flip_all_over(folder.path(), SPAN, &expected, 5).await;
    assert!(refused > 5, "{refused} refused");
}

#[tokio::test]
async fn a_flipped_byte_in_any_segment_loses_nothing_silently() {
    let folder = TempDir::new().expect("a folder");
    let span = Duration::from_millis(10);
    let log = SledLog::open(folder.path(), span).expect("opens");
    for number in 0..GROUPS {
        log.append(&group(number)).await.expect("appends");
    }
    assert_eq!(segments(folder.path()).len(), 4);
    drop(log);
    let (_, refused) = flip_all_over(folder.path(), span, &groups(0..GROUPS), 12).await;
    assert!(refused > 24, "{refused} refused");
}

#[tokio::test]
async fn a_file_that_is_cut_or_gone_loses_nothing_silently() {
    let folder = written().await;
    for file in files(folder.path()) {
        let gone = files_as_they_lie(folder.path());
        fs::remove_file(gone.path().join(&file)).expect("removes");
        is_whole(gone.path(), SPAN, &groups(0..GROUPS), &format!("without {}", file.display())).await;
        let used = used(&folder.path().join(&file)) as u64;
        for length in (0..12).map(|part| used * part / 12) {
            let cut = files_as_they_lie(folder.path());
            let opened = fs::File::options().write(true).open(cut.path().join(&file)).expect("opens");
            opened.set_len(length).expect("cuts");
            let whole =
                is_whole(cut.path(), SPAN, &groups(0..GROUPS), &format!("{} cut to {length}", file.display())).await;
            assert!(!(whole && file.ends_with("db")), "{} cut to {length}", file.display());
        }
    }
}

#[tokio::test]
async fn the_error_tells_what_is_lost() {
    let folder = written().await;
    let db = folder.path().join(FIRST).join("db");
    flip(&db, used(&db) - 200);
    let error = SledLog::open(folder.path(), SPAN).expect_err("refused").to_string();
    assert!(error.contains("acknowledged and are lost"), "{error}");
    assert!(error.contains("restore it from a backup"), "{error}");
}

#[tokio::test]
async fn a_segment_that_is_missing_is_named() {
    let folder = TempDir::new().expect("a folder");
    let span = Duration::from_millis(1);
    let log = SledLog::open(folder.path(), span).expect("opens");
    for number in 0..5 {
        log.append(&[record(number)]).await.expect("appends");
    }
    drop(log);
    for name in segments(folder.path()) {
        let damaged = files_as_they_lie(folder.path());
        fs::remove_dir_all(damaged.path().join(&name)).expect("removes");
        let error = SledLog::open(damaged.path(), span).expect_err("refused").to_string();
        assert!(error.contains(&name), "{error}");
    }
}

#[tokio::test]
async fn a_torn_tail_that_nobody_acknowledged_is_dropped() {
    let folder = written().await;
    let before = files_as_they_lie(folder.path());
    let used_before = used(&before.path().join(FIRST).join("db"));
    let log = open(folder.path());
    log.append(&group(GROUPS)).await.expect("appends");
    drop(log);
    let used_after = used(&folder.path().join(FIRST).join("db"));
    for length in (used_before..=used_after).step_by(7) {
        let crashed = files_as_they_lie(folder.path());
        fs::copy(before.path().join("witness"), crashed.path().join("witness")).expect("copies");
        let db = fs::File::options().write(true).open(crashed.path().join(FIRST).join("db")).expect("opens");
        db.set_len(length as u64).expect("cuts");
        let log = open(crashed.path());
        let read = read_all(&log, 0, 1000).await;
        assert!(read == groups(0..GROUPS) || read == groups(0..GROUPS + 1), "cut to {length}: {}", read.len());
        let end = log.end();
        assert_eq!(log.append(&records(0..1)).await.expect("goes on")[0].offset, end);
    }
}

#[tokio::test]
async fn a_witness_that_lags_is_brought_up_to_date() {
    let folder = written().await;
    let early = files_as_they_lie(folder.path());
    let log = open(folder.path());
    for number in GROUPS..GROUPS + 10 {
        log.append(&group(number)).await.expect("appends");
    }
    drop(log);
    fs::copy(early.path().join("witness"), folder.path().join("witness")).expect("copies");
    let log = open(folder.path());
    assert_eq!(read_all(&log, 0, 1000).await, groups(0..GROUPS + 10));
    let (_, seen) = Witness::open(&folder.path().join("witness")).expect("opens").expect("whole");
    assert_eq!(seen.end, log.end());
}

#[tokio::test]
async fn trimming_a_damaged_segment_removes_nothing_from_it() {
    let folder = TempDir::new().expect("a folder");
    let span = Duration::from_millis(10);
    let log = SledLog::open(folder.path(), span).expect("opens");
    for number in 0..GROUPS {
        log.append(&group(number)).await.expect("appends");
    }
    let db = folder.path().join(FIRST).join("db");
    flip(&db, used(&db) / 2);
    let error = log.trim(&Cutoffs { events: 5, ..Cutoffs::default() }).await.expect_err("refused");
    assert!(matches!(error, StoreError::Damaged { .. } | StoreError::Unreadable { .. }), "{error}");
    assert_eq!(log.begin(), 0);
    log.append(&group(GROUPS)).await.expect("appends go on");
}
