//! The task that fills the ledgers.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use waver_schema::SiteKey;
use waver_schema::limits::SESSION_MAX_MS;
use waver_store::{
    DecodeError, EventLog, FileKeys, KeyName, KeyStore, LedgerEntry, Pseudonym, Record, SecretKey, StoreError,
};

use super::body::{Body, Commitments, belongs, commit, minute};
use super::{LedgerRoots, Ledgers};
use crate::host::Host;
use crate::stop::Stop;

/// Records read at a time.
const PAGE: usize = 1000;
/// Rest between two readings, so that a busy log is read in large pieces.
const PACE: Duration = Duration::from_millis(200);
/// After an error.
const RETRY: Duration = Duration::from_secs(5);
/// How far the log was followed is noted so often, so that a start does not read all of it again.
const NOTE_MS: u64 = 60 * 1000;
/// The file in which it is noted.
const FOLLOWED: &str = "followed";
/// Commitments are under a key of their day; as long as the longest session.
const DAY_MS: u64 = SESSION_MAX_MS;

/// Follows the log.
pub(crate) struct Follower<L, K> {
    log: Arc<L>,
    keys: K,
    ledgers: Arc<Mutex<Ledgers>>,
    roots: LedgerRoots,
    host: Host,
    kept_ms: u64,
    /// Up to here.
    next: u64,
    /// As of this time.
    noted_at: u64,
    /// The day for which was tidied last.
    tidied: Option<u64>,
}

impl<L: EventLog, K: KeyStore> Follower<L, K> {
    /// Follows `log` from where `ledgers` left it. Entries are kept for `kept_ms`.
    pub(crate) fn new(log: Arc<L>, keys: K, ledgers: Ledgers, host: Host, kept_ms: u64) -> Follower<L, K> {
        let next = followed(&ledgers.folder).unwrap_or(0).max(log.begin());
        let roots = ledgers.roots();
        Follower {
            log,
            keys,
            ledgers: Arc::new(Mutex::new(ledgers)),
            roots,
            host,
            kept_ms,
            next,
            noted_at: 0,
            tidied: None,
        }
    }

    /// Follows whenever `changed` changes, and once more when told to stop.
    pub(crate) async fn run(mut self, mut changed: watch::Receiver<u64>, mut stop: Stop) {
        loop {
            let failed = self.round(false).await;
            let rest = if failed { RETRY } else { PACE };
            let stopping = tokio::select! {
                () = async {
                    tokio::time::sleep(rest).await;
                    // Whoever would change it is gone when it errs, and will tell to stop.
                    if !failed && changed.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                } => false,
                () = stop.told() => true,
            };
            if stopping {
                self.round(true).await;
                return;
            }
        }
    }

    /// Whether it failed.
    async fn round(&mut self, is_last: bool) -> bool {
        let followed = self.follow().await;
        if let Err(error) = &followed {
            tracing::error!("the consent ledger cannot be brought up to the log and is tried again: {error}");
            // Whatever was appended is skipped by its offset.
            self.next = self.log.begin();
        }
        let now = self.host.now();
        if followed.is_ok() && (is_last || now.saturating_sub(self.noted_at) >= NOTE_MS) {
            self.noted_at = now;
            let (ledgers, next) = (Arc::clone(&self.ledgers), self.next);
            let noted = blocking(&ledgers, move |ledgers| note(&ledgers.folder, next).map_err(write_error)).await;
            if let Err(error) = noted {
                tracing::warn!("how far the consent ledger is cannot be noted, the next start reads more: {error}");
            }
        }
        followed.is_err()
    }

    /// Appends what the log has of consent from where it was followed to, and lets go of keys and entries past their time.
    ///
    /// # Errors
    /// [`StoreError`]; what was appended before stays.
    pub(super) async fn follow(&mut self) -> Result<(), StoreError> {
        let today = self.host.now() / DAY_MS;
        if self.tidied != Some(today) {
            self.tidy(today).await?;
            self.tidied = Some(today);
        }
        loop {
            let page = self.log.read(self.next, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            let upto = last.offset + 1;
            let mut entries: BTreeMap<SiteKey, Vec<LedgerEntry>> = BTreeMap::new();
            for (position, record) in page.iter().filter(|(_, record)| belongs(record)) {
                if self.roots.of(&record.site).offset.is_some_and(|offset| position.offset <= offset) {
                    continue;
                }
                let damaged = |_| StoreError::Damaged { offset: position.offset, reason: DecodeError::Damaged };
                let body = Body::of(record, self.commitments(record).await?).map_err(damaged)?;
                let body = serde_json::to_string(&body).map_err(|error| StoreError::Write(error.to_string()))?;
                let entry = LedgerEntry { at: minute(record), offset: position.offset, body };
                entries.entry(record.site.clone()).or_default().push(entry);
            }
            if !entries.is_empty() {
                blocking(&self.ledgers, move |ledgers| ledgers.append(entries)).await?;
            }
            self.next = upto;
        }
    }

    async fn commitments(&self, record: &Record) -> Result<Commitments, StoreError> {
        let day = record.received_at / DAY_MS;
        let commit =
            |key: Option<SecretKey>, pseudonym: Pseudonym| key.map(|key| commit(&key, &record.site, pseudonym));
        Ok(Commitments {
            who: commit(self.key(&record.site, day).await?, record.pseudonym),
            who_before: match day.checked_sub(1) {
                None => None,
                Some(before) => commit(self.existing_key(&record.site, before).await?, record.pseudonym),
            },
        })
    }

    /// The key of a day, made if that is still its time.
    async fn key(&self, site: &SiteKey, day: u64) -> Result<Option<SecretKey>, StoreError> {
        if self.host.now() / DAY_MS > day + 1 {
            return self.existing_key(site, day).await;
        }
        let fresh = SecretKey::from_bytes(self.host.random());
        self.keys.get_or_create(&name(site, day)?, fresh).await.map(Some).map_err(write_error)
    }

    async fn existing_key(&self, site: &SiteKey, day: u64) -> Result<Option<SecretKey>, StoreError> {
        self.keys.get(&name(site, day)?).await.map_err(write_error)
    }

    /// Destroys the keys of days before yesterday: from then on nobody can tell whose entries are whose.
    async fn tidy(&mut self, today: u64) -> Result<(), StoreError> {
        for name in self.keys.list().await.map_err(write_error)? {
            if day_of(&name).is_some_and(|day| day + 1 < today) {
                self.keys.destroy(&name).await.map_err(write_error)?;
            }
        }
        let before = self.host.now().saturating_sub(self.kept_ms);
        blocking(&self.ledgers, move |ledgers| ledgers.prune(before)).await
    }
}

/// The file of the keys of commitments, in the folder of keys.
///
/// # Errors
/// [`StoreError::Keys`] if it cannot be used.
pub(crate) fn open_keys(folder: &Path) -> Result<FileKeys, StoreError> {
    Ok(FileKeys::open(&folder.join("ledger.keys"))?)
}

fn name(site: &SiteKey, day: u64) -> Result<KeyName, StoreError> {
    KeyName::new(format!("ledger/{site}/{day}").as_bytes()).map_err(write_error)
}

/// The day that a key of commitments is of.
pub(crate) fn day_of(name: &KeyName) -> Option<u64> {
    let name = str::from_utf8(name.as_bytes()).ok()?.strip_prefix("ledger/")?;
    name.rsplit_once('/')?.1.parse().ok()
}

async fn blocking<T: Send + 'static>(
    ledgers: &Arc<Mutex<Ledgers>>,
    work: impl FnOnce(&mut Ledgers) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let ledgers = Arc::clone(ledgers);
    let worked = spawn_blocking(move || work(&mut ledgers.lock().unwrap_or_else(PoisonError::into_inner))).await;
    worked.map_err(write_error)?
}

fn write_error(error: impl std::fmt::Display) -> StoreError {
    StoreError::Write(error.to_string())
}

/// How far the log was followed, as far as that was noted.
fn followed(folder: &Path) -> Option<u64> {
    std::fs::read_to_string(folder.join(FOLLOWED)).ok()?.trim().parse().ok()
}

/// Notes it aside and renames, so that nobody reads half of it.
fn note(folder: &Path, next: u64) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let aside = folder.join("followed.new");
    let mut file = std::fs::File::create(&aside)?;
    writeln!(file, "{next}")?;
    file.sync_all()?;
    std::fs::rename(aside, folder.join(FOLLOWED))
}
