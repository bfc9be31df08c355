//! Rows of the state as snapshots and backups hold them: those of sessions, visitors and dead letters sealed, the others as they are.

use serde::{Deserialize, Serialize};
use waver_core::session::Change;
use waver_schema::SiteKey;
use waver_store::{Key, Pseudonym, RowSeal, StoreError};

use super::seal::{Bound, read_sealed, unseal};
use super::{EpochNumber, Keyring, Vault};
use crate::dead_letter::KeptLetter;
use crate::state::Session;

/// Kinds of rows, apart from those of records.
const SESSION: u8 = 0x80;
const LETTER: u8 = 0x81;
const VISITOR: u8 = 0x82;

#[derive(Serialize, Deserialize)]
struct SealedRow<'a> {
    /// Whose row it is: the key of a dead letter does not say.
    pseudonym: Pseudonym,
    epoch: EpochNumber,
    #[serde(borrow, with = "serde_bytes")]
    sealed: &'a [u8],
}

fn damaged() -> StoreError {
    StoreError::Snapshot { reason: "a row is not what was sealed".to_owned() }
}

impl RowSeal for Keyring {
    fn seal(&self, site: &SiteKey, key: &Key, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let (vault, pseudonym, kind) = match *key {
            Key::Session(_, pseudonym) => (Vault::Behaviour, pseudonym, SESSION),
            Key::Visitor(_, pseudonym) => (Vault::Visitors, pseudonym, VISITOR),
            Key::DeadLetter(..) => {
                let letter: KeptLetter = postcard::from_bytes(bytes).map_err(|_| damaged())?;
                (Vault::Letters, letter.pseudonym, LETTER)
            }
            _ => return Ok(Some(bytes.to_vec())),
        };
        let data_key = self.read().get(site).and_then(|of_site| of_site.data_key(vault, &pseudonym));
        let Some((epoch, data_key)) = data_key else { return Ok(None) };
        let bound = Bound { site, pseudonym: &pseudonym, kind };
        let sealed = self.close(&data_key, &bound, &[], bytes)?;
        crate::state::write(&SealedRow { pseudonym, epoch, sealed: &sealed }).map(Some)
    }

    fn open(&self, site: &SiteKey, key: &Key, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let (vault, kind) = match key {
            Key::Session(..) => (Vault::Behaviour, SESSION),
            Key::Visitor(..) => (Vault::Visitors, VISITOR),
            Key::DeadLetter(..) => (Vault::Letters, LETTER),
            _ => return Ok(Some(bytes.to_vec())),
        };
        let Ok((SealedRow { pseudonym, epoch, sealed }, [])) = postcard::take_from_bytes(bytes) else {
            return Err(damaged());
        };
        if matches!(key, Key::Session(_, of) | Key::Visitor(_, of) if *of != pseudonym) {
            return Err(damaged());
        }
        let data_key = self.read().get(site).and_then(|of_site| of_site.data_key(vault, &pseudonym));
        let Some((_, data_key)) = data_key.filter(|(of, _)| *of == epoch) else {
            self.count_erased();
            return Ok(None);
        };
        let sealed = read_sealed(sealed).ok_or_else(damaged)?;
        let bound = Bound { site, pseudonym: &pseudonym, kind };
        unseal(&data_key, &bound, &sealed).map(Some).ok_or_else(damaged)
    }

    fn share(&self, key: &Key, bytes: &[u8]) -> Result<Vec<Change>, StoreError> {
        match key {
            Key::Session(_, pseudonym) => Ok(Session::from_bytes(bytes)?.added(pseudonym.lot())),
            _ => Ok(Vec::new()),
        }
    }
}
