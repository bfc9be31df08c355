//! Visitors: browsers that are remembered across sessions, where a site wants that and the shopper granted to personalise.
//!
//! A visitor's pseudonym follows from the browser's own name for itself and from a secret that lives for as many days as the site says. With it the
//! pseudonyms end, whoever has one: the browser is then met for the first time again. A session's pseudonym and a visitor's cannot be joined by
//! anybody, since no row and no record holds both.

use waver_schema::{SiteKey, VisitorId};
use waver_store::Pseudonym;

use super::names::Name;
use super::pseudonyms::pseudonymize;
use super::{EpochNumber, Keyring, OfSite};

/// A visitor by its pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VisitorName {
    pub(crate) pseudonym: Pseudonym,
    /// The epoch that what is sealed of it now is of.
    pub(crate) epoch: Option<EpochNumber>,
    /// When its pseudonym ends, Unix milliseconds.
    pub(crate) until: u64,
}

impl Keyring {
    /// Who a browser is by its name for itself; `None` where the site remembers nobody.
    pub(crate) fn visitor(&self, site: &SiteKey, id: &VisitorId) -> Option<VisitorName> {
        let epoch = self.current(site);
        let held = self.read();
        let (made, secret) = held.get(site)?.visitors.as_ref()?;
        let until = self.end_of_visitors(site, *made);
        (self.host.now() < until).then(|| VisitorName {
            pseudonym: pseudonymize(secret, site, id.as_bytes()),
            epoch,
            until,
        })
    }

    /// When a secret that was made in this second is over: at once, where the site remembers nobody.
    fn end_of_visitors(&self, site: &SiteKey, made: EpochNumber) -> u64 {
        self.lives.visitors.get(site).map_or(0, |days| u64::from(made) * 1000 + days)
    }

    /// The secret that `site` needs and has not.
    pub(super) fn wanted_of_visitors(&self, site: &SiteKey, of_site: &OfSite, now: u64) -> Option<Name> {
        self.lives.visitors.get(site)?;
        let second = EpochNumber::try_from(now / 1000).unwrap_or(EpochNumber::MAX);
        // One that is over is destroyed first; the next turn makes another.
        of_site.visitors.is_none().then(|| Name::Visitors(site.clone(), second))
    }

    /// The secret whose time is over, or that nobody wants any more.
    pub(super) fn over_of_visitors(&self, site: &SiteKey, of_site: &OfSite, now: u64) -> Option<Name> {
        let (made, _) = of_site.visitors.as_ref()?;
        (now >= self.end_of_visitors(site, *made)).then(|| Name::Visitors(site.clone(), *made))
    }
}
