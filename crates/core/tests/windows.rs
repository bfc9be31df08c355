//! Windows are bounded, merge, and say what was counted.

use proptest::prelude::*;
use waver_core::session::{Change, EndedSession, ExitPath, Measured, mark_active};
use waver_core::window::{
    HOUR_MS, HOURS_KEPT_MS, KEPT_MS, Kept, METRICS, MOST_CURRENCIES, Shape, WATERMARK_DELAY_MS, WINDOW_MS, Windows,
};
use waver_schema::{BrowserFamily, Currency, DecisionReason, DropCause, PageType, Stage, TrafficClass};

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
        (0..7_u64).prop_map(Measured::Active),
        Just(Measured::Lost { browser: BrowserFamily::Safari, path: ExitPath::Load }),
        Just(Measured::Dropped { browser: BrowserFamily::Edge, cause: DropCause::Refused }),
        Just(Measured::AutomatedSession(TrafficClass::Crawler)),
        Just(Measured::AutomatedEvent(TrafficClass::Automation)),
        (0..90_000_000_u64, any::<bool>(), any::<bool>()).prop_map(|(duration_ms, offered, bought)| {
            Measured::Ended(EndedSession { duration_ms, engaged_ms: duration_ms / 2, hesitated: true, offered, bought })
        }),
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
    #![proptest_config(ProptestConfig::with_cases(100))]

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
        let whole = fold(&both);
        prop_assert!(merged.counts_alike(&whole), "{:?} is not {:?}", merged, whole);
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
fn what_comes_behind_the_watermark_corrects_its_window_and_is_counted() {
    let mut windows = Windows::new();
    let newest = 10 * KEPT_MS;
    let event = |at| change(at, Measured::Event);
    windows.fold(&[event(newest)]);
    assert_eq!(windows.watermark(), Some(newest - WATERMARK_DELAY_MS));
    // The window that the watermark is in is open still.
    windows.fold(&[event(newest - WATERMARK_DELAY_MS)]);
    assert_eq!((windows.late(), windows.too_late()), (0, 0));
    windows.fold(&[event(newest - WATERMARK_DELAY_MS - 1)]);
    assert_eq!((windows.late(), windows.too_late()), (1, 0));
    // A correction is not an event.
    windows.fold(&[
        change(newest - HOUR_MS, Measured::Session),
        Change { by: -1, ..change(newest - HOUR_MS, Measured::OfferAccepted) },
    ]);
    assert_eq!(windows.late(), 1);
    let report = windows.report(newest - HOUR_MS, newest + WINDOW_MS, WINDOW_MS);
    assert_eq!((report.total.events, report.lateness.late), (3, 1), "late is not lost");
}

#[test]
fn what_the_minutes_do_not_keep_is_in_the_hours_and_what_neither_keeps_is_too_late() {
    let mut windows = Windows::new();
    let newest = 2 * HOURS_KEPT_MS;
    let event = |at| change(at, Measured::Event);
    windows.fold(&[
        event(newest),
        event(newest - KEPT_MS),
        event(newest - KEPT_MS - HOUR_MS),
        event(newest - HOURS_KEPT_MS),
    ]);
    assert_eq!((windows.late(), windows.too_late()), (3, 0));
    windows.fold(&[event(newest - HOURS_KEPT_MS - HOUR_MS)]);
    assert_eq!((windows.late(), windows.too_late()), (3, 1));
    let minutes = windows.report(newest - KEPT_MS + WINDOW_MS, newest + WINDOW_MS, WINDOW_MS);
    assert_eq!((minutes.step_ms, minutes.total.events), (WINDOW_MS, 1));
    let hours = windows.report(newest - 2 * KEPT_MS, newest + WINDOW_MS, WINDOW_MS);
    assert_eq!((hours.step_ms, hours.total.events), (HOUR_MS, 3));
    let all = windows.report(0, newest + WINDOW_MS, HOUR_MS);
    assert_eq!(all.total.events, 4);
    assert!(all.windows.len() as u64 <= KEPT_MS / WINDOW_MS, "{}", all.windows.len());
    windows.fold(&[event(newest + HOUR_MS)]);
    assert_eq!(windows.report(0, newest + 2 * HOUR_MS, HOUR_MS).total.events, 4, "the oldest hour is forgotten");
}

#[test]
fn what_is_past_its_time_is_forgotten_and_does_not_come_back() {
    let day = 24 * HOUR_MS;
    let begun = 1_000 * day;
    let event = |at| change(at, Measured::Event);
    let mut windows = Windows::new();
    windows.fold(&[event(begun), event(begun + WINDOW_MS), event(begun + HOUR_MS)]);
    let kept = Kept { minutes_ms: HOUR_MS, hours_ms: day };
    assert_eq!(
        windows.expire(begun + HOUR_MS + WINDOW_MS - 1, &kept),
        0,
        "the first minute has its hour behind it only now"
    );
    assert_eq!(windows.expire(begun + HOUR_MS + WINDOW_MS, &kept), 1);
    let minutes = |windows: &Windows| windows.report(begun + WINDOW_MS, begun + 2 * HOUR_MS, WINDOW_MS);
    assert_eq!((minutes(&windows).step_ms, minutes(&windows).total.events), (WINDOW_MS, 2));
    let hours = |windows: &Windows| windows.report(begun, begun + 2 * HOUR_MS, WINDOW_MS);
    assert_eq!((hours(&windows).step_ms, hours(&windows).total.events), (HOUR_MS, 3), "the hours have it");
    windows.fold(&[event(begun)]);
    assert_eq!((hours(&windows).total.events, windows.too_late()), (4, 0));
    assert_eq!(windows.expire(begun + 3 * day, &kept), 4, "two minutes and two hours");
    windows.fold(&[event(begun)]);
    assert_eq!((hours(&windows).total.events, windows.too_late()), (0, 1));
    assert_eq!(windows.expire(begun, &kept), 0, "a clock that goes back brings nothing back");
}

#[test]
fn the_live_activity_slides_by_a_minute() {
    let mut windows = Windows::new();
    let begun = 100 * HOUR_MS;
    for minute in 0..10 {
        let mut changes = vec![change(begun + minute * WINDOW_MS, Measured::Event)];
        mark_active(&mut changes, minute / 3);
        windows.fold(&changes);
    }
    let recent = windows.recent(begun + 9 * WINDOW_MS + 59_999);
    assert_eq!((recent.start, recent.events, recent.active_sessions), (begun + 5 * WINDOW_MS, 5, 3));
    assert_eq!(windows.recent(begun + 10 * WINDOW_MS).events, 4);
    assert_eq!(windows.recent(0).events, 0);
}

#[test]
fn a_session_that_is_active_in_many_windows_is_one_in_all_of_them() {
    let mut windows = Windows::new();
    for session in 0..100_u64 {
        for minute in session % 7..20 {
            let mut changes =
                vec![change(minute * WINDOW_MS, Measured::Event), change(minute * WINDOW_MS + 9, Measured::Event)];
            mark_active(&mut changes, session.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            assert_eq!(changes.len(), 3);
            windows.fold(&changes);
        }
    }
    let report = windows.report(0, 20 * WINDOW_MS, WINDOW_MS);
    assert_eq!((report.windows[0].active_sessions, report.total.active_sessions), (15, 100));
}

#[test]
fn ended_sessions_are_told_apart_and_measured() {
    let mut windows = Windows::new();
    for (minutes, offered, bought) in [(1, false, false), (2, true, false), (30, true, true), (30, false, true)] {
        let duration_ms = minutes * WINDOW_MS;
        let ended = EndedSession { duration_ms, engaged_ms: duration_ms / 2, hesitated: offered, offered, bought };
        windows.fold(&[change(5 * HOUR_MS, Measured::Ended(ended))]);
    }
    let ended = windows.report(5 * HOUR_MS, 5 * HOUR_MS + 1, WINDOW_MS).total.ended;
    assert_eq!(
        (ended.sessions, ended.hesitated, ended.offered, ended.bought, ended.offered_and_bought),
        (4, 2, 2, 2, 1)
    );
    let (duration, engaged) = (ended.duration_ms.expect("some"), ended.engaged_ms.expect("some"));
    assert_eq!(duration.count, 4);
    assert!(
        duration.p50.abs_diff(2 * WINDOW_MS) <= WINDOW_MS / 50 && engaged.p95.abs_diff(15 * WINDOW_MS) <= 9_000,
        "{ended:?}"
    );
}

#[test]
fn every_metric_declares_its_shape() {
    let report = serde_json::to_value(Windows::new().recent(0)).expect("serialises");
    let mut reported: Vec<&str> = report.as_object().expect("fields").keys().map(String::as_str).collect();
    reported.retain(|name| *name != "start");
    let sliding = METRICS.iter().filter(|metric| matches!(metric.shape, Shape::Sliding { .. }));
    assert_eq!(sliding.map(|metric| metric.name).collect::<Vec<_>>(), ["recent"]);
    let mut declared: Vec<&str> = METRICS.iter().map(|metric| metric.name).filter(|name| *name != "recent").collect();
    declared.sort_unstable();
    reported.sort_unstable();
    assert_eq!(declared, reported);
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

/// A gap may be dated a minute after everything that came, until what fills it arrives and takes that back.
#[test]
fn what_was_taken_back_leaves_no_trace_in_the_counts() {
    let lost = change(2 * KEPT_MS + WINDOW_MS, Measured::Lost { browser: BrowserFamily::Safari, path: ExitPath::Load });
    let event = change(2 * KEPT_MS, Measured::Event);
    let (mut clean, mut corrected) = (Windows::new(), Windows::new());
    clean.fold(&[event]);
    corrected.fold(&[event, lost, Change { by: -1, ..lost }]);
    assert!(corrected.counts_alike(&clean), "{corrected:?} is not {clean:?}");
    corrected.fold(&[event]);
    assert!(!corrected.counts_alike(&clean), "what was counted twice");
}
