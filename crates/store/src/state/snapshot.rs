use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::StoreError;
use crate::folder::{create_private, open_sled, sync_folder, sync_folders};

/// A piece of a snapshot.
pub type Part = Vec<u8>;

/// The pieces of a snapshot, in order.
pub type Parts = Box<dyn Iterator<Item = Result<Part, StoreError>> + Send>;

/// Where snapshots of the state are kept. There is one at a time: what a newer one does not hold any more is gone from disk.
pub trait SnapshotStore: Send + Sync + 'static {
    /// Replaces the snapshot by `parts`: all of them or, after an error or a crash, none. When it returns the new one is durable and
    /// the old one is deleted.
    ///
    /// # Errors
    /// [`StoreError::Write`], or the first error among the parts.
    fn save(&self, parts: Parts) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The snapshot; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Snapshot`] if it is not what was saved. Nothing is skipped.
    fn load(&self) -> impl Future<Output = Result<Option<Parts>, StoreError>> + Send;
}

/// Snapshots in memory, for tests. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemorySnapshots(Arc<Mutex<Option<Vec<Part>>>>);

impl SnapshotStore for MemorySnapshots {
    async fn save(&self, parts: Parts) -> Result<(), StoreError> {
        let parts = parts.collect::<Result<Vec<Part>, StoreError>>()?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(parts);
        Ok(())
    }

    async fn load(&self) -> Result<Option<Parts>, StoreError> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(parts.map(|parts| Box::new(parts.into_iter().map(Ok)) as Parts))
    }
}

/// Snapshots in a folder, each in a sled folder of its own.
///
/// A value that is removed from sled stays readable in its file, and rows that are written over and over take many times their size. So
/// a snapshot is written once, whole, beside the one before, and takes its place by a rename; the one before is then deleted as files.
#[derive(Debug, Clone)]
pub struct SledSnapshots {
    folder: PathBuf,
}

/// A snapshot that is complete.
const CURRENT: &str = "current";
/// One that is being written.
const NEXT: &str = "next";
/// One that is being deleted.
const OLD: &str = "old";
/// The key of the last value: number of parts and their hash.
const SEAL: [u8; 8] = u64::MAX.to_be_bytes();
/// sled keeps this much of a snapshot in memory while it is read or written once from front to back.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

impl SledSnapshots {
    /// Snapshots in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder cannot be made or used.
    pub fn open(folder: &Path) -> Result<SledSnapshots, StoreError> {
        let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
        create_private(folder).map_err(unusable)?;
        let snapshots = SledSnapshots { folder: folder.to_owned() };
        // A crash between the two renames of a replacement leaves a complete new one beside the old.
        let [current, next, old] = snapshots.folders();
        if old.exists() && !current.exists() {
            let complete = if next.exists() { &next } else { &old };
            fs::rename(complete, &current).map_err(unusable)?;
        }
        for left in [next, old] {
            remove(&left).map_err(unusable)?;
        }
        sync_folders(folder).map_err(unusable)?;
        Ok(snapshots)
    }

    fn folders(&self) -> [PathBuf; 3] {
        [CURRENT, NEXT, OLD].map(|name| self.folder.join(name))
    }

    fn write(&self, parts: Parts) -> Result<(), StoreError> {
        let [current, next, old] = self.folders();
        let failed = |error: std::io::Error| StoreError::Write(format!("{}: {error}", self.folder.display()));
        remove(&next).map_err(failed)?;
        create_private(&next).map_err(failed)?;
        fill(&next, parts)?;
        sync_folders(&next).map_err(failed)?;
        if current.exists() {
            fs::rename(&current, &old).map_err(failed)?;
        }
        fs::rename(&next, &current).map_err(failed)?;
        sync_folders(&self.folder).map_err(failed)?;
        remove(&old).and_then(|()| sync_folders(&self.folder)).map_err(failed)
    }

    fn read(&self) -> Result<Option<Parts>, StoreError> {
        let [current, ..] = self.folders();
        if !current.exists() {
            return Ok(None);
        }
        let unreadable = |reason: String| StoreError::Snapshot { reason: format!("{}: {reason}", current.display()) };
        let db = open_sled(&config(&current)).map_err(|error| unreadable(error.to_string()))?;
        let seal = db.get(SEAL).map_err(|error| unreadable(error.to_string()))?;
        let seal = seal.ok_or_else(|| unreadable("its end is missing".to_owned()))?;
        Ok(Some(Box::new(Reading { entries: db.iter(), number: 0, hash: blake3::Hasher::new(), seal, done: false })))
    }
}

impl SnapshotStore for SledSnapshots {
    /// Runs on a Tokio runtime, whose threads for blocking work wait for the disk.
    async fn save(&self, parts: Parts) -> Result<(), StoreError> {
        let snapshots = self.clone();
        let written = tokio::task::spawn_blocking(move || snapshots.write(parts)).await;
        written.map_err(|error| StoreError::Write(error.to_string()))?
    }

    async fn load(&self) -> Result<Option<Parts>, StoreError> {
        let snapshots = self.clone();
        // sled may panic on files that are not its own.
        let read = tokio::task::spawn_blocking(move || snapshots.read()).await;
        read.map_err(|error| StoreError::Snapshot { reason: error.to_string() })?
    }
}

fn config(folder: &Path) -> sled::Config {
    sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None)
}

fn fill(folder: &Path, parts: Parts) -> Result<(), StoreError> {
    let failed = |error: sled::Error| StoreError::Write(format!("{}: {error}", folder.display()));
    let db = open_sled(&config(folder)).map_err(failed)?;
    let mut hash = blake3::Hasher::new();
    let mut number = 0_u64;
    for part in parts {
        let part = part?;
        hash.update(&part);
        db.insert(number.to_be_bytes(), part).map_err(failed)?;
        number += 1;
    }
    db.insert(SEAL, seal(number, &hash)).map_err(failed)?;
    db.flush().map_err(failed)?;
    drop(db);
    // On Linux sled's flush does not reach the disk (see `SledLog`).
    let synced = sync_all(folder);
    synced.map_err(|error| StoreError::Write(format!("{}: {error}", folder.display())))
}

fn seal(parts: u64, hash: &blake3::Hasher) -> Vec<u8> {
    [&parts.to_be_bytes()[..], hash.finalize().as_bytes()].concat()
}

/// Makes every file below `folder` durable, and the names of all of them.
fn sync_all(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { sync_all(&path)? } else { fs::File::open(path)?.sync_all()? }
    }
    sync_folder(folder)
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads a snapshot from front to back and checks it against its seal at the end.
struct Reading {
    entries: sled::Iter,
    number: u64,
    hash: blake3::Hasher,
    seal: sled::IVec,
    done: bool,
}

impl Iterator for Reading {
    type Item = Result<Part, StoreError>;

    fn next(&mut self) -> Option<Result<Part, StoreError>> {
        if self.done {
            return None;
        }
        let part = match self.entries.next() {
            Some(Ok((key, part))) if *key == self.number.to_be_bytes() => part,
            Some(Ok((key, _))) if *key == SEAL && *self.seal == *seal(self.number, &self.hash) => {
                self.done = true;
                return None;
            }
            Some(Err(error)) => return Some(Err(self.broken(error.to_string()))),
            _ => return Some(Err(self.broken("it is not whole".to_owned()))),
        };
        self.hash.update(&part);
        self.number += 1;
        Some(Ok(part.to_vec()))
    }
}

impl Reading {
    fn broken(&mut self, reason: String) -> StoreError {
        self.done = true;
        StoreError::Snapshot { reason: format!("part {}: {reason}", self.number) }
    }
}
