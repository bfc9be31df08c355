//! The consent ledger of one site: who consented to what is shown by a chain of entries that cannot be altered without a trace.
//!
//! A folder holds segments of plain lines, `HASH NUMBER TIME OFFSET BODY`, and a file `head` that says how far they are durable. The hash is that
//! of the entry before and of the rest of the line, so that nobody changes, moves, adds or removes an entry without every hash behind it
//! being another one; the last hash is the ledger's root. Whoever noted a root (it is published and stands in receipts of erasure) can tell
//! later that the ledger up to there is still the same.
//!
//! The ledger follows from the log: entries name the offset of their record there. What a crash leaves behind `head` is cut off and written
//! again from the log. It grows at its end and is pruned, by whole segments, at its beginning; the next segment carries the hash on.

pub(crate) mod decoders;
mod lines;
mod read;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::folder::{create_private, replace_file, sync_folders};

pub use read::{BadLedger, read_ledger};

/// A segment is full at this size; the next entry begins another.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// A segment holds no more than this span, so that pruning by whole segments is never late by more.
const SEGMENT_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Most bytes of an entry's body. A consent record with all its readings takes about 4 KiB.
pub const LEDGER_BODY_BYTES: usize = 16 * 1024;

/// The hash of an entry and of everything before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LedgerHash([u8; 32]);

impl LedgerHash {
    /// What the first entry follows.
    pub const NOTHING: LedgerHash = LedgerHash([0; 32]);

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for LedgerHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LedgerHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerHash({self})")
    }
}

/// How far a ledger goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerRoot {
    /// Number of the last entry, and so how many there ever were; 0 for none.
    pub entries: u64,
    /// Its hash.
    pub hash: LedgerHash,
    /// Offset in the log of the record that it was made from.
    pub offset: Option<u64>,
}

impl LedgerRoot {
    /// Of a ledger without entries.
    pub const EMPTY: LedgerRoot = LedgerRoot { entries: 0, hash: LedgerHash::NOTHING, offset: None };
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// When, Unix milliseconds; never before the entry before.
    pub at: u64,
    /// Offset in the log of the record that it is made from; always behind that of the entry before.
    pub offset: u64,
    /// One line of text, at most [`LEDGER_BODY_BYTES`].
    pub body: String,
}

/// Where a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    /// Number of its first entry.
    first: u64,
    /// When that was, once there is one.
    at: Option<u64>,
}

/// How far the ledger is durable; the whole of the file `head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    /// First entry of the first segment that is kept.
    begin: u64,
    /// First entry of the last segment.
    segment: u64,
    /// Its length.
    bytes: u64,
    root: LedgerRoot,
}

/// The writer of a ledger. Everything blocks.
#[derive(Debug)]
pub struct ConsentLedger {
    folder: PathBuf,
    head: Head,
    /// Every segment, the last one being written.
    segments: Vec<Segment>,
    /// Time of the last entry.
    at: u64,
    file: File,
    /// After a failure nobody knows what is on disk.
    broken: bool,
}

impl ConsentLedger {
    /// Opens the ledger in `folder`, which is made if it is missing; cuts off what a crash left behind its durable end. The last segment is
    /// verified; [`read_ledger`] verifies all of them.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder cannot be used, [`StoreError::Unreadable`] if it does not hold what was written.
    pub fn open(folder: &Path) -> Result<ConsentLedger, StoreError> {
        let failed = |source| StoreError::Open { path: folder.to_owned(), source };
        create_private(folder).map_err(failed)?;
        let head = match fs::read(folder.join(HEAD)) {
            Ok(bytes) => lines::head(&bytes).ok_or_else(|| unreadable(folder, "its head is not what was written"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let head = begin(folder, 1, LedgerHash::NOTHING, LedgerRoot::EMPTY, 1).map_err(failed)?;
                replace_file(&folder.join(HEAD), lines::of_head(&head).as_bytes()).map_err(failed)?;
                head
            }
            Err(error) => return Err(failed(error)),
        };
        tidy(folder, &head).map_err(failed)?;
        let at = read::last_segment(folder, &head).map_err(|bad| unreadable(folder, &bad.to_string()))?;
        let file = OpenOptions::new().append(true).open(folder.join(name(head.segment))).map_err(failed)?;
        file.set_len(head.bytes).map_err(failed)?;
        let mut segments = Vec::new();
        for first in read::segments(folder).map_err(failed)? {
            segments.push(Segment { first, at: read::first_time(&folder.join(name(first))).map_err(failed)? });
        }
        Ok(ConsentLedger { folder: folder.to_owned(), head, segments, at, file, broken: false })
    }

    /// How far it goes.
    pub fn root(&self) -> LedgerRoot {
        self.head.root
    }

    /// Number of the oldest entry that is kept.
    pub fn begin(&self) -> u64 {
        self.head.begin
    }

    /// Appends entries, which are durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Write`]; after that, and for entries that are not in order or not one line, it must be opened anew.
    pub fn append(&mut self, entries: &[LedgerEntry]) -> Result<LedgerRoot, StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        self.broken = true;
        self.write(entries).map_err(|error| StoreError::Write(error.to_string()))?;
        self.broken = false;
        Ok(self.head.root)
    }

    fn write(&mut self, entries: &[LedgerEntry]) -> io::Result<()> {
        let mut text = String::new();
        for entry in entries {
            let root = self.head.root;
            let in_order = entry.at >= self.at && root.offset.is_none_or(|offset| entry.offset > offset);
            if !in_order || entry.body.len() > LEDGER_BODY_BYTES || entry.body.contains(['\n', '\r']) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            if self.is_past(entry.at, text.len()) {
                self.flush(&mut text)?;
                self.roll()?;
            }
            let number = root.entries + 1;
            let (line, hash) = lines::of_entry(root.hash, number, entry);
            text.push_str(&line);
            self.head.root = LedgerRoot { entries: number, hash, offset: Some(entry.offset) };
            self.at = entry.at;
            if let Some(last) = self.segments.last_mut() {
                last.at.get_or_insert(entry.at);
            }
        }
        self.flush(&mut text)?;
        replace_file(&self.folder.join(HEAD), lines::of_head(&self.head).as_bytes())
    }

    /// Whether the last segment is full, with `pending` bytes that it is about to get, or an entry at `at` is past its span.
    fn is_past(&self, at: u64, pending: usize) -> bool {
        let begun = self.segments.last().and_then(|segment| segment.at);
        let full = self.head.bytes + pending as u64 >= SEGMENT_BYTES;
        begun.is_some_and(|begun| full || at / SEGMENT_MS > begun / SEGMENT_MS)
    }

    fn flush(&mut self, text: &mut String) -> io::Result<()> {
        if !text.is_empty() {
            self.file.write_all(text.as_bytes())?;
            self.file.sync_data()?;
            self.head.bytes += text.len() as u64;
            text.clear();
        }
        Ok(())
    }

    /// Begins another segment.
    fn roll(&mut self) -> io::Result<()> {
        let root = self.head.root;
        self.head = begin(&self.folder, root.entries + 1, root.hash, root, self.head.begin)?;
        self.file = OpenOptions::new().append(true).open(self.folder.join(name(self.head.segment)))?;
        self.segments.push(Segment { first: self.head.segment, at: None });
        Ok(())
    }

    /// Removes the segments of which every entry is older than `before`; gives the number of the oldest entry that is kept.
    ///
    /// # Errors
    /// [`StoreError::Write`]; it must then be opened anew.
    pub fn prune(&mut self, before: u64) -> Result<u64, StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        self.broken = true;
        self.drop_before(before).map_err(|error| StoreError::Write(error.to_string()))?;
        self.broken = false;
        Ok(self.head.begin)
    }

    fn drop_before(&mut self, before: u64) -> io::Result<()> {
        if self.at < before && self.segments.last().is_some_and(|last| last.at.is_some()) {
            self.roll()?;
        }
        // No entry of a segment is younger than the first of the next one.
        let is_over = |next: &&Segment| next.at.unwrap_or(self.at) < before;
        let old = self.segments.iter().skip(1).take_while(is_over).count();
        if old == 0 {
            return Ok(());
        }
        self.segments.drain(..old);
        self.head.begin = self.segments.first().map_or(self.head.segment, |segment| segment.first);
        replace_file(&self.folder.join(HEAD), lines::of_head(&self.head).as_bytes())?;
        tidy(&self.folder, &self.head)
    }
}

/// The file that says how far the ledger is durable.
const HEAD: &str = "head";

fn name(first: u64) -> String {
    format!("{first:020}.ledger")
}

fn unreadable(folder: &Path, reason: &str) -> StoreError {
    StoreError::Unreadable { path: folder.to_owned(), reason: reason.to_owned() }
}

/// Makes an empty segment.
fn begin(folder: &Path, first: u64, after: LedgerHash, root: LedgerRoot, oldest: u64) -> io::Result<Head> {
    let header = lines::header(after);
    let mut file = File::create(folder.join(name(first)))?;
    file.write_all(header.as_bytes())?;
    file.sync_all()?;
    sync_folders(folder)?;
    Ok(Head { begin: oldest, segment: first, bytes: header.len() as u64, root })
}

/// Removes segments that the head does not know: pruned ones, and one that was begun when a crash came.
fn tidy(folder: &Path, head: &Head) -> io::Result<()> {
    for first in read::segments(folder)? {
        if first < head.begin || first > head.segment {
            fs::remove_file(folder.join(name(first)))?;
        }
    }
    sync_folders(folder)
}
