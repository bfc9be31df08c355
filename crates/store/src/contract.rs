//! What every log must do, whatever is behind it: one suite, run on each backend.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use waver_schema::SiteKey;

use crate::{
    Cutoffs, DataClass, EventLog, GROUP_BYTES, MemoryLog, Pseudonym, Record, RecordKind, SledLog, StoreError, Trimmed,
};

/// A backend under test: opens the same log again and again.
trait Backend {
    type Log: EventLog;
    fn open(&self) -> Self::Log;
}

struct Memory(MemoryLog);

impl Memory {
    fn new() -> Memory {
        Memory(MemoryLog::new())
    }
}

impl Backend for Memory {
    type Log = MemoryLog;
    fn open(&self) -> MemoryLog {
        self.0.clone()
    }
}

struct Sled(TempDir, Duration);

impl Sled {
    /// Segments of `span_ms`.
    fn new(span_ms: u64) -> Sled {
        Sled(TempDir::new().expect("a folder"), Duration::from_millis(span_ms))
    }
}

impl Backend for Sled {
    type Log = SledLog;
    fn open(&self) -> SledLog {
        SledLog::open(self.0.path(), self.1).expect("opens")
    }
}

/// A record received at `number` milliseconds; the kinds take turns, every fourth one a consent record.
pub(crate) fn record(number: u8) -> Record {
    let first = [RecordKind::Consent, RecordKind::Batch, RecordKind::Decision, RecordKind::DeadLetter];
    let second = [RecordKind::Consent, RecordKind::Grant, RecordKind::Purchase, RecordKind::Order];
    let kinds = [first, second].concat();
    Record {
        kind: kinds[usize::from(number) % kinds.len()],
        site: SiteKey::parse("demo").expect("valid"),
        pseudonym: Pseudonym::from_bytes([number; 16]),
        received_at: u64::from(number),
        key_id: None,
        payload: vec![number; usize::from(number)],
    }
}

pub(crate) fn records(numbers: std::ops::Range<u8>) -> Vec<Record> {
    numbers.map(record).collect()
}

/// Everything from offset `from` on, with the offsets.
async fn read_offsets<L: EventLog>(log: &L, from: u64, page: usize) -> Vec<(u64, Record)> {
    let mut all = Vec::new();
    let mut next = from;
    loop {
        let read = log.read(next, page).await.expect("reads");
        let Some((last, _)) = read.last() else { return all };
        assert!(read.iter().all(|(at, record)| at.offset >= next && at.shard == record.shard()));
        next = last.offset + 1;
        all.extend(read.into_iter().map(|(at, record)| (at.offset, record)));
    }
}

/// Everything from offset `from` on, of a log without gaps.
pub(crate) async fn read_all<L: EventLog>(log: &L, from: u64, page: usize) -> Vec<Record> {
    let all = read_offsets(log, from, page).await;
    assert!(all.iter().zip(from..).all(|((offset, _), expected)| *offset == expected));
    all.into_iter().map(|(_, record)| record).collect()
}

async fn appends_and_reads_back<B: Backend>(backend: B) {
    let log = backend.open();
    assert_eq!((log.begin(), log.end(), read_all(&log, 0, 10).await), (0, 0, Vec::new()), "a new log is empty");

    // Positions count on over groups, and an empty group leaves no trace.
    let mut offsets = Vec::new();
    for group in [records(0..3), Vec::new(), records(3..4), records(4..30), records(30..60)] {
        offsets.extend(log.append(&group).await.expect("appends").into_iter().map(|at| at.offset));
    }
    assert_eq!(offsets, (0..60).collect::<Vec<u64>>());

    // Everything comes back in order, from any offset, in pages of any size.
    for page in [0, 1, 7, 1000] {
        assert_eq!(read_all(&log, 0, page).await, records(0..60), "pages of {page}");
    }
    for from in 0..60_u8 {
        assert_eq!(read_all(&log, from.into(), 10).await, records(from..60), "from {from}");
    }
    assert!(log.read(60, 10).await.expect("reads").is_empty(), "the end");
    assert!(log.read(u64::MAX, 10).await.expect("reads").is_empty(), "far behind the end");

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

async fn trims_by_class<B: Backend>(backend: B) {
    let log = backend.open();
    for start in (0..60).step_by(3) {
        log.append(&records(start..start + 3)).await.expect("appends");
    }
    let expected = |cutoffs: Cutoffs| {
        let kept = (0..60).map(|number| (u64::from(number), record(number)));
        kept.filter(|(at, record)| *at >= *cutoffs.of(record.kind.class())).collect::<Vec<_>>()
    };

    // Nothing is old enough.
    assert_eq!(log.trim(&Cutoffs::default()).await.expect("trims"), Trimmed::default());
    assert_eq!(read_all(&log, 0, 7).await, records(0..60));

    // Each class goes by its own time, exactly, and what is left keeps its offset.
    for cutoffs in [
        Cutoffs { events: 11, consent: 0, dead_letters: 0, shop: 0 },
        Cutoffs { events: 35, consent: 6, dead_letters: 20, shop: 30 },
        Cutoffs { events: 35, consent: 7, dead_letters: 60, shop: 30 },
        Cutoffs { events: 60, consent: 50, dead_letters: 60, shop: 57 },
    ] {
        let before: Vec<u64> = read_offsets(&log, 0, 1000).await.into_iter().map(|(at, _)| at).collect();
        let trimmed = log.trim(&cutoffs).await.expect("trims");
        assert_eq!(read_offsets(&log, 0, 7).await, expected(cutoffs), "{cutoffs:?}");
        let gone = before.iter().filter(|at| expected(cutoffs).iter().all(|(kept, _)| kept != *at));
        for class in DataClass::ALL {
            let gone = gone.clone().map(|at| record(u8::try_from(*at).expect("few")));
            let gone: Vec<Record> = gone.filter(|record| record.kind.class() == class).collect();
            let removed = trimmed.of(class);
            assert_eq!(removed.records, gone.len() as u64, "{class:?} by {cutoffs:?}");
            assert_eq!(removed.bytes, gone.iter().map(|record| record.payload.len() as u64).sum::<u64>());
        }
        assert!(log.begin() <= expected(cutoffs)[0].0);
        assert_eq!(log.end(), 60);
        // The same cutoffs find nothing more.
        assert_eq!(log.trim(&cutoffs).await.expect("trims"), Trimmed::default());
    }

    // Opened again, it is as it was; offsets go on, and are not given twice even if nothing is left.
    drop(log);
    let log = backend.open();
    assert_eq!(log.end(), 60);
    let left = Cutoffs { events: 60, consent: 50, dead_letters: 60, shop: 57 };
    assert_eq!(read_offsets(&log, 0, 2).await, expected(left));
    assert_eq!(log.append(&records(60..63)).await.expect("appends")[0].offset, 60);
    log.trim(&Cutoffs { events: 63, consent: 63, dead_letters: 63, shop: 63 }).await.expect("trims");
    assert_eq!((log.begin(), log.end(), read_offsets(&log, 0, 9).await), (63, 63, Vec::new()));
    drop(log);
    let log = backend.open();
    assert_eq!((log.begin(), log.end()), (63, 63));
    assert_eq!(log.append(&records(63..64)).await.expect("appends")[0].offset, 63);
    assert_eq!(read_all(&log, 63, 9).await, records(63..64));
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    appends_and_reads_back(Memory::new()).await;
    trims_by_class(Memory::new()).await;
}

#[tokio::test]
async fn sled_keeps_the_contract() {
    for span_ms in [1, 10, 1000] {
        appends_and_reads_back(Sled::new(span_ms)).await;
        trims_by_class(Sled::new(span_ms)).await;
    }
}

/// Something that is done to a log.
#[derive(Debug, Clone)]
enum Step {
    /// So many records, so many milliseconds after the last ones.
    Append(u8, u64),
    /// How far before the newest record the cutoffs are.
    Trim(u64, u64, u64, u64),
    Reopen,
    /// From this part of all offsets, in pages.
    Read(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..12_u8, 0..20_u64).prop_map(|(records, later)| Step::Append(records, later)),
        2 => (0..80_u64, 0..160_u64, 0..120_u64, 0..140_u64).prop_map(|(a, b, c, d)| Step::Trim(a, b, c, d)),
        1 => Just(Step::Reopen),
        3 => (0..120_u64, 0..20_usize).prop_map(|(from, page)| Step::Read(from, page)),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Does the same to a log and to a map of offsets.
async fn follows_the_model<B: Backend>(backend: B, steps: Vec<Step>) {
    let mut log = backend.open();
    let mut model: BTreeMap<u64, Record> = BTreeMap::new();
    let (mut end, mut now, mut begin) = (0_u64, 1_000_u64, 0_u64);
    for step in steps {
        match step {
            Step::Append(count, later) => {
                now += later;
                let number = |at: u64| u8::try_from(at % 251).expect("small");
                let group: Vec<Record> = (end..end + u64::from(count))
                    .map(|at| Record { received_at: now, ..record(number(at.wrapping_mul(7))) })
                    .collect();
                log.append(&group).await.expect("appends");
                model.extend((end..).zip(group));
                end += u64::from(count);
            }
            Step::Trim(events, consent, dead_letters, shop) => {
                let before = |age: u64| now.saturating_sub(age);
                let cutoffs = Cutoffs {
                    events: before(events),
                    consent: before(consent),
                    dead_letters: before(dead_letters),
                    shop: before(shop),
                };
                let mut expected = Trimmed::default();
                model.retain(|_, record| {
                    let class = record.kind.class();
                    let stays = record.received_at >= *cutoffs.of(class);
                    if !stays {
                        expected.of_mut(class).records += 1;
                        expected.of_mut(class).bytes += record.payload.len() as u64;
                    }
                    stays
                });
                assert_eq!(log.trim(&cutoffs).await.expect("trims"), expected);
            }
            Step::Reopen => {
                drop(log);
                log = backend.open();
            }
            Step::Read(from, page) => {
                let from = end * from / 100;
                let expected: Vec<_> = model.range(from..).map(|(at, record)| (*at, record.clone())).collect();
                assert_eq!(read_offsets(&log, from, page).await, expected, "from {from} by {page}");
            }
        }
        assert_eq!(log.end(), end);
        assert!(begin <= log.begin(), "the beginning never goes back");
        begin = log.begin();
        assert!(model.keys().next().is_none_or(|first| begin <= *first));
    }
    let left: Vec<_> = model.into_iter().collect();
    assert_eq!(read_offsets(&log, 0, 1000).await, left);
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn memory_follows_the_model(steps in steps()) {
        block_on(follows_the_model(Memory::new(), steps));
    }

    #[test]
    fn sled_follows_the_model(steps in steps(), span_ms in 1..60_u64) {
        block_on(follows_the_model(Sled::new(span_ms), steps));
    }
}
