use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::slot::{self, Contents, SLOT_BYTES, Slot};
use crate::folder::{create_private, replace_file};
use crate::group_commit::{Durable, GroupCommit};
use crate::{KeyError, KeyName, KeyStore, SecretKey};

/// Most keys of a file: half a gigabyte of it.
pub const KEYS: usize = 4 * 1024 * 1024;

/// The file grows by so many slots, which are written and synced before any is used.
const GROWTH: usize = 512;

/// What a key file begins with, in a slot's place.
const HEADER: &[u8] = b"waver keys, version 1\n";

/// Keys in one file, its owner's alone, each in a slot of fixed size.
///
/// A key is destroyed by overwriting its slot with zeros in place and syncing; the slot is used again only after that. Calls that come
/// together share a sync. A slot lies within one sector and is written at once; it carries a checksum all the same: one that a
/// crash left half written was never answered for and is cleared at the next start, and any other damage is refused.
///
/// "In place" is as true as the file system makes it: those that copy on write or take snapshots, and the spare blocks of a flash disk,
/// may keep what was overwritten.
#[derive(Debug)]
pub struct FileKeys(GroupCommit<KeyFile>);

#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    file: File,
    /// Where each key stands.
    slots: BTreeMap<KeyName, usize>,
    /// Slots that hold zeros, on disk too.
    free: Vec<usize>,
    /// Slots that hold zeros once they are synced.
    freed: Vec<usize>,
    /// Number of slots, the header's included.
    end: usize,
    /// Whether anything was written since the last sync, and whether that failed.
    unsynced: Result<bool, KeyError>,
}

impl FileKeys {
    /// Opens the key file at `path`, which is made if it is missing, with its folder. One process at a time may do so.
    ///
    /// # Errors
    /// [`KeyError::Open`] if the file or its folder cannot be read or made, or another process has it open; [`KeyError::NotKeys`] and
    /// [`KeyError::Damaged`] if it does not hold what was written.
    pub fn open(path: &Path) -> Result<FileKeys, KeyError> {
        let keys = KeyFile::open(path)?;
        GroupCommit::start(keys, "keys").map(FileKeys).map_err(|error| unusable(path, &error))
    }
}

impl KeyStore for FileKeys {
    async fn get(&self, name: &KeyName) -> Result<Option<SecretKey>, KeyError> {
        let name = name.clone();
        self.0.run(move |keys| keys.get(&name)).await
    }

    async fn get_or_create(&self, name: &KeyName, fresh: SecretKey) -> Result<SecretKey, KeyError> {
        let name = name.clone();
        self.0.run(move |keys| keys.get_or_create(name, fresh)).await
    }

    async fn get_or_create_all(&self, wanted: Vec<(KeyName, SecretKey)>) -> Result<Vec<SecretKey>, KeyError> {
        self.0.run(move |keys| wanted.into_iter().map(|(name, fresh)| keys.get_or_create(name, fresh)).collect()).await
    }

    async fn destroy(&self, name: &KeyName) -> Result<bool, KeyError> {
        let name = name.clone();
        self.0.run(move |keys| keys.destroy(&name)).await
    }

    async fn destroy_all(&self, names: Vec<KeyName>) -> Result<usize, KeyError> {
        self.0
            .run(move |keys| names.iter().try_fold(0, |count, name| Ok(count + usize::from(keys.destroy(name)?))))
            .await
    }

    async fn all(&self) -> Result<Vec<(KeyName, SecretKey)>, KeyError> {
        self.0
            .run(|keys| {
                let names: Vec<KeyName> = keys.slots.keys().cloned().collect();
                let found = names.into_iter().map(|name| Ok(keys.get(&name)?.map(|key| (name, key))));
                found.filter_map(Result::transpose).collect()
            })
            .await
    }

    async fn list(&self) -> Result<Vec<KeyName>, KeyError> {
        self.0.run(|keys| Ok(keys.names())).await
    }
}

impl KeyFile {
    pub(super) fn open(path: &Path) -> Result<KeyFile, KeyError> {
        let failed = |error: io::Error| unusable(path, &error);
        if !path.try_exists().map_err(failed)? {
            let folder = path.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
            create_private(folder).and_then(|()| replace_file(path, &header())).map_err(failed)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        fs2::FileExt::try_lock_exclusive(&file).map_err(failed)?;
        let end = 0;
        let (slots, free, freed) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut keys = KeyFile { path: path.to_owned(), file, slots, free, freed, end, unsynced: Ok(false) };
        keys.load()?;
        keys.sync()?;
        Ok(keys)
    }

    /// Finds every key and clears what a crash left half written.
    fn load(&mut self) -> Result<(), KeyError> {
        let length = self.file.metadata().map_err(|error| unusable(&self.path, &error))?.len();
        self.end = usize::try_from(length / SLOT_BYTES as u64).unwrap_or(usize::MAX);
        if self.end == 0 || *self.read(0)? != header() {
            return Err(KeyError::NotKeys { path: self.path.clone() });
        }
        // The lowest slots are used first.
        for number in (1..self.end).rev() {
            match slot::contents(number, &*self.read(number)?) {
                Contents::Free => self.free.push(number),
                Contents::Key(name, _) => {
                    if self.slots.insert(name, number).is_some() {
                        return Err(self.damaged(number));
                    }
                }
                Contents::Torn => self.clear(number)?,
                Contents::Damaged => return Err(self.damaged(number)),
            }
        }
        self.finish_growth()
    }

    /// A crash leaves less than it should have grown by, with no key in it; a file that was cut has lost some.
    fn finish_growth(&mut self) -> Result<(), KeyError> {
        let grown_to = self.end - (self.end - 1) % GROWTH;
        if grown_to == self.end {
            return Ok(());
        }
        if self.slots.values().any(|number| *number >= grown_to) {
            return Err(KeyError::Cut { path: self.path.clone() });
        }
        self.free.retain(|number| *number < grown_to);
        self.freed.retain(|number| *number < grown_to);
        self.end = grown_to;
        self.grow()
    }

    pub(super) fn names(&self) -> Vec<KeyName> {
        self.slots.keys().cloned().collect()
    }

    fn get(&mut self, name: &KeyName) -> Result<Option<SecretKey>, KeyError> {
        let Some(&number) = self.slots.get(name) else { return Ok(None) };
        match slot::contents(number, &*self.read(number)?) {
            Contents::Key(found, key) if found == *name => Ok(Some(key)),
            _ => Err(self.damaged(number)),
        }
    }

    fn get_or_create(&mut self, name: KeyName, fresh: SecretKey) -> Result<SecretKey, KeyError> {
        match self.get(&name)? {
            Some(key) => Ok(key),
            None => self.create(name, &fresh).map(|()| fresh),
        }
    }

    fn create(&mut self, name: KeyName, key: &SecretKey) -> Result<(), KeyError> {
        if self.slots.len() >= KEYS {
            return Err(KeyError::Full);
        }
        if self.free.is_empty() {
            self.grow()?;
        }
        let number = self.free.pop().ok_or(KeyError::Full)?;
        self.write(number, &slot::bytes(number, &name, key))?;
        self.slots.insert(name, number);
        Ok(())
    }

    fn destroy(&mut self, name: &KeyName) -> Result<bool, KeyError> {
        let Some(number) = self.slots.remove(name) else { return Ok(false) };
        self.clear(number)?;
        Ok(true)
    }

    fn clear(&mut self, number: usize) -> Result<(), KeyError> {
        self.freed.push(number);
        self.write(number, &[0; SLOT_BYTES])
    }

    /// Zeros are written out, not left as a hole, so that the slots have their place on the disk before they are used.
    fn grow(&mut self) -> Result<(), KeyError> {
        let first = self.end;
        let zeros = vec![0; GROWTH * SLOT_BYTES];
        let grown = self.seek(first).and_then(|()| self.file.write_all(&zeros)).and_then(|()| self.file.sync_all());
        self.keep(grown)?;
        self.end += GROWTH;
        self.free.splice(0..0, (first..self.end).rev());
        Ok(())
    }

    fn read(&mut self, number: usize) -> Result<Zeroizing<Slot>, KeyError> {
        let mut slot = Zeroizing::new([0; SLOT_BYTES]);
        let read = self.seek(number).and_then(|()| self.file.read_exact(&mut *slot));
        read.map(|()| slot).map_err(|error| KeyError::Read(error.to_string()))
    }

    fn write(&mut self, number: usize, slot: &Slot) -> Result<(), KeyError> {
        let written = self.seek(number).and_then(|()| self.file.write_all(slot));
        self.keep(written)
    }

    /// Remembers that there is something to sync, or that it failed.
    fn keep(&mut self, written: io::Result<()>) -> Result<(), KeyError> {
        let written = written.map_err(|error| KeyError::Write(error.to_string()));
        self.unsynced = self.unsynced.clone().and(written.clone().map(|()| true));
        written
    }

    fn seek(&mut self, number: usize) -> io::Result<()> {
        self.file.seek(SeekFrom::Start((number * SLOT_BYTES) as u64)).map(drop)
    }

    fn damaged(&self, number: usize) -> KeyError {
        KeyError::Damaged { path: self.path.clone(), offset: (number * SLOT_BYTES) as u64, bytes: SLOT_BYTES }
    }
}

impl Durable for KeyFile {
    type Error = KeyError;

    fn sync(&mut self) -> Result<(), KeyError> {
        if std::mem::replace(&mut self.unsynced, Ok(false))? {
            self.file.sync_data().map_err(|error| KeyError::Write(error.to_string()))?;
        }
        self.free.append(&mut self.freed);
        Ok(())
    }

    fn broken() -> KeyError {
        KeyError::Broken
    }
}

pub(super) fn header() -> Slot {
    let mut header = [0; SLOT_BYTES];
    header[..HEADER.len()].copy_from_slice(HEADER);
    header
}

fn unusable(path: &Path, error: &io::Error) -> KeyError {
    KeyError::Open { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a crash could leave a slot that is half of one key and half of another, which is no tear that a start clears.
    #[test]
    fn a_slot_is_used_again_only_after_its_zeros_are_synced() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut keys = KeyFile::open(&folder.path().join("keys/sessions.keys")).expect("opens");
        let [a, b, c] = [b"a", b"b", b"c"].map(|name| KeyName::new(name).expect("short"));
        let key = SecretKey::from_bytes([7; 32]);
        keys.create(a.clone(), &key).expect("creates");
        keys.sync().expect("syncs");
        let slot = keys.slots[&a];
        assert_eq!(keys.destroy(&a), Ok(true));
        keys.create(b.clone(), &key).expect("creates");
        assert_ne!(keys.slots[&b], slot);
        keys.sync().expect("syncs");
        keys.create(c.clone(), &key).expect("creates");
        assert_eq!(keys.slots[&c], slot);
    }
}
