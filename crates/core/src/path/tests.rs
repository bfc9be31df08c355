use proptest::prelude::*;

use super::*;

/// Samples of a way through `stops`, each leg gone in `leg_ms` the minimum-jerk way, one sample each `sample_ms`.
pub(crate) fn way(stops: &[(f64, f64)], leg_ms: u64, sample_ms: u64) -> Vec<(u64, i32, i32)> {
    let legs = stops.len() as u64 - 1;
    (0..=legs * leg_ms / sample_ms)
        .map(|n| {
            let t = n * sample_ms;
            let leg = (t / leg_ms).min(legs - 1);
            let share = (t - leg * leg_ms) as f64 / leg_ms as f64;
            let share = share * share * share * (10.0 + share * (6.0 * share - 15.0));
            let (from, to) = (stops[leg as usize], stops[leg as usize + 1]);
            let at = |from: f64, to: f64| (from + (to - from) * share).round() as i32;
            (1_000 + t, at(from.0, to.0), at(from.1, to.1))
        })
        .collect()
}

fn shape(samples: &[(u64, i32, i32)]) -> Shape {
    let mut reach = Reach::default();
    for &(t, x, y) in samples {
        reach.moved(t, x, y);
    }
    reach.shape(samples[samples.len() - 1].0).expect("a reach")
}

fn value(shape: &Shape, name: &str) -> f64 {
    let name = [name.to_owned()];
    shape.select(&name).next().expect("one")
}

pub(crate) const STRAIGHT: [(f64, f64); 2] = [(100.0, 700.0), (500.0, 100.0)];
/// Off to one target, then over to the one beside it.
pub(crate) const TURNED: [(f64, f64); 3] = [(500.0, 700.0), (150.0, 150.0), (850.0, 100.0)];

#[test]
fn a_straight_reach_goes_nowhere_else() {
    let shape = shape(&way(&STRAIGHT, 700, 16));
    assert!(shape.reach);
    for name in ["deviation", "backward", "away", "retreat", "stall_ms", "astray_ms"] {
        assert!(value(&shape, name) < 0.02, "{name} {}", value(&shape, name));
    }
    assert!(value(&shape, "sideways") < 0.1);
    assert!(value(&shape, "first_straight") > 0.98);
}

#[test]
fn a_turned_reach_shows_where_it_turned() {
    let shape = shape(&way(&TURNED, 500, 16));
    assert!(shape.reach);
    assert!(value(&shape, "deviation") > 0.2);
    assert!(value(&shape, "astray_ms") > 100.0);
    // 652 px to the turning point, of 695 px in all.
    assert!((value(&shape, "first_leg") - 0.94).abs() < 0.05, "{}", value(&shape, "first_leg"));
    assert!((value(&shape, "second_share") - 0.5).abs() < 0.05);
    assert!(value(&shape, "second_peak") > 0.7);
    assert!(value(&shape, "dip") < 0.1);
}

#[test]
fn where_up_is_and_how_large_the_screen_is_does_not_matter() {
    let turned = way(&TURNED, 500, 16);
    let before = shape(&turned);
    let moved = [
        turned.iter().map(|&(t, x, y)| (t, y + 40, -x)).collect::<Vec<_>>(),
        turned.iter().map(|&(t, x, y)| (t + 77_777, 1_000 - x, y)).collect(),
        turned.iter().map(|&(t, x, y)| (t, x * 3, y * 3)).collect(),
    ];
    for samples in moved {
        for (name, (a, b)) in NAMES.iter().zip(before.values.iter().zip(shape(&samples).values)) {
            assert!((a - b).abs() < 1e-6, "{name} {a} {b}");
        }
    }
}

#[test]
fn slow_sampling_shows_the_same_shape() {
    let before = shape(&way(&TURNED, 600, 16));
    for sample_ms in [33, 66, 110] {
        let slow = shape(&way(&TURNED, 600, sample_ms));
        for name in ["deviation", "sideways", "away", "astray", "first_leg", "second_share", "second_peak"] {
            let (a, b) = (value(&before, name), value(&slow, name));
            assert!((a - b).abs() < 0.12, "{name} at {sample_ms} ms: {b} for {a}");
        }
    }
}

#[test]
fn a_shape_never_looks_ahead() {
    let samples = way(&TURNED, 500, 16);
    let mut reach = Reach::default();
    for (n, &(t, x, y)) in samples.iter().enumerate() {
        reach.moved(t, x, y);
        let until = &samples[..=n];
        let mut again = Reach::default();
        until.iter().for_each(|&(t, x, y)| again.moved(t, x, y));
        assert_eq!(reach.shape(t), again.shape(t));
    }
}

#[test]
fn a_rest_a_click_and_a_search_end_a_reach() {
    let mut reach = Reach::default();
    let samples = way(&STRAIGHT, 700, 16);
    samples.iter().for_each(|&(t, x, y)| reach.moved(t, x, y));
    let last = samples[samples.len() - 1];
    assert!(reach.shape(last.0).is_some());

    let mut rested = reach.clone();
    rested.moved(last.0 + REST_MS + 1, last.1 + 200, last.2);
    assert_eq!(rested.shape(last.0 + REST_MS + 1), None);

    let mut clicked = reach.clone();
    clicked.end();
    assert_eq!(clicked.shape(last.0), None);
    (1..40).for_each(|n: i32| clicked.moved(last.0 + n as u64 * 16, last.1 + n * 10, last.2));
    let shape = clicked.shape(last.0 + 40 * 16).expect("the next reach");
    assert!(value(&shape, "first_leg") > 0.0 && value(&shape, "backward") < 0.01);

    let mut searched = reach;
    (1..400).for_each(|n: i32| searched.moved(last.0 + n as u64 * 16, last.1 + 100 * (n % 3), last.2));
    assert_eq!(searched.shape(last.0 + 400 * 16), None);
}

#[test]
fn a_trembling_hand_does_not_reach() {
    let mut reach = Reach::default();
    (0..200).for_each(|n: i32| reach.moved(n as u64 * 16, 300 + n % 3, 400 - n % 2));
    assert_eq!(reach.shape(3_200), None);
}

#[test]
fn wandering_is_no_reach() {
    let stops = [(100.0, 100.0), (600.0, 100.0), (100.0, 300.0), (700.0, 300.0), (300.0, 150.0)];
    assert!(!shape(&way(&stops, 500, 16)).reach);
    assert!(!shape(&way(&[(100.0, 100.0), (160.0, 100.0)], 300, 16)).reach);
}

proptest! {
    #[test]
    fn any_samples_give_finite_measures(
        samples in prop::collection::vec((0_u64..400, any::<i32>(), any::<i32>()), 0..400),
        near in any::<bool>(),
        origin in prop_oneof![Just(0_u64), Just(u64::MAX - 2_000)],
    ) {
        let mut reach = Reach::default();
        let mut now = origin;
        for (gap, x, y) in samples {
            now = now.saturating_add(gap);
            reach.moved(now, if near { x % 500 } else { x }, if near { y % 500 } else { y });
            if let Some(shape) = reach.shape(now.saturating_add(gap)) {
                prop_assert!(shape.values.iter().all(|value| value.is_finite()), "{shape:?}");
            }
        }
    }
}
