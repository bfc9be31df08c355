use waver_core::session::Change;
use waver_schema::SiteKey;

use super::Key;
use crate::StoreError;

/// How rows lie in a snapshot, and what of the aggregates goes with them. The collector's keyring seals; the store knows no keys.
pub trait RowSeal: Send + Sync {
    /// The row as it is to lie in a snapshot. `None` leaves it out, which is right for what nobody could open.
    ///
    /// # Errors
    /// [`StoreError::Write`] or [`StoreError::Snapshot`] for a row that is not what its key says.
    fn seal(&self, site: &SiteKey, key: &Key, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The row as it was; `None` if its key is gone, and with it all that it was.
    ///
    /// # Errors
    /// [`StoreError::Snapshot`] for what was not sealed like this.
    fn open(&self, site: &SiteKey, key: &Key, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// What the row's session has added to the aggregates and takes with it when it is erased.
    ///
    /// # Errors
    /// [`StoreError::Snapshot`] for a row that is not what its key says.
    fn share(&self, key: &Key, bytes: &[u8]) -> Result<Vec<Change>, StoreError>;
}

/// Rows as they are, without shares: for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainRows;

impl RowSeal for PlainRows {
    fn seal(&self, _: &SiteKey, _: &Key, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Some(bytes.to_vec()))
    }

    fn open(&self, _: &SiteKey, _: &Key, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Some(bytes.to_vec()))
    }

    fn share(&self, _: &Key, _: &[u8]) -> Result<Vec<Change>, StoreError> {
        Ok(Vec::new())
    }
}
