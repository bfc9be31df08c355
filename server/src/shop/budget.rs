//! What the budgets of a site have given out: one row, exact because the committer alone changes it.
//!
//! Units of an offer that was made are *out* until its grant ends, and come back then by themselves: they stand in buckets by when they come
//! back, and a bucket whose time is over by the log's clock does not count any more. So nothing leaks for good, whatever is killed. What was
//! redeemed is *spent*. Spent and out together never exceed what the policy allows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_core::decision::Allowance;
use waver_schema::OfferId;

const MINUTE_MS: u64 = 60_000;
/// A grant lives for so many buckets at most: a budget has at most that many, and units come back at most this part of a grant's life after its
/// end.
const BUCKETS: u64 = 60;
/// Most offers that are remembered; of a policy at most 64 are in force.
const MOST_OFFERS: usize = 1024;
/// Periods of one offer that are remembered: the present one, the one before while its grants are out, and one of another length.
const MOST_PERIODS: usize = 3;

/// What one offer that is made takes from its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Charge {
    /// When the period of the budget began, Unix milliseconds: periods are told apart by this.
    pub(crate) period: u64,
    /// Offers, or minor units of money, as the policy counts.
    pub(crate) units: u64,
}

impl Charge {
    /// What `allowance` says that one more offer takes.
    pub(crate) const fn of(allowance: &Allowance) -> Charge {
        Charge { period: allowance.period, units: allowance.cost }
    }
}

/// How long units are out: from an offer's making to its end, Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outing {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Outing {
    /// The bucket, by when it is over: never before the grant is.
    fn bucket(self) -> u64 {
        let minutes = self.until.saturating_sub(self.from).div_ceil(BUCKETS * MINUTE_MS).max(1);
        let width = minutes * MINUTE_MS;
        self.until.div_ceil(width).saturating_mul(width)
    }
}

/// The row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Budgets(BTreeMap<OfferId, Vec<Tally>>);

/// One offer in one period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    period: u64,
    spent: u64,
    /// By when they come back, Unix milliseconds.
    out: BTreeMap<u64, u64>,
}

impl Tally {
    /// What is spent and out at `now`.
    fn taken(&self, now: u64) -> u64 {
        self.out.range(now.saturating_add(1)..).fold(self.spent, |sum, (_, units)| sum.saturating_add(*units))
    }

    fn forget_over(&mut self, now: u64) {
        self.out.retain(|until, _| *until > now);
    }
}

impl Budgets {
    /// What is spent and out of an offer's budget at `now` (Unix milliseconds).
    pub(crate) fn taken(&self, offer: &OfferId, period: u64, now: u64) -> u64 {
        let tally = self.0.get(offer).and_then(|periods| periods.iter().find(|tally| tally.period == period));
        tally.map(|tally| tally.taken(now)).unwrap_or_default()
    }

    /// Whether the offer may be made at `now`, of which so much may be spent and out.
    pub(crate) fn has_room(&self, offer: &OfferId, charge: Charge, allowed: u64, now: u64) -> bool {
        self.taken(offer, charge.period, now).saturating_add(charge.units) <= allowed
    }

    /// The offer is made, and its units are out.
    pub(crate) fn take(&mut self, offer: &OfferId, charge: Charge, outing: Outing) {
        let tally = self.tally(offer, charge.period, outing.from);
        let out = tally.out.entry(outing.bucket()).or_default();
        *out = out.saturating_add(charge.units);
    }

    /// The offer is made, and its units do not come back.
    pub(crate) fn spend(&mut self, offer: &OfferId, charge: Charge, now: u64) {
        let tally = self.tally(offer, charge.period, now);
        tally.spent = tally.spent.saturating_add(charge.units);
    }

    /// Units that are out come back before their time; and are spent if the grant was redeemed.
    pub(crate) fn settle(&mut self, offer: &OfferId, charge: Charge, outing: Outing, redeemed: bool, now: u64) {
        let tally = self.tally(offer, charge.period, now);
        if let Some(out) = tally.out.get_mut(&outing.bucket()) {
            *out = out.saturating_sub(charge.units);
            if *out == 0 {
                tally.out.remove(&outing.bucket());
            }
        }
        if redeemed {
            tally.spent = tally.spent.saturating_add(charge.units);
        }
    }

    fn tally(&mut self, offer: &OfferId, period: u64, now: u64) -> &mut Tally {
        if !self.0.contains_key(offer) && self.0.len() >= MOST_OFFERS {
            self.forget_one();
        }
        let periods = self.0.entry(offer.clone()).or_default();
        periods.iter_mut().for_each(|tally| tally.forget_over(now));
        let at = periods.iter().position(|tally| tally.period == period).unwrap_or_else(|| {
            if periods.len() >= MOST_PERIODS {
                // The one that began first is over; what comes back to it is nobody's any more.
                let first = (0..periods.len()).min_by_key(|at| periods[*at].period).unwrap_or_default();
                periods.remove(first);
            }
            periods.push(Tally { period, ..Tally::default() });
            periods.len() - 1
        });
        &mut periods[at]
    }

    /// Of more offers than any policy has, the one whose last period began first is long gone from the file.
    fn forget_one(&mut self) {
        let last = |periods: &Vec<Tally>| periods.iter().map(|tally| tally.period).max();
        let oldest = self.0.iter().min_by_key(|(_, periods)| last(periods)).map(|(offer, _)| offer.clone());
        oldest.map(|offer| self.0.remove(&offer));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const HALF_AN_HOUR: u64 = 30 * MINUTE_MS;

    fn offer(name: &str) -> OfferId {
        OfferId::parse(name).expect("valid")
    }

    const ONE: Charge = Charge { period: NOW, units: 1 };

    fn outing(from: u64) -> Outing {
        Outing { from, until: from + HALF_AN_HOUR }
    }

    #[test]
    fn what_is_out_comes_back_by_itself_and_what_is_spent_does_not() {
        let (mut budgets, offer) = (Budgets::default(), offer("ten"));
        budgets.take(&offer, ONE, outing(NOW));
        assert!(budgets.has_room(&offer, ONE, 2, NOW));
        budgets.take(&offer, ONE, outing(NOW));
        assert!(!budgets.has_room(&offer, ONE, 2, NOW));
        budgets.settle(&offer, ONE, outing(NOW), true, NOW + 1);
        assert!(!budgets.has_room(&offer, ONE, 2, NOW + 1), "one spent and one out");
        let later = NOW + HALF_AN_HOUR + MINUTE_MS;
        assert_eq!(budgets.taken(&offer, ONE.period, later), 1, "one spent");
        assert!(budgets.has_room(&offer, ONE, 2, later));
        // Another period is another budget.
        assert_eq!(budgets.taken(&offer, ONE.period + 1, NOW), 0);
        budgets.spend(&offer, ONE, later);
        assert!(!budgets.has_room(&offer, ONE, 2, later), "two spent");
    }

    #[test]
    fn the_row_is_bounded_whatever_grants_there_are() {
        let mut budgets = Budgets::default();
        for number in 0..3 * MOST_OFFERS as u64 {
            let name = offer(&format!("offer-{number}"));
            for at in 0..100 {
                let from = NOW + number * 1000 + at * MINUTE_MS;
                budgets.take(&name, Charge { period: NOW + number + at / 20, ..ONE }, outing(from));
            }
        }
        assert!(budgets.0.len() <= MOST_OFFERS);
        assert!(budgets.0.values().all(|periods| periods.len() <= MOST_PERIODS));
        let buckets = budgets.0.values().flatten().map(|tally| tally.out.len()).max();
        assert!(buckets.is_some_and(|buckets| buckets as u64 <= BUCKETS + 2), "{buckets:?}");
    }

    proptest! {
        /// Against a list of every single grant.
        #[test]
        fn spent_and_out_are_never_less_than_what_may_still_be_redeemed(
            deeds in proptest::collection::vec((0..3_u8, any::<proptest::sample::Index>(), 1..600_000_u64, 1..86_400_000_u64), 1..120),
        ) {
            let (mut budgets, offer) = (Budgets::default(), offer("ten"));
            let mut grants: Vec<(Outing, bool)> = Vec::new();
            let (mut spent, mut now) = (0, NOW);
            for (deed, which, later, life) in deeds {
                now += later;
                let open: Vec<usize> =
                    (0..grants.len()).filter(|at| grants[*at].1 && grants[*at].0.until > now).collect();
                match deed {
                    0 => {
                        let outing = Outing { from: now, until: now + life };
                        budgets.take(&offer, ONE, outing);
                        grants.push((outing, true));
                    }
                    _ if open.is_empty() => {}
                    _ => {
                        let at = *which.get(&open);
                        grants[at].1 = false;
                        budgets.settle(&offer, ONE, grants[at].0, deed == 1, now);
                        spent += u64::from(deed == 1);
                    }
                }
                let open = grants.iter().filter(|(outing, is_open)| *is_open && outing.until > now).count() as u64;
                // What a bucket holds longer than its grant: a sixtieth of the grant's life, and a minute.
                let slack = |outing: &Outing| outing.until + (outing.until - outing.from) / BUCKETS + 2 * MINUTE_MS;
                let late = grants.iter().filter(|(outing, is_open)| *is_open && slack(outing) > now).count() as u64;
                let taken = budgets.taken(&offer, ONE.period, now);
                prop_assert!((spent + open..=spent + late).contains(&taken), "{taken} of {spent} and {open} to {late}");
            }
        }
    }
}
