//! The decoders of ledger rows, for the fuzz targets alone.

use waver_schema::SiteKey;

use super::budget::Spending;
use super::rows::row_key;
use super::shopper::Shopper;
use super::{Id, MemoryLedger};
use crate::Pseudonym;

/// A ledger that holds these bytes for the row of a budget, and those for the row of a shopper.
pub fn ledger_of_rows(site: &SiteKey, budget: (&Id, &[u8]), shopper: (&Pseudonym, &[u8])) -> MemoryLedger {
    let (id, spending) = budget;
    let (who, takes) = shopper;
    let spending = (row_key::<Spending>(site, id.as_bytes()), spending.to_vec());
    let takes = (row_key::<Shopper>(site, who.as_bytes()), takes.to_vec());
    MemoryLedger::of([spending, takes])
}
