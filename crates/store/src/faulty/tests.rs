use super::*;
use crate::{MemoryLedger, MemoryLog, RecordKind};

fn record(number: u8) -> Record {
    Record {
        kind: RecordKind::Batch,
        site: SiteKey::parse("demo").expect("valid"),
        pseudonym: Pseudonym::from_bytes([number; 16]),
        received_at: u64::from(number),
        key_id: None,
        payload: vec![number],
    }
}

/// Appends as the collector does: after an error the log is opened again, and what is in it says how to go on.
#[tokio::test]
async fn who_opens_and_reads_again_knows_the_truth() {
    let disk = MemoryLog::new();
    let odds = Odds { before: 30, after: 30, twice: 0, yields: 2 };
    let mut opened = 0;
    let mut errors = [0, 0];
    let mut log = Faulty::new(disk.clone(), opened, odds);
    for number in 0..200 {
        let end = log.end();
        if let Err(error) = log.append(&[record(number)]).await {
            assert!(matches!(error, StoreError::Write(_)), "{error}");
            assert!(matches!(log.append(&[record(number)]).await, Err(StoreError::Broken)), "not known until opened");
            opened += 1;
            log = Faulty::new(disk.clone(), opened, odds);
            let found = log.read(end, 1).await.expect("reads");
            errors[found.len()] += 1;
            if found.is_empty() {
                disk.append(&[record(number)]).await.expect("appends");
            }
        }
    }
    let records: Vec<Record> = disk.read(0, 1000).await.expect("reads").into_iter().map(|(_, record)| record).collect();
    assert_eq!(records, (0..200).map(record).collect::<Vec<_>>(), "none is lost and none is there twice");
    assert!(errors.iter().all(|errors| *errors > 20), "both kinds of errors were met: {errors:?}");
}

#[tokio::test]
async fn a_group_may_arrive_twice() {
    let log = Faulty::new(MemoryLog::new(), 0, Odds { twice: 100, ..Odds::default() });
    let at = log.append(&[record(1)]).await.expect("appends");
    assert_eq!((at[0].offset, log.end()), (1, 2), "the second one's position");
}

/// Without an id to repeat under, every fault would be seen: this is what the suite of ledgers is safe from.
#[tokio::test]
async fn faults_are_faults() {
    let site = SiteKey::parse("demo").expect("valid");
    let who = Pseudonym::from_bytes([1; 16]);
    let cap = Cap { id: Id::from_bytes([1; 16]), limit: 100, span_ms: 1000 };
    let count = async |odds: Odds| {
        let disk = MemoryLedger::new();
        let ledger = Faulty::new(disk.clone(), 3, odds);
        let mut errors = 0;
        for number in 0..100 {
            errors += usize::from(ledger.take(&site, &who, &[cap], &Id::from_bytes([number; 16]), 0).await.is_err());
        }
        let left = (100..200).map(|number| Id::from_bytes([number; 16]));
        let mut counted = 100;
        for id in left {
            counted -= usize::from(disk.take(&site, &who, &[cap], &id, 0).await.expect("takes"));
        }
        (errors, counted)
    };
    assert_eq!(count(Odds::default()).await, (0, 100));
    assert_eq!(count(Odds { before: 100, ..Odds::default() }).await, (100, 0));
    assert_eq!(count(Odds { after: 100, ..Odds::default() }).await, (100, 100));
    assert_eq!(count(Odds { twice: 100, ..Odds::default() }).await, (0, 100));
    let (errors, counted) = count(Odds { before: 20, after: 20, twice: 20, yields: 0 }).await;
    assert!((25..55).contains(&errors) && (65..95).contains(&counted), "{errors} errors, {counted} counted");
}
