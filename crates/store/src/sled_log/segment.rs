use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::chain::{self, Checksum, Stored, Tail, Value};
use super::contents::Contents;
use super::manifest::Place;
use super::witness::Seen;
use crate::folder::{create_private, open_error, sync_folder, sync_folders};
use crate::record::decode_group;
use crate::{DecodeError, Record, StoreError};

/// sled keeps this much of a segment's pages in memory. What is read is read once, so little is enough.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// sled puts what is more than a quarter of this into files of their own, whose names and bytes take syncs of their own: a large group,
/// or the page that it makes every ten groups of those it holds. So large that only groups of some 30 KiB make such pages.
pub(super) const SLED_SEGMENT_BYTES: usize = 2 * 1024 * 1024;
/// What the earlier layout has; it never changes for a folder.
const SLED_SEGMENT_BYTES_EARLIER: usize = 512 * 1024;

/// sled's threads let go of a folder shortly after it is closed; longer than this, somebody else has it.
const CLOSING: Duration = Duration::from_secs(10);

/// A group and the offset of its first record.
pub(super) type Group = (u64, Vec<Record>);

/// One folder of sled: groups under their first record's offset in big-endian, so that keys sort as offsets do. A key per event
/// would cost an order of magnitude in throughput.
///
/// On Linux sled 0.34.7 flushes by `sync_file_range`, which neither makes the file's new length durable nor empties the disk's own
/// cache, so that what it calls flushed survives `kill -9` but not a power loss; only its periodic flush has a real `fsync`. And the
/// files of their own that it makes for pages of large groups, its blobs, it never syncs at all. Each [`Segment::flush`] therefore
/// also calls `fdatasync` on sled's file, and syncs the blobs that are new.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    place: Place,
    groups: sled::Tree,
    /// sled's own file, opened once more to be synced.
    file: File,
    /// The highest number of a blob that is synced; sled counts them upwards.
    synced_blob: AtomicU64,
}

impl Segment {
    /// A new segment in `folder`, in the place of what a crash may have left there.
    pub(super) fn create(folder: &Path, place: Place) -> Result<Segment, StoreError> {
        let path = folder.join(place.name());
        remove(&path).and_then(|()| create_private(&path)).map_err(|error| StoreError::Write(error.to_string()))?;
        Segment::open_or_create(folder, place).map_err(|error| match error {
            StoreError::Open { source, .. } => StoreError::Write(source.to_string()),
            error => error,
        })
    }

    /// The segment at `place` in `folder`.
    pub(super) fn open(folder: &Path, place: Place) -> Result<Segment, StoreError> {
        if !exists(folder, &place) {
            return Err(missing(folder, &place));
        }
        Segment::open_or_create(folder, place)
    }

    fn open_or_create(folder: &Path, place: Place) -> Result<Segment, StoreError> {
        let path = folder.join(place.name());
        let started = Instant::now();
        loop {
            let opened = guarded(&path, || {
                let db = sled::Config::new()
                    .path(&path)
                    .segment_size(if place.start.is_some() { SLED_SEGMENT_BYTES } else { SLED_SEGMENT_BYTES_EARLIER })
                    .cache_capacity(CACHE_BYTES)
                    .flush_every_ms(None) // every append flushes by itself
                    .open()?;
                let groups = db.open_tree("log")?;
                groups.flush()?;
                let file = File::options().write(true).open(path.join("db"))?;
                file.sync_all().and_then(|()| sync_folders(&path))?;
                Ok((groups, file))
            });
            match opened {
                Err(StoreError::Locked { .. }) if started.elapsed() < CLOSING => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                opened => {
                    let (groups, file) = opened?;
                    let segment = Segment { path, place, groups, file, synced_blob: AtomicU64::new(0) };
                    segment.sync_blobs().map_err(|source| StoreError::Open { path: segment.path.clone(), source })?;
                    return Ok(segment);
                }
            }
        }
    }

    /// Where its folder is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Adds a value. It is on disk after the next [`Segment::flush`].
    pub(super) fn insert(&self, first: u64, value: Vec<u8>) -> Result<(), StoreError> {
        self.groups.insert(first.to_be_bytes(), value).map(drop).map_err(write_error)
    }

    /// Puts on disk what was added.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        self.groups.flush().map_err(write_error)?;
        let synced = self.sync_blobs().and_then(|()| self.file.sync_data());
        synced.map_err(|error| StoreError::Write(error.to_string()))
    }

    /// Syncs the blobs that are new. Segments are small enough for the list of all of them to cost little beside a sync.
    fn sync_blobs(&self) -> io::Result<()> {
        let folder = self.path.join("blobs");
        let synced = self.synced_blob.load(Ordering::Acquire);
        let mut highest = synced;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if number > synced {
                match File::open(entry.path()) {
                    Ok(blob) => blob.sync_all()?,
                    // sled removes those that it has replaced.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                highest = highest.max(number);
            }
        }
        if highest > synced {
            sync_folder(&folder)?;
            self.synced_blob.store(highest, Ordering::Release);
        }
        Ok(())
    }

    /// Where this segment ends, if the log reached what was `seen` and no value since is damaged.
    pub(super) fn recover(&self, seen: Seen) -> Result<Tail, StoreError> {
        guarded(&self.path, || Ok(self.recover_from(seen)))?
    }

    fn recover_from(&self, seen: Seen) -> Result<Tail, StoreError> {
        let failed = |error| open_error(&self.path, error);
        let first = self.place.first;
        let start = self.place.start.ok_or_else(|| self.damaged("it is written to without checksums".to_owned()))?;
        let mut tail = Tail { end: first, checksum: start, contents: Contents::default() };
        if seen.end > first {
            // The last value that was acknowledged, and what it follows.
            if let Some((key, value)) = self.groups.get_lt(seen.end.to_be_bytes()).map_err(failed)? {
                let at = offset_of(&key)?;
                let before = self.checksum_before(at)?;
                tail = check(at, &value, Some(&before))?.tail();
            }
        }
        if tail.end < seen.end {
            return Err(self.damaged(format!(
                "records from offset {} to {} were acknowledged and are lost",
                tail.end,
                seen.end - 1
            )));
        }
        if (tail.end, tail.checksum) != (seen.end, seen.checksum) {
            return Err(self.damaged(format!("what is before offset {} is not what was acknowledged", seen.end)));
        }
        // What was written and not acknowledged, or acknowledged shortly before a power loss.
        for entry in self.groups.range(seen.end.to_be_bytes()..) {
            let (key, value) = entry.map_err(failed)?;
            tail = check(offset_of(&key)?, &value, Some(&tail.checksum))?.tail();
        }
        Ok(tail)
    }

    /// The groups from the one that holds offset `from` on, at least `at_least` records of them if there are so many up to `tail`.
    /// Checks them, and that they reach `tail`.
    pub(super) fn read(&self, from: u64, at_least: usize, tail: &Tail) -> Result<Vec<Group>, StoreError> {
        guarded(&self.path, || Ok(self.read_groups(from, at_least, tail)))?
    }

    fn read_groups(&self, from: u64, at_least: usize, tail: &Tail) -> Result<Vec<Group>, StoreError> {
        let failed = |error| open_error(&self.path, error);
        // The group that holds `from` may begin before it.
        let start = match self.groups.get_lt(from.saturating_add(1).to_be_bytes()).map_err(failed)? {
            Some((key, _)) => offset_of(&key)?,
            None => self.place.first,
        };
        let mut before = match self.place.start {
            Some(_) => Some(self.checksum_before(start)?),
            None => None,
        };
        let (mut next, mut records, mut groups) = (start, 0, Vec::new());
        for entry in self.groups.range(start.to_be_bytes()..tail.end.to_be_bytes()) {
            let (key, value) = entry.map_err(failed)?;
            let first = offset_of(&key)?;
            let checked = check(first, &value, before.as_ref())?;
            if before.is_none() && first != next {
                return Err(StoreError::Damaged { offset: next, reason: DecodeError::Missing });
            }
            before = before.and(checked.checksum);
            next = first + checked.group.len() as u64;
            if next <= from {
                continue; // what is behind it in its gap is asked for
            }
            records += next - first.max(from);
            groups.push((first, checked.group));
            if records >= at_least as u64 {
                return Ok(groups);
            }
        }
        let whole = before.map_or(next == tail.end, |checksum| checksum == tail.checksum);
        if whole { Ok(groups) } else { Err(StoreError::Damaged { offset: next, reason: DecodeError::Missing }) }
    }

    /// Whether its values have checksums. One without any value has none.
    pub(super) fn is_chained(&self) -> Result<bool, StoreError> {
        let first = guarded(&self.path, || self.groups.first())?;
        Ok(first.is_some_and(|(_, value)| !matches!(chain::open(&value), Ok(Stored::Bare(_)))))
    }

    /// Reads a segment of the earlier layout, and tells where it ends.
    pub(super) fn scan_bare(&self) -> Result<Tail, StoreError> {
        guarded(&self.path, || Ok(self.scan_bare_values()))?
    }

    fn scan_bare_values(&self) -> Result<Tail, StoreError> {
        let mut tail = Tail { end: self.place.first, checksum: Checksum::default(), contents: Contents::default() };
        for entry in self.groups.iter() {
            let (key, value) = entry.map_err(|error| open_error(&self.path, error))?;
            let first = offset_of(&key)?;
            if first != tail.end {
                return Err(StoreError::Damaged { offset: tail.end, reason: DecodeError::Missing });
            }
            let checked = check(first, &value, None)?;
            tail.contents.add(&Contents::of_group(&checked.group));
            tail.end += checked.group.len() as u64;
        }
        Ok(tail)
    }

    /// What a value at `first` has to follow.
    fn checksum_before(&self, first: u64) -> Result<Checksum, StoreError> {
        match self.groups.get_lt(first.to_be_bytes()).map_err(|error| open_error(&self.path, error))? {
            Some((key, value)) => Ok(chained(offset_of(&key)?, &value)?.checksum),
            None => Ok(self.place.start.unwrap_or_default()),
        }
    }

    fn damaged(&self, reason: String) -> StoreError {
        StoreError::Unreadable { path: self.path.clone(), reason }
    }
}

/// A segment that is being written, and where it ends by now.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    segment: &'a Segment,
    pub(super) tail: Tail,
}

impl Writer<'_> {
    pub(super) fn new(segment: &Segment, tail: Tail) -> Writer<'_> {
        Writer { segment, tail }
    }

    /// Adds a group of these bytes and contents at `first`. It is on disk after the next [`Segment::flush`].
    pub(super) fn push(&mut self, first: u64, bytes: &[u8], added: &Contents) -> Result<(), StoreError> {
        let mut contents = self.tail.contents;
        contents.add(added);
        let sealed = chain::seal(&self.tail.checksum, first, &contents, bytes);
        let (checksum, value) = sealed.map_err(|reason| StoreError::Write(reason.to_string()))?;
        self.segment.insert(first, value)?;
        self.tail = Tail { end: first + added.records(), checksum, contents };
        Ok(())
    }
}

/// A value that is what was written.
struct Checked {
    first: u64,
    group: Vec<Record>,
    checksum: Option<Checksum>,
    contents: Contents,
}

impl Checked {
    fn tail(&self) -> Tail {
        let end = self.first + self.group.len() as u64;
        Tail { end, checksum: self.checksum.unwrap_or_default(), contents: self.contents }
    }
}

/// Takes the value at `first` apart, and checks that it follows `before`; `None` for values that have no checksum.
fn check(first: u64, value: &[u8], before: Option<&Checksum>) -> Result<Checked, StoreError> {
    let damaged = |reason| StoreError::Damaged { offset: first, reason };
    let decoded = |bytes| decode_group(bytes).map_err(damaged);
    match (chain::open(value).map_err(damaged)?, before) {
        (Stored::Chained(value), Some(before)) if value.follows(before, first) => Ok(Checked {
            first,
            group: decoded(value.group)?,
            checksum: Some(value.checksum),
            contents: value.contents,
        }),
        (Stored::Bare(bytes), None) => {
            Ok(Checked { first, group: decoded(bytes)?, checksum: None, contents: Contents::default() })
        }
        _ => Err(damaged(DecodeError::Damaged)),
    }
}

fn chained(first: u64, value: &[u8]) -> Result<Value<'_>, StoreError> {
    match chain::open(value) {
        Ok(Stored::Chained(value)) => Ok(value),
        Ok(Stored::Bare(_)) => Err(StoreError::Damaged { offset: first, reason: DecodeError::Damaged }),
        Err(reason) => Err(StoreError::Damaged { offset: first, reason }),
    }
}

fn offset_of(key: &[u8]) -> Result<u64, StoreError> {
    let key = <[u8; 8]>::try_from(key);
    key.map(u64::from_be_bytes).map_err(|_| StoreError::Damaged { offset: 0, reason: DecodeError::Damaged })
}

/// Whether the segment at `place` is there at all.
pub(super) fn exists(folder: &Path, place: &Place) -> bool {
    folder.join(place.name()).join("db").is_file()
}

/// What to say of a segment that is not there.
pub(super) fn missing(folder: &Path, place: &Place) -> StoreError {
    let path = folder.to_owned();
    StoreError::Unreadable { path, reason: format!("its segment {} is missing", place.name()) }
}

/// Removes a segment's folder, if it is there, so that its bytes are gone when this returns.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => path.parent().map_or(Ok(()), sync_folders),
    }
}

/// Runs `work` on a folder of sled, which panics at some damages.
fn guarded<T>(path: &Path, work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| open_error(path, error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("its files make no sense");
            Err(StoreError::Unreadable { path: path.to_owned(), reason: text.to_owned() })
        }
    }
}

fn write_error(error: sled::Error) -> StoreError {
    StoreError::Write(error.to_string())
}
