//! What was learned of offers from the sessions that are over, and which offers it says do harm.
//!
//! All of it follows from the trials in the state. It is worked out anew when these have grown, at a pace, and not for each decision; what a
//! decision was drawn by is logged with it, and an offer that is stopped is a record of the log, so that replay needs nothing of this.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use waver_core::decision::Learned;
use waver_core::experiment::{Trials, harm};
use waver_core::learning::{Goal, Knowledge, Settings};
use waver_policy::Policy;
use waver_schema::{OfferId, PolicyVersion, StratumName};

use crate::entry::StopEntry;
use crate::site::SiteIndex;

/// How often what is over is learned from, milliseconds.
const PACE_MS: u64 = 10 * 1000;

/// What was learned of the offers of every site.
#[derive(Debug, Default)]
pub(crate) struct Learning {
    sites: BTreeMap<SiteIndex, OfSite>,
    /// When it was looked at last, Unix milliseconds.
    looked_at: Option<u64>,
}

#[derive(Debug, Default)]
struct OfSite {
    trials: Arc<Trials>,
    /// The version of the policy that was asked for harm.
    judged: Option<PolicyVersion>,
    knowledge: Knowledge,
    /// What follows from it for the offers of a policy in a stratum.
    drawn: Mutex<BTreeMap<(PolicyVersion, StratumName), Arc<Learned>>>,
}

impl Learning {
    /// Whether it is time to look again, at `now` (Unix milliseconds). If so, it was looked at now.
    pub(crate) fn is_due(&mut self, now: u64) -> bool {
        let is_due = self.looked_at.is_none_or(|last| now >= last.saturating_add(PACE_MS));
        if is_due {
            self.looked_at = Some(now);
        }
        is_due
    }

    /// Takes in what the sessions of a site came to. Gives the offers that do harm under the policy in force.
    pub(crate) fn take_in(&mut self, site: SiteIndex, trials: Arc<Trials>, policy: &Policy) -> Vec<StopEntry> {
        let of_site = self.sites.entry(site).or_default();
        let Ok(version) = PolicyVersion::parse(policy.version()) else { return Vec::new() };
        let is_known = Arc::ptr_eq(&of_site.trials, &trials);
        if is_known && of_site.judged == Some(version) {
            return Vec::new();
        }
        if !is_known {
            *of_site = OfSite { knowledge: Knowledge::of(&trials), trials, ..OfSite::default() };
        }
        of_site.judged = Some(version);
        let harmed = |offer: &OfferId| {
            let (measure, effect) = harm(&of_site.trials, offer, version)?;
            Some(StopEntry { offer: offer.clone(), policy: version, measure, high: effect.high })
        };
        policy.terms().iter().filter_map(|terms| harmed(&terms.id)).collect()
    }

    /// How the offers `arms` of a policy are to be drawn in a stratum. All that the policy wants learned are weighed together, so that what is
    /// learned of one does not depend on which others are in the running.
    pub(crate) fn learned(
        &self,
        site: SiteIndex,
        policy: &Policy,
        stratum: &StratumName,
        arms: &[OfferId],
    ) -> Option<Learned> {
        let of_site = self.sites.get(&site)?;
        let version = PolicyVersion::parse(policy.version()).ok()?;
        let mut drawn = of_site.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let all = drawn.entry((version, stratum.clone())).or_insert_with(|| {
            let offers = policy.terms().iter().filter(|terms| terms.learn).map(|terms| terms.id.clone());
            let settings = Settings { explore: f64::from(policy.explore_milli()) / 1000.0, ..Settings::default() };
            let goal = match policy.goal() {
                waver_policy::Goal::Conversion => Goal::Conversion,
                waver_policy::Goal::Revenue => Goal::Revenue,
                waver_policy::Goal::Margin => Goal::Margin,
            };
            Arc::new(of_site.knowledge.learned(&offers.collect::<Vec<_>>(), stratum, goal, &settings))
        });
        Some(Learned { arms: all.arms.iter().filter(|arm| arms.contains(&arm.offer)).cloned().collect() })
    }
}
