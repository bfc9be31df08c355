use std::future::Future;
use std::path::PathBuf;

use crate::{Cutoffs, DecodeError, Record, Shard, Trimmed};

/// Most bytes of one group: small enough for a log to keep a group in one piece.
pub const GROUP_BYTES: usize = 192 * 1024;

/// See [`EventLog::chain`].
pub type Chain = [u8; 16];

/// Where a record stands.
///
/// Offsets grow along a shard, with gaps. In the embedded logs they count over all shards together; on Kafka each shard is a
/// partition with offsets of its own. A reader therefore relies on the order within a shard only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The shard.
    pub shard: Shard,
    /// The offset, from 0.
    pub offset: u64,
}

/// The log of record.
pub trait EventLog: Send + Sync + 'static {
    /// Appends `group` as a whole: all of it or nothing. `Ok` means that it survives `kill -9` and power loss, and gives each
    /// record's position.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] leaves the log as it was. After [`StoreError::Write`] nobody knows what reached the disk, so the
    /// log refuses everything with [`StoreError::Broken`] until it is opened again; what is read then is the truth. The same
    /// holds for whoever drops the future before it is done.
    fn append(&self, group: &[Record]) -> impl Future<Output = Result<Vec<Position>, StoreError>> + Send;

    /// Reads on from offset `from`: at least `at_least` records if there are so many, in the order of their offsets. An empty
    /// answer is the end of the log. What was trimmed is skipped, so that offsets may jump.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] or [`StoreError::Unreadable`] where something cannot be read. Nothing else is skipped.
    fn read(
        &self,
        from: u64,
        at_least: usize,
    ) -> impl Future<Output = Result<Vec<(Position, Record)>, StoreError>> + Send;

    /// Removes every record that was received before the cutoff of its class, so that its bytes are gone from the disk when this
    /// returns. Other records keep their offsets, and no offset is given twice. A log may go on taking appends meanwhile.
    ///
    /// The collector's clock does not go back along the log, and a log may rely on this to find what is old.
    ///
    /// # Errors
    /// [`StoreError::Write`], [`StoreError::Damaged`] and [`StoreError::Unreadable`]: some of it may be gone, and the rest goes next
    /// time.
    fn trim(&self, cutoffs: &Cutoffs) -> impl Future<Output = Result<Trimmed, StoreError>> + Send;

    /// The lowest offset that may still be there; never goes back.
    fn begin(&self) -> u64;

    /// The offset that the next record gets.
    fn end(&self) -> u64;

    /// A checksum of everything up to the end, each group's covering that of the group before. It guards against chance, and changes with every
    /// append; what is trimmed leaves it as it is.
    fn chain(&self) -> Chain;
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder is not usable.
    #[error("cannot use the data folder {path}: {source}")]
    Open {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another process has the data folder open.
    #[error("the data folder {path} is in use by another collector; stop that one, or choose another folder")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// What was written before cannot be read.
    #[error("the log is damaged at offset {offset}: {reason}; restore the data folder from a backup")]
    Damaged {
        /// Where.
        offset: u64,
        /// How.
        reason: DecodeError,
    },
    /// sled itself could not make sense of its files.
    #[error("the data folder {path} is damaged: {reason}; restore it from a backup")]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What sled said.
        reason: String,
    },
    /// The snapshot of the state cannot be used.
    #[error(
        "the snapshot of the state is damaged: {reason}; restore the data folder from a backup, or remove its folder `state` to \
         rebuild what the log still holds"
    )]
    Snapshot {
        /// How.
        reason: String,
    },
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] crate::KeyError),
    /// A write or flush failed.
    #[error("cannot write to the log: {0}; see to the disk, then start the collector again")]
    Write(String),
    /// A write or flush failed earlier.
    #[error("the log refused an earlier write; see to the disk, then start the collector again")]
    Broken,
    /// A group of more than [`GROUP_BYTES`].
    #[error("a group of {bytes} bytes is over the limit of {GROUP_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A read failed.
    #[error("cannot read the log: {0}")]
    Read(String),
}
