//! The decoders of names and of what is sealed, for the fuzz targets alone.

use futures_util::FutureExt;
use waver_schema::SiteKey;
use waver_store::{DecodeError, Key, KeyName, MemoryKeys, Pseudonym, Record, RecordKind, RowSeal, StoreError};

use super::names::Name;
use super::seal::Readable;
use super::{Keyring, Opened, Unsealed};
use crate::config::Retention;
use crate::host::Host;

/// Some time.
const NOW: u64 = 1_800_000_000_000;

/// What is written for a name.
pub(crate) fn rewritten_name(name: &KeyName) -> Option<KeyName> {
    Name::parse(name)?.to_key_name().ok()
}

/// What seals and opens, for one session of one site.
#[derive(Debug)]
pub struct Seals {
    keyring: Keyring,
    site: SiteKey,
    pseudonym: Pseudonym,
    epoch: u32,
}

impl Default for Seals {
    fn default() -> Seals {
        Seals::new()
    }
}

impl Seals {
    /// With fresh keys in memory.
    ///
    /// # Panics
    /// Never: memory does not wait, and takes keys.
    pub fn new() -> Seals {
        let site = SiteKey::parse("demo").expect("a key");
        let host = Host::system().with_clock(|| NOW);
        let retention = Retention::default();
        let keyring = Keyring::over(MemoryKeys::new(), [(site.clone(), None)], &retention, host);
        let keyring = keyring.now_or_never().expect("memory does not wait").expect("keys");
        let epoch = keyring.current(&site).expect("an epoch is under way");
        Seals { keyring, site, pseudonym: Pseudonym::from_bytes([7; 16]), epoch }
    }

    /// A record of this session with that payload, as it is sealed.
    ///
    /// # Errors
    /// As sealing refuses it.
    pub fn sealed(&self, kind: RecordKind, payload: &[u8]) -> Result<Option<Record>, StoreError> {
        let record = Record {
            kind,
            site: self.site.clone(),
            pseudonym: self.pseudonym,
            received_at: NOW,
            key_id: None,
            payload: payload.to_vec(),
        };
        let unsealed = Unsealed { record, epoch: Some(self.epoch), readable: Readable::default() };
        let sealed = self.keyring.seal(vec![unsealed]).now_or_never().expect("memory does not wait")?;
        Ok(sealed.into_iter().next())
    }

    /// The payload of a record; `None` if its key is gone.
    ///
    /// # Errors
    /// As the log's reader refuses it.
    pub fn opened(&self, record: Record) -> Result<Option<Vec<u8>>, DecodeError> {
        match self.keyring.open_record(record)? {
            Opened::Record(record) => Ok(Some(record.payload)),
            Opened::Erased(_) => Ok(None),
        }
    }

    /// The row of this session, as a snapshot has it.
    ///
    /// # Errors
    /// As sealing refuses it.
    pub fn sealed_row(&self, row: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        RowSeal::seal(&self.keyring, &self.site, &self.row_key(), row)
    }

    /// The row of this session out of what a snapshot has; `None` if its key is gone.
    ///
    /// # Errors
    /// As the reader of snapshots refuses it.
    pub fn opened_row(&self, sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.keyring.open(&self.site, &self.row_key(), sealed)
    }

    fn row_key(&self) -> Key {
        Key::Session(0, self.pseudonym)
    }
}
