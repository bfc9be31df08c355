use std::collections::BTreeMap;

use waver_schema::{Arm, Currency, OfferId, StratumName};

use super::{OfferSums, Settings, worth_of_offers};
use crate::decision::{Learned, LearnedArm};
use crate::experiment::{Moments, Sums, Trials};

/// What there is to be more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Sessions that buy.
    Conversion,
    /// Value of their orders less refunds.
    Revenue,
    /// Margin of their orders; the revenue, as long as the shop does not tell that of all orders.
    Margin,
}

/// What is known of offers from the sessions that are over: those under earlier versions of the policy too, which is the warm start that an
/// offer has after its file was changed.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    pooled: BTreeMap<OfferId, Known>,
    own: BTreeMap<StratumName, BTreeMap<OfferId, Known>>,
}

/// The sums of an offer, and of its controls.
#[derive(Debug, Clone, Default)]
struct Known {
    treated: Sums,
    control: Sums,
}

impl Knowledge {
    /// What `trials` tell.
    pub fn of(trials: &Trials) -> Knowledge {
        let mut knowledge = Knowledge::default();
        for (assignment, sums) in trials.iter() {
            let own = knowledge.own.entry(assignment.stratum.clone()).or_default();
            for known in [&mut knowledge.pooled, own] {
                let known = known.entry(assignment.offer.clone()).or_default();
                match assignment.arm {
                    Arm::Offer => known.treated.add(sums),
                    // What was drawn and not shown: the same sessions as those it was shown to, whichever of the two kept it back.
                    Arm::Holdout | Arm::Nothing => known.control.add(sums),
                }
            }
        }
        knowledge
    }

    /// How each of `offers` is to be drawn in `stratum`.
    pub fn learned(&self, offers: &[OfferId], stratum: &StratumName, goal: Goal, settings: &Settings) -> Learned {
        let none = BTreeMap::new();
        let of = |known: &BTreeMap<OfferId, Known>| -> Vec<OfferSums> {
            let known: Vec<Known> = offers.iter().map(|offer| known.get(offer).cloned().unwrap_or_default()).collect();
            let currency = main_currency(&known);
            let goal = attainable(goal, currency, &known);
            known.iter().map(|known| known.sums(goal, currency)).collect()
        };
        let own = self.own.get(stratum).unwrap_or(&none);
        // One stratum is all of them.
        let own = if self.own.len() > 1 { of(own) } else { Vec::new() };
        let worth = worth_of_offers(&of(&self.pooled), &own, settings);
        let arm = |(offer, worth): (&OfferId, super::OfferWorth)| LearnedArm {
            offer: offer.clone(),
            weight: worth.weight,
            show: worth.show,
        };
        Learned { arms: offers.iter().zip(worth).map(arm).collect() }
    }
}

impl Known {
    fn sums(&self, goal: Goal, currency: Option<Currency>) -> OfferSums {
        let of = |sums: &Sums| -> Moments {
            match (goal, currency) {
                (Goal::Conversion, _) | (_, None) => sums.conversion(),
                (Goal::Revenue, Some(currency)) => sums.revenue(currency),
                (Goal::Margin, Some(currency)) => sums.margin(currency).unwrap_or_else(|| sums.revenue(currency)),
            }
        };
        let earning = self.treated.converted.saturating_add(self.control.converted);
        OfferSums {
            treated: of(&self.treated),
            control: of(&self.control),
            earning: u64::try_from(earning).unwrap_or_default(),
        }
    }
}

/// The margin only where it is told of all orders of all offers: offers are held against each other in one measure.
fn attainable(goal: Goal, currency: Option<Currency>, known: &[Known]) -> Goal {
    let has_margin = |currency: Currency| {
        known.iter().flat_map(|known| [&known.treated, &known.control]).all(|sums| sums.margin(currency).is_some())
    };
    match goal {
        Goal::Margin if !currency.is_some_and(has_margin) => Goal::Revenue,
        goal => goal,
    }
}

/// The currency that most sessions ordered in.
fn main_currency(known: &[Known]) -> Option<Currency> {
    let mut sessions: BTreeMap<Currency, i64> = BTreeMap::new();
    for (currency, money) in
        known.iter().flat_map(|known| [&known.treated, &known.control]).flat_map(|sums| &sums.money)
    {
        *sessions.entry(*currency).or_default() += money.sessions;
    }
    sessions
        .into_iter()
        .max_by_key(|(currency, sessions)| (*sessions, std::cmp::Reverse(*currency)))
        .map(|(currency, _)| currency)
}

#[cfg(test)]
mod tests {
    use waver_schema::PolicyVersion;

    use super::*;
    use crate::experiment::{Assignment, OrderOutcome, Outcome};

    fn trials(cells: &[(&str, &str, Arm, u64, u64, i64)]) -> Trials {
        let euro = Currency::new("EUR").expect("valid");
        let mut trials = Trials::default();
        for (offer, stratum, arm, sessions, converted, margin) in cells {
            let assignment = Assignment {
                day: 1,
                offer: OfferId::parse(offer).expect("valid"),
                policy: PolicyVersion::from_bytes([1; 8]),
                holdout_milli: 100,
                stratum: StratumName::parse(stratum).expect("valid"),
                arm: *arm,
                exposed: true,
            };
            for session in 0..*sessions {
                let order = OrderOutcome { value: Some((euro, 5_000)), margin_minor: Some(*margin), refunded_minor: 0 };
                let orders = if session < *converted { vec![order] } else { Vec::new() };
                trials.add(assignment.clone(), &Sums::of(&Outcome { orders }));
            }
        }
        trials
    }

    fn show(trials: &Trials, stratum: &str, goal: Goal) -> f64 {
        let offers = [OfferId::parse("ten").expect("valid")];
        let stratum = StratumName::parse(stratum).expect("valid");
        Knowledge::of(trials).learned(&offers, &stratum, goal, &Settings::default()).arms[0].show
    }

    #[test]
    fn what_is_worth_learning_depends_on_the_goal() {
        // More buy, and less is left of each order.
        let trials = trials(&[
            ("ten", "rest", Arm::Offer, 2_000, 260, 500),
            ("ten", "rest", Arm::Nothing, 1_000, 100, 2_000),
            ("ten", "rest", Arm::Holdout, 300, 30, 2_000),
        ]);
        assert!(show(&trials, "rest", Goal::Conversion) > 0.95);
        assert!(show(&trials, "rest", Goal::Margin) < 0.05);
        assert!(show(&trials, "new", Goal::Margin) < 0.05, "a stratum that nobody was of");
    }

    #[test]
    fn a_stratum_is_told_apart_where_it_differs_beyond_doubt() {
        let trials = trials(&[
            ("ten", "new", Arm::Offer, 4_000, 800, 500),
            ("ten", "new", Arm::Nothing, 4_000, 400, 500),
            ("ten", "known", Arm::Offer, 2_000, 200, 500),
            ("ten", "known", Arm::Nothing, 2_000, 400, 500),
        ]);
        assert!(show(&trials, "new", Goal::Conversion) > 0.95 && show(&trials, "known", Goal::Conversion) < 0.05);
    }
}
