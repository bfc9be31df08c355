//! Consent ledgers: the head, and the lines of a segment.

use std::fs;
use std::path::Path;

use waver_store::decoders::{
    is_ledger_head, ledger_head, ledger_header, ledger_last_time, ledger_line, ledger_segment,
};
use waver_store::{LedgerEntry, LedgerHash, LedgerRoot, read_ledger};

use crate::disk::in_a_folder;

/// The first byte: whether what follows are the files as they are, head and segment with an empty line between, or what their lines say, to
/// be put into a whole chain.
pub(crate) fn run(bytes: &[u8]) {
    let Some((as_it_is, bytes)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    in_a_folder(|folder| {
        let folder = folder.join("demo");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        if as_it_is % 2 == 0 {
            files(&folder, text);
        } else {
            chain(&folder, text);
        }
        // However it came to be, what one reader takes the others take.
        let read = read_ledger(&folder, |_, _, _| Ok(()));
        let last = ledger_last_time(&folder);
        if read.is_ok() {
            assert!(last.is_some_and(|last| last.is_ok()), "{read:?}");
        }
        let verified = waver::decoders::verified_ledgers(&folder);
        assert!(read.is_ok() || verified.is_err(), "{read:?} and {verified:?}");
    });
}

fn files(folder: &Path, text: &str) {
    let (head, segment) = text.split_once("\n\n").unwrap_or((text, ""));
    let _ = is_ledger_head(head.as_bytes());
    fs::write(folder.join("head"), format!("{head}\n")).expect("a file");
    fs::write(folder.join(ledger_segment(1)), segment).expect("a file");
}

/// Each line is a time, an offset and a body; the first is the number before the first entry, and how much is cut off the end.
fn chain(folder: &Path, text: &str) {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let (before, cut) = first.split_once(' ').unwrap_or((first, "0"));
    let mut root = LedgerRoot { entries: before.parse().unwrap_or_default(), hash: LedgerHash::NOTHING, offset: None };
    let Some(begin) = root.entries.checked_add(1) else { return };
    let mut segment = ledger_header(root.hash);
    let mut in_order = true;
    let mut last = 0;
    for line in lines {
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().and_then(|number| number.parse().ok());
        let (Some(at), Some(offset)) = (next(), next()) else { break };
        let entry = LedgerEntry { at, offset, body: parts.next().unwrap_or_default().to_owned() };
        in_order &= at >= last && root.offset.is_none_or(|before| offset > before);
        last = at;
        let Some(number) = root.entries.checked_add(1) else { break };
        let (line, hash) = ledger_line(root.hash, number, &entry);
        segment.push_str(&line);
        root = LedgerRoot { entries: number, hash, offset: Some(offset) };
    }
    fs::write(folder.join("head"), ledger_head(begin, segment.len() as u64, root)).expect("a file");
    let whole = segment.len();
    segment.truncate(whole.saturating_sub(cut.parse().unwrap_or_default()).max(1));
    if !segment.is_char_boundary(segment.len()) {
        return;
    }
    let is_whole = segment.len() == whole;
    fs::write(folder.join(ledger_segment(begin)), segment).expect("a file");
    let read = read_ledger(folder, |_, _, _| Ok(()));
    let expected = is_whole && in_order && (root.entries >= begin || begin == 1);
    assert_eq!(read.as_ref().ok(), Some(&root).filter(|_| expected), "{read:?}");
}
