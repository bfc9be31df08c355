use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::chain::{CHECKSUM_BYTES, Checksum, checksum};

const CONTEXT: &str = "waver log witness v1";

/// A disk writes at least so much at once, so that a torn write spoils one slot only.
pub(super) const SLOT_BYTES: usize = 4096;

const SEEN_BYTES: usize = 8 + CHECKSUM_BYTES;

/// What was seen of the log: it reached `end`, and had this checksum there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) end: u64,
    pub(super) checksum: Checksum,
}

/// A file beside the segments that knows how far the log reached, so that a log that lost its end to damage cannot pass for a
/// shorter one.
///
/// It is written after a group is on disk and before the group is acknowledged, without an `fsync` of its own: it survives
/// `kill -9`, and after a power loss it may lag behind the log but never runs ahead of it. Two slots take turns.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    next: usize,
}

impl Witness {
    /// A new witness at `path`, on disk when this returns.
    pub(super) fn create(path: &Path, seen: Seen) -> io::Result<Witness> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        let mut witness = Witness { file, next: 0 };
        witness.file.set_len(2 * SLOT_BYTES as u64)?;
        witness.settle(seen)?;
        Ok(witness)
    }

    /// The witness at `path` and the last that it saw; `None` if neither slot can be read.
    pub(super) fn open(path: &Path) -> io::Result<Option<(Witness, Seen)>> {
        let mut file = File::options().read(true).write(true).open(path)?;
        let mut bytes = Vec::with_capacity(2 * SLOT_BYTES);
        Read::by_ref(&mut file).take(2 * SLOT_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(newest(&bytes).map(|(slot, seen)| (Witness { file, next: 1 - slot }, seen)))
    }

    /// Puts down what was seen.
    pub(super) fn see(&mut self, seen: Seen) -> io::Result<()> {
        self.file.seek(SeekFrom::Start((self.next * SLOT_BYTES) as u64))?;
        self.file.write_all(&encode(seen))?;
        self.next = 1 - self.next;
        Ok(())
    }

    /// Puts down what was seen in both slots, on disk when this returns.
    pub(super) fn settle(&mut self, seen: Seen) -> io::Result<()> {
        self.see(seen)?;
        self.see(seen)?;
        self.sync()
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The slot of a witness's file that says most, and what it says.
pub(super) fn newest(file: &[u8]) -> Option<(usize, Seen)> {
    let seen = file.chunks(SLOT_BYTES).enumerate().filter_map(|(slot, bytes)| Some((slot, decode(bytes)?)));
    seen.max_by_key(|(_, seen)| seen.end)
}

pub(super) fn encode(seen: Seen) -> Vec<u8> {
    let mut bytes = [&seen.end.to_be_bytes()[..], &seen.checksum].concat();
    bytes.extend(checksum(CONTEXT, &bytes));
    bytes
}

fn decode(slot: &[u8]) -> Option<Seen> {
    let (seen, rest) = slot.split_first_chunk::<SEEN_BYTES>()?;
    if !rest.starts_with(&checksum(CONTEXT, seen)) {
        return None;
    }
    let (end, checksum) = seen.split_first_chunk()?;
    Some(Seen { end: u64::from_be_bytes(*end), checksum: checksum.try_into().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(end: u8) -> Seen {
        Seen { end: u64::from(end), checksum: [end; CHECKSUM_BYTES] }
    }

    #[test]
    fn the_last_that_was_seen_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("witness");
        let mut witness = Witness::create(&path, seen(0)).expect("creates");
        for end in 1..6 {
            witness.see(seen(end)).expect("writes");
            assert_eq!(Witness::open(&path).expect("opens").map(|(_, seen)| seen), Some(seen(end)));
        }
    }

    #[test]
    fn a_spoilt_slot_leaves_the_one_before_and_two_leave_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("witness");
        let mut witness = Witness::create(&path, seen(0)).expect("creates");
        (1..3).for_each(|end| witness.see(seen(end)).expect("writes"));
        let whole = std::fs::read(&path).expect("reads");
        for at in 0..SEEN_BYTES + CHECKSUM_BYTES {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes[at + SLOT_BYTES] ^= 0;
            std::fs::write(&path, &bytes).expect("writes");
            assert_eq!(Witness::open(&path).expect("opens").map(|(_, seen)| seen), Some(seen(2)), "byte {at}");
            bytes[at + SLOT_BYTES] ^= 1;
            std::fs::write(&path, &bytes).expect("writes");
            assert!(Witness::open(&path).expect("opens").is_none(), "byte {at} of both");
        }
    }
}
