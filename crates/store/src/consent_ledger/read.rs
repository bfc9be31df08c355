//! Reading and verifying.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{HEAD, Head, LedgerEntry, LedgerHash, LedgerRoot, lines, name};

/// The first place where a ledger is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry} in {file}: {reason}")]
pub struct BadLedger {
    /// Number of the entry, or of the one that should be there.
    pub entry: u64,
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Where in a ledger a reader is.
struct Reader<'a> {
    folder: &'a Path,
    file: PathBuf,
    root: LedgerRoot,
    at: u64,
}

/// Verifies the ledger in `folder` from its first entry to its last, and hands each with its number and its hash to `take`, which may find
/// something wrong with it. Gives the root. What a crash left behind the durable end is no part of the ledger.
///
/// # Errors
/// [`BadLedger`] at the first entry that is not what was written, or that `take` refuses.
pub fn read_ledger(
    folder: &Path,
    mut take: impl FnMut(u64, &LedgerEntry, LedgerHash) -> Result<(), String>,
) -> Result<LedgerRoot, BadLedger> {
    let mut reader = Reader { folder, file: folder.join(HEAD), root: LedgerRoot::EMPTY, at: 0 };
    let head = fs::read(&reader.file).map_err(|error| reader.bad(error.to_string()))?;
    let head = lines::head(&head).ok_or_else(|| reader.bad("the head is not what was written"))?;
    let mut firsts = segments(folder).map_err(|error| reader.bad(error.to_string()))?;
    // One that was begun when a crash came is no part of it yet; one before the beginning should have gone with its pruning.
    firsts.retain(|first| *first <= head.segment);
    if firsts.first() != Some(&head.begin) || firsts.last() != Some(&head.segment) {
        return Err(reader.bad("a segment is missing, or one is there that was pruned"));
    }
    reader.root.entries = head.begin - 1;
    for (place, first) in firsts.iter().enumerate() {
        let limit = if *first == head.segment { head.bytes } else { u64::MAX };
        reader.segment(*first, place == 0, limit, &mut take)?;
    }
    reader.end(&head)?;
    Ok(reader.root)
}

/// Verifies the last segment alone; gives the time of its last entry, or that of the last entry of the segment before.
pub(super) fn last_segment(folder: &Path, head: &Head) -> Result<u64, BadLedger> {
    let mut reader = Reader { folder, file: folder.join(HEAD), root: LedgerRoot::EMPTY, at: 0 };
    reader.root.entries = head.segment.checked_sub(1).ok_or_else(|| reader.bad("the head is not what was written"))?;
    reader.segment(head.segment, true, head.bytes, &mut |_, _, _| Ok(()))?;
    reader.end(head)?;
    Ok(reader.at)
}

impl Reader<'_> {
    fn bad(&self, reason: impl Into<String>) -> BadLedger {
        BadLedger { entry: self.root.entries + 1, file: self.file.clone(), reason: reason.into() }
    }

    fn segment(
        &mut self,
        first: u64,
        is_first: bool,
        limit: u64,
        take: &mut impl FnMut(u64, &LedgerEntry, LedgerHash) -> Result<(), String>,
    ) -> Result<(), BadLedger> {
        self.file = self.folder.join(name(first));
        let file = File::open(&self.file).map_err(|error| self.bad(error.to_string()))?;
        let length = file.metadata().map_err(|error| self.bad(error.to_string()))?.len();
        if limit != u64::MAX && length < limit {
            return Err(self.bad("the segment is cut off"));
        }
        let mut bytes = BufReader::new(file).take(limit);
        let header = self.line(&mut bytes)?.ok_or_else(|| self.bad("the segment is cut off"))?;
        let after = lines::after(&header).ok_or_else(|| self.bad("the segment does not begin as it was written"))?;
        if first != self.root.entries + 1 {
            return Err(self.bad("entries are missing"));
        }
        // Only what follows pruned entries may follow something that is not there.
        if is_first && first > 1 {
            self.root.hash = after;
        } else if after != self.root.hash {
            return Err(self.bad("the segment does not follow from the one before"));
        }
        while let Some(line) = self.line(&mut bytes)? {
            let (number, entry, hash) = lines::entry(self.root.hash, &line).map_err(|reason| self.bad(reason))?;
            if number != self.root.entries + 1 {
                return Err(self.bad("it has another number"));
            }
            if entry.at < self.at || self.root.offset.is_some_and(|offset| entry.offset <= offset) {
                return Err(self.bad("it is older than the entry before"));
            }
            take(number, &entry, hash).map_err(|reason| self.bad(reason))?;
            self.at = entry.at;
            self.root = LedgerRoot { entries: number, hash, offset: Some(entry.offset) };
        }
        Ok(())
    }

    /// The next line, without its line feed.
    fn line(&self, bytes: &mut impl BufRead) -> Result<Option<String>, BadLedger> {
        let mut line = Vec::new();
        let failed = |error: io::Error| self.bad(error.to_string());
        bytes.take(lines::LINE_BYTES as u64 + 1).read_until(b'\n', &mut line).map_err(failed)?;
        match line.pop() {
            None => Ok(None),
            Some(b'\n') => String::from_utf8(line).map(Some).map_err(|_| self.bad("it is no text")),
            Some(_) => Err(self.bad("it is cut off, or no entry")),
        }
    }

    /// Compares what was found with what was durable.
    fn end(&self, head: &Head) -> Result<(), BadLedger> {
        if self.root.entries < head.root.entries {
            return Err(self.bad(format!("there were {} entries, and the others are gone", head.root.entries)));
        }
        // Where every entry was pruned, the head alone knows the last offset.
        let offset = self.root.offset.or(head.root.offset);
        if (LedgerRoot { offset, ..self.root }) != head.root || head.root.offset.is_some() != (head.root.entries > 0) {
            return Err(self.bad("the head says otherwise"));
        }
        Ok(())
    }
}

/// The first entries of all segments in `folder`, in order.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for file in fs::read_dir(folder)? {
        let found = file?.file_name();
        let number =
            found.to_str().and_then(|found| found.strip_suffix(".ledger")).and_then(|first| first.parse().ok());
        firsts.extend(number.filter(|first| found.to_str() == Some(name(*first).as_str())));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// When the first entry of a segment was, as far as the segment says so.
pub(super) fn first_time(path: &Path) -> io::Result<Option<u64>> {
    let mut bytes = BufReader::new(File::open(path)?).take(2 * lines::LINE_BYTES as u64);
    let (mut header, mut line) = (Vec::new(), Vec::new());
    bytes.read_until(b'\n', &mut header)?;
    bytes.read_until(b'\n', &mut line)?;
    let line = str::from_utf8(&line).unwrap_or_default();
    Ok(line.split(' ').nth(2).and_then(|at| at.parse().ok()))
}
