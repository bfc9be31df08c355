//! What only a log on disk has to do: survive crashes at any instant, and notice damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tempfile::TempDir;

use crate::contract::{read_all, record, records};
use crate::files_as_they_lie::files_as_they_lie;
use crate::{EventLog, SledLog, StoreError};

mod crashes;
mod damage;
mod earlier_layout;

/// Time that one segment holds, if the test is not about segments.
const SPAN: Duration = Duration::from_secs(3600);

/// The first segment.
const FIRST: &str = "00000000000000000000";

fn open(folder: &Path) -> SledLog {
    SledLog::open(folder, SPAN).expect("opens")
}

/// The folders of segments that are there.
fn segments(folder: &Path) -> Vec<String> {
    let found = super::manifest::segment_folders(folder).expect("lists");
    let mut names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_group_is_on_disk_when_append_returns() {
    let folder = TempDir::new().expect("a folder");
    // A new segment every four records.
    let span = Duration::from_millis(4);
    let log = SledLog::open(folder.path(), span).expect("opens");
    for number in 0..20 {
        log.append(&[record(number)]).await.expect("appends");
        let crashed = files_as_they_lie(folder.path());
        let found = SledLog::open(crashed.path(), span).expect("opens");
        assert_eq!(read_all(&found, 0, 100).await, records(0..number + 1));
    }
    assert_eq!(segments(folder.path()).len(), 5);
}

#[tokio::test]
async fn it_refuses_everything_after_an_append_that_nobody_saw_the_end_of() {
    let folder = TempDir::new().expect("a folder");
    let log = open(folder.path());
    {
        let group = records(0..1);
        let append = pin!(log.append(&group));
        assert!(matches!(poll_once(append).await, Poll::Pending), "the disk takes its time");
    }
    assert!(matches!(log.append(&records(1..2)).await, Err(StoreError::Broken)));
}

/// Polls once and gives up.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test]
async fn it_refuses_a_second_process() {
    let folder = TempDir::new().expect("a folder");
    let _log = open(folder.path());
    let error = SledLog::open(folder.path(), SPAN).expect_err("locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
}

#[tokio::test]
async fn sealed_segments_are_open_while_they_are_read_only() {
    let folder = TempDir::new().expect("a folder");
    let log = SledLog::open(folder.path(), Duration::from_millis(1)).expect("opens");
    for number in 0..6 {
        log.append(&[record(number)]).await.expect("appends");
    }
    drop(log);
    let log = SledLog::open(folder.path(), Duration::from_millis(1)).expect("opens");
    let reading = || log.shared.reading.lock().expect("no panic").as_ref().map(|open| open.place().first);
    assert_eq!(reading(), None, "opening reads none");
    log.read(0, 2).await.expect("reads");
    assert_eq!(reading(), Some(1));
    log.read(2, 4).await.expect("reads");
    assert_eq!(reading(), None, "the end is in the last one");
}

#[tokio::test]
async fn a_full_segment_is_sealed_before_its_time() {
    let folder = TempDir::new().expect("a folder");
    let mut log = open(folder.path());
    Arc::get_mut(&mut log.shared).expect("nobody else").most_bytes = 100;
    for number in 50..60 {
        log.append(&[record(number)]).await.expect("appends");
    }
    assert_eq!(segments(folder.path()).len(), 5, "two records fill one");
    assert_eq!(read_all(&log, 0, 3).await, records(50..60));
}
