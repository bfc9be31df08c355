//! That nothing of a ledger changes without a trace, and that a crash leaves nothing to repair.

use std::collections::BTreeSet;

use tempfile::TempDir;

use super::*;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const NOW: u64 = 1_800_000_000_000;

fn entry(number: u64, at: u64) -> LedgerEntry {
    LedgerEntry { at, offset: 10 * number, body: format!(r#"{{"kind":"grant","who":"{number:08x}"}}"#) }
}

/// A ledger in three segments: two entries, two, and three.
fn written() -> (TempDir, LedgerRoot) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = ConsentLedger::open(folder.path()).expect("opens");
    for (number, day) in (1..).zip([0, 1, 8, 9, 16, 16, 17]) {
        ledger.append(&[entry(number, NOW + day * DAY_MS)]).expect("appends");
    }
    let root = ledger.root();
    assert_eq!((root.entries, root.offset), (7, Some(70)));
    (folder, root)
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).expect("lists").map(|file| file.expect("lists").path()).collect();
    paths.sort();
    paths
}

/// What a verifier says of the ledger after `change` was made to one of its files, which is put right again.
fn changed(folder: &Path, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<LedgerRoot, BadLedger> {
    let before = fs::read(path).expect("reads");
    let mut bytes = before.clone();
    change(&mut bytes);
    assert_ne!(bytes, before, "nothing was changed");
    fs::write(path, bytes).expect("writes");
    let verified = read_ledger(folder, |_, _, _| Ok(()));
    fs::write(path, before).expect("writes");
    verified
}

#[test]
fn what_was_appended_is_read_again_in_its_order() {
    let (folder, root) = written();
    let mut read = Vec::new();
    let verified = read_ledger(folder.path(), |number, entry, _| {
        read.push((number, entry.clone()));
        Ok(())
    });
    assert_eq!(verified, Ok(root));
    let days = [0, 1, 8, 9, 16, 16, 17];
    let expected: Vec<_> = (1..).zip(days).map(|(number, day)| (number, entry(number, NOW + day * DAY_MS))).collect();
    assert_eq!(read, expected);
    assert_eq!(paths(folder.path()).len(), 4, "three segments and the head");
    assert_eq!(ConsentLedger::open(folder.path()).expect("opens").root(), root);
}

#[test]
fn no_byte_of_it_can_be_another() {
    let (folder, _) = written();
    for path in paths(folder.path()) {
        for place in 0..fs::metadata(&path).expect("there").len() as usize {
            // The next character, the same letter in the other case, and no character at all.
            for mask in [0x01, 0x20, 0x80] {
                let verified = changed(folder.path(), &path, |bytes| bytes[place] ^= mask);
                assert!(verified.is_err(), "byte {place} of {} with {mask:08b}", path.display());
            }
        }
    }
}

#[test]
fn no_entry_can_go_come_or_change_its_place() {
    let (folder, root) = written();
    for path in paths(folder.path()).iter().filter(|path| path.extension().is_some()) {
        let text = fs::read_to_string(path).expect("reads");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let first: u64 = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).expect("a number");
        for place in 0..lines.len() {
            let expect_bad = |entry: u64, what: &str, lines: Vec<&str>| {
                let bad = changed(folder.path(), path, |bytes| *bytes = lines.concat().into_bytes());
                let bad = bad.expect_err(&format!("{what}: line {place} of {}", path.display()));
                assert_eq!(bad.entry, entry, "{what}: line {place} of {}: {bad}", path.display());
            };
            // The header is the line before the first entry; what is wrong with it is told of that entry.
            let number = (first + place as u64).saturating_sub(1).max(first);
            let mut without = lines.clone();
            without.remove(place);
            let is_last_segment = first == 5;
            let cut = if is_last_segment { first } else { number };
            expect_bad(cut, "removed", without);
            if place + 1 < lines.len() {
                let mut swapped = lines.clone();
                swapped.swap(place, place + 1);
                expect_bad(number, "swapped", swapped);
            }
            // What is beyond the durable end is no part of the ledger, and so the last entry of all may stand there twice.
            if !(is_last_segment && place + 1 == lines.len()) {
                let mut doubled = lines.clone();
                doubled.insert(place, lines[place]);
                expect_bad(if place == 0 { first } else { number + 1 }, "doubled", doubled);
            }
        }
        fs::rename(path, path.with_extension("away")).expect("renames");
        assert!(read_ledger(folder.path(), |_, _, _| Ok(())).is_err(), "without {}", path.display());
        fs::rename(path.with_extension("away"), path).expect("renames");
    }
    assert_eq!(read_ledger(folder.path(), |_, _, _| Ok(())), Ok(root));
}

#[test]
fn an_end_that_was_rewritten_whole_has_another_root() {
    let (folder, root) = written();
    let other = tempfile::tempdir().expect("a folder");
    let mut ledger = ConsentLedger::open(other.path()).expect("opens");
    for (number, day) in (1..).zip([0, 1, 8, 9, 16, 16, 17]) {
        let mut entry = entry(number, NOW + day * DAY_MS);
        if number == 2 {
            entry.body = entry.body.replace("grant", "withdrawal");
        }
        ledger.append(&[entry]).expect("appends");
    }
    drop(folder);
    assert_eq!(ledger.root().entries, root.entries);
    assert_ne!(ledger.root().hash, root.hash, "whoever noted the root can tell");
}

#[test]
fn what_a_crash_leaves_behind_the_durable_end_is_cut_off() {
    let (folder, root) = written();
    let last = paths(folder.path()).into_iter().rfind(|path| path.extension().is_some()).expect("a segment");
    let whole = fs::read(&last).expect("reads");
    let next = lines::of_entry(root.hash, 8, &entry(8, NOW + 18 * DAY_MS)).0.into_bytes();
    let begun = folder.path().join(name(8));
    for rest in [&b"\0\0\0\0\n\0"[..], &next[..next.len() / 2], &next[..]] {
        fs::write(&last, [&whole[..], rest].concat()).expect("writes");
        fs::write(&begun, lines::header(root.hash)).expect("writes");
        assert_eq!(read_ledger(folder.path(), |_, _, _| Ok(())), Ok(root));
        let mut ledger = ConsentLedger::open(folder.path()).expect("opens");
        assert_eq!((ledger.root(), fs::read(&last).expect("reads"), begun.exists()), (root, whole.clone(), false));
        // The missing tail comes again from the log and gives the same ledger.
        let again = ledger.append(&[entry(8, NOW + 18 * DAY_MS)]).expect("appends");
        assert_eq!(read_ledger(folder.path(), |_, _, _| Ok(())), Ok(again));
        fs::write(
            folder.path().join(HEAD),
            lines::of_head(&Head { begin: 1, segment: 5, bytes: whole.len() as u64, root }),
        )
        .expect("writes");
    }
}

#[test]
fn a_ledger_that_is_not_what_was_written_is_not_written_on() {
    let (folder, _) = written();
    let last = paths(folder.path()).into_iter().rfind(|path| path.extension().is_some()).expect("a segment");
    for path in [folder.path().join(HEAD), last] {
        let whole = fs::read(&path).expect("reads");
        for change in [whole[..whole.len() - 10].to_vec(), whole.to_ascii_uppercase()] {
            fs::write(&path, change).expect("writes");
            let opened = ConsentLedger::open(folder.path());
            assert!(matches!(opened, Err(StoreError::Unreadable { .. })), "{opened:?}");
        }
        fs::write(&path, whole).expect("writes");
    }
    ConsentLedger::open(folder.path()).expect("opens");
}

#[test]
fn entries_out_of_order_or_of_more_than_a_line_are_refused() {
    for wrong in [
        entry(8, NOW),
        LedgerEntry { offset: 70, ..entry(8, NOW + 20 * DAY_MS) },
        LedgerEntry { body: "one\ntwo".to_owned(), ..entry(8, NOW + 20 * DAY_MS) },
        LedgerEntry { body: "x".repeat(LEDGER_BODY_BYTES + 1), ..entry(8, NOW + 20 * DAY_MS) },
    ] {
        let (folder, root) = written();
        let mut ledger = ConsentLedger::open(folder.path()).expect("opens");
        assert!(matches!(ledger.append(&[wrong]), Err(StoreError::Write(_))));
        assert!(matches!(ledger.append(&[entry(8, NOW + 20 * DAY_MS)]), Err(StoreError::Broken)));
        assert_eq!(ConsentLedger::open(folder.path()).expect("opens").root(), root);
    }
}

#[test]
fn pruning_leaves_a_chain_that_still_verifies_and_no_byte_of_what_went() {
    let (folder, root) = written();
    let mut ledger = ConsentLedger::open(folder.path()).expect("opens");
    let kept = |ledger: &mut ConsentLedger, day: u64| {
        let begin = ledger.prune(NOW + day * DAY_MS).expect("prunes");
        let mut numbers = BTreeSet::new();
        let verified = read_ledger(folder.path(), |number, _, _| {
            numbers.insert(number);
            Ok(())
        });
        assert_eq!(verified.expect("verifies").hash, root.hash);
        assert_eq!(numbers, (begin..=7).collect());
        begin
    };
    assert_eq!(kept(&mut ledger, 2), 1, "the first segment may end at the eighth day as far as anyone can tell");
    assert_eq!(kept(&mut ledger, 9), 3);
    assert_eq!(kept(&mut ledger, 17), 5);
    let mut ledger = ConsentLedger::open(folder.path()).expect("opens");
    assert_eq!(kept(&mut ledger, 40), 8);
    let left: Vec<Vec<u8>> = paths(folder.path()).iter().map(|path| fs::read(path).expect("reads")).collect();
    assert!(!left.concat().windows(5).any(|window| window == b"grant"));
    // And it goes on from where it was.
    let mut ledger = ConsentLedger::open(folder.path()).expect("opens");
    assert_eq!(ledger.root(), root);
    let next = ledger.append(&[entry(8, NOW + 41 * DAY_MS)]).expect("appends");
    assert_eq!(read_ledger(folder.path(), |_, _, _| Ok(())), Ok(next));
}
