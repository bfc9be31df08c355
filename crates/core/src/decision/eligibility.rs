use waver_schema::{DecisionReason, OfferId};

use super::facts::Facts;
use super::farming::{FARMED_MILLI, farming};
use super::terms::{Amount, Terms, is_monetary};

/// Whether an offer may be made, as far as neither caps nor cooldowns say. In the order of the questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Eligibility {
    /// The shop switched it off, or it was stopped because it does harm.
    Off,
    /// It is not its time.
    Schedule,
    /// Its rule does not hold, or does not work.
    Rule,
    /// Another offer stands that it must not stand beside.
    Stacking,
    /// The shopper may have learned how to get it ([`farming`]).
    Farming,
    /// It claims a reduction, and the lowest price of the last 30 days is not known.
    PriorPrice,
    /// What it is for cannot be bought.
    OutOfStock,
    /// Too little of the margin would be left, or how much is not known.
    MarginFloor,
    /// Its budget has no room for another.
    BudgetSpent,
    /// It may.
    Eligible,
}

impl Eligibility {
    /// The reason that a decision gives.
    pub const fn reason(self) -> DecisionReason {
        match self {
            Eligibility::Off => DecisionReason::KillSwitch,
            Eligibility::Schedule
            | Eligibility::Rule
            | Eligibility::Stacking
            | Eligibility::Farming
            | Eligibility::PriorPrice => DecisionReason::NotEligible,
            Eligibility::OutOfStock => DecisionReason::OutOfStock,
            Eligibility::MarginFloor => DecisionReason::MarginFloor,
            Eligibility::BudgetSpent => DecisionReason::BudgetSpent,
            Eligibility::Eligible => DecisionReason::TargetingMatch,
        }
    }

    /// What else stands against `terms`, one of `all`, that the schedule and the rule let pass.
    pub(super) fn of(terms: &Terms, all: &[Terms], facts: &Facts) -> Eligibility {
        let monetary = is_monetary(terms.kind);
        let around = &facts.around;
        if terms.is_off || around.stopped.contains(&terms.id) {
            return Eligibility::Off;
        }
        let beside = |id: &OfferId| all.iter().find(|other| other.id == *id);
        let mut standing = facts.history.standing.iter().filter_map(beside);
        if standing.any(|other| other.id != terms.id && !terms.stacks_with(other)) {
            return Eligibility::Stacking;
        }
        if monetary && farming(&facts.history, around.to_visitor.len()).get() >= FARMED_MILLI {
            return Eligibility::Farming;
        }
        if terms.claims_reduction && around.item.and_then(|item| item.prior_price()).is_none() {
            return Eligibility::PriorPrice;
        }
        if terms.needs_stock && facts.is_out_of_stock() {
            return Eligibility::OutOfStock;
        }
        if terms.margin_floor.is_some_and(|floor| !leaves(terms, floor, facts)) {
            return Eligibility::MarginFloor;
        }
        if around.spent.contains(&terms.id) {
            return Eligibility::BudgetSpent;
        }
        Eligibility::Eligible
    }
}

/// Whether the margin at stake, less the offer's cost, is at least `floor`. What is not known does not leave enough.
fn leaves(terms: &Terms, floor: Amount, facts: &Facts) -> bool {
    let known = || {
        let stake = facts.stake()?;
        let in_its_currency = |amount: Amount| {
            let (minor, _) = amount.of(facts).filter(|(_, currency)| *currency == stake.currency)?;
            i64::try_from(minor).ok()
        };
        let cost = terms.cost.map_or(Some(0), in_its_currency)?;
        Some(stake.margin_minor?.checked_sub(cost)? >= in_its_currency(floor)?)
    };
    known().unwrap_or(false)
}

/// How telling a refusal is: the further an offer came through the questions, the more. Of those that come equally far a cooldown passes and
/// a cap does not, so that the cooldown is the one worth telling.
pub(super) const fn telling(reason: DecisionReason) -> u8 {
    match reason {
        DecisionReason::Cooldown => 7,
        DecisionReason::Capped => 6,
        DecisionReason::BudgetSpent => 5,
        DecisionReason::MarginFloor => 4,
        DecisionReason::OutOfStock => 3,
        DecisionReason::Frustrated => 2,
        DecisionReason::KillSwitch => 1,
        _ => 0,
    }
}
