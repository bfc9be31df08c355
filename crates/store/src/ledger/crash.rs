//! What a start after a crash finds, on sled: what was acknowledged, and nothing that was not asked for.

use std::sync::Arc;
use std::task::Poll;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};
use waver_schema::SiteKey;

use super::model::{Call, call, history};
use super::{Budget, Cap, Id, Ledger, LedgerError, MemoryLedger, REMEMBERED_MS, SledLedger};
use crate::files_as_they_lie::files_as_they_lie;
use crate::{Pseudonym, StoreError};

const WHO: Pseudonym = Pseudonym::from_bytes([1; 16]);

fn site() -> SiteKey {
    SiteKey::parse("demo").expect("valid")
}

fn id(number: u16) -> Id {
    let [high, low] = number.to_be_bytes();
    Id::from_bytes([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// The same history for everyone, with the time of each call.
fn calls(number: usize) -> Vec<(u64, Call)> {
    let mut runner = TestRunner::deterministic();
    let mut calls = Vec::new();
    while calls.len() < number {
        calls.extend(history(40).new_tree(&mut runner).expect("generates").current());
    }
    let mut now = 0;
    for (passed, _) in &mut calls {
        now += *passed;
        *passed = now;
    }
    calls.truncate(number);
    calls
}

type Dump = Vec<(Vec<u8>, Vec<u8>)>;

async fn dump_of(folder: &TempDir) -> Dump {
    SledLedger::open(folder.path()).expect("opens").dump().await
}

#[tokio::test]
async fn each_operation_is_on_disk_when_it_is_answered_and_whole_before() {
    let folder = TempDir::new().expect("a folder");
    let ledger = SledLedger::open(folder.path()).expect("opens");
    let memory = MemoryLedger::new();
    let mut seen_before = 0;
    for (now, step) in calls(60) {
        let before = memory.dump();
        let expected = call(&memory, &step, now).await;
        let after = memory.dump();
        let mut answer = std::pin::pin!(call(&ledger, &step, now));
        // Handed over, and perhaps half on its way to the disk.
        let first = std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        let found = dump_of(&files_as_they_lie(folder.path())).await;
        assert!(found == before || found == after, "{step:?} is there whole or not at all");
        seen_before += usize::from(found != after);
        let answer = match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => answer.await,
        };
        assert_eq!(answer, expected);
        let found = dump_of(&files_as_they_lie(folder.path())).await;
        assert_eq!(found, after, "{step:?} is there once it is answered");
    }
    assert!(seen_before > 0, "some copies were made before the disk was done");
}

#[tokio::test]
async fn a_torn_tail_leaves_a_beginning() {
    let folder = TempDir::new().expect("a folder");
    let ledger = SledLedger::open(folder.path()).expect("opens");
    let memory = MemoryLedger::new();
    let mut dumps = vec![memory.dump()];
    for (now, step) in calls(60) {
        assert_eq!(call(&ledger, &step, now).await, call(&memory, &step, now).await);
        dumps.push(memory.dump());
    }
    let length = std::fs::metadata(folder.path().join("db")).expect("exists").len();
    let mut shortest = dumps.len();
    for lost in [1, 100, 1000, 2000] {
        let crashed = files_as_they_lie(folder.path());
        let file = std::fs::File::options().write(true).open(crashed.path().join("db")).expect("opens");
        file.set_len(length.saturating_sub(lost)).expect("cuts");
        let found = dump_of(&crashed).await;
        let at = dumps.iter().position(|dump| *dump == found);
        shortest = at.unwrap_or_else(|| panic!("{lost} bytes lost left what never was")).min(shortest);
    }
    assert!((1..dumps.len() - 1).contains(&shortest), "some was lost and some was left: {shortest} of {}", dumps.len());
}

/// Takes of a crowd, and a copy of the files in the middle: it holds what was answered before it was made, and no more than the cap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_never_given_more_over_a_crash() {
    const LIMIT: u16 = 30;
    const TAKES: u16 = 120;
    let caps = [Cap { id: id(1), limit: LIMIT, span_ms: 1000 }];
    let folder = TempDir::new().expect("a folder");
    let ledger = Arc::new(SledLedger::open(folder.path()).expect("opens"));
    let (answer, mut answers) = mpsc::unbounded_channel();
    let go = Arc::new(Semaphore::new(0));
    for number in 0..TAKES {
        let (ledger, answer, go) = (Arc::clone(&ledger), answer.clone(), Arc::clone(&go));
        tokio::spawn(async move {
            go.acquire().await.expect("open").forget();
            let took = ledger.take(&site(), &WHO, &caps, &id(number), 0).await.expect("takes");
            answer.send((number, took)).expect("heard");
        });
    }
    drop(answer);
    let mut answered = Vec::new();
    for batch in [20, 20, usize::from(TAKES) - 40] {
        go.add_permits(batch);
        // One answer is enough to copy: of the others some are under way.
        answered.extend(answers.recv().await);
        while let Ok(more) = answers.try_recv() {
            answered.push(more);
        }
        let crashed = files_as_they_lie(folder.path());
        let found = SledLedger::open(crashed.path()).expect("opens");
        for (number, took) in &answered {
            assert_eq!(found.take(&site(), &WHO, &caps, &id(*number), 0).await, Ok(*took), "take {number}");
        }
        let mut taken = 0;
        for number in 0..TAKES {
            taken += u16::from(found.take(&site(), &WHO, &caps, &id(number), 0).await.expect("takes"));
        }
        assert_eq!(taken, LIMIT);
    }
    while let Some(more) = answers.recv().await {
        answered.push(more);
    }
    assert_eq!(answered.iter().filter(|(_, took)| *took).count(), usize::from(LIMIT));
    assert_eq!(answered.len(), usize::from(TAKES));
}

#[tokio::test]
async fn what_nobody_waits_for_is_done_or_not_and_never_twice() {
    let folder = TempDir::new().expect("a folder");
    let ledger = SledLedger::open(folder.path()).expect("opens");
    let caps = [Cap { id: id(1), limit: 1, span_ms: 1000 }];
    {
        let demo = site();
        let idem = id(1);
        let mut take = std::pin::pin!(ledger.take(&demo, &WHO, &caps, &idem, 0));
        let _ = std::future::poll_fn(|context| Poll::Ready(take.as_mut().poll(context))).await;
    }
    assert_eq!(ledger.take(&site(), &WHO, &caps, &id(1), 0).await, Ok(true));
    assert_eq!(ledger.take(&site(), &WHO, &caps, &id(2), 0).await, Ok(false));
}

#[tokio::test]
async fn what_is_over_goes() {
    let folder = TempDir::new().expect("a folder");
    let sled = SledLedger::open(folder.path()).expect("opens");
    let memory = MemoryLedger::new();
    let caps = [Cap { id: id(1), limit: 1, span_ms: 1000 }];
    let mut most = 0;
    for hours in 0..300_u16 {
        let who = Pseudonym::from_bytes([u8::try_from(hours % 256).expect("below"); 16]);
        let now = u64::from(hours) * 60 * 60 * 1000;
        assert_eq!(memory.take(&site(), &who, &caps, &id(hours), now).await, Ok(true));
        assert_eq!(sled.take(&site(), &who, &caps, &id(hours), now).await, Ok(true));
        // One budget an hour.
        let budget = Budget { id: id(hours), limit: 1, ends_at: now };
        assert_eq!(memory.rebuild(&site(), &budget, 1, now).await, Ok(1));
        assert_eq!(sled.rebuild(&site(), &budget, 1, now).await, Ok(1));
        most = most.max(memory.dump().len());
    }
    // Two rows and their ends for each of 25 hours and for the hour that is not over.
    assert_eq!(u64::try_from(most).expect("few"), 4 * (REMEMBERED_MS / (60 * 60 * 1000) + 1));
    assert_eq!(sled.dump().await, memory.dump());
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let _ledger = SledLedger::open(folder.path()).expect("opens");
    let error = SledLedger::open(folder.path()).expect_err("locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_row_is_named_and_never_taken_for_an_empty_one() {
    let folder = TempDir::new().expect("a folder");
    let caps = [Cap { id: id(1), limit: 1, span_ms: 1000 }];
    let take = async |ledger: &SledLedger| ledger.take(&site(), &WHO, &caps, &id(1), 0).await;
    assert_eq!(take(&SledLedger::open(folder.path()).expect("opens")).await, Ok(true));
    for (damage, said) in
        [(vec![], "not what was written"), (vec![9, 0], "version 9"), (vec![1, 7], "not what was written")]
    {
        let db = sled::open(folder.path()).expect("opens");
        let rows = db.open_tree("ledger").expect("opens");
        let (key, _) = rows.last().expect("reads").expect("there is one");
        rows.insert(key, damage).expect("inserts");
        db.flush().expect("flushes");
        drop((rows, db));
        match take(&SledLedger::open(folder.path()).expect("opens")).await {
            Err(LedgerError::Damaged(reason)) => assert!(reason.contains(said), "{reason}"),
            answer => panic!("{answer:?}"),
        }
    }
}
