use waver_schema::{Cart, Currency, DecisionFeatures, OfferId, PageType, SlotName};

use super::*;

mod arms;

fn facts() -> Facts {
    Facts {
        personalize: true,
        slot: SlotName::parse("cart").expect("valid"),
        page: PageType::Cart,
        features: DecisionFeatures::default(),
        cart: Cart::default(),
        history: SessionHistory::default(),
        around: Circumstances::default(),
        lot: u64::MAX,
        at: 1_800_000_000_000,
    }
}

fn id(name: &str) -> OfferId {
    OfferId::parse(name).expect("valid")
}

fn terms(name: &str, priority: i32, kind: OfferKind) -> Terms {
    let slots = vec![SlotName::parse("cart").expect("valid")];
    Terms { priority, cooldown_ms: 60_000, ..Terms::new(id(name), slots, kind) }
}

fn seeded(facts: &Facts, terms: &[Terms], seed: u64, now: u64) -> Verdict {
    let eligibility = vec![Eligibility::Eligible; terms.len()];
    decide(facts, Policy { kill_switch: false, holdout_milli: 100, terms, eligibility: &eligibility }, seed, now)
}

fn run(facts: &Facts, terms: &[Terms], now: u64) -> Verdict {
    seeded(facts, terms, 0, now)
}

fn item(stock: Option<u32>, price_minor: u32, margin_minor: Option<i32>) -> ItemFacts {
    let currency = Currency::new("EUR").ok();
    ItemFacts { stock, price_minor: Some(price_minor), currency, margin_minor, lowest_30d_minor: None }
}

#[test]
fn a_cap_across_sessions_counts_what_other_sessions_were_offered() {
    let capped = Terms { per_visitor: Some(2), ..terms("again", 1, OfferKind::Percent) };
    let free = terms("free", 0, OfferKind::Message);
    let run = |times, terms: &[Terms]| {
        let around = Circumstances { to_visitor: vec![capped.id.clone(); times], ..Circumstances::default() };
        run(&Facts { around, ..facts() }, terms, 0)
    };
    let offers = [capped.clone(), free];
    assert_eq!([0, 1, 2, 3].map(|times| run(times, &offers).offer), [Some(0), Some(0), Some(1), Some(1)]);
    assert_eq!(run(2, &offers[..1]).reason, DecisionReason::Capped);
    assert_eq!(run(8, &[Terms { per_visitor: None, ..capped.clone() }]).offer, Some(0));
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
    assert!(verdict.holdout && verdict.reason == DecisionReason::Holdout);
    assert!((verdict.propensity - 0.1).abs() < 1e-12);
}

#[test]
fn an_offer_may_have_a_holdout_of_its_own() {
    let help = Terms { holdout_milli: 0, ..terms("help", 1, OfferKind::Message) };
    let half = Terms { holdout_milli: 500, ..terms("half", 1, OfferKind::Percent) };
    let with_lot = |lot, terms: &Terms| run(&Facts { lot, ..facts() }, std::slice::from_ref(terms), 0);
    assert_eq!(with_lot(0, &help).offer, Some(0));
    assert_eq!((with_lot(u64::MAX / 3, &half).arm, with_lot(u64::MAX / 3 * 2, &half).arm), (Arm::Holdout, Arm::Offer));
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

#[test]
fn of_several_refusals_the_most_telling_is_given() {
    let spent = Circumstances { spent: vec![id("spent")], ..Circumstances::default() };
    let facts = Facts { around: spent, ..facts() };
    let off = Terms { is_off: true, ..terms("off", 9, OfferKind::Percent) };
    let floor = Some(Amount::Share(100));
    let low = Terms { margin_floor: floor, ..terms("low", 9, OfferKind::Percent) };
    let spent = terms("spent", 9, OfferKind::Percent);
    let of = |terms: &[Terms]| run(&facts, terms, 0).reason;
    assert_eq!(of(std::slice::from_ref(&off)), DecisionReason::KillSwitch);
    assert_eq!(of(&[low.clone(), off.clone()]), DecisionReason::MarginFloor);
    assert_eq!(of(&[off, low, spent]), DecisionReason::BudgetSpent);
}

#[test]
fn what_harms_is_off_like_what_the_shop_switched_off() {
    let around = Circumstances { stopped: vec![id("one")], ..Circumstances::default() };
    let stopped = Facts { around, ..facts() };
    let verdict = run(&stopped, &[terms("one", 1, OfferKind::Percent)], 0);
    assert_eq!((verdict.offer, verdict.reason), (None, DecisionReason::KillSwitch));
}

#[test]
fn offers_that_change_prices_stand_alone_unless_they_say_otherwise() {
    let mut standing = facts();
    standing.history.standing = vec![id("ten")];
    let ten = terms("ten", 0, OfferKind::Percent);
    let of = |other: Terms| run(&standing, &[ten.clone(), Terms { priority: 1, ..other }], 0).offer == Some(1);
    assert!(!of(terms("delivery", 1, OfferKind::FreeShipping)));
    assert!(of(Terms { stacks_with: vec![id("ten")], ..terms("delivery", 1, OfferKind::FreeShipping) }));
    assert!(of(terms("hint", 1, OfferKind::Message)));
    let ten = Terms { stacks_with: vec![id("delivery")], ..ten };
    let offers = [ten, terms("delivery", 1, OfferKind::FreeShipping)];
    assert_eq!(run(&standing, &offers, 0).offer, Some(1), "it is enough if one of them names the other");
}

#[test]
fn stock_and_margin_gate_offers() {
    let discount = Terms { needs_stock: true, cost: Some(Amount::Share(100)), ..terms("ten", 1, OfferKind::Percent) };
    let careful = Terms { margin_floor: Some(Amount::Share(150)), ..discount.clone() };
    let on_product = |item| Facts {
        page: PageType::Product,
        around: Circumstances { item: Some(item), ..Circumstances::default() },
        ..facts()
    };
    let of = |facts: &Facts, terms: &Terms| run(facts, std::slice::from_ref(terms), 0).reason;
    let matches = DecisionReason::TargetingMatch;
    assert_eq!(of(&on_product(item(Some(0), 1000, None)), &discount), DecisionReason::OutOfStock);
    assert_eq!(of(&on_product(item(Some(1), 1000, None)), &discount), matches);
    assert_eq!(of(&on_product(item(None, 1000, None)), &discount), matches);
    // A tenth off 10.00 costs 1.00, and 1.50 have to be left.
    for (margin, expected) in [(None, false), (Some(-5), false), (Some(249), false), (Some(250), true)] {
        let reason = of(&on_product(item(Some(1), 1000, margin)), &careful);
        assert_eq!(reason, if expected { matches } else { DecisionReason::MarginFloor }, "{margin:?}");
    }
    let mut cart = facts();
    cart.cart = Cart { items: 3, value_minor: 3000, currency: Currency::new("EUR").ok() };
    cart.around.in_cart = vec![LineFacts { quantity: 2, item: item(Some(0), 1000, Some(400)) }];
    assert_eq!(of(&cart, &careful), DecisionReason::OutOfStock, "all of it that is known is gone");
    cart.around.in_cart.push(LineFacts { quantity: 1, item: item(Some(5), 1000, Some(-50)) });
    assert_eq!(of(&cart, &careful), matches, "750 less 300 is 450");
    cart.around.in_cart[1].item.margin_minor = Some(-51);
    assert_eq!(of(&cart, &careful), DecisionReason::MarginFloor);
    cart.around.in_cart.truncate(0);
    assert_eq!(of(&cart, &careful), DecisionReason::MarginFloor, "nobody knows");
    assert_eq!(of(&cart, &Terms { margin_floor: None, ..careful }), matches);
}

#[test]
fn a_reduction_is_claimed_only_with_the_prior_price_at_hand() {
    let claim = Terms { claims_reduction: true, ..terms("sale", 1, OfferKind::Percent) };
    let of = |item: Option<ItemFacts>| {
        let around = Circumstances { item, ..Circumstances::default() };
        run(&Facts { around, ..facts() }, std::slice::from_ref(&claim), 0).reason
    };
    let known = ItemFacts { lowest_30d_minor: Some(900), ..item(None, 1000, None) };
    assert_eq!(of(None), DecisionReason::NotEligible);
    assert_eq!(of(Some(item(None, 1000, None))), DecisionReason::NotEligible);
    assert_eq!(of(Some(known)), DecisionReason::TargetingMatch);
}

#[test]
fn who_learned_to_trigger_offers_gets_none_of_value() {
    let history = |turned: u32, dismissed| SessionHistory {
        cart_adds: turned,
        cart_removes: turned,
        dismissed,
        ..SessionHistory::default()
    };
    let is_farming = |history: &SessionHistory, to_visitor| farming(history, to_visitor).get() >= FARMED_MILLI;
    for (turned, dismissed, to_visitor, expected) in [
        (0, 0, 0, false),
        (3, 1, 4, false),
        (5, 0, 0, false),
        (6, 0, 0, true),
        (0, 2, 0, false),
        (0, 3, 0, true),
        (0, 0, 8, false),
        (0, 0, 9, true),
        (4, 2, 4, false),
        (4, 2, 5, true),
        (u32::MAX, u32::MAX, usize::MAX, true),
    ] {
        let found = is_farming(&history(turned, dismissed), to_visitor);
        assert_eq!(found, expected, "{turned} {dismissed} {to_visitor}");
    }
    let mut farmer = facts();
    farmer.history = history(9, 0);
    let offers = [terms("ten", 1, OfferKind::Percent), terms("hint", 0, OfferKind::Message)];
    assert_eq!(run(&farmer, &offers, 0).offer, Some(1));
    assert_eq!(run(&farmer, &offers[..1], 0).reason, DecisionReason::NotEligible);
}
