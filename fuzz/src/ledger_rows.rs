//! Rows of caps and budgets, and what is done to them.

use arbitrary::{Result, Unstructured};
use waver_schema::SiteKey;
use waver_store::decoders::ledger_of_rows;
use waver_store::{Budget, Cap, Id, Ledger, LedgerError, MemoryLedger, Pseudonym};

use crate::disk::now;

const BUDGET: Id = Id::from_bytes([1; 16]);
const WHO: Pseudonym = Pseudonym::from_bytes([2; 16]);

/// Two bytes are the length of a budget's row, two that of a shopper's; then the rows, and what is done.
pub(crate) fn run(bytes: &[u8]) {
    let Some((lengths, rest)) = bytes.split_first_chunk::<4>() else { return };
    let length = |low: u8, high: u8| usize::from(u16::from_le_bytes([low, high]));
    let (spending, rest) = rest.split_at(length(lengths[0], lengths[1]).min(rest.len()));
    let (takes, rest) = rest.split_at(length(lengths[2], lengths[3]).min(rest.len()));
    let site = SiteKey::parse("demo").expect("a key");
    let ledger = ledger_of_rows(&site, (&BUDGET, spending), (&WHO, takes));
    let mut steps = Unstructured::new(rest);
    while !steps.is_empty() && step(&ledger, &site, &mut steps).is_ok() {}
}

fn step(ledger: &MemoryLedger, site: &SiteKey, bytes: &mut Unstructured<'_>) -> Result<()> {
    let at = bytes.arbitrary()?;
    let id = Id::from_bytes([bytes.int_in_range(0..=3)?; 16]);
    let budget = Budget { id: BUDGET, limit: bytes.arbitrary()?, ends_at: bytes.arbitrary()? };
    let used = || now(ledger.used(site, &BUDGET));
    let before = used();
    match bytes.int_in_range(0..=3_u8)? {
        0 => {
            let n = bytes.arbitrary()?;
            let leased = now(ledger.lease(site, &budget, &id, n, bytes.arbitrary()?, at));
            if let (Ok(leased), Ok(before)) = (leased, before.clone()) {
                assert!(leased == 0 || now(ledger.lease(site, &budget, &id, n, 0, at)) == Ok(leased));
                assert_eq!(used(), Ok(before));
            }
        }
        1 => {
            let units = bytes.arbitrary()?;
            let settled = now(ledger.settle(site, &BUDGET, &id, units, at));
            if let (Ok(true), Ok(before)) = (settled, before.clone()) {
                assert!(used().is_ok_and(|after| (before..=before.saturating_add(units)).contains(&after)));
            }
        }
        2 => {
            let units = bytes.arbitrary()?;
            if let (Ok(rebuilt), Ok(before)) = (now(ledger.rebuild(site, &budget, units, at)), before.clone()) {
                assert_eq!(rebuilt, before.max(units));
            }
        }
        _ => {
            let mut caps = Vec::new();
            for _ in 0..bytes.int_in_range(0..=3)? {
                caps.push(Cap {
                    id: Id::from_bytes([bytes.arbitrary()?; 16]),
                    limit: bytes.arbitrary()?,
                    span_ms: bytes.arbitrary()?,
                });
            }
            let taken = now(ledger.take(site, &WHO, &caps, &id, at));
            if let Ok(taken) = taken {
                assert_eq!(
                    now(ledger.take(site, &WHO, &caps, &id, at)),
                    Ok(taken),
                    "the answer of the first call stands"
                );
            }
        }
    }
    // What cannot be read is left as it is, and what was written can be.
    let is_damaged = |read: &std::result::Result<u64, LedgerError>| matches!(read, Err(LedgerError::Damaged(_)));
    assert!(!is_damaged(&used()) || is_damaged(&before));
    Ok(())
}
