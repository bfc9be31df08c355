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
use std::sync::atomic::{AtomicU64, Ordering};

use waver_schema::{ErasureId, LedgerChain, LogChain, LogPoint, LogProof, Receipt, ReceiptKey, SiteKey, WIRE_VERSION};
use waver_store::{
    EmbeddedState, EventLog, FileKeys, KeptReceipt, Key, KeyError, KeyName, KeyStore, LedgerRoot, Pseudonym, Receipts,
    SecretKey, StateStore, StoreError,
};

use crate::committer::Replayed;
use crate::consent_ledger::LedgerRoots;
use crate::entry::{Entry, ErasureEntry, Found};
use crate::host::Host;
use crate::keyring::Keyring;
use crate::pipeline::{Candidates, Erased, Group, Room, Sender, budgets_key, letter_keys, letters_key};
use crate::receipt::{PublishedRoot, STATEMENT, SignedRoot, Signer};
use crate::site::{SiteIndex, Sites};
use crate::state::Tombstone;

/// The file of these keys, in their folder.
pub(crate) const FILE: &str = "erasures.keys";
/// Receipts are kept for three years: as long as a claim can be made in most of the Union's countries.
pub(crate) const RECEIPT_MS: u64 = 3 * 365 * 24 * 60 * 60 * 1000;

/// How often old tombstones and receipts are let go of, milliseconds.
const SWEEP_PACE_MS: u64 = 60 * 60 * 1000;
/// How many are carried out together.
const AT_ONCE: usize = 100;

const SIGNING: &[u8] = b"receipts/signing";
const NAMING: &[u8] = b"erasures/naming";
const SHOP_NAMING: &[u8] = b"shop/naming";
/// What the names of tombstones begin with; then the 16 bytes of the pseudonym, then the site.
const TOMBSTONE: &[u8] = b"gone/";

/// See the module.
#[derive(Debug)]
pub(crate) struct Erasures {
    keys: FileKeys,
    receipts: Receipts,
    signer: Signer,
    naming: SecretKey,
    /// The key of the hashes of the shop's own names.
    shop_naming: SecretKey,
    keyring: Arc<Keyring>,
    roots: LedgerRoots,
    /// When old tombstones and receipts were last let go of, Unix milliseconds; 0 if that was before this start.
    swept_at: AtomicU64,
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
        roots: LedgerRoots,
        host: &Host,
    ) -> Result<Erasures, ErasureError> {
        let keys = FileKeys::open(&keys.join(FILE))?;
        let fresh = || SecretKey::from_bytes(host.random());
        let signing = keys.get_or_create(&KeyName::new(SIGNING)?, fresh()).await?;
        let naming = keys.get_or_create(&KeyName::new(NAMING)?, fresh()).await?;
        let shop_naming = keys.get_or_create(&KeyName::new(SHOP_NAMING)?, fresh()).await?;
        let signer = Signer::new(&signing);
        Ok(Erasures { keys, receipts, signer, naming, shop_naming, keyring, roots, swept_at: AtomicU64::new(0) })
    }

    /// Who signs, for tokens of grants.
    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The key of the hashes of the shop's own names.
    pub(crate) fn shop_naming(&self) -> &SecretKey {
        &self.shop_naming
    }

    /// Who signs receipts.
    pub(crate) fn key(&self) -> ReceiptKey {
        self.signer.key()
    }

    /// How far the consent ledger of `site` goes, signed `now` (Unix milliseconds).
    ///
    /// # Errors
    /// As [`Signer::sign_root`].
    pub(crate) fn signed_root(&self, site: &SiteKey, now: u64) -> Result<SignedRoot, serde_json::Error> {
        let LedgerRoot { entries, hash, offset } = self.roots.of(site);
        let (key, root) = (self.signer.key().key, LedgerChain::from_bytes(*hash.as_bytes()));
        self.signer.sign_root(PublishedRoot { entries, key, offset, root, signed_at: now, site: site.clone() })
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
        self.keys.get_or_create_all(tombstones).await?;
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
            ledger: Some(self.roots.point(&erased.site)),
            log: LogProof { after, before: erased.told.before, record },
            nonce: erased.told.nonce,
            records: erased.told.records,
            site: erased.site.clone(),
            statement: STATEMENT.to_owned(),
            v: WIRE_VERSION,
            visitor: erased.told.visitor,
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
        for (name, key) in self.keys.all().await? {
            if let Some((site, pseudonym)) = read_tombstone_name(&name) {
                tombstones.push((site, pseudonym, read_tombstone_key(&key)));
            }
        }
        Ok(tombstones)
    }

    /// Lets go of tombstones and receipts whose time is over at `now` (Unix milliseconds), once an hour: it reads every tombstone.
    ///
    /// # Errors
    /// [`ErasureError`]: the rest goes next time.
    pub(crate) async fn forget_over(&self, now: u64) -> Result<(), ErasureError> {
        let swept_at = self.swept_at.load(Ordering::Relaxed);
        if swept_at != 0 && now < swept_at + SWEEP_PACE_MS {
            return Ok(());
        }
        let over = self.tombstones().await?.into_iter().filter(|(.., tombstone)| tombstone.is_over(now));
        let over = over.map(|(site, pseudonym, _)| tombstone_name(&site, &pseudonym));
        self.keys.destroy_all(over.collect::<Result<_, KeyError>>()?).await?;
        self.receipts.forget_over(now).await?;
        self.swept_at.store(now, Ordering::Relaxed);
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
        Erasures {
            keys,
            receipts: Receipts::temporary().expect("opens"),
            signer,
            shop_naming: secret.clone(),
            naming: secret,
            keyring,
            roots: LedgerRoots::default(),
            swept_at: AtomicU64::new(0),
        }
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
            .flat_map(|(from, _)| {
                let more = [from.visitor_key(), budgets_key(from.site)];
                Candidates::from(*from).keys().into_iter().chain(more).chain(ring(from.site))
            })
            .collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let rows = state.load(&keys).await?;
        let mut group = Group::new(sites, keys.into_iter().zip(rows), now, Room::ENDLESS)?;
        let of_shop = some.iter().flat_map(|(from, _)| group.shop_rows_of(&Candidates::from(*from)));
        let of_shop: Vec<Key> = of_shop.collect::<BTreeSet<Key>>().into_iter().collect();
        let rows = state.load(&of_shop).await?;
        group.take_in(of_shop.into_iter().zip(rows))?;
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

/// The decoder of a tombstone, for the fuzz target alone: what is written for it.
pub(crate) fn rewritten_tombstone(name: &KeyName, key: &SecretKey) -> Option<(KeyName, SecretKey)> {
    let (site, pseudonym) = read_tombstone_name(name)?;
    Some((tombstone_name(&site, &pseudonym).ok()?, tombstone_key(&read_tombstone_key(key))))
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

#[cfg(test)]
mod tests {
    use waver_schema::ErasedRecords;

    use super::*;
    use crate::entry::ErasureTold;

    #[tokio::test]
    async fn tombstones_go_after_their_time_and_receipts_after_theirs() {
        let site = SiteKey::parse("demo").expect("valid");
        let erasures = Erasures::temporary(Arc::new(crate::keyring::tests::in_memory(&[], 0)));
        let point = LogPoint { chain: LogChain::from_bytes([0; 16]), offset: 0 };
        let told = ErasureTold {
            classes: Vec::new(),
            keys: 0,
            visitor: false,
            records: ErasedRecords::default(),
            nonce: None,
            before: point,
        };
        let erasure = ErasureId::from_bytes([3; 16]);
        let pseudonyms = [1, 2].map(|byte| Pseudonym::from_bytes([byte; 16]));
        let erased =
            Erased { erasure, site: site.clone(), pseudonyms: pseudonyms.to_vec(), erased_at: 1000, told, number: 0 };
        // Twice, as after a crash.
        for _ in 0..2 {
            erasures.carry_out(&[(erased.clone(), 0)], point).await.expect("carries out");
        }
        let tombstone = Tombstone { erasure, erased_at: 1000 };
        let expected = pseudonyms.map(|pseudonym| (site.clone(), pseudonym, tombstone));
        assert_eq!(erasures.tombstones().await.expect("reads"), expected);
        let over = 1001 + Tombstone::LIFE_MS;
        for (now, tombstones, is_kept) in [
            (over - 1, 2, true),
            (over - 1 + SWEEP_PACE_MS, 0, true),
            (1000 + RECEIPT_MS - 1, 0, true),
            (1000 + RECEIPT_MS - 1 + SWEEP_PACE_MS, 0, false),
        ] {
            erasures.forget_over(now).await.expect("forgets");
            assert_eq!(erasures.tombstones().await.expect("reads").len(), tombstones, "{now}");
            assert_eq!(erasures.receipt(&erasure).await.expect("reads").is_some(), is_kept, "{now}");
        }
    }
}
