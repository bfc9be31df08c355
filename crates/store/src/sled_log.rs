use std::fs::{DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::memory_log::{kept_runs, positions};
use crate::record::{decode_group, encode_group};
use crate::{Cutoffs, DecodeError, EventLog, GROUP_BYTES, Position, Record, StoreError, Trimmed};

/// sled keeps this much of its pages in memory. Reading back happens at start only, so little is enough.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The log in a folder, on sled.
///
/// A group is one value under its first record's offset in big-endian, so that keys sort as offsets do. A key per event would
/// cost an order of magnitude in throughput.
///
/// On Linux sled 0.34.7 flushes by `sync_file_range`, which neither makes the file's new length durable nor empties the disk's own
/// cache, so that what it calls flushed survives `kill -9` but not a power loss; only its periodic flush has a real `fsync`. Each
/// append here therefore also calls `fdatasync` on sled's file.
#[derive(Debug)]
pub struct SledLog {
    inner: Arc<Inner>,
    end: AtomicU64,
    /// Holds after a failure, and while an append is under way: who drops that future does not know what became of it.
    broken: AtomicBool,
}

#[derive(Debug)]
struct Inner {
    groups: sled::Tree,
    /// sled's own file, opened once more to be synced.
    file: File,
}

impl SledLog {
    /// Opens the log in `folder`, which is made if it is missing, for this process alone. `span` is how much time of
    /// [`Record::received_at`] one segment holds: what is trimmed is removed by whole segments.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder cannot be made or written, [`StoreError::Locked`] if another process has it open,
    /// [`StoreError::Unreadable`] or [`StoreError::Damaged`] if what it holds cannot be read.
    pub fn open(folder: &Path, _span: Duration) -> Result<SledLog, StoreError> {
        let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
        create_private(folder).map_err(unusable)?;
        let failed = |error| open_error(folder, error);
        let db = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None) // every append flushes by itself
            .open()
            .map_err(failed)?;
        let groups = db.open_tree("log").map_err(failed)?;
        groups.flush().map_err(failed)?;
        let file = File::options().write(true).open(folder.join("db")).map_err(unusable)?;
        file.sync_all().and_then(|()| sync_folders(folder)).map_err(unusable)?;
        let end = match groups.last().map_err(failed)? {
            Some((key, value)) => {
                let first = offset_of(&key)?;
                let group = decode_group(&value).map_err(|reason| StoreError::Damaged { offset: first, reason })?;
                first + group.len() as u64
            }
            None => 0,
        };
        let inner = Arc::new(Inner { groups, file });
        Ok(SledLog { inner, end: AtomicU64::new(end), broken: AtomicBool::new(false) })
    }
}

impl Inner {
    /// Puts a group on disk. Blocks until it is there.
    fn write(&self, first: u64, group: Vec<u8>) -> sled::Result<()> {
        self.groups.insert(first.to_be_bytes(), group)?;
        self.groups.flush()?;
        self.file.sync_data()?;
        Ok(())
    }
}

impl EventLog for SledLog {
    /// Runs on a Tokio runtime, whose threads for blocking work wait for the disk.
    async fn append(&self, group: &[Record]) -> Result<Vec<Position>, StoreError> {
        let bytes = encode_group(group).map_err(|reason| StoreError::Write(reason.to_string()))?;
        if bytes.len() > GROUP_BYTES {
            return Err(StoreError::TooLarge { bytes: bytes.len() });
        }
        if group.is_empty() {
            return Ok(Vec::new());
        }
        if self.broken.swap(true, Ordering::AcqRel) {
            return Err(StoreError::Broken);
        }
        let first = self.end.load(Ordering::Acquire);
        let inner = Arc::clone(&self.inner);
        let written = tokio::task::spawn_blocking(move || inner.write(first, bytes)).await;
        written
            .map_err(|error| StoreError::Write(error.to_string()))?
            .map_err(|error| StoreError::Write(error.to_string()))?;
        self.end.store(first + group.len() as u64, Ordering::Release);
        self.broken.store(false, Ordering::Release);
        Ok(positions(first, group))
    }

    async fn read(&self, from: u64, at_least: usize) -> Result<Vec<(Position, Record)>, StoreError> {
        let failed = |error: sled::Error| StoreError::Read(error.to_string());
        // The group that holds `from` may begin before it.
        let start = match self.inner.groups.get_lt((from + 1).to_be_bytes()).map_err(failed)? {
            Some((key, _)) => offset_of(&key)?,
            None => from,
        };
        let mut page = Vec::new();
        for entry in self.inner.groups.range(start.to_be_bytes()..) {
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

    async fn trim(&self, cutoffs: &Cutoffs) -> Result<Trimmed, StoreError> {
        let failed = |error: sled::Error| StoreError::Write(error.to_string());
        let mut trimmed = Trimmed::default();
        let last = self.inner.groups.last().map_err(failed)?.map(|(key, _)| key);
        for entry in self.inner.groups.iter() {
            let (key, value) = entry.map_err(failed)?;
            // The last group says where the log ends.
            if Some(&key) == last.as_ref() {
                break;
            }
            let first = offset_of(&key)?;
            let group = decode_group(&value).map_err(|reason| StoreError::Damaged { offset: first, reason })?;
            let whole = group.len();
            let runs = kept_runs(first, group, cutoffs, &mut trimmed);
            if runs.iter().map(|(_, run)| run.len()).sum::<usize>() == whole {
                continue;
            }
            let mut batch = sled::Batch::default();
            batch.remove(key);
            for (first, run) in runs {
                let bytes = encode_group(&run).map_err(|reason| StoreError::Write(reason.to_string()))?;
                batch.insert(&first.to_be_bytes(), bytes);
            }
            self.inner.groups.apply_batch(batch).map_err(failed)?;
        }
        self.inner.groups.flush().map_err(failed)?;
        self.inner.file.sync_data().map_err(|error| StoreError::Write(error.to_string()))?;
        Ok(trimmed)
    }

    fn begin(&self) -> u64 {
        let first = self.inner.groups.first().ok().flatten();
        first.and_then(|(key, _)| offset_of(&key).ok()).unwrap_or_else(|| self.end())
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

/// Makes the names in `folder` durable, and as far as the system lets us its own name. A file whose name is lost is lost.
pub(crate) fn sync_folders(folder: &Path) -> io::Result<()> {
    // Elsewhere than on Unix folders cannot be opened as files, and their file systems keep names by themselves.
    #[cfg(unix)]
    {
        File::open(folder)?.sync_all()?;
        // The folder's parents may belong to somebody else, or to a file system that cannot be written.
        for parent in folder.ancestors().skip(1).take(2).filter(|parent| !parent.as_os_str().is_empty()) {
            let _ = File::open(parent).and_then(|parent| parent.sync_all());
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

pub(crate) fn open_error(folder: &Path, error: sled::Error) -> StoreError {
    let path = PathBuf::from(folder);
    match error {
        // sled tells a taken lock from other errors by its text alone.
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => StoreError::Locked { path },
        sled::Error::Io(source) => StoreError::Open { path, source },
        other => StoreError::Unreadable { path, reason: other.to_string() },
    }
}
