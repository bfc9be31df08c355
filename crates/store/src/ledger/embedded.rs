use std::future::Future;

use waver_schema::SiteKey;

use super::budget::Spending;
use super::rows::{Rows, read, update};
use super::shopper::Shopper;
use super::{Budget, Cap, Id, Ledger, LedgerError};
use crate::Pseudonym;

/// Rows that one process owns: whatever keeps them only has to run a step alone, and answer once what it wrote is durable.
pub(super) trait Embedded: Send + Sync + 'static {
    fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut dyn Rows) -> Result<T, LedgerError> + Send + 'static,
    ) -> impl Future<Output = Result<T, LedgerError>> + Send;
}

impl<L: Embedded> Ledger for L {
    async fn take(
        &self,
        site: &SiteKey,
        who: &Pseudonym,
        caps: &[Cap],
        idem: &Id,
        now: u64,
    ) -> Result<bool, LedgerError> {
        let (site, who, caps, idem) = (site.clone(), *who, caps.to_vec(), *idem);
        self.run(move |rows| update(rows, &site, who.as_bytes(), now, |row: &mut Shopper| row.take(&caps, &idem, now)))
            .await
    }

    async fn lease(
        &self,
        site: &SiteKey,
        budget: &Budget,
        lease: &Id,
        n: u64,
        ttl_ms: u64,
        now: u64,
    ) -> Result<u64, LedgerError> {
        let (site, budget, lease) = (site.clone(), *budget, *lease);
        self.run(move |rows| {
            update(rows, &site, budget.id.as_bytes(), now, |row: &mut Spending| {
                Ok(row.lease(&budget, &lease, n, ttl_ms, now))
            })
        })
        .await
    }

    async fn settle(&self, site: &SiteKey, budget: &Id, lease: &Id, used: u64, now: u64) -> Result<bool, LedgerError> {
        let (site, budget, lease) = (site.clone(), *budget, *lease);
        self.run(move |rows| {
            update(rows, &site, budget.as_bytes(), now, |row: &mut Spending| row.settle(&lease, used, now))
        })
        .await
    }

    async fn used(&self, site: &SiteKey, budget: &Id) -> Result<u64, LedgerError> {
        let (site, budget) = (site.clone(), *budget);
        self.run(move |rows| Ok(read::<Spending>(rows, &site, budget.as_bytes())?.used())).await
    }

    async fn rebuild(&self, site: &SiteKey, budget: &Budget, used: u64, now: u64) -> Result<u64, LedgerError> {
        let (site, budget) = (site.clone(), *budget);
        self.run(move |rows| {
            update(rows, &site, budget.id.as_bytes(), now, |row: &mut Spending| Ok(row.rebuild(&budget, used, now)))
        })
        .await
    }
}
