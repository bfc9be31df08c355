//! What every log must do, whatever is behind it: one suite, run on each backend.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use waver_schema::SiteKey;

use crate::record::encode_group;
use crate::{DecodeError, EventLog, GROUP_BYTES, MemoryLog, Pseudonym, Record, RecordKind, SledLog, StoreError};

/// Time that one segment holds.
const SPAN: std::time::Duration = std::time::Duration::from_secs(3600);

/// A backend under test: opens the same log again and again.
trait Backend {
    type Log: EventLog;
    fn open(&self) -> Self::Log;
}

struct Memory(MemoryLog);

impl Backend for Memory {
    type Log = MemoryLog;
    fn open(&self) -> MemoryLog {
        self.0.clone()
    }
}

struct Sled(TempDir);

impl Backend for Sled {
    type Log = SledLog;
    fn open(&self) -> SledLog {
        SledLog::open(self.0.path(), SPAN).expect("opens")
    }
}

fn record(number: u8) -> Record {
    Record {
        kind: RecordKind::Batch,
        site: SiteKey::parse("demo").expect("valid"),
        pseudonym: Pseudonym::from_bytes([number; 16]),
        received_at: u64::from(number),
        key_id: None,
        payload: vec![number; usize::from(number)],
    }
}

fn records(numbers: std::ops::Range<u8>) -> Vec<Record> {
    numbers.map(record).collect()
}

async fn read_all<L: EventLog>(log: &L, from: u64, page: usize) -> Vec<Record> {
    let mut all = Vec::new();
    let mut next = from;
    loop {
        let read = log.read(next, page).await.expect("reads");
        let Some((last, _)) = read.last() else { return all };
        assert!(
            read.iter().zip(next..).all(|((at, record), offset)| at.offset == offset && at.shard == record.shard())
        );
        next = last.offset + 1;
        all.extend(read.into_iter().map(|(_, record)| record));
    }
}

async fn suite<B: Backend>(backend: B) {
    let log = backend.open();
    assert_eq!((log.end(), read_all(&log, 0, 10).await), (0, Vec::new()), "a new log is empty");

    // Positions count on over groups, and an empty group leaves no trace.
    let mut offsets = Vec::new();
    for group in [records(0..3), Vec::new(), records(3..4), records(4..60)] {
        offsets.extend(log.append(&group).await.expect("appends").into_iter().map(|at| at.offset));
    }
    assert_eq!(offsets, (0..60).collect::<Vec<u64>>());

    // Everything comes back in order, from any offset, in pages of any size.
    for page in [0, 1, 7, 1000] {
        assert_eq!(read_all(&log, 0, page).await, records(0..60), "pages of {page}");
    }
    for from in [0_u8, 1, 2, 3, 4, 5, 59] {
        assert_eq!(read_all(&log, from.into(), 10).await, records(from..60), "from {from}");
    }
    assert!(log.read(60, 10).await.expect("reads").is_empty(), "the end");

    // A group over the limit is refused whole, and the log goes on.
    let large = Record { payload: vec![0; GROUP_BYTES], ..record(1) };
    assert!(matches!(log.append(&[record(0), large]).await, Err(StoreError::TooLarge { .. })));
    assert_eq!(log.end(), 60);

    // Opened again, it is as it was, and goes on.
    drop(log);
    let log = backend.open();
    assert_eq!((log.end(), read_all(&log, 0, 1000).await), (60, records(0..60)));
    assert_eq!(log.append(&records(60..61)).await.expect("appends")[0].offset, 60);
    assert_eq!(read_all(&log, 58, 1000).await, records(58..61));
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    suite(Memory(MemoryLog::new())).await;
}

#[tokio::test]
async fn sled_keeps_the_contract() {
    suite(Sled(TempDir::new().expect("a folder"))).await;
}

/// A copy of the files as they lie while the log is open: what a start after `kill -9` finds.
fn files_as_they_lie(folder: &Path) -> TempDir {
    fn copy(from: &Path, to: PathBuf) {
        if from.is_dir() {
            std::fs::create_dir_all(&to).expect("makes");
            for entry in std::fs::read_dir(from).expect("lists") {
                let entry = entry.expect("lists");
                copy(&entry.path(), to.join(entry.file_name()));
            }
        } else {
            std::fs::copy(from, to).expect("copies");
        }
    }
    let target = TempDir::new().expect("a folder");
    copy(folder, target.path().to_owned());
    target
}

#[tokio::test]
async fn sled_has_each_group_on_disk_when_append_returns() {
    let folder = TempDir::new().expect("a folder");
    let log = SledLog::open(folder.path(), SPAN).expect("opens");
    for number in 0..20 {
        log.append(&[record(number)]).await.expect("appends");
        let crashed = files_as_they_lie(folder.path());
        let found = SledLog::open(crashed.path(), SPAN).expect("opens");
        assert_eq!(read_all(&found, 0, 100).await, records(0..number + 1));
    }
}

#[tokio::test]
async fn sled_refuses_everything_after_an_append_that_nobody_saw_the_end_of() {
    let folder = TempDir::new().expect("a folder");
    let log = SledLog::open(folder.path(), SPAN).expect("opens");
    {
        let group = records(0..1);
        let append = std::pin::pin!(log.append(&group));
        assert!(matches!(poll_once(append).await, std::task::Poll::Pending), "the disk takes its time");
    }
    assert!(matches!(log.append(&records(1..2)).await, Err(StoreError::Broken)));
}

/// Polls once and gives up.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test]
async fn sled_drops_a_torn_tail_and_keeps_what_was_before() {
    let folder = TempDir::new().expect("a folder");
    let log = SledLog::open(folder.path(), SPAN).expect("opens");
    for number in 0..40 {
        log.append(&[record(number)]).await.expect("appends");
    }
    let length = std::fs::metadata(folder.path().join("db")).expect("exists").len();
    for lost in [1, 100, 1000, 3000] {
        let crashed = files_as_they_lie(folder.path());
        let file = std::fs::File::options().write(true).open(crashed.path().join("db")).expect("opens");
        file.set_len(length.saturating_sub(lost)).expect("cuts");
        // What is read is a beginning of what was written, never anything else.
        let read = read_all(&SledLog::open(crashed.path(), SPAN).expect("opens"), 0, 100).await;
        assert!(!read.is_empty() && read.len() < 40, "{lost} bytes lost left {} records", read.len());
        assert_eq!(read, records(0..u8::try_from(read.len()).expect("few")), "{lost} bytes lost");
    }
}

#[tokio::test]
async fn sled_refuses_a_second_process() {
    let folder = TempDir::new().expect("a folder");
    let _log = SledLog::open(folder.path(), SPAN).expect("opens");
    let error = SledLog::open(folder.path(), SPAN).expect_err("locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
}

#[tokio::test]
async fn sled_names_the_offset_of_a_damaged_group() {
    let folder = TempDir::new().expect("a folder");
    let log = SledLog::open(folder.path(), SPAN).expect("opens");
    log.append(&records(0..3)).await.expect("appends");
    drop(log);
    let db = sled::open(folder.path()).expect("opens");
    let mut group = encode_group(&records(3..5)).expect("encodes");
    group.truncate(9);
    db.open_tree("log").expect("opens").insert(3_u64.to_be_bytes(), group).expect("inserts");
    db.flush().expect("flushes");
    drop(db);
    let error = SledLog::open(folder.path(), SPAN).expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { offset: 3, reason: DecodeError::Damaged }), "{error}");
}
