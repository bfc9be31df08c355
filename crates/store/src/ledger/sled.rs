use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::LedgerError;
use super::embedded::Embedded;
use super::rows::{Rows, Write};
use crate::StoreError;
use crate::folder::{create_private, open_error, open_sled, sync_folders};
use crate::group_commit::{Durable, GroupCommit};

/// sled keeps this much of its pages in memory.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The ledger in a folder, on sled.
///
/// Operations that come together are one atomic batch and share a flush, which includes the `fdatasync` that sled 0.34.7 leaves out (see
/// [`crate::SledLog`]). Rows whose time is over are removed with the operations that follow. Their bytes stay readable in
/// sled's file until it writes over them: pseudonyms, ids and times, no payload.
#[derive(Debug)]
pub struct SledLedger(GroupCommit<SledRows>);

#[derive(Debug)]
struct SledRows {
    rows: sled::Tree,
    /// sled's own file, opened once more to be synced.
    file: File,
    /// What is written with the next sync. A batch of its own for each operation would cost sled two small writes to the disk each.
    pending: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl SledLedger {
    /// Opens the ledger in `folder`, which is made if it is missing, for this process alone.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder cannot be made or written, [`StoreError::Locked`] if another process has it open,
    /// [`StoreError::Unreadable`] if what it holds cannot be read.
    pub fn open(folder: &Path) -> Result<SledLedger, StoreError> {
        let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
        create_private(folder).map_err(unusable)?;
        let failed = |error| open_error(folder, error);
        let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None); // every group flushes by itself
        let db = open_sled(&config).map_err(failed)?;
        let rows = db.open_tree("ledger").map_err(failed)?;
        rows.flush().map_err(failed)?;
        let file = File::options().write(true).open(folder.join("db")).map_err(unusable)?;
        file.sync_all().and_then(|()| sync_folders(folder)).map_err(unusable)?;
        let rows = SledRows { rows, file, pending: BTreeMap::new() };
        GroupCommit::start(rows, "ledger").map(SledLedger).map_err(unusable)
    }

    /// All it holds, as bytes.
    #[cfg(test)]
    pub(super) async fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = |sled: &mut SledRows| {
            let rows = sled.rows.iter().map(|row| row.map(|(key, row)| (key.to_vec(), row.to_vec())));
            rows.collect::<sled::Result<Vec<_>>>().map_err(unreadable)
        };
        self.0.run(rows).await.expect("reads")
    }
}

impl Embedded for SledLedger {
    async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut dyn Rows) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.0.run(|rows| step(rows)).await
    }
}

impl Durable for SledRows {
    type Error = LedgerError;

    fn sync(&mut self) -> Result<(), LedgerError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut batch = sled::Batch::default();
        for (key, row) in std::mem::take(&mut self.pending) {
            match row {
                Some(row) => batch.insert(key, row),
                None => batch.remove(key),
            }
        }
        let written = self.rows.apply_batch(batch).and_then(|()| self.rows.flush());
        written.and_then(|_| Ok(self.file.sync_data()?)).map_err(|error| LedgerError::Write(error.to_string()))
    }

    fn broken() -> LedgerError {
        LedgerError::Broken
    }
}

impl Rows for SledRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        match self.pending.get(key) {
            Some(row) => Ok(row.clone()),
            None => Ok(self.rows.get(key).map_err(unreadable)?.map(|row| row.to_vec())),
        }
    }

    fn keys(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<Vec<u8>>, LedgerError> {
        let stored = self.rows.range(from..to).keys();
        let stored = stored.filter(|key| !key.as_ref().is_ok_and(|key| self.pending.contains_key(&key[..])));
        let stored = stored.take(most).map(|key| Ok(key.map_err(unreadable)?.to_vec()));
        let pending = self.pending.range(from.to_vec()..to.to_vec());
        let pending = pending.filter(|(_, row)| row.is_some()).take(most).map(|(key, _)| Ok(key.clone()));
        let mut keys = stored.chain(pending).collect::<Result<Vec<_>, _>>()?;
        keys.sort_unstable();
        keys.truncate(most);
        Ok(keys)
    }

    fn write(&mut self, writes: Vec<Write>) {
        self.pending.extend(writes);
    }
}

fn unreadable(error: sled::Error) -> LedgerError {
    LedgerError::Damaged(error.to_string())
}
