use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::StoreError;
use crate::folder::{create_private, open_error, open_sled, sync_folders};

/// sled keeps this much of its pages in memory.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;
/// How many receipts go at a time.
const SWEPT: usize = 1000;

/// A receipt as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReceipt {
    /// Its name.
    pub name: [u8; 16],
    /// Unix milliseconds from which on it may go.
    pub until: u64,
    /// What it says.
    pub text: Vec<u8>,
}

/// Receipts in a folder, on sled: written once, found by their names, kept for years. They are many and seldom read, so they are no part of the
/// state, which is in memory. They name nobody.
///
/// Clones share them.
#[derive(Debug, Clone)]
pub struct Receipts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    texts: sled::Tree,
    /// Names by the time until which they are kept.
    ends: sled::Tree,
    /// sled's own file, opened once more to be synced, which sled 0.34.7 leaves out (see [`crate::SledLog`]).
    file: Option<File>,
}

impl Receipts {
    /// Opens the receipts in `folder`, which is made if it is missing, for this process alone.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder cannot be made or written, [`StoreError::Locked`] if another process has it open,
    /// [`StoreError::Unreadable`] if what it holds cannot be read.
    pub fn open(folder: &Path) -> Result<Receipts, StoreError> {
        let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
        create_private(folder).map_err(unusable)?;
        let config = sled::Config::new().path(folder);
        let mut inner = Inner::open(config).map_err(|error| open_error(folder, error))?;
        let file = File::options().write(true).open(folder.join("db")).map_err(unusable)?;
        file.sync_all().and_then(|()| sync_folders(folder)).map_err(unusable)?;
        inner.file = Some(file);
        Ok(Receipts(Arc::new(inner)))
    }

    /// Receipts that are gone with the process, for tests.
    ///
    /// # Errors
    /// [`StoreError::Write`] if the system has no room for temporary files.
    pub fn temporary() -> Result<Receipts, StoreError> {
        let inner = Inner::open(sled::Config::new().temporary(true)).map_err(|error| failed(&error))?;
        Ok(Receipts(Arc::new(inner)))
    }

    /// Keeps receipts. They survive `kill -9` and power loss when this returns; those that are there already stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Write`]: some of them may be kept.
    pub async fn keep(&self, receipts: Vec<KeptReceipt>) -> Result<(), StoreError> {
        self.run(move |inner| {
            for KeptReceipt { name, until, text } in receipts {
                if inner.texts.contains_key(name)? {
                    continue;
                }
                // First the end: a receipt that nobody would let go of must not be.
                inner.ends.insert(end_key(until, &name), &[])?;
                inner.texts.insert(name, text)?;
            }
            inner.sync()
        })
        .await
    }

    /// The receipt of that name.
    ///
    /// # Errors
    /// [`StoreError::Write`] if sled cannot read its files.
    pub async fn get(&self, name: [u8; 16]) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(move |inner| Ok(inner.texts.get(name)?.map(|text| text.to_vec()))).await
    }

    /// Lets go of what is to be kept no longer at `now` (Unix milliseconds). Gives how many that were.
    ///
    /// # Errors
    /// [`StoreError::Write`]: some of it may be gone, and the rest goes next time.
    pub async fn forget_over(&self, now: u64) -> Result<usize, StoreError> {
        self.run(move |inner| {
            let mut gone = 0;
            loop {
                let over = inner.ends.range(..=end_key(now, &[0xff; 16])).keys().take(SWEPT);
                let over = over.collect::<sled::Result<Vec<_>>>()?;
                for key in &over {
                    inner.texts.remove(&key[8..])?;
                    inner.ends.remove(key)?;
                }
                gone += over.len();
                if over.len() < SWEPT {
                    return if gone == 0 { Ok(0) } else { inner.sync().map(|()| gone) };
                }
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Inner) -> sled::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        let done = spawn_blocking(move || step(&inner)).await;
        done.map_err(|error| StoreError::Write(error.to_string()))?.map_err(|error| failed(&error))
    }
}

impl Inner {
    fn open(config: sled::Config) -> sled::Result<Inner> {
        let db = open_sled(&config.cache_capacity(CACHE_BYTES).flush_every_ms(None))?;
        Ok(Inner { texts: db.open_tree("receipts")?, ends: db.open_tree("ends")?, file: None })
    }

    fn sync(&self) -> sled::Result<()> {
        self.texts.flush()?;
        self.file.as_ref().map_or(Ok(()), |file| Ok(file.sync_data()?))
    }
}

fn end_key(until: u64, name: &[u8; 16]) -> [u8; 24] {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&until.to_be_bytes());
    key[8..].copy_from_slice(name);
    key
}

fn failed(error: &sled::Error) -> StoreError {
    StoreError::Write(format!("the receipts: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(number: u8, until: u64, text: &str) -> KeptReceipt {
        KeptReceipt { name: [number; 16], until, text: text.as_bytes().to_vec() }
    }

    #[tokio::test]
    async fn receipts_are_found_after_a_start_and_go_at_their_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let receipts = Receipts::open(folder.path()).expect("opens");
        receipts.keep(vec![kept(1, 100, "one"), kept(2, 200, "two")]).await.expect("keeps");
        receipts.keep(vec![kept(1, 300, "another")]).await.expect("keeps");
        drop(receipts);
        let receipts = Receipts::open(folder.path()).expect("opens");
        assert_eq!(receipts.get([1; 16]).await.expect("reads"), Some(b"one".to_vec()), "the first one stays");
        assert_eq!(receipts.forget_over(99).await.expect("sweeps"), 0);
        assert_eq!(receipts.forget_over(100).await.expect("sweeps"), 1);
        assert_eq!(receipts.get([1; 16]).await.expect("reads"), None);
        assert_eq!(receipts.get([2; 16]).await.expect("reads"), Some(b"two".to_vec()));
    }
}
