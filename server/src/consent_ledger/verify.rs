//! The offline verifier: `waver check --ledger`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;
use waver_schema::limits::SESSION_MAX_MS;
use waver_schema::{ConsentChoice, SiteKey};
use waver_store::{
    BadLedger, EventLog, LedgerHash, LedgerRoot, Pseudonym, Record, RecordKind, StoreError, read_ledger,
};

use super::body::{Body, Commitments, belongs, minute};
use super::sites;
use crate::entry::Entry;
use crate::state::GRACE_MS;

/// Records read at a time.
const PAGE: usize = 1000;
/// Nothing is stored under a grant that is older than this: the longest session and the grace for late events.
const LONGEST_MS: u64 = SESSION_MAX_MS + GRACE_MS;

/// Why a ledger proves nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain is broken.
    #[error("site {site}: {bad}")]
    Bad {
        /// Whose ledger.
        site: SiteKey,
        /// Where.
        bad: BadLedger,
    },
    /// An entry and the log say different things.
    #[error("site {site}: entry {entry}: {reason}")]
    Entry {
        /// Whose ledger.
        site: SiteKey,
        /// Number of the entry.
        entry: u64,
        /// What differs.
        reason: &'static str,
    },
    /// The log has a record of consent that the ledger has not.
    #[error(
        "site {site}: the entry of the log's record at offset {offset} is missing; if the collector ended suddenly, start it once, \
         which appends it, and check again"
    )]
    Missing {
        /// Whose ledger.
        site: SiteKey,
        /// Of the record.
        offset: u64,
    },
    /// Something was stored without consent.
    #[error("site {site}: the {what} at offset {offset} of the log falls under no open consent record")]
    NotUnderConsent {
        /// Whose.
        site: SiteKey,
        /// What it is.
        what: &'static str,
        /// Where it is.
        offset: u64,
    },
    /// There is no ledger where one was looked for.
    #[error("{0} holds no consent ledger")]
    None(std::path::PathBuf),
}

/// What was found of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The site.
    pub(crate) site: SiteKey,
    /// Its root.
    pub(crate) root: LedgerRoot,
    /// Entries that are kept.
    pub(crate) entries: u64,
    /// Batches, decisions and dead letters in the log, each under an open record.
    pub(crate) covered: u64,
    /// The hashes of the entries that are kept, in order.
    hashes: Vec<LedgerHash>,
}

impl Verified {
    /// The root of when the ledger had so many entries; `None` for one whose entries were pruned, or that was never reached.
    pub(crate) fn root_at(&self, entries: u64) -> Option<LedgerHash> {
        if entries == 0 {
            return Some(LedgerHash::NOTHING);
        }
        let first = self.root.entries - self.entries + 1;
        self.hashes.get(usize::try_from(entries.checked_sub(first)?).ok()?).copied()
    }
}

/// An entry as far as it is needed beside the log.
struct Noted {
    number: u64,
    at: u64,
    body: blake3::Hash,
    /// Whether the log has its record.
    found: bool,
}

/// Verifies the chains in a copy of a ledger folder, or of a single site's, without the log.
///
/// # Errors
/// [`LedgerError::Bad`] at the first bad entry.
pub(crate) fn verify_copy(folder: &Path) -> Result<Vec<Verified>, LedgerError> {
    let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
    let mut folders: Vec<_> =
        sites(folder).map_err(unusable)?.into_iter().map(|site| (folder.join(site.as_str()), site)).collect();
    let name = folder.file_name().and_then(|name| name.to_str()).and_then(|name| SiteKey::parse(name).ok());
    if let Some(site) = name.filter(|_| folder.join("head").is_file()) {
        folders = vec![(folder.to_owned(), site)];
    }
    if folders.is_empty() {
        return Err(LedgerError::None(folder.to_owned()));
    }
    folders.into_iter().map(|(folder, site)| Ok(chain(&folder, site)?.0)).collect()
}

/// Verifies the ledgers in `folder` against `log`: that every entry says what its record says, that no record is without one, and that
/// everything stored was stored under an open record.
///
/// # Errors
/// [`LedgerError`] at the first thing that is wrong.
pub(crate) async fn verify<L: EventLog>(folder: &Path, log: &L) -> Result<Vec<Verified>, LedgerError> {
    let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
    let mut ledgers: BTreeMap<SiteKey, (Verified, BTreeMap<u64, Noted>)> = BTreeMap::new();
    for site in sites(folder).map_err(unusable)? {
        ledgers.insert(site.clone(), chain(&folder.join(site.as_str()), site)?);
    }
    let mut open = Open::default();
    let mut oldest_record: BTreeMap<SiteKey, u64> = BTreeMap::new();
    let mut next = log.begin();
    loop {
        let page = log.read(next, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        next = last.offset + 1;
        for (position, record) in &page {
            let (site, offset) = (&record.site, position.offset);
            if !belongs(record) {
                open.expect(record, offset)?;
                if let Some((verified, _)) = ledgers.get_mut(site) {
                    verified.covered += 1;
                }
                continue;
            }
            oldest_record.entry(site.clone()).or_insert(offset);
            open.take(record, offset)?;
            let missing = || LedgerError::Missing { site: site.clone(), offset };
            let (verified, entries) = ledgers.get_mut(site).ok_or_else(missing)?;
            // Whatever is older than the oldest entry was pruned.
            let pruned = verified.entries < verified.root.entries;
            let oldest = entries.keys().next().copied().unwrap_or(u64::MAX);
            let Some(noted) = entries.get_mut(&offset) else {
                if pruned && offset < oldest {
                    continue;
                }
                return Err(missing());
            };
            let expected = Body::of(record, Commitments::default()).ok().and_then(|body| digest(&body));
            if expected != Some(noted.body) || noted.at != minute(record) {
                let reason = "it says something else than its record in the log";
                return Err(LedgerError::Entry { site: site.clone(), entry: noted.number, reason });
            }
            noted.found = true;
        }
    }
    for (site, (_, entries)) in &ledgers {
        // Records that are past their time leave the log and the ledger each by whole segments, so not at the same moment.
        let oldest = oldest_record.get(site).copied().unwrap_or(u64::MAX);
        let stray = entries.iter().find(|(offset, noted)| !noted.found && **offset >= oldest.min(log.end()));
        if let Some((_, noted)) = stray {
            let reason = "the log has no record of consent at its offset";
            return Err(LedgerError::Entry { site: site.clone(), entry: noted.number, reason });
        }
    }
    Ok(ledgers.into_values().map(|(verified, _)| verified).collect())
}

/// Verifies one chain, and notes its entries.
fn chain(folder: &Path, site: SiteKey) -> Result<(Verified, BTreeMap<u64, Noted>), LedgerError> {
    let mut entries = BTreeMap::new();
    let mut hashes = Vec::new();
    let read = read_ledger(folder, |number, entry, hash| {
        let mut body: Value = serde_json::from_str(&entry.body).map_err(|_| "it is not JSON".to_owned())?;
        if body["site"] != site.as_str() {
            return Err("it is of another site".to_owned());
        }
        // Whose it is only the key tells, and whether it was altered the chain.
        for name in ["who", "who_before"] {
            body[name] = Value::Null;
        }
        let body = blake3::hash(body.to_string().as_bytes());
        hashes.push(hash);
        entries.insert(entry.offset, Noted { number, at: entry.at, body, found: false });
        Ok(())
    });
    let root = read.map_err(|bad| LedgerError::Bad { site: site.clone(), bad })?;
    Ok((Verified { site, root, entries: entries.len() as u64, covered: 0, hashes }, entries))
}

fn digest(body: &Body) -> Option<blake3::Hash> {
    // By way of a value, so that the order of fields is the same.
    let value = serde_json::to_value(body).ok()?;
    Some(blake3::hash(value.to_string().as_bytes()))
}

/// The records that are open, by site and session.
#[derive(Default)]
struct Open {
    granted: HashMap<(SiteKey, Pseudonym), Granted>,
    /// Those of long ago were let go at this time.
    swept_at: u64,
}

struct Granted {
    measure: bool,
    personalize: bool,
    at: u64,
}

impl Open {
    fn take(&mut self, record: &Record, offset: u64) -> Result<(), LedgerError> {
        if record.received_at.saturating_sub(self.swept_at) > SESSION_MAX_MS {
            self.granted.retain(|_, granted| record.received_at.saturating_sub(granted.at) <= LONGEST_MS);
            self.swept_at = record.received_at;
        }
        let whose = (record.site.clone(), record.pseudonym);
        if record.kind != RecordKind::Consent {
            self.granted.remove(&whose);
            return Ok(());
        }
        let damaged = |_| StoreError::Damaged { offset, reason: waver_store::DecodeError::Damaged };
        if let Entry::Consent(entry) = Entry::from_record(record).map_err(damaged)? {
            let [measure, personalize] =
                [entry.measure, entry.personalize].map(|choice| choice == ConsentChoice::Granted);
            self.granted.insert(whose, Granted { measure, personalize, at: record.received_at });
        }
        Ok(())
    }

    fn expect(&self, record: &Record, offset: u64) -> Result<(), LedgerError> {
        let granted = self.granted.get(&(record.site.clone(), record.pseudonym));
        let granted = granted.filter(|granted| record.received_at.saturating_sub(granted.at) <= LONGEST_MS);
        let (is_open, what) = match record.kind {
            RecordKind::Decision => (granted.is_some_and(|granted| granted.personalize), "decision"),
            RecordKind::Batch => (granted.is_some_and(|granted| granted.measure), "batch"),
            _ => (granted.is_some_and(|granted| granted.measure), "dead letter"),
        };
        if is_open { Ok(()) } else { Err(LedgerError::NotUnderConsent { site: record.site.clone(), what, offset }) }
    }
}
