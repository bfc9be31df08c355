//! What an erasure does beside the state: keys are destroyed, a tombstone stands beside the keys, a receipt is kept.
//!
//! The order is that of safety: the record is in the log, then the keys go, then the receipt is written, then the state changes, then the answer
//! is sent. Whatever a crash leaves undone the next start does: it finds the record in the log, and every step may be done twice.
//!
//! Tombstones stand beside the keys and not only in the state, so that a backup from before an erasure, restored, has it applied again before
//! it serves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures_util::future::try_join_all;
use waver_schema::{ErasureId, LogChain, LogPoint, LogProof, Receipt, ReceiptKey, SiteKey, WIRE_VERSION};
use waver_store::{
    EmbeddedState, EventLog, FileKeys, KeptReceipt, Key, KeyError, KeyName, KeyStore, Pseudonym, Receipts, SecretKey,
    StateStore, StoreError,
};

use crate::committer::Replayed;
use crate::entry::{Entry, ErasureEntry, Found};
use crate::host::Host;
use crate::keyring::Keyring;
use crate::pipeline::{Candidates, Erased, Group, Room, Sender, letter_keys, letters_key};
use crate::receipt::{STATEMENT, Signer};
use crate::site::{SiteIndex, Sites};
use crate::state::Tombstone;

/// The file of these keys, in their folder.
pub(crate) const FILE: &str = "erasures.keys";
/// Receipts are kept for three years: as long as a claim can be made in most of the Union's countries.
pub(crate) const RECEIPT_MS: u64 = 3 * 365 * 24 * 60 * 60 * 1000;

/// How many are carried out together.
const AT_ONCE: usize = 100;

const SIGNING: &[u8] = b"receipts/signing";
const NAMING: &[u8] = b"erasures/naming";
/// What the names of tombstones begin with; then the 16 bytes of the pseudonym, then the site.
const TOMBSTONE: &[u8] = b"gone/";

/// See the module.
#[derive(Debug)]
pub(crate) struct Erasures {
    keys: FileKeys,
    receipts: Receipts,
    signer: Signer,
    naming: SecretKey,
    keyring: Arc<Keyring>,
}

/// Why erasures cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErasureError {
    /// The key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The receipts.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A receipt that has no form in bytes.
    #[error("a receipt cannot be written as JSON: {0}")]
    Receipt(#[from] serde_json::Error),
}

impl Erasures {
    /// Opens the key file in `keys` for this process alone, and keeps receipts in `receipts`.
    ///
    /// # Errors
    /// [`ErasureError`].
    pub(crate) async fn open(
        keys: &Path,
        receipts: Receipts,
        keyring: Arc<Keyring>,
        host: &Host,
    ) -> Result<Erasures, ErasureError> {
        let keys = FileKeys::open(&keys.join(FILE))?;
        let fresh = || SecretKey::from_bytes(host.random());
        let signing = keys.get_or_create(&KeyName::new(SIGNING)?, fresh()).await?;
        let naming = keys.get_or_create(&KeyName::new(NAMING)?, fresh()).await?;
        Ok(Erasures { keys, receipts, signer: Signer::new(&signing), naming, keyring })
    }

    /// Who signs receipts.
    pub(crate) fn key(&self) -> ReceiptKey {
        self.signer.key()
    }

    /// The name of the erasure of the session of this pseudonym: whoever has only the session's id cannot come upon it.
    pub(crate) fn name(&self, site: &SiteKey, pseudonym: &Pseudonym) -> ErasureId {
        let mut hasher = blake3::Hasher::new_keyed(self.naming.as_bytes());
        hasher.update(pseudonym.as_bytes()).update(site.as_str().as_bytes());
        let mut name = [0; 16];
        hasher.finalize_xof().fill(&mut name);
        ErasureId::from_bytes(name)
    }

    /// Does all of some erasures that is no part of the state. Each comes with the offset of its record; `after` is the log with them.
    ///
    /// # Errors
    /// [`ErasureError`]: some of it may be done. Do it again.
    pub(crate) async fn carry_out(&self, erased: &[(Erased, u64)], after: LogPoint) -> Result<(), ErasureError> {
        let mut tombstones = Vec::new();
        for (erased, _) in erased {
            let key = tombstone_key(&Tombstone { erasure: erased.erasure, erased_at: erased.erased_at });
            for pseudonym in &erased.pseudonyms {
                tombstones.push((tombstone_name(&erased.site, pseudonym)?, key.clone()));
            }
        }
        // Together, so that they share a sync.
        try_join_all(tombstones.into_iter().map(async |(name, key)| self.keys.get_or_create(&name, key).await)).await?;
        let sessions =
            erased.iter().flat_map(|(erased, _)| erased.pseudonyms.iter().map(|who| (erased.site.clone(), *who)));
        self.keyring.destroy(sessions.collect()).await?;
        let receipts = erased.iter().map(|(erased, record)| self.receipt_of(erased, *record, after));
        self.receipts.keep(receipts.collect::<Result<_, serde_json::Error>>()?).await?;
        Ok(())
    }

    fn receipt_of(&self, erased: &Erased, record: u64, after: LogPoint) -> Result<KeptReceipt, serde_json::Error> {
        let receipt = Receipt {
            classes: erased.told.classes.clone(),
            erased_at: erased.erased_at,
            erasure: erased.erasure,
            key: self.signer.key().key,
            keys_destroyed: erased.told.keys,
            log: LogProof { after, before: erased.told.before, record },
            nonce: erased.told.nonce,
            records: erased.told.records,
            site: erased.site.clone(),
            statement: STATEMENT.to_owned(),
            v: WIRE_VERSION,
        };
        let text = serde_json::to_vec(&self.signer.sign(receipt)?)?;
        Ok(KeptReceipt { name: *erased.erasure.as_bytes(), until: erased.erased_at + RECEIPT_MS, text })
    }

    /// The receipt of an erasure, as JSON.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub(crate) async fn receipt(&self, erasure: &ErasureId) -> Result<Option<Vec<u8>>, StoreError> {
        self.receipts.get(*erasure.as_bytes()).await
    }

    /// The tombstones that stand beside the keys, of any site.
    ///
    /// # Errors
    /// [`KeyError`].
    pub(crate) async fn tombstones(&self) -> Result<Vec<(SiteKey, Pseudonym, Tombstone)>, KeyError> {
        let mut tombstones = Vec::new();
        for name in self.keys.list().await? {
            let Some((site, pseudonym)) = read_tombstone_name(&name) else { continue };
            if let Some(key) = self.keys.get(&name).await? {
                tombstones.push((site, pseudonym, read_tombstone_key(&key)));
            }
        }
        Ok(tombstones)
    }

    /// Lets go of tombstones and receipts whose time is over at `now` (Unix milliseconds).
    ///
    /// # Errors
    /// [`ErasureError`]: the rest goes next time.
    pub(crate) async fn forget_over(&self, now: u64) -> Result<(), ErasureError> {
        for (site, pseudonym, tombstone) in self.tombstones().await? {
            if tombstone.is_over(now) {
                self.keys.destroy(&tombstone_name(&site, &pseudonym)?).await?;
            }
        }
        self.receipts.forget_over(now).await?;
        Ok(())
    }
}

#[cfg(test)]
impl Erasures {
    /// Erasures that are gone with the process.
    pub(crate) fn temporary(keyring: Arc<Keyring>) -> Erasures {
        // The files stay open after their folder went.
        let folder = tempfile::tempdir().expect("a folder");
        let keys = FileKeys::open(&folder.path().join(FILE)).expect("opens");
        let secret = SecretKey::from_bytes([7; 32]);
        let signer = Signer::new(&secret);
        Erasures { keys, receipts: Receipts::temporary().expect("opens"), signer, naming: secret, keyring }
    }
}

/// Erasures whose record was found behind the last snapshot: a crash may have left them undone in part.
#[derive(Debug, Default)]
pub(crate) struct Unfinished(BTreeMap<ErasureId, (Erased, u64)>);

impl Unfinished {
    /// Takes note of an entry of the log.
    pub(crate) fn see(&mut self, replayed: &Replayed<'_>, sites: &Sites) {
        let from = replayed.from;
        let Found::Entry(Entry::Erasure(ErasureEntry { erasure, told })) = replayed.found else { return };
        match (self.0.get_mut(erasure), told) {
            (Some((erased, _)), _) => erased.pseudonyms.push(from.pseudonym),
            (None, Some(told)) => {
                let erased = Erased {
                    erasure: *erasure,
                    site: sites.get(from.site).key.clone(),
                    pseudonyms: vec![from.pseudonym],
                    erased_at: from.received_at,
                    told: told.clone(),
                    number: 0,
                };
                self.0.insert(*erasure, (erased, replayed.offset));
            }
            // Done again for a backup; its receipt was written the first time.
            (None, None) => {}
        }
    }

    /// Does what may not have been done.
    ///
    /// # Errors
    /// [`ErasureError`].
    pub(crate) async fn carry_out(self, erasures: &Erasures, log: &impl EventLog) -> Result<(), ErasureError> {
        let erased: Vec<(Erased, u64)> = self.0.into_values().collect();
        for some in erased.chunks(AT_ONCE) {
            erasures.carry_out(some, log_point(log)).await?;
        }
        Ok(())
    }
}

/// Erases once more what tombstones beside the keys name and the state does not know to be erased: it was restored from a backup of before.
/// To be called before anything is served.
///
/// # Errors
/// [`ErasureError`].
pub(crate) async fn erase_again<L: EventLog>(
    erasures: &Erasures,
    log: &L,
    state: &EmbeddedState,
    sites: &Sites,
    host: &Host,
) -> Result<(), ErasureError> {
    let now = host.now().max(state.clock());
    let missing = erasures.tombstones().await?.into_iter().filter_map(|(site, pseudonym, tombstone)| {
        let site = sites.find(&site)?;
        let is_there = state.row(Key::Tombstone(site.number(), pseudonym)).is_some();
        let from = Sender { site, pseudonym, epoch: None, received_at: now };
        (!tombstone.is_over(now) && !is_there).then_some((from, tombstone.erasure))
    });
    let missing: Vec<_> = missing.collect();
    for some in missing.chunks(AT_ONCE) {
        let keys: BTreeSet<Key> = some
            .iter()
            .flat_map(|(from, _)| Candidates::from(*from).keys().into_iter().chain(ring(from.site)))
            .collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let rows = state.load(&keys).await?;
        let mut group = Group::new(sites, keys.into_iter().zip(rows), now, Room::ENDLESS)?;
        for (from, erasure) in some {
            group.erase_again(*from, *erasure).map_err(|_| StoreError::Write("an erasure has no form".to_owned()))?;
        }
        let mut plan = group.finish()?;
        let records = erasures.keyring.seal(std::mem::take(&mut plan.records)).await?;
        let positions = log.append(&records).await?;
        let from = positions.first().map_or(log.end(), |position| position.offset);
        if !state.commit(plan.commit(from, log.end(), &positions)?).await? {
            return Err(StoreError::Write("somebody else writes to the state while it is made ready".to_owned()).into());
        }
    }
    let sessions = missing.iter().map(|(from, _)| (sites.get(from.site).key.clone(), from.pseudonym));
    erasures.keyring.destroy(sessions.collect()).await?;
    if !missing.is_empty() {
        tracing::warn!(
            sessions = missing.len(),
            "sessions that had been erased were in the state, and are erased again"
        );
    }
    Ok(())
}

/// The rows of a site's dead letters.
fn ring(site: SiteIndex) -> impl Iterator<Item = Key> {
    letter_keys(site).chain([letters_key(site)])
}

/// A point of the log.
pub(crate) fn log_point(log: &impl EventLog) -> LogPoint {
    LogPoint { chain: LogChain::from_bytes(log.chain()), offset: log.end() }
}

fn tombstone_name(site: &SiteKey, pseudonym: &Pseudonym) -> Result<KeyName, KeyError> {
    KeyName::new(&[TOMBSTONE, pseudonym.as_bytes(), site.as_str().as_bytes()].concat())
}

fn read_tombstone_name(name: &KeyName) -> Option<(SiteKey, Pseudonym)> {
    let (pseudonym, site) = name.as_bytes().strip_prefix(TOMBSTONE)?.split_first_chunk()?;
    let site = SiteKey::parse(std::str::from_utf8(site).ok()?).ok()?;
    Some((site, Pseudonym::from_bytes(*pseudonym)))
}

/// A tombstone in the place of a key: the erasure, the time, and zeros. No secret, but it lies where no backup takes it.
fn tombstone_key(tombstone: &Tombstone) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(tombstone.erasure.as_bytes());
    bytes[16..24].copy_from_slice(&tombstone.erased_at.to_be_bytes());
    SecretKey::from_bytes(bytes)
}

fn read_tombstone_key(key: &SecretKey) -> Tombstone {
    let bytes = key.as_bytes();
    let (mut erasure, mut erased_at) = ([0; 16], [0; 8]);
    erasure.copy_from_slice(&bytes[..16]);
    erased_at.copy_from_slice(&bytes[16..24]);
    Tombstone { erasure: ErasureId::from_bytes(erasure), erased_at: u64::from_be_bytes(erased_at) }
}
