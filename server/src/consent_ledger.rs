//! The consent ledger: for each site a chain of hashes over every grant, withdrawal and erasure, by which a shop shows that what it stored was
//! consented to, and that nobody rewrote the record later.
//!
//! It follows from the log, as the state does: a task reads the log behind the committer and appends an [entry](body) for each record of
//! consent. What a crash cost it, it appends again from there. [`verify`] holds the chain, and every stored batch, against the log.

mod body;
mod follow;
mod verify;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use waver_schema::{LedgerChain, LedgerPoint, SiteKey};
use waver_store::{ConsentLedger, LedgerEntry, LedgerRoot, StoreError};

pub(crate) use follow::{Follower, day_of, open_keys};
pub(crate) use verify::{LedgerError, Verified, verify, verify_copy};

/// Where the ledgers of a data folder are, one folder for each site.
pub(crate) fn folder_of(data: &Path) -> PathBuf {
    data.join("ledger")
}

/// How far the ledger of each site goes. A clone sees the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct LedgerRoots(Arc<RwLock<BTreeMap<SiteKey, LedgerRoot>>>);

impl LedgerRoots {
    /// That of `site`; empty, if it has none.
    pub(crate) fn of(&self, site: &SiteKey) -> LedgerRoot {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(site).copied().unwrap_or(LedgerRoot::EMPTY)
    }

    /// That of `site`, as receipts have it.
    pub(crate) fn point(&self, site: &SiteKey) -> LedgerPoint {
        let LedgerRoot { entries, hash, .. } = self.of(site);
        LedgerPoint { entries, root: LedgerChain::from_bytes(*hash.as_bytes()) }
    }

    fn set(&self, site: SiteKey, root: LedgerRoot) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(site, root);
    }
}

/// The ledgers of all sites. Everything blocks.
#[derive(Debug)]
pub(crate) struct Ledgers {
    folder: PathBuf,
    open: BTreeMap<SiteKey, ConsentLedger>,
    roots: LedgerRoots,
}

impl Ledgers {
    /// Opens every ledger below `folder`.
    ///
    /// # Errors
    /// [`StoreError`] for one that is not what was written, or that goes beyond `end`, the end of the log.
    pub(crate) fn open(folder: PathBuf, end: u64) -> Result<Ledgers, StoreError> {
        let mut ledgers = Ledgers { folder, open: BTreeMap::new(), roots: LedgerRoots::default() };
        for site in
            sites(&ledgers.folder).map_err(|source| StoreError::Open { path: ledgers.folder.clone(), source })?
        {
            let root = ledgers.ledger(&site)?.root();
            if root.offset.is_some_and(|offset| offset >= end) {
                let reason = "it goes beyond the log, which is another one or was put back; the two belong together";
                return Err(StoreError::Unreadable {
                    path: ledgers.folder.join(site.as_str()),
                    reason: reason.to_owned(),
                });
            }
        }
        Ok(ledgers)
    }

    /// How far they go.
    pub(crate) fn roots(&self) -> LedgerRoots {
        self.roots.clone()
    }

    fn ledger(&mut self, site: &SiteKey) -> Result<&mut ConsentLedger, StoreError> {
        if !self.open.contains_key(site) {
            let ledger = ConsentLedger::open(&self.folder.join(site.as_str()))?;
            self.roots.set(site.clone(), ledger.root());
            self.open.insert(site.clone(), ledger);
        }
        self.open.get_mut(site).ok_or(StoreError::Broken)
    }

    /// Appends to the ledgers of sites. One that fails is opened anew the next time.
    fn append(&mut self, entries: BTreeMap<SiteKey, Vec<LedgerEntry>>) -> Result<(), StoreError> {
        for (site, entries) in entries {
            let appended = self.ledger(&site)?.append(&entries);
            let root = appended.inspect_err(|_| drop(self.open.remove(&site)))?;
            self.roots.set(site, root);
        }
        Ok(())
    }

    /// Lets go of what is older than `before`, Unix milliseconds, as far as whole segments are.
    fn prune(&mut self, before: u64) -> Result<(), StoreError> {
        let sites: Vec<SiteKey> = self.open.keys().cloned().collect();
        for site in sites {
            let pruned = self.ledger(&site)?.prune(before);
            pruned.inspect_err(|_| drop(self.open.remove(&site)))?;
        }
        Ok(())
    }
}

/// The sites that have a ledger below `folder`.
fn sites(folder: &Path) -> std::io::Result<Vec<SiteKey>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut sites = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let site = name.to_str().and_then(|name| SiteKey::parse(name).ok());
        sites.extend(site.filter(|_| entry.path().is_dir()));
    }
    sites.sort();
    Ok(sites)
}
