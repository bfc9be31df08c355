//! The keys of the collector, by epoch and by session, and what is done with them. They stand in a [`KeyStore`] apart from all data.
//!
//! - A site has an *epoch* at a time: a secret of 32 random bytes from which pseudonyms follow ([`pseudonyms`]). After
//!   `retention.epoch` the next one begins, and after twice that time the secret is destroyed: nobody can tell any more which pseudonym
//!   a session id had, and the session has ended with it.
//! - A *session* has 32 random bytes of its own from its first grant on. What it does is sealed under a key that follows from these and from
//!   a key of the epoch's ([`seal`]): both halves are needed, and destroying either makes it unreadable, in backups too.
//! - A *visitor*, a browser that is remembered across sessions where a site wants that, has a pseudonym under a secret of its own, which lives for as
//!   many days as the site says and is then destroyed, and a key like a session's ([`visitors`]).
//! - An epoch's half is destroyed once everything sealed under it is past its time ([`rotation`]), and those of its sessions with it.
//!
//! What cannot be opened because its key is gone is *erased*: it is skipped wherever it is met, and counted.

pub(crate) mod decoders;
mod names;
mod pseudonyms;
mod rotation;
mod rows;
mod seal;
mod shown;
mod visitors;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use waver_core::window::LATENESS_MS;
use waver_schema::{SiteKey, limits};
use waver_store::{FileKeys, KEYS, KeyError, KeyName, KeyStore, Pseudonym, RecordKind, SecretKey};

use crate::config::Retention;
use crate::host::Host;
use crate::keeper::millis;
use names::Name;

pub(crate) use pseudonyms::{Named, PurposeSet};
pub(crate) use rotation::Turn;
pub(crate) use seal::{Opened, Readable, SEAL_BYTES, Unsealed};
pub(crate) use shown::KeysHeld;
pub(crate) use visitors::VisitorName;

/// Number of an epoch: the Unix second in which it began, or the next that was free. Later epochs have larger ones.
pub(crate) type EpochNumber = u32;

/// The file of the keys in their folder.
const FILE: &str = "waver.keys";
/// From the end of an epoch's secret on nobody is a session of it; this is how long after that rows of its sessions may still lie there.
const LINGER_MS: u64 = limits::SESSION_IDLE_MS + LATENESS_MS;
/// Keys that no session may take: room for those of epochs and of dead letters.
const KEYS_SPARED: usize = KEYS / 16;

/// What is sealed under keys of its own because it is kept for a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Vault {
    /// Batches, decisions, and the rows of sessions.
    Behaviour,
    /// Dead letters.
    Letters,
    /// What is remembered of visitors.
    Visitors,
}

impl Vault {
    const ALL: [Vault; 3] = [Vault::Behaviour, Vault::Letters, Vault::Visitors];

    /// Where the payload of a record belongs; `None` for what is not sealed.
    pub(crate) const fn of(kind: RecordKind) -> Option<Vault> {
        match kind {
            RecordKind::Batch | RecordKind::Decision | RecordKind::Purchase => Some(Vault::Behaviour),
            RecordKind::DeadLetter => Some(Vault::Letters),
            RecordKind::Visit => Some(Vault::Visitors),
            RecordKind::Consent
            | RecordKind::Erasure
            | RecordKind::Stop
            | RecordKind::Grant
            | RecordKind::Order
            | RecordKind::Catalog => None,
        }
    }
}

/// How long keys live, milliseconds.
#[derive(Debug, Clone)]
struct Lives {
    epoch: u64,
    behaviour: u64,
    letters: u64,
    /// How long visitors are remembered, of the sites that do.
    visitors: HashMap<SiteKey, u64>,
}

impl Lives {
    fn of(retention: &Retention, visitors: HashMap<SiteKey, u64>) -> Lives {
        let secret = 2 * millis(retention.epoch);
        let sealed = |kept| secret + millis(kept).max(LINGER_MS);
        Lives {
            epoch: millis(retention.epoch),
            behaviour: sealed(retention.events),
            letters: sealed(retention.dead_letters),
            visitors,
        }
    }

    const fn secret(&self) -> u64 {
        2 * self.epoch
    }

    /// Of what is sealed for `site`; 0 for what it does not have.
    fn of_vault(&self, vault: Vault, site: &SiteKey) -> u64 {
        match vault {
            Vault::Behaviour => self.behaviour,
            Vault::Letters => self.letters,
            // Somebody may be met for the first time at the end of the epoch.
            Vault::Visitors => self.visitors.get(site).map_or(0, |days| self.epoch + days + LINGER_MS),
        }
    }

    /// The vaults that `site` has.
    fn vaults(&self, site: &SiteKey) -> impl Iterator<Item = Vault> {
        let remembers = self.visitors.contains_key(site);
        Vault::ALL.into_iter().filter(move |vault| *vault != Vault::Visitors || remembers)
    }
}

/// One value for each [`Vault`].
#[derive(Debug, Default)]
struct PerVault<T>([T; 3]);

impl<T> PerVault<T> {
    const fn of(&self, vault: Vault) -> &T {
        &self.0[vault as usize]
    }

    const fn of_mut(&mut self, vault: Vault) -> &mut T {
        &mut self.0[vault as usize]
    }
}

/// An epoch's keys, as far as they are still there.
#[derive(Debug, Default)]
struct Epoch {
    secret: Option<SecretKey>,
    seals: PerVault<Option<SecretKey>>,
}

/// The epoch that a session is of, and its half of the key.
type SessionKey = (EpochNumber, SecretKey);

/// The keys of a site.
#[derive(Debug, Default)]
struct OfSite {
    epochs: BTreeMap<EpochNumber, Epoch>,
    sessions: PerVault<HashMap<Pseudonym, SessionKey>>,
    /// The secret of its visitors' pseudonyms, and the second in which it was made.
    visitors: Option<SessionKey>,
}

/// All keys. They are in memory as well, since they are needed for every record: a hundred bytes for each session of the last days.
pub(crate) struct Keyring {
    store: Box<dyn Keys>,
    host: Host,
    lives: Lives,
    held: RwLock<HashMap<SiteKey, OfSite>>,
    /// Records and rows that could not be opened since the process began.
    erased: AtomicU64,
    rotated: AtomicU64,
}

impl Keyring {
    /// Opens the keys in `folder`, which one process at a time may do, and makes those that `sites` need now. Each comes with how long it remembers
    /// visitors, if it does.
    ///
    /// # Errors
    /// [`KeyError`].
    pub(crate) async fn open(
        folder: &Path,
        sites: impl IntoIterator<Item = (SiteKey, Option<Duration>)>,
        retention: &Retention,
        host: Host,
    ) -> Result<Keyring, KeyError> {
        Keyring::over(FileKeys::open(&folder.join(FILE))?, sites, retention, host).await
    }

    /// The same over another store.
    pub(crate) async fn over(
        store: impl KeyStore,
        sites: impl IntoIterator<Item = (SiteKey, Option<Duration>)>,
        retention: &Retention,
        host: Host,
    ) -> Result<Keyring, KeyError> {
        let mut held: HashMap<SiteKey, OfSite> = HashMap::new();
        for (name, key) in store.all().await? {
            // What others keep there is theirs.
            match Name::parse(&name) {
                Some(Name::Secret(site, number)) => {
                    held.entry(site).or_default().epochs.entry(number).or_default().secret = Some(key);
                }
                Some(Name::Seal(vault, site, number)) => {
                    *held.entry(site).or_default().epochs.entry(number).or_default().seals.of_mut(vault) = Some(key);
                }
                Some(Name::Visitors(site, number)) => {
                    held.entry(site).or_default().visitors = Some((number, key));
                }
                Some(Name::Session(vault, site, number, pseudonym)) => {
                    let of_site = held.entry(site).or_default();
                    of_site.sessions.of_mut(vault).insert(pseudonym, (number, key));
                }
                None => {}
            }
        }
        let mut visitors = HashMap::new();
        for (site, remembered) in sites {
            visitors.extend(remembered.map(|remembered| (site.clone(), millis(remembered))));
            held.entry(site).or_default();
        }
        let lives = Lives::of(retention, visitors);
        let (erased, rotated) = (AtomicU64::new(0), AtomicU64::new(0));
        let keyring = Keyring { store: Box::new(store), host, lives, held: RwLock::new(held), erased, rotated };
        keyring.turn(true).await?;
        Ok(keyring)
    }

    /// How many sessions may still get keys.
    pub(crate) fn room(&self) -> usize {
        let used: usize = self.read().values().map(OfSite::session_keys).sum();
        (KEYS - KEYS_SPARED).saturating_sub(used)
    }

    /// What there is: epochs whose pseudonyms are known, epochs under whose keys something is sealed, keys of sessions.
    pub(crate) fn counts(&self) -> Counts {
        let held = self.read();
        let epochs = || held.values().flat_map(|of_site| of_site.epochs.values());
        Counts {
            secrets: epochs().filter(|epoch| epoch.secret.is_some()).count(),
            seals: epochs().flat_map(|epoch| &epoch.seals.0).filter(|key| key.is_some()).count(),
            sessions: held.values().map(OfSite::session_keys).sum(),
            erased: self.erased.load(Ordering::Relaxed),
            rotated: self.rotated.load(Ordering::Relaxed),
        }
    }

    /// Makes sure that each of these sessions, of such an epoch, has a key. It is on disk when this returns.
    ///
    /// # Errors
    /// [`KeyError`].
    pub(crate) async fn begin(
        &self,
        vault: Vault,
        sessions: impl IntoIterator<Item = (&SiteKey, Pseudonym, EpochNumber)>,
    ) -> Result<(), KeyError> {
        let mut missing: BTreeMap<(SiteKey, Pseudonym), EpochNumber> = BTreeMap::new();
        {
            let held = self.read();
            for (site, pseudonym, epoch) in sessions {
                let known = held.get(site).is_some_and(|of| of.sessions.of(vault).contains_key(&pseudonym));
                if !known {
                    missing.insert((site.clone(), pseudonym), epoch);
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let wanted = missing.iter().map(|((site, pseudonym), epoch)| {
            let name = Name::Session(vault, site.clone(), *epoch, *pseudonym).to_key_name()?;
            Ok((name, SecretKey::from_bytes(self.host.random())))
        });
        let made = self.store.get_or_create_all(wanted.collect::<Result<_, KeyError>>()?).await?;
        let mut held = self.write();
        for (((site, pseudonym), epoch), key) in missing.into_iter().zip(made) {
            held.entry(site).or_default().sessions.of_mut(vault).insert(pseudonym, (epoch, key));
        }
        Ok(())
    }

    /// Whether something is sealed under keys of this session.
    pub(crate) fn has(&self, site: &SiteKey, pseudonym: &Pseudonym) -> bool {
        let held = self.read();
        held.get(site).is_some_and(|of_site| of_site.sessions.0.iter().any(|keys| keys.contains_key(pseudonym)))
    }

    /// Destroys the keys of sessions: whatever is sealed under them is erased, everywhere. Their bytes are off the disk when this returns.
    /// Says how many keys there were.
    ///
    /// # Errors
    /// [`KeyError`]. They may still be on disk then; call again.
    pub(crate) async fn destroy(&self, sessions: Vec<(SiteKey, Pseudonym)>) -> Result<usize, KeyError> {
        let mut known = Vec::new();
        {
            let held = self.read();
            for (site, pseudonym) in sessions {
                let number = |vault| Some((vault, held.get(&site)?.sessions.of(vault).get(&pseudonym)?.0));
                for (vault, number) in Vault::ALL.into_iter().filter_map(number) {
                    let name = Name::Session(vault, site.clone(), number, pseudonym).to_key_name()?;
                    known.push((vault, site.clone(), pseudonym, name));
                }
            }
        }
        if known.is_empty() {
            return Ok(0);
        }
        let destroyed = self.store.destroy_all(known.iter().map(|(.., name)| name.clone()).collect()).await?;
        let mut held = self.write();
        for (vault, site, pseudonym, _) in known {
            held.get_mut(&site).map(|of_site| of_site.sessions.of_mut(vault).remove(&pseudonym));
        }
        Ok(destroyed)
    }

    /// Counts something that could not be opened.
    fn count_erased(&self) {
        self.erased.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<SiteKey, OfSite>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<SiteKey, OfSite>> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl OfSite {
    fn session_keys(&self) -> usize {
        self.sessions.0.iter().map(HashMap::len).sum()
    }
}

/// How many keys there are, and what became of them since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Epochs whose secret is there: at most two for each site.
    pub(crate) secrets: usize,
    /// Keys of epochs under which something may be sealed.
    pub(crate) seals: usize,
    /// Keys of sessions.
    pub(crate) sessions: usize,
    /// Records and rows that could not be opened because their key is gone.
    pub(crate) erased: u64,
    /// Epochs that were begun.
    pub(crate) rotated: u64,
}

/// [`KeyStore`] as an object.
trait Keys: Send + Sync {
    fn get_or_create_all(&self, wanted: Vec<(KeyName, SecretKey)>) -> BoxFuture<'_, Result<Vec<SecretKey>, KeyError>>;
    fn destroy_all(&self, names: Vec<KeyName>) -> BoxFuture<'_, Result<usize, KeyError>>;
}

impl<K: KeyStore> Keys for K {
    fn get_or_create_all(&self, wanted: Vec<(KeyName, SecretKey)>) -> BoxFuture<'_, Result<Vec<SecretKey>, KeyError>> {
        Box::pin(KeyStore::get_or_create_all(self, wanted))
    }

    fn destroy_all(&self, names: Vec<KeyName>) -> BoxFuture<'_, Result<usize, KeyError>> {
        Box::pin(KeyStore::destroy_all(self, names))
    }
}
