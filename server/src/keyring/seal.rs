//! Sealing of what is derived from behaviour: XChaCha20-Poly1305 under a key of one session, with random nonces of 192 bits, which never
//! meet.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use waver_schema::SiteKey;
use waver_store::{DecodeError, Pseudonym, Record, SecretKey, StoreError};

use super::{EpochNumber, Keyring, OfSite, Vault};
use crate::outcome::Outcomes;

/// Bytes that sealing adds to a payload at most: nonce, tag, the lengths of three strings, and what stays readable: counts by one of a dozen
/// names.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + 16 + 8 + 256;
const NONCE_BYTES: usize = 24;

/// What stays readable of a sealed record, so that the books and the ring of dead letters follow from the log after the rest is erased.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Readable {
    /// What became of the events of a batch.
    pub(crate) outcomes: Option<Outcomes>,
    /// How many dead letters there are.
    pub(crate) letters: u8,
}

/// A record before it is sealed.
#[derive(Debug, Clone)]
pub(crate) struct Unsealed {
    /// With the payload as it is.
    pub(crate) record: Record,
    /// The epoch of its session, which gets a key if it has none yet; `None` for a session that needs none any more.
    pub(crate) epoch: Option<EpochNumber>,
    /// What stays readable.
    pub(crate) readable: Readable,
}

/// What was found in a record.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The record with its payload as it was before it was sealed.
    Record(Record),
    /// Its key is gone. This is left.
    Erased(Readable),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Sealed<'a> {
    #[serde(borrow, with = "serde_bytes")]
    readable: &'a [u8],
    nonce: [u8; NONCE_BYTES],
    #[serde(borrow, with = "serde_bytes")]
    bytes: &'a [u8],
}

/// What a seal is bound to beside its key: a payload under another envelope does not open.
pub(super) struct Bound<'a> {
    pub(super) site: &'a SiteKey,
    pub(super) pseudonym: &'a Pseudonym,
    /// Tells kinds of records and of rows apart.
    pub(super) kind: u8,
}

impl Bound<'_> {
    fn to_bytes(&self, readable: &[u8]) -> Vec<u8> {
        // Kind and pseudonym have a fixed length, and no site key holds a zero.
        [&[self.kind][..], self.pseudonym.as_bytes(), self.site.as_str().as_bytes(), &[0], readable].concat()
    }
}

impl Keyring {
    /// Seals what is to be sealed. The keys that this takes are on disk when it returns: sessions without one get theirs, all of them
    /// together.
    ///
    /// # Errors
    /// [`StoreError::Keys`], and [`StoreError::Write`] for what has no form in bytes.
    pub(crate) async fn seal(&self, records: Vec<Unsealed>) -> Result<Vec<Record>, StoreError> {
        for vault in Vault::ALL {
            let of_vault = |record: &Record| Vault::of(record.kind).unwrap_or(Vault::Behaviour) == vault;
            let sessions = records
                .iter()
                .filter(|unsealed| of_vault(&unsealed.record))
                .filter_map(|Unsealed { record, epoch, .. }| Some((&record.site, record.pseudonym, (*epoch)?)));
            self.begin(vault, sessions).await?;
        }
        let held = self.read();
        let none = OfSite::default();
        records
            .into_iter()
            .map(|Unsealed { mut record, readable, .. }| {
                let Some(vault) = Vault::of(record.kind) else { return Ok(record) };
                let of_site = held.get(&record.site).unwrap_or(&none);
                // A session whose epoch is over has ended. Should something of it come all the same, it is erased as soon as it is written.
                let found = of_site.data_key(vault, &record.pseudonym);
                let (epoch, key) = found.unwrap_or_else(|| (0, SecretKey::from_bytes(self.host.random())));
                let readable = crate::state::write(&readable)?;
                let bound = Bound { site: &record.site, pseudonym: &record.pseudonym, kind: record.kind as u8 };
                record.payload = self.close(&key, &bound, &readable, &record.payload)?;
                record.key_id = Some(epoch);
                Ok(record)
            })
            .collect()
    }

    /// Opens a record of the log. One that was never sealed is as it was.
    ///
    /// # Errors
    /// [`DecodeError::Damaged`] if it is not what was sealed.
    pub(crate) fn open_record(&self, record: Record) -> Result<Opened, DecodeError> {
        let (Some(vault), Some(epoch)) = (Vault::of(record.kind), record.key_id) else {
            return Ok(Opened::Record(record));
        };
        let sealed = read_sealed(&record.payload).ok_or(DecodeError::Damaged)?;
        let key = self.read().get(&record.site).and_then(|of_site| of_site.data_key(vault, &record.pseudonym));
        let Some(key) = key.filter(|(of, _)| *of == epoch).map(|(_, key)| key) else {
            self.count_erased();
            let readable = postcard::from_bytes(sealed.readable).map_err(|_| DecodeError::Damaged)?;
            return Ok(Opened::Erased(readable));
        };
        let bound = Bound { site: &record.site, pseudonym: &record.pseudonym, kind: record.kind as u8 };
        let payload = unseal(&key, &bound, &sealed).ok_or(DecodeError::Damaged)?;
        Ok(Opened::Record(Record { payload, key_id: None, ..record }))
    }

    /// # Errors
    /// [`StoreError::Write`], for more bytes than any payload has.
    pub(super) fn close(
        &self,
        key: &SecretKey,
        bound: &Bound<'_>,
        readable: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let nonce = self.host.random();
        let aad = bound.to_bytes(readable);
        let bytes = cipher(key)
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|error| StoreError::Write(format!("cannot be sealed: {error}")))?;
        crate::state::write(&Sealed { readable, nonce, bytes: &bytes })
    }
}

pub(super) fn read_sealed(bytes: &[u8]) -> Option<Sealed<'_>> {
    match postcard::take_from_bytes(bytes) {
        Ok((sealed, [])) => Some(sealed),
        _ => None,
    }
}

pub(super) fn unseal(key: &SecretKey, bound: &Bound<'_>, sealed: &Sealed<'_>) -> Option<Vec<u8>> {
    let aad = bound.to_bytes(sealed.readable);
    cipher(key).decrypt(&XNonce::from(sealed.nonce), Payload { msg: sealed.bytes, aad: &aad }).ok()
}

fn cipher(key: &SecretKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_bytes().into())
}

impl OfSite {
    /// The key of a session and the epoch that it is of; `None` if either half of it is gone.
    pub(super) fn data_key(&self, vault: Vault, pseudonym: &Pseudonym) -> Option<(EpochNumber, SecretKey)> {
        let (epoch, half) = self.sessions.of(vault).get(pseudonym)?;
        let other = self.epochs.get(epoch)?.seals.of(vault).as_ref()?;
        let mut hasher = blake3::Hasher::new_keyed(other.as_bytes());
        hasher.update(half.as_bytes());
        hasher.update(pseudonym.as_bytes());
        Some((*epoch, SecretKey::from_bytes(hasher.finalize().into())))
    }
}
