use serde::{Deserialize, Serialize};

use super::rows::Row;
use super::{Budget, Id, LedgerError, REMEMBERED_MS};

/// Most leases of a budget that are remembered at a time, settled ones included. A lease is a slice for seconds, not a unit.
pub const LEASES: usize = 256;

/// What became of one budget.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Spending {
    used: u64,
    /// Unix milliseconds; the latest end that the budget was given.
    ends_at: u64,
    leases: Vec<Lease>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    id: Id,
    granted: u64,
    /// Unix milliseconds. Kept until then even if settled before, for who asks again.
    until: u64,
    settled: bool,
}

impl Spending {
    pub(super) fn lease(&mut self, budget: &Budget, id: &Id, n: u64, ttl_ms: u64, now: u64) -> u64 {
        self.end_leases(now);
        self.ends_at = self.ends_at.max(budget.ends_at);
        if let Some(lease) = self.leases.iter().find(|lease| lease.id == *id) {
            return if lease.settled { 0 } else { lease.granted };
        }
        let leased = self.leases.iter().filter(|lease| !lease.settled).map(|lease| lease.granted).sum::<u64>();
        let granted = n.min(budget.limit.saturating_sub(self.used).saturating_sub(leased));
        let until = now.saturating_add(ttl_ms);
        if granted == 0 || until <= now || now >= budget.ends_at || self.leases.len() >= LEASES {
            return 0;
        }
        self.leases.push(Lease { id: *id, granted, until, settled: false });
        granted
    }

    pub(super) fn settle(&mut self, id: &Id, used: u64, now: u64) -> Result<bool, LedgerError> {
        self.end_leases(now);
        let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) else { return Ok(false) };
        if used > lease.granted {
            return Err(LedgerError::MoreThanLeased { granted: lease.granted, used });
        }
        if !lease.settled {
            lease.settled = true;
            self.used = self.used.saturating_add(used);
        }
        Ok(true)
    }

    pub(super) fn rebuild(&mut self, budget: &Budget, used: u64, now: u64) -> u64 {
        self.end_leases(now);
        self.ends_at = self.ends_at.max(budget.ends_at);
        self.used = self.used.max(used);
        self.used
    }

    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    fn end_leases(&mut self, now: u64) {
        self.leases.retain(|lease| lease.until > now);
    }
}

impl Row for Spending {
    const KIND: u8 = b'b';

    fn needed_until(&self) -> u64 {
        let leases = self.leases.iter().map(|lease| lease.until).max().unwrap_or(0);
        leases.max(self.ends_at.saturating_add(REMEMBERED_MS))
    }
}
