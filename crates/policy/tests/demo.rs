//! The demo shop's offers, decided as the collector decides them.

use waver_core::decision::{Circumstances, Facts, SessionHistory};
use waver_policy::Policy;
use waver_schema::{
    Arm, Cart, Currency, DecisionFeatures, DecisionReason, HesitationKind, Locale, Milli, PageType, SlotName, ZoneScore,
};

fn demo() -> Policy {
    let (policy, warnings) =
        Policy::parse(include_str!("../../../server/demo/offers.toml")).expect("the demo's offers are valid");
    assert_eq!(warnings, []);
    policy
}

fn facts(slot: &str, hesitation: &[(HesitationKind, f64)], cart_minor: u32) -> Facts {
    Facts {
        personalize: true,
        slot: SlotName::parse(slot).expect("a slot"),
        page: PageType::Product,
        features: DecisionFeatures {
            hesitation: hesitation
                .iter()
                .map(|(kind, score)| ZoneScore { kind: *kind, zone: None, score_milli: Milli::from_unit(*score) })
                .collect(),
            ..DecisionFeatures::default()
        },
        cart: Cart {
            items: u32::from(cart_minor > 0),
            value_minor: cart_minor,
            currency: Some(Currency::new("EUR").expect("a currency")),
        },
        history: SessionHistory::default(),
        around: Circumstances::default(),
        lot: u64::MAX,
        at: 1_800_000_000_000,
    }
}

fn offered(facts: &Facts) -> Result<String, DecisionReason> {
    let policy = demo();
    let (verdict, failures) = policy.decide(facts, 0, 60_000);
    assert_eq!(failures, []);
    match verdict.offer {
        Some(index) => Ok(policy.offer(index, None, 0, None).expect("a decided offer exists").id.to_string()),
        None => Err(verdict.reason),
    }
}

#[test]
fn who_wavers_is_offered_what_fits() {
    use HesitationKind::{CartEdit, CtaHover, ExitIntent, ScrollOscillation};
    let ten = Ok("ten-percent".to_owned());
    let delivery = Ok("free-delivery".to_owned());
    let nothing = Err(DecisionReason::NotEligible);
    for (slot, hesitation, cart_minor, expected) in [
        ("product", vec![], 0, &nothing),
        ("product", vec![(CtaHover, 0.49)], 0, &nothing),
        ("product", vec![(CtaHover, 0.62)], 0, &ten),
        ("product", vec![(ScrollOscillation, 0.5)], 0, &ten),
        ("product", vec![(ExitIntent, 0.9)], 4_900, &ten),
        ("product", vec![(CartEdit, 0.9)], 4_900, &nothing),
        ("cart", vec![(CartEdit, 0.9)], 4_900, &delivery),
        ("cart", vec![(ExitIntent, 0.9)], 4_900, &delivery),
        ("cart", vec![(ExitIntent, 0.9)], 7_500, &ten),
        ("cart", vec![(CartEdit, 0.9)], 0, &nothing),
        ("home", vec![(CtaHover, 0.9)], 0, &nothing),
    ] {
        assert_eq!(offered(&facts(slot, &hesitation, cart_minor)), *expected, "{slot} {hesitation:?} {cart_minor}");
    }
}

#[test]
fn the_frustrated_get_help_and_buyers_nothing() {
    let mut frustrated = facts("product", &[(HesitationKind::CtaHover, 0.9)], 0);
    frustrated.features.frustrations = 1;
    assert_eq!(offered(&frustrated), Ok("help".into()));
    let mut bought = facts("product", &[(HesitationKind::CtaHover, 0.9)], 0);
    bought.history.purchases = 1;
    assert_eq!(offered(&bought), Err(DecisionReason::AlreadyBuying));
}

#[test]
fn one_session_in_ten_is_held_out() {
    let policy = demo();
    let held_out = (0..1_000_u64)
        .filter(|share| {
            let mut facts = facts("product", &[(HesitationKind::CtaHover, 0.9)], 0);
            facts.lot = u64::MAX / 1_000 * share + u64::MAX / 2_000;
            let (verdict, _) = policy.decide(&facts, 0, 0);
            assert_eq!(verdict.holdout, verdict.arm == Arm::Holdout);
            verdict.holdout
        })
        .count();
    assert_eq!(held_out, 100);
}

#[test]
fn offers_speak_the_shoppers_language_and_keep_their_end() {
    let policy = demo();
    let in_locale = |locale: &str| {
        policy.offer(0, Some(&Locale::parse(locale).expect("a locale")), 1_000, None).expect("the first offer").accept
    };
    assert_eq!(in_locale("de-AT"), "Gutschein einlösen");
    assert_eq!(in_locale("DE"), "Gutschein einlösen");
    assert_eq!(in_locale("fr"), "Use the voucher");
    let offer = policy.offer(0, None, 1_000, None).expect("the first offer");
    assert_eq!((offer.value, offer.expires_at), (10, 1_000 + 30 * 60 * 1_000));
    assert_eq!(policy.offer(99, None, 0, None), None);
    assert_eq!(policy.index_of(&offer.id), Some(0));
}
