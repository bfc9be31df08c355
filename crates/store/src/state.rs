//! What a store of derived state has to do: sessions and other rows by key, and aggregates by site.
//!
//! State is a function of the log (invariant I4): each commit says which part of the log it follows from, and what was applied once is
//! not applied again. A row is bytes that only the collector's pipeline explains, with a version that tells whether somebody else
//! wrote it meanwhile; aggregates are sums, which merge in any order.
//!
//! On Redis a session's rows share the hash tag of its pseudonym, so that [`StateStore::commit`] is one atomic call a session, and the
//! aggregates are merged by a consumer of the log under a fence per shard. In one process [`crate::EmbeddedState`] does both in one
//! step.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waver_core::experiment::{Assignment, Sums, Trials};
use waver_core::session::Change;
use waver_core::window::Report;
use waver_schema::ItemRef;

use crate::{Pseudonym, StoreError};

mod embedded;
mod row_seal;
mod snapshot;
mod tally;

#[cfg(test)]
mod contract;

pub use embedded::{Captured, EmbeddedState};
pub use row_seal::{PlainRows, RowSeal};
pub use snapshot::{MemorySnapshots, Part, Parts, SledSnapshots, SnapshotStore};

/// Number of a site, as the process counts its configured sites. Not stable over restarts: what is stored names the site's key.
pub type SiteNumber = u16;

/// The name of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Key {
    /// A session.
    Session(SiteNumber, Pseudonym),
    /// What became of the events of a site.
    Books(SiteNumber),
    /// Where the ring of a site's dead letters stands.
    DeadLetters(SiteNumber),
    /// One place in that ring.
    DeadLetter(SiteNumber, u16),
    /// A session that was erased, and is not to come back.
    Tombstone(SiteNumber, Pseudonym),
    /// What is remembered of a browser across sessions.
    Visitor(SiteNumber, Pseudonym),
    /// The offers of a site that were stopped because they do harm.
    Stops(SiteNumber),
    /// A grant, by its name.
    Grant(SiteNumber, Pseudonym),
    /// What the budgets of a site have given out.
    Budgets(SiteNumber),
    /// An order, by a keyed hash of the shop's own name for it.
    Order(SiteNumber, Pseudonym),
    /// An item of the catalogue.
    Item(SiteNumber, ItemRef),
}

impl Key {
    /// The site that the row belongs to.
    pub const fn site(&self) -> SiteNumber {
        match *self {
            Key::Session(site, _)
            | Key::Books(site)
            | Key::DeadLetters(site)
            | Key::DeadLetter(site, _)
            | Key::Tombstone(site, _)
            | Key::Visitor(site, _)
            | Key::Stops(site)
            | Key::Grant(site, _)
            | Key::Budgets(site)
            | Key::Order(site, _)
            | Key::Item(site, _) => site,
        }
    }

    pub(crate) const fn with_site(self, site: SiteNumber) -> Key {
        match self {
            Key::Session(_, pseudonym) => Key::Session(site, pseudonym),
            Key::Books(_) => Key::Books(site),
            Key::DeadLetters(_) => Key::DeadLetters(site),
            Key::DeadLetter(_, place) => Key::DeadLetter(site, place),
            Key::Tombstone(_, pseudonym) => Key::Tombstone(site, pseudonym),
            Key::Visitor(_, pseudonym) => Key::Visitor(site, pseudonym),
            Key::Stops(_) => Key::Stops(site),
            Key::Grant(_, grant) => Key::Grant(site, grant),
            Key::Budgets(_) => Key::Budgets(site),
            Key::Order(_, order) => Key::Order(site, order),
            Key::Item(_, item) => Key::Item(site, item),
        }
    }
}

/// A row as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Grows with every write of this key; never 0, which stands for a row that is not there.
    pub version: u32,
    /// What is in it.
    pub bytes: Arc<[u8]>,
}

/// How long a row lives, and under what a session is counted until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Unix milliseconds up to which a session is live, or a tombstone stands. The row is kept for the store's grace longer.
    pub live_until: u64,
    /// What the session is counted as while it is live; the caller's own numbering.
    pub tag: u8,
}

/// One row to be written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Its name.
    pub key: Key,
    /// The version that was found, 0 for a row that was not there; `None` to replace whatever is there, where another row of the commit stands
    /// guard.
    pub expected: Option<u32>,
    /// What is to be there; `None` removes the row.
    pub bytes: Option<Vec<u8>>,
    /// For rows that end by themselves; books, budgets and dead letters live until they are removed.
    pub life: Option<Life>,
}

/// What a part of the log does to the state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Commit {
    /// Offset of the first record that it follows from.
    pub from: u64,
    /// Offset behind the last one. Equal to `from` for what follows from the passing of time alone.
    pub upto: u64,
    /// The collector's time, Unix milliseconds; the store's own never goes back.
    pub clock: u64,
    /// The rows.
    pub writes: Vec<Write>,
    /// What the aggregates of each site gain.
    pub changes: Vec<(SiteNumber, Vec<Change>)>,
    /// What of all that they ever gained no session takes away with it any more: what the sessions had added that are over now, and what has
    /// no session's share in it. A snapshot holds only this of the aggregates, and each session's row its own share.
    pub settled: Vec<(SiteNumber, Vec<Change>)>,
    /// What sessions that are over came to as trials of offers, and what was corrected of such since. Under the same fence as the aggregates.
    pub trials: Vec<(SiteNumber, Assignment, Sums)>,
}

/// Derived state.
pub trait StateStore: Send + Sync + 'static {
    /// What is there under each key, in the order of `keys`. A session's row is there until it is removed, ended or not.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    fn load(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Option<Row>>, StoreError>> + Send;

    /// Does all of `commit`, or nothing of it: `Ok(false)` if a row is of another version than expected, and the caller loads again.
    /// Aggregates take in each record of the log once: a commit whose `from` is before what they have taken in changes only rows.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// How many sessions are kept, of all sites, ended ones included; as far as this process knows.
    fn sessions(&self) -> usize;

    /// How many tombstones there are, of all sites; as far as this process knows.
    fn tombstones(&self) -> usize;

    /// How many grants, orders and items of catalogues there are, of all sites; as far as this process knows.
    fn shop_rows(&self) -> usize;

    /// How many sessions of a site are live at `now` (Unix milliseconds), by tag. Exact to the minute: a session counts as live until the
    /// minute in which it ends is over.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    fn live(&self, site: SiteNumber, now: u64) -> impl Future<Output = Result<BTreeMap<u8, u64>, StoreError>> + Send;

    /// Sessions of a site that were written lately, the last one first: at most `most`, and at most as many as a store remembers.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    fn latest(
        &self,
        site: SiteNumber,
        most: usize,
    ) -> impl Future<Output = Result<Vec<(Pseudonym, Row)>, StoreError>> + Send;

    /// Rows whose time is over at `now` (Unix milliseconds), the grace included: at most `most`. They stay until a commit
    /// removes them.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    fn over(&self, now: u64, most: usize) -> impl Future<Output = Result<Vec<(Key, Row)>, StoreError>> + Send;

    /// The aggregates of a site in `from..to` (Unix milliseconds), in steps of `step_ms`.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    fn report(
        &self,
        site: SiteNumber,
        from: u64,
        to: u64,
        step_ms: u64,
    ) -> impl Future<Output = Result<Report, StoreError>> + Send;

    /// What the sessions of a site that are over came to as trials of offers.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    fn trials(&self, site: SiteNumber) -> impl Future<Output = Result<Arc<Trials>, StoreError>> + Send;
}
