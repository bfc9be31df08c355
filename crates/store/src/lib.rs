//! Where the collector keeps what must not be lost.
//!
//! The log of record is the only source of truth: state is a function of it (invariant I4), so everything else may be thrown away
//! and rebuilt. [`EventLog`] is what the collector needs of a log; [`MemoryLog`] and [`SledLog`] are two of them, and one contract
//! suite holds for both. A later log on the Apache Kafka protocol must fit behind the same trait: a record therefore carries its
//! shard, and a reader assumes order within a shard only.
//!
//! What spans sessions and must never be exceeded, caps and budgets, is counted by a [`Ledger`]. Who consented to what is shown by a
//! [`ConsentLedger`].
//!
//! Secrets never go into a log or into sled, since what is removed there stays readable on disk: a [`SecretKey`] lives in a file of
//! its own, or among others in a [`KeyStore`].

mod consent_ledger;
mod data_class;
#[doc(hidden)]
pub mod decoders;
mod export;
#[cfg(any(test, feature = "testing"))]
pub mod faulty;
mod folder;
mod group_commit;
mod journal;
mod key_store;
mod ledger;
mod log;
mod memory_log;
mod receipts;
mod record;
mod secret_key;
mod sled_log;
mod state;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod files_as_they_lie;

pub use consent_ledger::{
    BadLedger, ConsentLedger, LEDGER_BODY_BYTES, LedgerEntry, LedgerHash, LedgerRoot, read_ledger,
};
pub use data_class::{Cutoffs, DataClass, PerClass, Removed, Trimmed};
pub use export::{ExportError, ExportReader, ExportWriter, Frame, log_frames};
pub use journal::Journal;
pub use key_store::{FileKeys, KEYS, KeyError, KeyName, KeyStore, MemoryKeys, NAME_BYTES};
pub use ledger::{Budget, Cap, Id, LEASES, Ledger, LedgerError, MemoryLedger, REMEMBERED_MS, SledLedger, TAKES};
pub use log::{Chain, EventLog, GROUP_BYTES, Position, StoreError};
pub use memory_log::MemoryLog;
pub use receipts::{KeptReceipt, Receipts};
pub use record::{DecodeError, Pseudonym, RECORD_VERSION, Record, RecordKind, SHARDS, Shard};
pub use secret_key::SecretKey;
pub use sled_log::SledLog;
pub use state::{
    Captured, Commit, EmbeddedState, Key, Life, MemorySnapshots, Part, Parts, PlainRows, Row, RowSeal, SiteNumber,
    SledSnapshots, SnapshotStore, StateStore, Write,
};
