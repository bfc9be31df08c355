use std::fs::File;
use std::path::Path;

use super::LedgerError;
use super::embedded::Embedded;
use super::rows::{Rows, Write};
use crate::StoreError;
use crate::folder::{create_private, open_error, sync_folders};
use crate::group_commit::{Durable, GroupCommit};

/// sled keeps this much of its pages in memory.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The ledger in a folder, on sled.
///
/// An operation is one atomic batch; those that come together share a flush, which includes the `fdatasync` that sled 0.34.7 leaves
/// out (see [`crate::SledLog`]). Rows whose time is over are removed with the operations that follow. Their bytes stay readable in
/// sled's file until it writes over them: pseudonyms, ids and times, no payload.
#[derive(Debug)]
pub struct SledLedger(GroupCommit<SledRows>);

#[derive(Debug)]
struct SledRows {
    rows: sled::Tree,
    /// sled's own file, opened once more to be synced.
    file: File,
    /// Whether anything was written since the last sync, and whether that failed.
    unsynced: Result<bool, LedgerError>,
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
        let db = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None) // every group flushes by itself
            .open()
            .map_err(failed)?;
        let rows = db.open_tree("ledger").map_err(failed)?;
        rows.flush().map_err(failed)?;
        let file = File::options().write(true).open(folder.join("db")).map_err(unusable)?;
        file.sync_all().and_then(|()| sync_folders(folder)).map_err(unusable)?;
        let rows = SledRows { rows, file, unsynced: Ok(false) };
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
        if std::mem::replace(&mut self.unsynced, Ok(false))? {
            self.rows.flush().map_err(|error| LedgerError::Write(error.to_string()))?;
            self.file.sync_data().map_err(|error| LedgerError::Write(error.to_string()))?;
        }
        Ok(())
    }

    fn broken() -> LedgerError {
        LedgerError::Broken
    }
}

impl Rows for SledRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.rows.get(key).map_err(unreadable)?.map(|row| row.to_vec()))
    }

    fn keys(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<Vec<u8>>, LedgerError> {
        let keys = self.rows.range(from..to).keys().take(most);
        keys.map(|key| Ok(key.map_err(unreadable)?.to_vec())).collect()
    }

    fn write(&mut self, writes: Vec<Write>) -> Result<(), LedgerError> {
        let mut batch = sled::Batch::default();
        for (key, row) in writes {
            match row {
                Some(row) => batch.insert(key, row),
                None => batch.remove(key),
            }
        }
        let written = self.rows.apply_batch(batch).map_err(|error| LedgerError::Write(error.to_string()));
        self.unsynced = self.unsynced.clone().and(written.clone().map(|()| true));
        written
    }
}

fn unreadable(error: sled::Error) -> LedgerError {
    LedgerError::Damaged(error.to_string())
}
