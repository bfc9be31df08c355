//! Whether something is offered: one pure function for the collector, replay and backtest.

mod budget;
mod eligibility;
mod facts;
mod farming;
mod learned;
mod terms;

use waver_schema::{Arm, Contribution, DecisionReason, Feature, OfferKind, Stage};

pub use budget::{Allowance, Budget, Period, Span, Unit, paced};
pub use eligibility::Eligibility;
pub use facts::{Circumstances, Facts, ItemFacts, LineFacts, SessionHistory, Stake};
pub use farming::{FARMED_MILLI, farming};
pub use learned::{Learned, LearnedArm, seed_of};
pub use terms::{Amount, Terms, is_monetary};

use eligibility::telling;
use learned::{Chance, chances, draw};

/// A policy as a decision sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy<'a> {
    /// All offers off.
    pub kill_switch: bool,
    /// Share of sessions, 0..=1000 thousandths, that serve as controls wherever an offer does not say otherwise.
    pub holdout_milli: u16,
    /// The offers.
    pub terms: &'a [Terms],
    /// What schedule and rule say of each, for the facts at hand; everything else is asked here.
    pub eligibility: &'a [Eligibility],
}

/// Who is left after every question but those that chance answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Running {
    /// No offer, and why.
    Nobody(DecisionReason),
    /// The offer at this index, for its priority.
    First(usize),
    /// One of these, or nothing: the offers at these indexes are the arms of what was learned.
    Arms(Vec<usize>),
}

/// What was decided, before the shell gives it an id, texts and an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Index into the policy's terms of the offer to show.
    pub offer: Option<usize>,
    /// Index of the offer that a control would have been shown: in the holdout, or where doing nothing was drawn in its place.
    pub counterfactual: Option<usize>,
    /// What was chosen.
    pub arm: Arm,
    /// Why.
    pub reason: DecisionReason,
    /// Probability, 0..=1, with which this arm was chosen. Those of each offer, of nothing and of the holdout sum to 1.
    pub propensity: f64,
    /// Whether the session is in the holdout.
    pub holdout: bool,
    /// The features that weighed most, strongest first.
    pub explain: Vec<Contribution>,
}

/// An offer that a decision may come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prospect {
    /// Index into the policy's terms.
    pub offer: usize,
    /// Probability, 0..=1, that it is drawn and shown, but for the holdout.
    pub drawn: f64,
    /// Share of sessions, 0..=1000 thousandths, in its holdout: the same sessions at every decision.
    pub holdout_milli: u16,
}

/// Decides. `now` is in milliseconds of the session; `seed` ([`seed_of`]) draws among arms. The same in, the same out, bit for bit.
///
/// The order of the questions is the order of their force: consent, kill switch, purchase under way, frustration; then for each offer of the
/// slot its own switch, schedule, rule, what it stands beside, farming, prior price, stock, margin and budget ([`Eligibility`]), cap, cooldown;
/// then which of those that are left: the one of highest priority, or if that one is to be learned, an arm drawn among all such
/// offers by [`Circumstances::learned`], and shown, or nothing in its place. The holdout comes last, so that both of its arms hold only
/// sessions that would have been offered something.
pub fn decide(facts: &Facts, policy: Policy<'_>, seed: u64, now: u64) -> Verdict {
    let nothing = |reason| Verdict {
        offer: None,
        counterfactual: None,
        arm: Arm::Nothing,
        reason,
        propensity: 1.0,
        holdout: lot_falls_in(facts.lot, policy.holdout_milli),
        explain: explain(facts),
    };
    let (chances, seed) = match running(facts, policy, now) {
        Running::Nobody(reason) => return nothing(reason),
        Running::First(index) => (vec![Chance::certain(index, policy.terms)], 0),
        Running::Arms(arms) => (chances(&arms, policy.terms, facts.around.learned.as_ref()), seed),
    };
    let (drawn, is_shown) = draw(&chances, seed);
    let one = Some(drawn.offer);
    let over = |of: fn(&Chance) -> f64| chances.iter().map(of).sum();
    let (offer, counterfactual, arm, reason, propensity) = if !is_shown {
        (None, one, Arm::Nothing, DecisionReason::TargetingMatch, over(Chance::nothing))
    } else if lot_falls_in(facts.lot, policy.terms[drawn.offer].holdout_milli) {
        (None, one, Arm::Holdout, DecisionReason::Holdout, over(Chance::held_out))
    } else {
        (one, None, Arm::Offer, DecisionReason::TargetingMatch, drawn.shown())
    };
    let verdict = nothing(reason);
    let holdout = if arm == Arm::Nothing { verdict.holdout } else { arm == Arm::Holdout };
    Verdict { offer, counterfactual, arm, propensity, holdout, ..verdict }
}

/// What a decision may come to, whatever the seed and the lot: each offer in the running with its probabilities. With what is left over, nothing is
/// shown.
pub fn prospects(facts: &Facts, policy: Policy<'_>, now: u64) -> Vec<Prospect> {
    let chances = match running(facts, policy, now) {
        Running::Nobody(_) => Vec::new(),
        Running::First(index) => vec![Chance::certain(index, policy.terms)],
        Running::Arms(arms) => chances(&arms, policy.terms, facts.around.learned.as_ref()),
    };
    let prospect = |chance: &Chance| Prospect {
        offer: chance.offer,
        drawn: chance.drawn * chance.show,
        holdout_milli: policy.terms[chance.offer].holdout_milli,
    };
    chances.iter().map(prospect).collect()
}

/// Asks everything that [`decide`] asks before chance: which arms what was learned is needed for.
pub fn running(facts: &Facts, policy: Policy<'_>, now: u64) -> Running {
    if !facts.personalize {
        return Running::Nobody(DecisionReason::NoConsent);
    }
    if policy.kill_switch {
        return Running::Nobody(DecisionReason::KillSwitch);
    }
    if facts.history.purchases > 0 || facts.features.stage == Some(Stage::High) {
        return Running::Nobody(DecisionReason::AlreadyBuying);
    }
    let frustrated = facts.features.frustrations > 0;
    let mut refusal = if frustrated { DecisionReason::Frustrated } else { DecisionReason::NotEligible };
    let mut first: Option<usize> = None;
    let mut arms = Vec::new();
    for (index, (terms, eligibility)) in policy.terms.iter().zip(policy.eligibility).enumerate() {
        if !terms.slots.contains(&facts.slot) || (frustrated && terms.kind != OfferKind::Help) {
            continue;
        }
        let eligibility = match eligibility {
            Eligibility::Eligible => Eligibility::of(terms, policy.terms, facts),
            refused => *refused,
        };
        let refused =
            if eligibility == Eligibility::Eligible { withheld(terms, facts, now) } else { Some(eligibility.reason()) };
        match refused {
            Some(reason) if telling(reason) > telling(refusal) => refusal = reason,
            Some(_) => {}
            None => {
                if terms.learn {
                    arms.push(index);
                }
                if first.is_none_or(|best| policy.terms[best].priority < terms.priority) {
                    first = Some(index);
                }
            }
        }
    }
    match first {
        None => Running::Nobody(refusal),
        Some(index) if policy.terms[index].learn => Running::Arms(arms),
        Some(index) => Running::First(index),
    }
}

fn withheld(terms: &Terms, facts: &Facts, now: u64) -> Option<DecisionReason> {
    let in_session = facts.history.offered.iter().filter(|(id, _)| *id == terms.id).count();
    let to_visitor = facts.around.to_visitor.iter().filter(|id| **id == terms.id).count();
    let is_full = |times: usize, most: u32| times >= most as usize;
    if is_full(in_session, terms.per_session) || terms.per_visitor.is_some_and(|most| is_full(to_visitor, most)) {
        return Some(DecisionReason::Capped);
    }
    let last = facts.history.offered.last().map(|(_, at)| *at)?;
    (now < last.saturating_add(terms.cooldown_ms)).then_some(DecisionReason::Cooldown)
}

/// Whether `lot` is among the lowest `share_milli` thousandths of all `u64`.
fn lot_falls_in(lot: u64, share_milli: u16) -> bool {
    u128::from(lot) * 1000 < (u128::from(share_milli.min(1000)) << 64)
}

fn explain(facts: &Facts) -> Vec<Contribution> {
    let strongest = facts.features.hesitation.iter().map(|score| score.score_milli).max().unwrap_or_default().to_unit();
    let p_buy = facts.features.p_buy_milli.to_unit();
    let mut contributions = vec![
        Contribution { feature: Feature::Hesitation, value: strongest, weight: strongest },
        Contribution { feature: Feature::PBuy, value: p_buy, weight: -p_buy },
        Contribution {
            feature: Feature::CartItems,
            value: f64::from(facts.cart.items),
            weight: if facts.cart.items > 0 { 0.25 } else { 0.0 },
        },
    ];
    contributions.retain(|contribution| contribution.weight != 0.0);
    contributions.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    contributions
}

#[cfg(test)]
mod tests;
