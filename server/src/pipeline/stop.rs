//! Stopping an offer that does harm, for as long as the policy is of the version under which it was found to do it.

use waver_policy::Policy;
use waver_schema::{ErrorCode, OfferId};

use super::{Candidates, Group, Sender};
use crate::entry::{Entry, StopEntry};
use crate::keyring::Readable;
use crate::site::SiteIndex;

impl Group<'_> {
    /// Stops an offer that does harm, unless that was done already.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if its record cannot be written.
    pub(crate) fn stop(&mut self, of: &Candidates, entry: StopEntry) -> Result<(), ErrorCode> {
        let Some((_, from)) = self.senders(of).first().copied() else { return Ok(()) };
        if self.stops.get(&from.site.number()).is_some_and(|held| held.stops.has(&entry.offer, entry.policy)) {
            return Ok(());
        }
        self.fold_stop(from, &entry);
        self.record(from, &Entry::Stop(entry), Readable::default())
    }

    pub(super) fn fold_stop(&mut self, from: Sender, StopEntry { offer, policy, measure, .. }: &StopEntry) {
        let held = self.stops.entry(from.site.number()).or_default();
        held.is_changed = true;
        held.stops.stop(offer.clone(), *policy, *measure, from.received_at);
    }

    /// The offers of a policy that are stopped.
    pub(super) fn stopped(&self, site: SiteIndex, policy: &Policy) -> Vec<OfferId> {
        let held = self.stops.get(&site.number());
        held.into_iter()
            .flat_map(|held| held.stops.under(policy.version()))
            .map(|stopped| stopped.offer.clone())
            .collect()
    }
}
