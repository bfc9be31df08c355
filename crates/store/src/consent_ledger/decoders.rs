//! The decoders of consent ledgers, for the fuzz targets alone.

use super::{LedgerEntry, LedgerHash, LedgerRoot, lines, name};
use crate::BadLedger;

/// The head of a ledger of a single segment, as it is written.
pub fn ledger_head(begin: u64, bytes: u64, root: LedgerRoot) -> String {
    lines::of_head(&super::Head { begin, segment: begin, bytes, root })
}

/// Whether `file` is a head.
pub fn is_ledger_head(file: &[u8]) -> bool {
    lines::head(file).is_some()
}

/// The first line of a segment that follows an entry of that hash.
pub fn ledger_header(after: LedgerHash) -> String {
    lines::header(after)
}

/// The line of an entry, and its hash.
pub fn ledger_line(before: LedgerHash, number: u64, entry: &LedgerEntry) -> (String, LedgerHash) {
    lines::of_entry(before, number, entry)
}

/// The name of the segment that begins with that entry.
pub fn ledger_segment(first: u64) -> String {
    name(first)
}

/// The time of the last entry of the ledger in `folder`, as opening it reads it.
///
/// # Errors
/// As opening refuses it; `None` if the head is none.
pub fn ledger_last_time(folder: &std::path::Path) -> Option<Result<u64, BadLedger>> {
    let head = lines::head(&std::fs::read(folder.join(super::HEAD)).ok()?)?;
    Some(super::read::last_segment(folder, &head))
}
