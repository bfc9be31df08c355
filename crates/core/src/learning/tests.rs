use proptest::prelude::*;

use super::*;

/// Splitmix64, for simulations that name their seed.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (core::f64::consts::TAU * self.unit()).cos()
    }
}

fn any_belief() -> impl Strategy<Value = Belief> {
    prop_oneof![
        (0.0..500.0, 0.0..9_000.0).prop_map(|(successes, failures): (f64, f64)| Belief::rate(
            successes.floor(),
            failures.floor(),
            1.0
        )),
        (-1.0..1.0, 1e-4..2.0).prop_map(|(mean, deviation)| Belief::normal(mean, deviation)),
        (-1.0..1.0).prop_map(Belief::Known),
    ]
}

proptest! {
    #[test]
    fn chances_and_floors_are_probabilities(arms in proptest::collection::vec(any_belief(), 1..9), explore in 0.0..=1.0) {
        let chances = chances(&arms);
        prop_assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{chances:?}");
        prop_assert!(chances.iter().all(|chance| (0.0..=1.0 + 1e-9).contains(chance)), "{chances:?}");
        let floored = with_floor(&chances, explore);
        let floor = explore / arms.len() as f64;
        prop_assert!((floored.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        prop_assert!(floored.iter().all(|probability| *probability >= floor - 1e-12));
    }

    #[test]
    fn a_draw_falls_on_an_arm_that_may_be_chosen(weights in proptest::collection::vec(0.0..1.0_f64, 1..9), unit in 0.0..1.0_f64, none in 0_usize..9) {
        let mut weights = weights;
        let count = weights.len();
        if count > 1 {
            weights[none % count] = 0.0;
        }
        let total: f64 = weights.iter().sum();
        prop_assume!(total > 0.0);
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let arm = draw(&probabilities, unit);
        prop_assert!(probabilities[arm] > 0.0);
        let before: f64 = probabilities[..arm].iter().sum();
        prop_assert!(before <= unit + 1e-9 && unit <= before + probabilities[arm] + 1e-9);
    }
}

/// The chance of being best among two normal beliefs has a closed form, and among two rates a sum.
#[test]
fn chances_are_those_of_the_closed_forms() {
    let [a, b] = [(0.3, 0.2), (0.1, 0.5)].map(|(mean, deviation)| Belief::Normal { mean, deviation });
    let expected = 0.5 * libm::erfc(-(0.2 / (0.04_f64 + 0.25).sqrt()) / core::f64::consts::SQRT_2);
    assert!((chances(&[a, b])[0] - expected).abs() < 2e-3, "{:?} {expected}", chances(&[a, b]));
    // P(beta(a2, b2) > beta(a1, b1)) for whole numbers: Evan Miller's formula.
    let better = |(a1, b1): (f64, f64), (a2, b2): (f64, f64)| {
        let log_beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
        let term =
            |i: f64| libm::exp(log_beta(a1 + i, b1 + b2) - (b2 + i).ln() - log_beta(1.0 + i, b2) - log_beta(a1, b1));
        (0..a2 as u32).map(|i| term(f64::from(i))).sum::<f64>()
    };
    for (first, second) in [
        ((13.0, 220.0), (18.0, 190.0)),
        ((1.0, 1.0), (1.0, 1.0)),
        ((1.0, 40.0), (3.0, 5_000.0)),
        ((900.0, 9_000.0), (1.0, 1.0)),
    ] {
        let rate = |(alpha, beta)| Belief::Rate { alpha, beta };
        let chances = chances(&[rate(first), rate(second)]);
        assert!(
            (chances[1] - better(first, second)).abs() < 3e-3,
            "{first:?} {second:?}: {chances:?}, {}",
            better(first, second)
        );
    }
}

#[test]
fn what_is_known_is_compared_exactly_and_equals_share() {
    assert_eq!(chances(&[Belief::Known(1.0), Belief::Known(2.0)]), [0.0, 1.0]);
    assert_eq!(chances(&[Belief::Known(2.0), Belief::Known(2.0)]), [0.5, 0.5]);
    let even = chances(&[Belief::Known(0.0), Belief::Normal { mean: 0.0, deviation: 1.0 }]);
    assert!((even[0] - 0.5).abs() < 1e-6, "{even:?}");
    assert!(chances(&[]).is_empty());
    assert_eq!(chances(&[Belief::rate(3.0, 4.0, 1.0)]), [1.0]);
}

/// Runs a bandit of three rates in two strata for `rounds` and gives the reward of a round.
fn reward_per_round(seed: u64, rates: [[f64; 3]; 2], rounds: usize, with_strata: bool) -> f64 {
    let mut dice = Dice(seed);
    let mut own = [[Moments::default(); 3]; 2];
    let mut total = 0.0;
    let mut probabilities = [vec![1.0 / 3.0; 3], vec![1.0 / 3.0; 3]];
    for round in 0..rounds {
        let stratum = usize::from(dice.unit() < 0.5);
        if round % 50 == 0 {
            // Rewards come late: what is chosen by is fifty rounds old at most.
            let pooled: Vec<Moments> = (0..3).map(|arm| own[0][arm].and(own[1][arm])).collect();
            let of = |stratum: usize| {
                choose(&pooled, if with_strata { &own[stratum] } else { &[] }, Reward::Binary, &Settings::default())
            };
            probabilities = [of(0), of(1)];
        }
        let arm = draw(&probabilities[stratum], dice.unit());
        let reward = f64::from(u8::from(dice.unit() < rates[stratum][arm]));
        own[stratum][arm].add(reward);
        total += reward;
    }
    total / rounds as f64
}

fn mean(runs: impl Iterator<Item = f64>) -> f64 {
    let runs: Vec<f64> = runs.collect();
    runs.iter().sum::<f64>() / runs.len() as f64
}

#[test]
fn it_learns_the_best_arm_and_strata_that_are_alike_cost_nothing() {
    let alike = [[0.10, 0.15, 0.18]; 2];
    let plain = mean((0..20).map(|seed| reward_per_round(seed, alike, 8_000, false)));
    let strata = mean((0..20).map(|seed| reward_per_round(seed, alike, 8_000, true)));
    // Evenly it would be 0.1433, at best 0.18.
    assert!(plain > 0.172 && strata > 0.172, "{plain} {strata}");
    assert!((plain - strata).abs() < 0.003, "{plain} {strata}");
}

#[test]
fn strata_that_differ_beyond_doubt_are_told_apart() {
    let opposed = [[0.10, 0.10, 0.20], [0.10, 0.20, 0.10]];
    let plain = mean((0..10).map(|seed| reward_per_round(seed, opposed, 12_000, false)));
    let strata = mean((0..10).map(|seed| reward_per_round(seed, opposed, 12_000, true)));
    assert!(strata > plain + 0.02, "{plain} {strata}");
}

fn sums(dice: &mut Dice, sessions: u64, buys: f64, worth: f64) -> Moments {
    let mut moments = Moments::default();
    for _ in 0..sessions {
        moments.add(if dice.unit() < buys { worth * (0.3 * dice.normal()).exp() } else { 0.0 });
    }
    moments
}

#[test]
fn offers_are_weighed_by_what_they_add_and_not_by_who_gets_them() {
    let mut dice = Dice(7);
    let mut offer = |base: f64, uplift: f64| OfferSums {
        treated: sums(&mut dice, 4_000, base + uplift, 50.0),
        control: sums(&mut dice, 4_000, base, 50.0),
        earning: 500,
    };
    // The second offer goes to those who buy anyway; the third harms.
    let offers = [offer(0.02, 0.02), offer(0.20, 0.0), offer(0.10, -0.03)];
    let worth = worth_of_offers(&offers, &[], &Settings::default());
    assert!(worth[0].show > 0.99 && worth[2].show < 0.01, "{worth:?}");
    assert!(worth[0].weight > worth[1].weight && worth[1].weight > worth[2].weight, "{worth:?}");
    assert!((worth.iter().map(|offer| offer.weight).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn nothing_known_is_an_even_chance_and_few_earnings_are_nothing_known() {
    let few = OfferSums { treated: Moments::of_rate(40, 6), control: Moments::of_rate(40, 1), earning: 7 };
    let worth = worth_of_offers(&[OfferSums::default(), few], &[], &Settings::default());
    for offer in worth {
        assert!((offer.weight - 0.5).abs() < 1e-9 && (offer.show - 0.5).abs() < 1e-9, "{offer:?}");
    }
}

#[test]
fn a_stratum_where_an_offer_harms_beyond_doubt_does_without_it() {
    let of = |sessions: u64, treated: f64, control: f64| OfferSums {
        treated: Moments::of_rate(sessions, (sessions as f64 * treated) as u64),
        control: Moments::of_rate(sessions, (sessions as f64 * control) as u64),
        earning: sessions,
    };
    let pooled = [of(20_000, 0.12, 0.10)];
    let show = |own: OfferSums| worth_of_offers(&pooled, &[own], &Settings::default())[0].show;
    assert!(show(of(4_000, 0.05, 0.10)) < 0.01, "beyond doubt");
    assert!(show(of(100, 0.05, 0.10)) > 0.99, "too few to tell");
}
