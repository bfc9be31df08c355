//! Whether something is offered: one pure function for the collector, replay and backtest.

use waver_schema::{
    Arm, Cart, Contribution, DecisionFeatures, DecisionReason, Feature, OfferId, OfferKind, PageType, SlotName, Stage,
};

/// Everything a decision may look at. Rules of eligibility see the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Whether the session has granted `personalize`.
    pub personalize: bool,
    /// The slot asked for.
    pub slot: SlotName,
    /// Kind of page.
    pub page: PageType,
    /// The scores as the browser has them.
    pub features: DecisionFeatures,
    /// The cart as the browser has it.
    pub cart: Cart,
    /// The session so far, as the log has it.
    pub history: SessionHistory,
    /// Offers made to this browser, in this session and earlier ones, as far as the site remembers that; once for each time.
    pub to_visitor: Vec<OfferId>,
    /// A number spread evenly over all `u64`, the same for a session at every decision; who is in the holdout follows from it.
    pub lot: u64,
}

/// What a decision may know of the session so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionHistory {
    /// Page views.
    pub views: u32,
    /// Product page views.
    pub product_views: u32,
    /// Items put into the cart.
    pub cart_adds: u32,
    /// Whether checkout has begun.
    pub checkout_begun: bool,
    /// Orders placed.
    pub purchases: u32,
    /// Offers made in this session, oldest first: which, and when (milliseconds of the session).
    pub offered: Vec<(OfferId, u64)>,
}

/// An offer's terms, as far as a decision depends on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The offer.
    pub id: OfferId,
    /// The slots it may fill.
    pub slots: Vec<SlotName>,
    /// What it gives.
    pub kind: OfferKind,
    /// Higher goes first; equal priorities go by position.
    pub priority: i32,
    /// How often it may be offered in one session.
    pub per_session: u32,
    /// How often it may be offered to one browser, across its sessions; only where that is remembered.
    pub per_visitor: Option<u32>,
    /// Milliseconds of the session that must pass after any offer before this one.
    pub cooldown_ms: u64,
}

/// A policy as a decision sees it. `eligible[i]` tells whether the rule of `terms[i]` holds for the facts at hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy<'a> {
    /// All offers off.
    pub kill_switch: bool,
    /// Share of sessions, 0..=1000 thousandths, that serve as controls and are never offered anything.
    pub holdout_milli: u16,
    /// The offers.
    pub terms: &'a [Terms],
    /// Whether each offer's rule holds.
    pub eligible: &'a [bool],
}

/// What was decided, before the shell gives it an id, texts and an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Index into the policy's terms of the offer to show.
    pub offer: Option<usize>,
    /// Index of the offer that a session in the holdout would have been shown.
    pub counterfactual: Option<usize>,
    /// What was chosen.
    pub arm: Arm,
    /// Why.
    pub reason: DecisionReason,
    /// Probability, 0..=1, with which this arm was chosen.
    pub propensity: f64,
    /// Whether the session is in the holdout.
    pub holdout: bool,
    /// The features that weighed most, strongest first.
    pub explain: Vec<Contribution>,
}

/// Decides. `now` is in milliseconds of the session.
///
/// The order of the questions is the order of their force: consent, kill switch, purchase under way, frustration, rule, cap, cooldown,
/// holdout. The holdout comes last, so that both of its arms hold only sessions that would have been offered something.
pub fn decide(facts: &Facts, policy: Policy<'_>, now: u64) -> Verdict {
    let holdout = lot_falls_in(facts.lot, policy.holdout_milli);
    let nothing = |reason| Verdict {
        offer: None,
        counterfactual: None,
        arm: Arm::Nothing,
        reason,
        propensity: 1.0,
        holdout,
        explain: explain(facts),
    };
    if !facts.personalize {
        return nothing(DecisionReason::NoConsent);
    }
    if policy.kill_switch {
        return nothing(DecisionReason::KillSwitch);
    }
    if facts.history.purchases > 0 || facts.features.stage == Some(Stage::High) {
        return nothing(DecisionReason::AlreadyBuying);
    }
    let frustrated = facts.features.frustrations > 0;
    let mut refusal = if frustrated { DecisionReason::Frustrated } else { DecisionReason::NotEligible };
    let mut chosen: Option<usize> = None;
    for (index, (terms, eligible)) in policy.terms.iter().zip(policy.eligible).enumerate() {
        if !eligible || !terms.slots.contains(&facts.slot) || (frustrated && terms.kind != OfferKind::Help) {
            continue;
        }
        match withheld(terms, facts, now) {
            // A cooldown passes and a cap does not, so of several refusals the cooldown is the one worth telling.
            Some(reason) if refusal != DecisionReason::Cooldown => refusal = reason,
            Some(_) => {}
            None if chosen.is_none_or(|best| policy.terms[best].priority < terms.priority) => chosen = Some(index),
            None => {}
        }
    }
    let Some(index) = chosen else { return nothing(refusal) };
    let share = f64::from(policy.holdout_milli.min(1000)) / 1000.0;
    let (offer, counterfactual, arm, reason, propensity) = if holdout {
        (None, Some(index), Arm::Holdout, DecisionReason::Holdout, share)
    } else {
        (Some(index), None, Arm::Offer, DecisionReason::TargetingMatch, 1.0 - share)
    };
    Verdict { offer, counterfactual, arm, reason, propensity, holdout, explain: explain(facts) }
}

fn withheld(terms: &Terms, facts: &Facts, now: u64) -> Option<DecisionReason> {
    let in_session = facts.history.offered.iter().filter(|(id, _)| *id == terms.id).count();
    let to_visitor = facts.to_visitor.iter().filter(|id| **id == terms.id).count();
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
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            personalize: true,
            slot: SlotName::parse("cart").expect("valid"),
            page: PageType::Cart,
            features: DecisionFeatures::default(),
            cart: Cart::default(),
            history: SessionHistory::default(),
            to_visitor: Vec::new(),
            lot: u64::MAX,
        }
    }

    fn terms(id: &str, priority: i32, kind: OfferKind) -> Terms {
        Terms {
            id: OfferId::parse(id).expect("valid"),
            slots: vec![SlotName::parse("cart").expect("valid")],
            kind,
            priority,
            per_session: 1,
            per_visitor: None,
            cooldown_ms: 60_000,
        }
    }

    fn run(facts: &Facts, terms: &[Terms], now: u64) -> Verdict {
        let eligible = vec![true; terms.len()];
        decide(facts, Policy { kill_switch: false, holdout_milli: 100, terms, eligible: &eligible }, now)
    }

    #[test]
    fn a_cap_across_sessions_counts_what_other_sessions_were_offered() {
        let capped = Terms { per_visitor: Some(2), ..terms("again", 1, OfferKind::Percent) };
        let free = terms("free", 0, OfferKind::Message);
        let to_visitor = |times: usize| vec![capped.id.clone(); times];
        let run = |times, terms: &[Terms]| run(&Facts { to_visitor: to_visitor(times), ..facts() }, terms, 0);
        let offers = [capped.clone(), free];
        assert_eq!([0, 1, 2, 3].map(|times| run(times, &offers).offer), [Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!(run(2, &offers[..1]).reason, DecisionReason::Capped);
        assert_eq!(run(9, &[Terms { per_visitor: None, ..capped.clone() }]).offer, Some(0));
    }

    #[test]
    fn the_highest_priority_wins_and_its_propensity_is_the_treated_share() {
        let offers = [
            terms("low", 1, OfferKind::Percent),
            terms("high", 9, OfferKind::Percent),
            terms("also", 9, OfferKind::Percent),
        ];
        let verdict = run(&facts(), &offers, 0);
        assert_eq!((verdict.offer, verdict.reason, verdict.arm), (Some(1), DecisionReason::TargetingMatch, Arm::Offer));
        assert!((verdict.propensity - 0.9).abs() < 1e-12);
    }

    #[test]
    fn the_holdout_is_shown_nothing_and_remembers_what_it_would_have_been_shown() {
        let held = Facts { lot: 0, ..facts() };
        let verdict = run(&held, &[terms("one", 1, OfferKind::Percent)], 0);
        assert_eq!((verdict.offer, verdict.counterfactual, verdict.arm), (None, Some(0), Arm::Holdout));
        assert!(verdict.holdout);
    }

    #[test]
    fn the_holdout_share_is_exact_at_its_ends() {
        assert!(!lot_falls_in(0, 0));
        assert!(lot_falls_in(u64::MAX, 1000));
        assert!(lot_falls_in(u64::MAX / 10, 100));
        assert!(!lot_falls_in(u64::MAX / 10 + 1, 100));
    }

    #[test]
    fn consent_comes_before_everything() {
        let refused = Facts { personalize: false, ..facts() };
        assert_eq!(run(&refused, &[terms("one", 1, OfferKind::Percent)], 0).reason, DecisionReason::NoConsent);
    }

    #[test]
    fn decisions_are_explained_by_what_was_promised() {
        let mut all = facts();
        let (kind, score_milli) = (waver_schema::HesitationKind::CtaHover, waver_schema::Milli::from_unit(0.7));
        all.features.hesitation = vec![waver_schema::ZoneScore { kind, zone: None, score_milli }];
        all.features.p_buy_milli = waver_schema::Milli::from_unit(0.3);
        all.cart.items = 2;
        let explained = explain(&all);
        assert_eq!(explained.len(), waver_schema::EXPLAINED_BY.len());
        assert!(explained.iter().all(|line| waver_schema::EXPLAINED_BY.contains(&line.feature)));
    }

    #[test]
    fn a_frustrated_shopper_gets_help_and_no_discount() {
        let mut frustrated = facts();
        frustrated.features.frustrations = 1;
        let discount = terms("discount", 9, OfferKind::Percent);
        assert_eq!(run(&frustrated, std::slice::from_ref(&discount), 0).reason, DecisionReason::Frustrated);
        assert_eq!(run(&frustrated, &[discount, terms("help", 1, OfferKind::Help)], 0).offer, Some(1));
    }

    #[test]
    fn who_is_buying_gets_nothing() {
        let mut buying = facts();
        buying.features.stage = Some(Stage::High);
        assert_eq!(run(&buying, &[terms("one", 1, OfferKind::Percent)], 0).reason, DecisionReason::AlreadyBuying);
    }

    #[test]
    fn caps_and_cooldowns_hold_within_a_session() {
        let offers = [terms("one", 1, OfferKind::Percent), terms("two", 2, OfferKind::Percent)];
        let mut seen = facts();
        seen.history.offered = vec![(offers[1].id.clone(), 0)];
        assert_eq!(run(&seen, &offers, 59_999).reason, DecisionReason::Cooldown);
        assert_eq!(run(&seen, &offers, 60_000).offer, Some(0));
        seen.history.offered.push((offers[0].id.clone(), 60_000));
        assert_eq!(run(&seen, &offers, 600_000).reason, DecisionReason::Capped);
    }
}
