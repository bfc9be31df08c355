//! Windows are bounded, merge, and say what was counted.

use proptest::prelude::*;
use waver_core::session::{Change, Measured};
use waver_core::window::{KEPT_MS, MOST_CURRENCIES, WINDOW_MS, Windows};
use waver_schema::{Currency, DecisionReason, PageType, Stage};

fn change(at: u64, what: Measured) -> Change {
    Change { at, what, by: 1 }
}

/// One of 26 currencies, more than a window keeps.
fn currency(letter: u8) -> Currency {
    Currency::new(&format!("AA{}", char::from(b'A' + letter % 26))).expect("three capitals")
}

fn any_change() -> impl Strategy<Value = Change> {
    let what = prop_oneof![
        Just(Measured::Session),
        Just(Measured::Event),
        Just(Measured::Lost),
        Just(Measured::View(PageType::Cart)),
        Just(Measured::Stage(Stage::High)),
        Just(Measured::StageMove { from: Stage::Low, to: Stage::High }),
        Just(Measured::OfferWithheld(DecisionReason::Capped)),
        (0_u32..2_000_000).prop_map(|ms| Measured::OfferExposed { since_signal_ms: Some(ms) }),
        (any::<u8>(), 1_u32..100_000)
            .prop_map(|(letter, minor)| Measured::Order { revenue: Some((currency(letter), minor)) }),
    ];
    // Over three days in steps of a quarter of an hour, so that windows are shared and forgotten.
    (0_u64..288, what).prop_map(|(quarter, what)| change(quarter * 15 * WINDOW_MS, what))
}

proptest! {
    #[test]
    fn the_merge_of_two_is_the_fold_of_both(
        left in proptest::collection::vec(any_change(), 0..200),
        right in proptest::collection::vec(any_change(), 0..200),
    ) {
        let both: Vec<Change> = left.iter().chain(&right).copied().collect();
        let fold = |changes: &[Change]| { let mut windows = Windows::new(); windows.fold(changes); windows };
        let (mut merged, mut other) = (fold(&left), fold(&right));
        merged.merge(&fold(&right));
        other.merge(&fold(&left));
        prop_assert_eq!(&merged, &fold(&both));
        prop_assert_eq!(&merged, &other);
    }

    #[test]
    fn the_steps_of_a_report_add_up_to_its_total(
        changes in proptest::collection::vec(any_change(), 0..200),
        step_minutes in 0_u64..3_000,
        from in 0_u64..300_000_000,
        length in 0_u64..300_000_000,
    ) {
        let mut windows = Windows::new();
        windows.fold(&changes);
        let report = windows.report(from, from + length, step_minutes * WINDOW_MS);
        prop_assert!(report.windows.len() as u64 <= KEPT_MS / WINDOW_MS);
        prop_assert_eq!(report.windows.iter().map(|window| window.events).sum::<u64>(), report.total.events);
        prop_assert_eq!(report.windows.iter().map(|window| window.orders).sum::<u64>(), report.total.orders);
        let velocities = report.windows.iter().filter_map(|window| window.velocity_ms).map(|velocity| velocity.count);
        prop_assert_eq!(velocities.sum::<u64>(), report.total.velocity_ms.map_or(0, |velocity| velocity.count));
        prop_assert!(report.windows.iter().all(|window| window.revenue.len() <= MOST_CURRENCIES));
    }

    /// The sketch against the exact quantile: within one percent, which is what two significant digits promise.
    #[test]
    fn quantiles_are_within_a_percent(mut values in proptest::collection::vec(1_u32..600_000, 1..300)) {
        let mut windows = Windows::new();
        for value in &values {
            windows.fold(&[change(0, Measured::OfferExposed { since_signal_ms: Some(*value) })]);
        }
        values.sort_unstable();
        let velocity = windows.report(0, WINDOW_MS, WINDOW_MS).total.velocity_ms.expect("offers were exposed");
        for (share, found) in [(50, velocity.p50), (95, velocity.p95), (99, velocity.p99)] {
            let exact = u64::from(values[(values.len() * share).div_ceil(100) - 1]);
            prop_assert!(found.abs_diff(exact) * 100 <= exact, "p{share}: {found} for {exact}");
        }
    }
}

#[test]
fn what_is_later_than_a_day_and_the_lateness_is_counted_and_left_out() {
    let mut windows = Windows::new();
    let newest = 10 * KEPT_MS;
    assert_eq!(windows.fold(&[change(newest, Measured::Event), change(newest - KEPT_MS, Measured::Event)]), 0);
    assert_eq!(windows.fold(&[change(newest - KEPT_MS - WINDOW_MS, Measured::Event)]), 1);
    assert_eq!(windows.fold(&[change(newest + WINDOW_MS, Measured::Event)]), 0);
    assert_eq!(windows.report(0, newest + 2 * WINDOW_MS, u64::MAX).total.events, 2, "the oldest window is forgotten");
}

#[test]
fn empty_reports_are_empty_and_not_wrong() {
    let report = Windows::new().report(120_000, 240_000, 0);
    assert_eq!((report.windows.len(), report.step_ms, report.total.events), (2, WINDOW_MS, 0));
    assert_eq!(report.total.velocity_ms, None);
    let nothing = Windows::new().report(u64::MAX, 0, u64::MAX);
    assert_eq!((nothing.windows.len(), nothing.total.sessions), (0, 0));
    assert!(Windows::new().report(0, u64::MAX, 1).windows.len() as u64 <= KEPT_MS / WINDOW_MS);
}
