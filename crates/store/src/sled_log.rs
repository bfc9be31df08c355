use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::memory_log::positions;
use crate::record::{decode_group, encode_group};
use crate::{DecodeError, EventLog, GROUP_BYTES, Position, Record, StoreError};

/// sled keeps this much of its pages in memory. Reading back happens at start only, so little is enough.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The log in a folder, on sled.
///
/// A group is one value under its first record's offset in big-endian, so that keys sort as offsets do. A key per event would
/// cost an order of magnitude in throughput.
#[derive(Debug)]
pub struct SledLog {
    // Declared before `db`: the tree must be gone when the database closes and gives up its lock.
    groups: sled::Tree,
    db: sled::Db,
    end: AtomicU64,
    broken: AtomicBool,
}

impl SledLog {
    /// Opens the log in `folder`, which is made if it is missing, for this process alone.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder cannot be made or written, [`StoreError::Locked`] if another process has it open,
    /// [`StoreError::Unreadable`] or [`StoreError::Damaged`] if what it holds cannot be read.
    pub fn open(folder: &Path) -> Result<SledLog, StoreError> {
        create_private(folder).map_err(|source| StoreError::Open { path: folder.to_owned(), source })?;
        let failed = |error| open_error(folder, error);
        let db = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None) // every append flushes by itself
            .open()
            .map_err(failed)?;
        let groups = db.open_tree("log").map_err(failed)?;
        let end = match groups.last().map_err(failed)? {
            Some((key, value)) => {
                let first = offset_of(&key)?;
                let group = decode_group(&value).map_err(|reason| StoreError::Damaged { offset: first, reason })?;
                first + group.len() as u64
            }
            None => 0,
        };
        Ok(SledLog { groups, db, end: AtomicU64::new(end), broken: AtomicBool::new(false) })
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// [`StoreError::Read`] if the folder cannot be read.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(|error| StoreError::Read(error.to_string()))
    }
}

impl EventLog for SledLog {
    async fn append(&self, group: &[Record]) -> Result<Vec<Position>, StoreError> {
        if self.broken.load(Ordering::Acquire) {
            return Err(StoreError::Broken);
        }
        let bytes = encode_group(group).map_err(|reason| StoreError::Write(reason.to_string()))?;
        if bytes.len() > GROUP_BYTES {
            return Err(StoreError::TooLarge { bytes: bytes.len() });
        }
        let first = self.end.load(Ordering::Acquire);
        if group.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |error: sled::Error| {
            self.broken.store(true, Ordering::Release);
            StoreError::Write(error.to_string())
        };
        self.groups.insert(first.to_be_bytes(), bytes).map_err(failed)?;
        self.groups.flush_async().await.map_err(failed)?;
        self.end.store(first + group.len() as u64, Ordering::Release);
        Ok(positions(first, group))
    }

    async fn read(&self, from: u64, at_least: usize) -> Result<Vec<(Position, Record)>, StoreError> {
        let failed = |error: sled::Error| StoreError::Read(error.to_string());
        // The group that holds `from` may begin before it.
        let start = match self.groups.get_lt((from + 1).to_be_bytes()).map_err(failed)? {
            Some((key, _)) => offset_of(&key)?,
            None => from,
        };
        let mut page = Vec::new();
        for entry in self.groups.range(start.to_be_bytes()..) {
            if page.len() >= at_least.max(1) {
                break;
            }
            let (key, value) = entry.map_err(failed)?;
            let first = offset_of(&key)?;
            let group = decode_group(&value).map_err(|reason| StoreError::Damaged { offset: first, reason })?;
            page.extend(positions(first, &group).into_iter().zip(group).filter(|(at, _)| at.offset >= from));
        }
        Ok(page)
    }

    fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }
}

fn offset_of(key: &[u8]) -> Result<u64, StoreError> {
    let key = <[u8; 8]>::try_from(key);
    key.map(u64::from_be_bytes).map_err(|_| StoreError::Damaged { offset: 0, reason: DecodeError::Damaged })
}

/// Makes `folder` and its parents; readable by its owner alone where the system knows of owners.
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open_error(folder: &Path, error: sled::Error) -> StoreError {
    let path = PathBuf::from(folder);
    match error {
        // sled tells a taken lock from other errors by its text alone.
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => StoreError::Locked { path },
        sled::Error::Io(source) => StoreError::Open { path, source },
        other => StoreError::Unreadable { path, reason: other.to_string() },
    }
}
