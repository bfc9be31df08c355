//! What spans sessions and must never be exceeded (invariant I6): caps of a shopper, and budgets that many shoppers spend from.
//!
//! A cap belongs to one shopper, so it is exact: [`Ledger::take`] counts or refuses in one atomic step. A budget belongs to all, so
//! whoever spends from it first leases a slice, spends from the slice without asking, and settles what was spent.
//!
//! Every operation may be repeated with the same ids, by a caller who got no answer or by a network that delivers twice, and does
//! its work once. Time is handed in as `now` (Unix milliseconds). Where the clocks of several callers differ, spans are off by that
//! difference; but units that came back once are never the former holder's again, whatever `now` comes later.
//!
//! # The same on Redis
//!
//! - `take` is one Lua script over keys that share the hash tag of the shopper, `{site:pseudonym}`: one sorted set per cap (member: the
//!   idempotency id, score: the end of its span) and one string per idempotency id that holds the answer, with a PEXPIRE each. The
//!   script answers a known id first; then it drops the members that ended, compares each cardinality with its limit, and adds to all
//!   sets or to none. One key to erase is then one slot to erase.
//! - A budget is one hash under `{site:budget}`: `used`, and a field per lease. `lease`, `settle` and `rebuild` are one script each
//!   and first end the leases whose time has passed, which makes them ended for good.
//! - `Ok` is given after `WAIT`: with all replicas a failover forgets nothing; with fewer it may forget what was acknowledged within
//!   the replication lag, and [`Ledger::rebuild`] mends that from the log.
//! - A shard that does not answer is an error. The caller makes no offer then.

use std::future::Future;

use serde::{Deserialize, Serialize};
use waver_schema::SiteKey;

use crate::Pseudonym;

mod budget;
pub(crate) mod decoders;
mod embedded;
mod memory;
mod rows;
mod shopper;
mod sled;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod model;

pub use budget::LEASES;
pub use memory::MemoryLedger;
pub use shopper::TAKES;
pub use sled::SledLedger;

/// How long an operation may be repeated, milliseconds: as long as a session can live (24 hours), and an hour for who comes late.
pub const REMEMBERED_MS: u64 = 25 * 60 * 60 * 1000;

/// The name of a cap, a budget, a lease or an operation: 128 bits of a hash or of randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id([u8; 16]);

impl Id {
    /// Takes 128 bits as they are; the caller answers for their telling apart what is to be told apart.
    pub const fn from_bytes(bytes: [u8; 16]) -> Id {
        Id(bytes)
    }

    /// The 128 bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// At most `limit` takes of one shopper within any `span_ms`. A single-use grant is a cap of 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Which cap. Takes are counted under this name, whatever limit and span come with it later.
    pub id: Id,
    /// Most takes that may count at a time.
    pub limit: u16,
    /// How long a take counts, milliseconds.
    pub span_ms: u64,
}

/// At most `limit` units for all shoppers of a site together, until an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Which budget. A budget that begins anew each day is another one each day.
    pub id: Id,
    /// Units there are: minor units of money, or pieces. It may differ between calls, as where spending is paced: each lease holds to
    /// the limit it is asked with.
    pub limit: u64,
    /// Unix milliseconds. From then on nothing is leased, and [`REMEMBERED_MS`] later the budget is forgotten.
    pub ends_at: u64,
}

/// Counts what must not be exceeded. Everything is of one site, and nothing crosses sites.
///
/// `Ok` means that the effect survives `kill -9` and power loss, and so does that of every operation whose result could be seen in the
/// answer. After an error, and for whoever drops the future, nobody knows whether there was an effect: repeat the operation with the
/// same ids.
pub trait Ledger: Send + Sync + 'static {
    /// Counts one take of the shopper under each of `caps`, or, if one of them is full, under none. Tells whether it counted. The caps
    /// are told apart by their ids; one that is named twice counts twice.
    ///
    /// Counting is exact under concurrency. Of all calls with the same `site`, `who` and `idem` only the first one decides; the others
    /// get its answer, `false` as well as `true`, for [`REMEMBERED_MS`], and as long as what it counted counts. Repeating in order all takes
    /// that the log tells of, with the time and id of each, therefore rebuilds lost caps, and changes nothing where none are lost.
    ///
    /// # Errors
    /// [`LedgerError::TooManyTakes`] if the shopper has [`TAKES`] remembered takes; nothing is done and the id stays new.
    /// [`LedgerError::Write`] and [`LedgerError::Broken`] as for all operations; [`LedgerError::Damaged`] for a row that cannot be read.
    fn take(
        &self,
        site: &SiteKey,
        who: &Pseudonym,
        caps: &[Cap],
        idem: &Id,
        now: u64,
    ) -> impl Future<Output = Result<bool, LedgerError>> + Send;

    /// Leases up to `n` units for `ttl_ms`, and tells how many; 0 if there are none now, if the budget is over, or if it has [`LEASES`]
    /// remembered leases. What is used and what is leased are together never more than the limit.
    ///
    /// The holder spends only what it will settle before `now + ttl_ms`; from then on the ledger takes the lease for unused and gives it to
    /// others. Of calls with the same lease id only the first one counts, and the others get its answer until that time, or 0 once it is settled.
    /// A lease of 0 units is not remembered.
    ///
    /// # Errors
    /// As [`Ledger::take`], without the first.
    fn lease(
        &self,
        site: &SiteKey,
        budget: &Budget,
        lease: &Id,
        n: u64,
        ttl_ms: u64,
        now: u64,
    ) -> impl Future<Output = Result<u64, LedgerError>> + Send;

    /// Ends a lease: `used` of its units are spent for good, the others come back at once. `false` if there is no such lease or its time has
    /// passed: nothing is counted then, and if something was spent, [`Ledger::rebuild`] has to tell. Of calls with the same lease id only the
    /// first one counts, and the others get its answer until the lease's time has passed.
    ///
    /// # Errors
    /// [`LedgerError::MoreThanLeased`], which leaves the lease as it was; otherwise as [`Ledger::lease`].
    fn settle(
        &self,
        site: &SiteKey,
        budget: &Id,
        lease: &Id,
        used: u64,
        now: u64,
    ) -> impl Future<Output = Result<bool, LedgerError>> + Send;

    /// Units of the budget that are settled, without those that are leased.
    ///
    /// # Errors
    /// As [`Ledger::lease`].
    fn used(&self, site: &SiteKey, budget: &Id) -> impl Future<Output = Result<u64, LedgerError>> + Send;

    /// Raises what is used to `used`, the sum of all exposures in the log, if it is less; returns what it is then.
    ///
    /// A holder that died has spent without settling, and only the log knows: call this for each budget before anything is leased from it
    /// after a start, and on several machines before the leases of one that died come back. It is exact if no lease that is still to be
    /// settled has spent what the log already tells of; otherwise that is counted twice, which errs towards spending too little.
    ///
    /// # Errors
    /// As [`Ledger::lease`].
    fn rebuild(
        &self,
        site: &SiteKey,
        budget: &Budget,
        used: u64,
        now: u64,
    ) -> impl Future<Output = Result<u64, LedgerError>> + Send;
}

/// Why a ledger could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A write or flush failed. An embedded ledger refuses everything then until it is opened again.
    #[error("cannot write to the ledger: {0}; see to the disk, then start the collector again")]
    Write(String),
    /// A write or flush failed earlier.
    #[error("the ledger refused an earlier write; see to the disk, then start the collector again")]
    Broken,
    /// A row is not what any version writes.
    #[error("the ledger is damaged: {0}; restore it from a backup, or remove its folder to rebuild it from the log")]
    Damaged(String),
    /// A shopper with more than [`TAKES`] takes that have to be remembered.
    #[error("a shopper has more than {TAKES} takes in {} hours", REMEMBERED_MS / (60 * 60 * 1000))]
    TooManyTakes,
    /// A lease cannot have used more than it was given.
    #[error("{used} units are settled of a lease of {granted}")]
    MoreThanLeased {
        /// What the lease was given.
        granted: u64,
        /// What it is said to have used.
        used: u64,
    },
}
