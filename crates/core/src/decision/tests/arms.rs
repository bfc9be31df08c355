//! What is learned: draws, probabilities, and that no draw goes beyond what is allowed.

use proptest::prelude::*;
use waver_schema::DecisionId;

use super::*;

fn learned(arms: &[(&str, f64, f64)]) -> Facts {
    let arm = |(name, weight, show): &(&str, f64, f64)| LearnedArm { offer: id(name), weight: *weight, show: *show };
    let learned = Some(Learned { arms: arms.iter().map(arm).collect() });
    Facts { around: Circumstances { learned, ..Circumstances::default() }, ..facts() }
}

fn arm(name: &str) -> Terms {
    Terms { learn: true, ..terms(name, 0, OfferKind::Percent) }
}

#[test]
fn arms_are_drawn_as_often_as_was_learned() {
    const DRAWS: u32 = 100_000;
    let (offers, facts) = ([arm("a"), arm("b")], learned(&[("a", 5.0, 0.8), ("b", 3.0, 0.4)]));
    let (mut shown, mut nothing) = ([0_u32; 2], [0_u32; 2]);
    for seed in 0..u64::from(DRAWS) {
        let verdict = seeded(&facts, &offers, seed, 0);
        match (verdict.offer, verdict.counterfactual) {
            (Some(index), None) => {
                shown[index] += 1;
                assert!((verdict.propensity - [0.9 * 0.5, 0.9 * 0.15][index]).abs() < 1e-12);
            }
            (None, Some(index)) => {
                nothing[index] += 1;
                assert_eq!((verdict.arm, verdict.reason), (Arm::Nothing, DecisionReason::TargetingMatch));
                assert!((verdict.propensity - (0.125 + 0.225)).abs() < 1e-12);
            }
            other => panic!("{other:?}"),
        }
    }
    // Within five standard deviations of a binomial.
    let near = |count: u32, share: f64| {
        let draws = f64::from(DRAWS);
        (f64::from(count) - draws * share).abs() < 5.0 * (draws * share * (1.0 - share)).sqrt()
    };
    assert!(near(shown[0], 0.5) && near(shown[1], 0.15), "{shown:?}");
    assert!(near(nothing[0], 0.125) && near(nothing[1], 0.225), "{nothing:?}");
}

#[test]
fn without_anything_learned_every_arm_is_as_likely() {
    let offers = [arm("a"), arm("b"), arm("c")];
    for facts in [facts(), learned(&[]), learned(&[("a", f64::INFINITY, 0.5), ("b", -1.0, f64::NAN), ("z", 1.0, 1.0)])]
    {
        let chances = chances(&[0, 1, 2], &offers, facts.around.learned.as_ref());
        assert!(chances.iter().all(|chance| (chance.drawn, chance.show) == (1.0 / 3.0, 0.5)), "{chances:?}");
    }
    let any = |wanted: fn(&Verdict) -> bool| (0..64).any(|seed| wanted(&seeded(&facts(), &offers, seed, 0)));
    assert!(any(|verdict| verdict.arm == Arm::Nothing) && any(|verdict| verdict.offer == Some(2)));
}

#[test]
fn an_offer_of_fixed_priority_goes_before_what_is_learned_or_after_it() {
    let fixed = terms("fixed", 5, OfferKind::Percent);
    let before = [arm("a"), fixed.clone()];
    assert!((0..64).all(|seed| seeded(&facts(), &before, seed, 0).offer == Some(1)));
    let behind = [Terms { priority: 6, ..arm("a") }, fixed, arm("b")];
    let offered = |index| (0..64).any(|seed| seeded(&facts(), &behind, seed, 0).offer == Some(index));
    assert_eq!(
        [0, 1, 2].map(offered),
        [true, false, true],
        "all that is learned is one pool, whatever the priorities in it"
    );
}

#[test]
fn the_seed_is_the_first_half_of_the_id() {
    let mut bytes = [0xff; 16];
    bytes[..8].copy_from_slice(&0x0102_0304_0506_0708_u64.to_le_bytes());
    assert_eq!(seed_of(DecisionId::from_bytes(bytes)), 0x0102_0304_0506_0708);
}

proptest! {
    /// The probabilities of each offer shown, of nothing and of the holdout sum to one, and each verdict gives that of its arm. The same in,
    /// the same out.
    #[test]
    fn propensities_sum_to_one(
        arms in proptest::collection::vec((0.0..1.0_f64, -0.1..1.1_f64, 0..=1000_u16), 1..8),
        seed: u64,
        lot: u64,
    ) {
        let names: Vec<String> = (0..arms.len()).map(|index| format!("o{index}")).collect();
        let known: Vec<(&str, f64, f64)> =
            names.iter().zip(&arms).map(|(name, (weight, show, _))| (name.as_str(), *weight, *show)).collect();
        let with_holdout = |(name, (_, _, holdout_milli)): (&String, &(f64, f64, u16))| Terms { holdout_milli: *holdout_milli, ..arm(name) };
        let offers: Vec<Terms> = names.iter().zip(&arms).map(with_holdout).collect();
        let facts = Facts { lot, ..learned(&known) };
        let all: Vec<usize> = (0..offers.len()).collect();
        let chances = chances(&all, &offers, facts.around.learned.as_ref());
        let over = |of: fn(&Chance) -> f64| chances.iter().map(of).sum::<f64>();
        let sum = over(Chance::shown) + over(Chance::nothing) + over(Chance::held_out);
        prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        let verdict = seeded(&facts, &offers, seed, 0);
        let expected = match (verdict.arm, verdict.offer) {
            (Arm::Offer, Some(index)) => chances[index].shown(),
            (Arm::Nothing, None) => over(Chance::nothing),
            (Arm::Holdout, None) => over(Chance::held_out),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert!(expected > 0.0 && (verdict.propensity - expected).abs() < 1e-12);
        prop_assert_eq!(verdict, seeded(&facts, &offers, seed, 0));
    }

    /// Of the sessions that would be made an offer, those whose lot is in its share are held out, and no others.
    #[test]
    fn the_holdout_is_exact(holdout_milli in 0..=1000_u16, place in 0..1000_u16) {
        let offer = Terms { holdout_milli, ..terms("a", 0, OfferKind::Percent) };
        // The middle of each of a thousand equal parts.
        let lot = u64::MAX / 1000 * u64::from(place) + u64::MAX / 2000;
        let verdict = run(&Facts { lot, ..facts() }, &[offer], 0);
        prop_assert_eq!(verdict.arm == Arm::Holdout, place < holdout_milli);
        prop_assert_eq!(verdict.arm == Arm::Offer, place >= holdout_milli);
    }

    /// Whatever is asked for, no offer is made more often than its caps allow, nor within its cooldown, and what a control would have been
    /// made counts alike.
    #[test]
    fn nothing_goes_beyond_caps(
        caps in proptest::collection::vec((1..4_u32, 1..6_u32, 0..100_000_u64, any::<bool>(), 0..3_i32), 1..6),
        asks in proptest::collection::vec((0..60_000_u64, any::<u64>()), 1..80),
        lot: u64,
    ) {
        let of = |(index, &(per_session, per_visitor, cooldown_ms, learn, priority)): (usize, &(u32, u32, u64, bool, i32))| {
            let plain = terms(&format!("o{index}"), priority, OfferKind::Message);
            Terms { per_session, per_visitor: Some(per_visitor), cooldown_ms, learn, ..plain }
        };
        let offers: Vec<Terms> = caps.iter().enumerate().map(of).collect();
        let mut facts = Facts { lot, ..facts() };
        let mut now = 0;
        for (later, seed) in asks {
            now += later;
            let verdict = seeded(&facts, &offers, seed, now);
            if let Some(index) = verdict.offer.or(verdict.counterfactual) {
                let last = facts.history.offered.last();
                prop_assert!(last.is_none_or(|(_, at)| now >= at + offers[index].cooldown_ms));
                facts.history.offered.push((offers[index].id.clone(), now));
            }
            if let Some(index) = verdict.offer {
                facts.around.to_visitor.push(offers[index].id.clone());
            }
        }
        for Terms { id, per_session, per_visitor, .. } in &offers {
            let in_session = facts.history.offered.iter().filter(|(offered, _)| offered == id).count();
            let to_visitor = facts.around.to_visitor.iter().filter(|offered| *offered == id).count();
            prop_assert!(in_session <= *per_session as usize && to_visitor <= per_visitor.unwrap_or(0) as usize);
        }
    }
}
