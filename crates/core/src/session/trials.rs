use std::collections::BTreeSet;

use waver_schema::TrafficClass;

use super::SessionState;
use crate::experiment::{Assignment, Outcome, Sums, Trial, day_of};
use crate::window::LATENESS_MS;

impl SessionState {
    /// What the session came to as a trial of the offers that it was assigned to, each by its first decision; for whoever lets go of it now that it
    /// is over, to add up once. Empty for who was offered nothing and held out of nothing, and for whoever is not a shopper.
    ///
    /// The orders that count for an offer are those after its decision. It is counted on the day on which nothing late is taken any more,
    /// which follows from the session alone, whenever it is let go of.
    pub fn trials(&self) -> Vec<(Assignment, Sums)> {
        if !self.anchored || self.traffic() != TrafficClass::Shopper {
            return Vec::new();
        }
        let day = day_of(self.ends_at().saturating_add(LATENESS_MS));
        let mut seen = BTreeSet::new();
        let mut trials = Vec::new();
        for trace in self.offers.iter() {
            if !seen.insert(trace.offer()) {
                continue;
            }
            let Some(Trial { policy, stratum, holdout_milli }) = trace.trial().cloned() else { continue };
            let of_offer = || self.offers.iter().filter(|other| other.offer() == trace.offer());
            let assignment = Assignment {
                day,
                offer: trace.offer().clone(),
                policy,
                holdout_milli,
                stratum,
                arm: trace.arm(),
                exposed: of_offer().any(|trace| trace.came_to_rendering()),
            };
            let orders = self.orders.since(trace.decided_at());
            trials.push((assignment, Sums::of(&Outcome { orders })));
        }
        trials
    }
}
