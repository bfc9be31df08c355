//! The shops' sites: who may send for them, and the policy of their offers.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use waver_policy::{Policy, PolicyError, Warning};
use waver_schema::SiteKey;

use crate::config;

/// Number of a site, in the order of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SiteIndex(pub(crate) usize);

/// One site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) key: SiteKey,
    pub(crate) policy: Policy,
    origins: HashSet<String>,
    allow_no_origin: bool,
}

impl Site {
    /// Whether a request with this `Origin` header, or without one, may send.
    pub(crate) fn allows(&self, origin: Option<&str>) -> bool {
        origin.map_or(self.allow_no_origin, |origin| self.origins.contains(origin))
    }
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

fn problems(path: &std::path::Path, error: &PolicyError) -> String {
    let lines =
        error.problems.iter().map(|problem| format!("{}:{}: {}", path.display(), problem.line, problem.message));
    lines.collect::<Vec<_>>().join("\n")
}

impl Sites {
    /// Reads the policies of the configured sites. Also gives what is not right in them but does no harm, with the file.
    pub(crate) fn load(
        configured: &BTreeMap<SiteKey, config::Site>,
    ) -> Result<(Sites, Vec<(PathBuf, Warning)>), OffersError> {
        let mut sites = Vec::new();
        let mut warnings = Vec::new();
        for (key, site) in configured {
            let path = &site.offers;
            let text =
                std::fs::read_to_string(path).map_err(|source| OffersError::Read { path: path.clone(), source })?;
            let (policy, of_policy) =
                Policy::parse(&text).map_err(|error| OffersError::Policy { path: path.clone(), error })?;
            warnings.extend(of_policy.into_iter().map(|warning| (path.clone(), warning)));
            let origins = site.origins.iter().map(|origin| origin.as_str().to_owned()).collect();
            sites.push(Site { key: key.clone(), policy, origins, allow_no_origin: site.allow_no_origin });
        }
        let by_key = sites.iter().enumerate().map(|(index, site)| (site.key.clone(), SiteIndex(index))).collect();
        let origins = sites.iter().flat_map(|site| site.origins.iter().cloned()).collect();
        Ok((Sites { sites, by_key, origins }, warnings))
    }

    pub(crate) fn len(&self) -> usize {
        self.sites.len()
    }

    pub(crate) fn find(&self, key: &SiteKey) -> Option<SiteIndex> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn get(&self, index: SiteIndex) -> &Site {
        &self.sites[index.0]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SiteIndex, &Site)> {
        self.sites.iter().enumerate().map(|(index, site)| (SiteIndex(index), site))
    }

    /// Whether any site allows `origin`. A preflight does not say which site it is for.
    pub(crate) fn any_allows(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }
}
