use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::memory_log::positions;
use crate::record::encode_group;
use crate::{Chain, Cutoffs, EventLog, GROUP_BYTES, Position, Record, StoreError, Trimmed};

mod chain;
mod contents;
pub(crate) mod decoders;
mod manifest;
mod open;
mod segment;
mod trim;
mod witness;

#[cfg(test)]
mod tests;

use chain::Tail;
use contents::Contents;
use manifest::{Manifest, Place, Sealed};
use segment::{Group, Segment, Writer};
use witness::{Seen, Witness};

/// The log in a folder, on sled.
///
/// ```text
/// lock                         held by the process that has the log open
/// manifest                     the segments, and what each of them holds
/// witness                      how far the log reached
/// 00000000000000000000.3/      a segment: a folder of sled, named after its first offset; here as rewritten
/// 00000000000000071520/        the last one, which is written to
/// ```
///
/// What is removed from sled stays readable in its files, so that retention works on whole segments: one without anything left to
/// keep is unlinked, one with some is written anew without the rest, and the manifest passes to the new set at one instant.
///
/// Each group carries a checksum of all that is before it in its segment. With the witness this makes sure that whatever was
/// acknowledged is read back, or else the log refuses to open or to be read. Opening looks at the end of the last segment alone.
#[derive(Debug)]
pub struct SledLog {
    shared: Arc<Shared>,
    /// One append, or one change of the last segment, at a time.
    writing: tokio::sync::Mutex<()>,
    /// Holds after a failure, and while an append is under way: who drops that future does not know what became of it.
    broken: AtomicBool,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    span_ms: u64,
    /// A segment with so many bytes of payloads is sealed before its span is over.
    most_bytes: u64,
    end: AtomicU64,
    current: Mutex<Current>,
    /// Held for every change of the manifest.
    changing: Mutex<()>,
    /// Number of the next folder that is written aside.
    generation: AtomicU32,
    /// The sealed segment that was read last: a reader asks for page after page.
    reading: Mutex<Option<Segment>>,
    /// Held while trimming.
    trimming: Mutex<()>,
    witness: Mutex<Witness>,
    _lock: File,
}

#[derive(Debug)]
struct Current {
    manifest: Manifest,
    active: Arc<Segment>,
    /// Where the active segment ends, as far as it is acknowledged.
    tail: Tail,
}

impl SledLog {
    /// Opens the log in `folder`, which is made if it is missing, for this process alone. `span` is how much time of
    /// [`Record::received_at`] one segment holds. Segments begin at multiples of it, so that cutoffs at such multiples remove whole
    /// segments and rewrite next to nothing.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder cannot be made or written, [`StoreError::Locked`] if another process has it open,
    /// [`StoreError::Unreadable`] or [`StoreError::Damaged`] if what it holds cannot be read, or something that was acknowledged is
    /// not there.
    pub fn open(folder: &Path, span: Duration) -> Result<SledLog, StoreError> {
        let shared = Arc::new(open::open(folder, span)?);
        Ok(SledLog { shared, writing: tokio::sync::Mutex::default(), broken: AtomicBool::new(false) })
    }

    /// Leaves out the offsets before `offset`: the next record gets that one. For a log that is filled from a backup, whose records keep their
    /// offsets. What is left out is only remembered with the next append.
    ///
    /// # Errors
    /// [`StoreError::Write`] if there are records at `offset` or behind it.
    pub async fn skip_to(&self, offset: u64) -> Result<(), StoreError> {
        let _writing = self.writing.lock().await;
        let end = self.end();
        if offset < end {
            return Err(StoreError::Write(format!("offset {offset} is taken, the log ends at {end}")));
        }
        self.shared.current().tail.end = offset;
        self.shared.end.store(offset, Ordering::Release);
        Ok(())
    }

    /// Runs `change` of the last segment on a thread that may wait for the disk. The log is broken unless it is seen to succeed.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.broken.swap(true, Ordering::AcqRel) {
            return Err(StoreError::Broken);
        }
        let shared = Arc::clone(&self.shared);
        let done = spawn_blocking(move || change(&shared)).await;
        let done = done.map_err(|error| StoreError::Write(error.to_string()))??;
        self.broken.store(false, Ordering::Release);
        Ok(done)
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
        let _writing = self.writing.lock().await;
        let (first, contents) = (self.end(), Contents::of_group(group));
        self.change(move |shared| shared.append(&bytes, &contents)).await?;
        Ok(positions(first, group))
    }

    async fn read(&self, from: u64, at_least: usize) -> Result<Vec<(Position, Record)>, StoreError> {
        let shared = Arc::clone(&self.shared);
        let groups = spawn_blocking(move || shared.read(from, at_least.max(1))).await;
        let groups = groups.map_err(|error| StoreError::Read(error.to_string()))??;
        let records = groups.into_iter().flat_map(|(first, group)| positions(first, &group).into_iter().zip(group));
        Ok(records.filter(|(at, _)| at.offset >= from).collect())
    }

    /// Appends go on but for the time it takes to begin a new segment, when the last one holds something to remove.
    async fn trim(&self, cutoffs: &Cutoffs) -> Result<Trimmed, StoreError> {
        let cutoffs = *cutoffs;
        let writing = self.writing.lock().await;
        if self.shared.current().tail.contents.loses(&cutoffs) {
            self.change(Shared::roll).await?;
        }
        drop(writing);
        let shared = Arc::clone(&self.shared);
        let trimmed = spawn_blocking(move || shared.trim(&cutoffs)).await;
        trimmed.map_err(|error| StoreError::Write(error.to_string()))?
    }

    fn begin(&self) -> u64 {
        self.shared.current().manifest.begin()
    }

    fn end(&self) -> u64 {
        self.shared.end.load(Ordering::Acquire)
    }

    fn chain(&self) -> Chain {
        self.shared.current().tail.checksum
    }
}

impl Shared {
    /// Puts a group on disk. Blocks until it is there.
    fn append(&self, group: &[u8], contents: &Contents) -> Result<(), StoreError> {
        if self.is_past(contents) {
            self.roll()?;
        }
        let (active, tail) = self.active();
        let first = tail.end;
        let mut writer = Writer::new(&active, tail);
        writer.push(first, group, contents)?;
        active.flush()?;
        let tail = writer.tail;
        self.witness().see(Seen::at(&tail)).map_err(|error| StoreError::Write(error.to_string()))?;
        self.current().tail = tail;
        self.end.store(tail.end, Ordering::Release);
        Ok(())
    }

    /// Whether the last segment is full, or a group belongs into a later span.
    fn is_past(&self, group: &Contents) -> bool {
        let held = self.current().tail.contents;
        let span = |at: u64| at / self.span_ms;
        match (held.oldest(), group.oldest()) {
            (Some(oldest), Some(first)) => span(first) > span(oldest) || held.bytes() >= self.most_bytes,
            _ => false,
        }
    }

    /// Seals the last segment and begins a new one.
    fn roll(&self) -> Result<(), StoreError> {
        let (active, tail) = self.active();
        let place = Place { first: tail.end, generation: 0, start: Some(tail.checksum) };
        let next = Segment::create(&self.folder, place)?;
        // The witness may not fall behind what is sealed.
        self.witness().settle(Seen::at(&tail)).map_err(|error| StoreError::Write(error.to_string()))?;
        let sealed = Sealed { place: *active.place(), tail };
        let next = Arc::new(next);
        self.change_manifest(
            |manifest| {
                manifest.sealed.push(sealed);
                manifest.active = place;
            },
            |current| {
                current.active = next;
                current.tail.contents = Contents::default();
            },
        )
    }

    /// Puts a changed manifest in the place of the one before, on disk and then in `current`, which `follow` makes fit.
    fn change_manifest(
        &self,
        change: impl FnOnce(&mut Manifest),
        follow: impl FnOnce(&mut Current),
    ) -> Result<(), StoreError> {
        let _changing = lock(&self.changing);
        let mut manifest = self.current().manifest.clone();
        change(&mut manifest);
        manifest.store(&self.folder).map_err(|error| StoreError::Write(error.to_string()))?;
        let mut current = self.current();
        current.manifest = manifest;
        follow(&mut current);
        Ok(())
    }

    /// The groups from the one that holds offset `from` on, at least `at_least` records if there are so many.
    fn read(&self, from: u64, at_least: usize) -> Result<Vec<Group>, StoreError> {
        let (mut groups, mut records, mut next) = (Vec::new(), 0, from);
        while records < at_least {
            // Held from the look at the manifest on, so that no segment goes away before it is open.
            let mut reading = lock(&self.reading);
            let (sealed, active, tail) = {
                let current = self.current();
                let sealed = current.manifest.sealed.iter().find(|segment| segment.tail.end > next).copied();
                (sealed, Arc::clone(&current.active), current.tail)
            };
            let Some(sealed) = sealed else {
                *reading = None;
                drop(reading);
                if next < tail.end {
                    groups.extend(active.read(next, at_least - records, &tail)?);
                }
                break;
            };
            let read = self.read_sealed(&mut reading, &sealed, next, at_least - records)?;
            records += count(&read, next);
            // Fewer than asked for means that the segment is read to its end.
            next = sealed.tail.end;
            groups.extend(read);
        }
        Ok(groups)
    }

    /// Reads from a sealed segment, which stays open in `reading`.
    fn read_sealed(
        &self,
        reading: &mut Option<Segment>,
        sealed: &Sealed,
        from: u64,
        at_least: usize,
    ) -> Result<Vec<Group>, StoreError> {
        if reading.as_ref().is_none_or(|open| *open.place() != sealed.place) {
            *reading = None;
        }
        let segment = match reading {
            Some(segment) => segment,
            None => reading.insert(Segment::open(&self.folder, sealed.place)?),
        };
        segment.read(from, at_least, &sealed.tail)
    }

    fn active(&self) -> (Arc<Segment>, Tail) {
        let current = self.current();
        (Arc::clone(&current.active), current.tail)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        lock(&self.current)
    }

    fn witness(&self) -> MutexGuard<'_, Witness> {
        lock(&self.witness)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // What was acknowledged is on disk; the witness catches up as far as it can.
        let _ = self.witness().sync();
    }
}

impl Seen {
    fn at(tail: &Tail) -> Seen {
        Seen { end: tail.end, checksum: tail.checksum }
    }
}

/// How many records of `groups` are at `from` or behind it.
fn count(groups: &[Group], from: u64) -> usize {
    let behind = |(first, group): &Group| group.len() - from.saturating_sub(*first).min(group.len() as u64) as usize;
    groups.iter().map(behind).sum()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
