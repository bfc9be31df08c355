//! The shops' sites: who may send for them, and the policy of their offers.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use waver_core::session::Client;
use waver_policy::{Policy, PolicyError};
use waver_schema::{SiteKey, TrafficClass};

use crate::config::{self, Automation, Secret};
use crate::policy_archive::PolicyArchive;

/// Number of a site, in the order of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SiteIndex(pub(crate) u16);

/// One site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) key: SiteKey,
    policy: RwLock<Arc<Policy>>,
    offers: PathBuf,
    /// The text of `offers` that was last looked at, whether it could be used or not.
    seen: Mutex<String>,
    origins: HashSet<String>,
    allow_no_origin: bool,
    automation: Automation,
    /// For how long browsers are remembered across sessions.
    pub(crate) visitor: Option<Duration>,
    /// By which the shop's backend is known.
    secret: Option<Secret>,
}

impl Site {
    /// Reads the policy. Also gives what is not right in it but does no harm.
    fn load(key: SiteKey, configured: &config::Site) -> Result<(Site, Vec<String>), OffersError> {
        let text = read(&configured.offers)?;
        let (policy, warnings) = parse(&configured.offers, &text)?;
        let site = Site {
            key,
            policy: RwLock::new(Arc::new(policy)),
            offers: configured.offers.clone(),
            seen: Mutex::new(text),
            origins: configured.origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            allow_no_origin: configured.allow_no_origin,
            automation: configured.automation,
            visitor: configured.visitor,
            secret: configured.secret.clone(),
        };
        Ok((site, warnings))
    }

    /// Whether a backend of the shop's is known, which redeems what is promised.
    pub(crate) const fn has_backend(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether a request with this `Origin` header, or without one, may send.
    pub(crate) fn allows(&self, origin: Option<&str>) -> bool {
        origin.map_or(self.allow_no_origin, |origin| self.origins.contains(origin))
    }

    /// What a client is to be taken for on this site.
    pub(crate) fn count_as(&self, client: Client) -> Client {
        match (self.automation, client.traffic) {
            (Automation::AsShoppers, TrafficClass::Automation) => Client { traffic: TrafficClass::Shopper, ..client },
            _ => client,
        }
    }

    /// The policy in force.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the file of offers says, line by line; nothing of one that cannot be used.
    pub(crate) fn explained(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = Policy::explain(&seen).map(|(lines, _)| lines).unwrap_or_default();
        lines.into_iter().map(|line| format!("{}:{}: {}", self.offers.display(), line.line, line.message)).collect()
    }

    /// Keeps the policy in force for later.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn archive(&self, archive: &PolicyArchive) -> std::io::Result<()> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // What was looked at last may not have been usable.
        match Policy::parse(&seen) {
            Ok((policy, _)) => archive.keep(policy.version(), &seen),
            Err(_) => Ok(()),
        }
    }

    /// Puts the file into force if it was changed; gives the warnings of the new policy, or `None` if nothing changed.
    ///
    /// # Errors
    /// [`OffersError`] once for each change to something that cannot be used. The old policy stays in force.
    pub(crate) fn reload(&self) -> Result<Option<Vec<String>>, OffersError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that is missing for a moment is being replaced.
        let Ok(text) = read(&self.offers) else { return Ok(None) };
        if *seen == text {
            return Ok(None);
        }
        let parsed = parse(&self.offers, &text);
        *seen = text;
        let (policy, warnings) = parsed?;
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(Some(warnings))
    }
}

fn read(path: &Path) -> Result<String, OffersError> {
    std::fs::read_to_string(path).map_err(|source| OffersError::Read { path: path.to_owned(), source })
}

fn parse(path: &Path, text: &str) -> Result<(Policy, Vec<String>), OffersError> {
    let (policy, warnings) =
        Policy::parse(text).map_err(|error| OffersError::Policy { path: path.to_owned(), error })?;
    let warnings =
        warnings.into_iter().map(|warning| format!("{}:{}: {}", path.display(), warning.line, warning.message));
    Ok((policy, warnings.collect()))
}

/// All sites.
#[derive(Debug)]
pub(crate) struct Sites {
    sites: Vec<Site>,
    by_key: BTreeMap<SiteKey, SiteIndex>,
    /// The origins of all of them.
    origins: HashSet<String>,
}

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OffersError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is no policy.
    #[error("{}", problems(path, error))]
    Policy {
        /// The file.
        path: PathBuf,
        /// Every problem.
        error: PolicyError,
    },
}

fn problems(path: &Path, error: &PolicyError) -> String {
    let lines =
        error.problems.iter().map(|problem| format!("{}:{}: {}", path.display(), problem.line, problem.message));
    lines.collect::<Vec<_>>().join("\n")
}

impl Sites {
    /// Reads the policies of the configured sites. Also gives what is not right in them but does no harm.
    ///
    /// # Errors
    /// [`OffersError`] at the first policy that cannot be used.
    pub(crate) fn load(configured: &BTreeMap<SiteKey, config::Site>) -> Result<(Sites, Vec<String>), OffersError> {
        let mut sites = Vec::new();
        let mut warnings = Vec::new();
        for (key, configured) in configured {
            let (site, of_site) = Site::load(key.clone(), configured)?;
            sites.push(site);
            warnings.extend(of_site);
        }
        let by_key = (0..).zip(&sites).map(|(index, site)| (site.key.clone(), SiteIndex(index))).collect();
        let origins = sites.iter().flat_map(|site| site.origins.iter().cloned()).collect();
        Ok((Sites { sites, by_key, origins }, warnings))
    }

    pub(crate) fn len(&self) -> usize {
        self.sites.len()
    }

    pub(crate) fn find(&self, key: &SiteKey) -> Option<SiteIndex> {
        self.by_key.get(key).copied()
    }

    /// The site whose backend knows this secret. Each is compared in constant time.
    pub(crate) fn of_secret(&self, secret: &str) -> Option<SiteIndex> {
        let knows = |site: &Site| site.secret.as_ref().is_some_and(|known| known.equals(secret));
        self.iter().fold(None, |found, (index, site)| if knows(site) { Some(index) } else { found })
    }

    pub(crate) fn get(&self, index: SiteIndex) -> &Site {
        &self.sites[usize::from(index.0)]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SiteIndex, &Site)> {
        (0..).zip(&self.sites).map(|(index, site)| (SiteIndex(index), site))
    }

    /// Whether any site allows `origin`. A preflight does not say which site it is for.
    pub(crate) fn any_allows(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }
}
