use super::*;
use crate::experiment::{OrderOutcome, Outcome};
use waver_schema::StratumName;

const DAY: u32 = 20_000;

fn offer() -> OfferId {
    OfferId::parse("ten-percent").expect("valid")
}

fn assignment(day: u32, policy: u8, holdout_milli: u16, arm: Arm, exposed: bool) -> Assignment {
    let stratum = StratumName::parse("all").expect("valid");
    Assignment {
        day,
        offer: offer(),
        policy: PolicyVersion::from_bytes([policy; 8]),
        holdout_milli,
        stratum,
        arm,
        exposed,
    }
}

/// So many sessions, of which so many ordered for `minor` with `margin_minor`.
fn sums(sessions: u64, converted: u64, minor: i64, margin_minor: Option<i64>) -> Sums {
    let euro = Currency::new("EUR").expect("valid");
    let order = OrderOutcome { value: Some((euro, minor)), margin_minor, refunded_minor: 0 };
    let mut sums = Sums::default();
    for session in 0..sessions {
        let orders = if session < converted { vec![order] } else { Vec::new() };
        sums.add(&Sums::of(&Outcome { orders }));
    }
    sums
}

fn trials(cells: impl IntoIterator<Item = (Assignment, Sums)>) -> Trials {
    let mut trials = Trials::default();
    cells.into_iter().for_each(|(assignment, sums)| trials.add(assignment, &sums));
    trials
}

/// A day in which an offer brings orders and takes more margin than it brings.
fn costly(day: u32) -> [(Assignment, Sums); 2] {
    let cell = |arm, sums| (assignment(day, 1, 100, arm, true), sums);
    [cell(Arm::Offer, sums(9_000, 990, 5_000, Some(300))), cell(Arm::Holdout, sums(1_000, 70, 5_000, Some(2_000)))]
}

#[test]
fn what_an_offer_changed_is_the_difference_of_the_arms_and_harm_is_told_by_margin() {
    let trials = trials(costly(DAY));
    let [report] = report(&trials, 0, DAY).try_into().expect("one offer");
    let conversion = report.assigned.conversion.expect("enough orders");
    assert!((conversion.per_session - 0.04).abs() < 1e-12 && conversion.low > 0.0, "{conversion:?}");
    assert!((conversion.total - 360.0).abs() < 1e-9, "{conversion:?}");
    let margin = report.assigned.margin_minor.expect("told of all");
    assert!((margin.per_session - (33.0 - 140.0)).abs() < 1e-9 && margin.high < 0.0, "{margin:?}");
    assert_eq!((report.standing, report.sample_ratio.alarm), (Standing::Harm, false));
    assert!((report.sample_ratio.expected - 0.1).abs() < 1e-12 && (report.sample_ratio.found - 0.1).abs() < 1e-12);
    assert_eq!((report.from, report.to), (u64::from(DAY) * DAY_MS, u64::from(DAY + 1) * DAY_MS));
    let [treated, held_out] = report.arms.as_slice() else { panic!("two arms: {:?}", report.arms) };
    assert_eq!(
        (treated.arm, treated.assigned, treated.converted, treated.exposed),
        (Arm::Offer, 9_000, 990, Some(9_000))
    );
    assert_eq!(
        (held_out.arm, held_out.revenue_minor, held_out.margin_minor),
        (Arm::Holdout, Some(350_000), Some(140_000))
    );
    let harmed = harm(&trials, &offer(), PolicyVersion::from_bytes([1; 8])).expect("harmful");
    assert_eq!((harmed.0, harmed.1), (Measure::Margin, margin));
    // A version that it was not seen to harm under goes free.
    assert_eq!(harm(&trials, &offer(), PolicyVersion::from_bytes([2; 8])), None);
}

#[test]
fn without_margins_the_revenue_counts_and_few_orders_count_for_nothing() {
    let cell = |arm, sums| (assignment(DAY, 1, 100, arm, true), sums);
    let untold =
        trials([cell(Arm::Offer, sums(9_000, 990, 5_000, None)), cell(Arm::Holdout, sums(1_000, 70, 5_000, Some(9)))]);
    let [told] = report(&untold, 0, DAY).try_into().expect("one offer");
    assert_eq!((told.assigned.margin_minor, told.standing), (None, Standing::Gain));
    let few = trials([cell(Arm::Offer, sums(900, 99, 5_000, None)), cell(Arm::Holdout, sums(100, 19, 5_000, None))]);
    let [told] = report(&few, 0, DAY).try_into().expect("one offer");
    assert_eq!((told.assigned, told.standing), (Effects::default(), Standing::TooFew));
}

#[test]
fn a_holdout_that_loses_sessions_is_told_and_stops_nothing() {
    let cell = |arm, sums| (assignment(DAY, 1, 100, arm, true), sums);
    let broken =
        trials([cell(Arm::Offer, sums(9_000, 90, 5_000, None)), cell(Arm::Holdout, sums(700, 70, 5_000, None))]);
    let [told] = report(&broken, 0, DAY).try_into().expect("one offer");
    assert!(told.sample_ratio.alarm && told.standing == Standing::Broken, "{told:?}");
    assert_eq!(harm(&broken, &offer(), PolicyVersion::from_bytes([1; 8])), None);
}

#[test]
fn versions_with_other_holdouts_are_not_mixed_up() {
    // Half in the holdout in a time that buys much, a tenth in one that buys little: no difference in either.
    let cell = |policy, milli, arm, sums| (assignment(DAY, policy, milli, arm, true), sums);
    let trials = trials([
        cell(1, 500, Arm::Offer, sums(2_000, 400, 5_000, None)),
        cell(1, 500, Arm::Holdout, sums(2_000, 400, 5_000, None)),
        cell(2, 100, Arm::Offer, sums(9_000, 180, 5_000, None)),
        cell(2, 100, Arm::Holdout, sums(1_000, 20, 5_000, None)),
    ]);
    let [told] = report(&trials, 0, DAY).try_into().expect("one offer");
    let conversion = told.assigned.conversion.expect("enough orders");
    assert!(conversion.per_session.abs() < 1e-12, "{conversion:?}");
    assert!(!told.sample_ratio.alarm && (told.sample_ratio.found - 3_000.0 / 14_000.0).abs() < 1e-12);
}

#[test]
fn the_exposed_are_told_apart_and_the_share_that_is_rendered_is_watched() {
    let cell = |arm, exposed, sums| (assignment(DAY, 1, 100, arm, exposed), sums);
    // Of the holdout nobody says what would have been rendered.
    let blind = trials([
        cell(Arm::Offer, true, sums(8_000, 880, 5_000, None)),
        cell(Arm::Offer, false, sums(1_000, 10, 5_000, None)),
        cell(Arm::Holdout, false, sums(1_000, 70, 5_000, None)),
    ]);
    let [told] = report(&blind, 0, DAY).try_into().expect("one offer");
    assert!(told.exposed_ratio.alarm && !told.sample_ratio.alarm);
    assert_eq!(told.exposed, Effects::default());
    let seen = trials([
        cell(Arm::Offer, true, sums(8_000, 880, 5_000, None)),
        cell(Arm::Offer, false, sums(1_000, 10, 5_000, None)),
        cell(Arm::Holdout, true, sums(890, 69, 5_000, None)),
        cell(Arm::Holdout, false, sums(110, 1, 5_000, None)),
    ]);
    let [told] = report(&seen, 0, DAY).try_into().expect("one offer");
    assert!(!told.exposed_ratio.alarm);
    let difference = told.exposed.conversion.expect("enough").per_session;
    assert!((difference - (0.11 - 69.0 / 890.0)).abs() < 1e-12);
    assert_eq!(told.arms[0].exposed, Some(8_000));
    // With a threshold the few that it was not rendered to are not told by subtraction.
    let [told] = report(&seen, 10, DAY + 1).try_into().expect("one offer");
    assert_eq!((told.arms[0].exposed, told.exposed), (None, Effects::default()));
}

#[test]
fn with_a_threshold_the_report_moves_on_by_days_that_enough_sessions_stand_behind() {
    let day = |day: u32, of: u64| {
        let cell = |arm, sums| (assignment(day, 1, 100, arm, true), sums);
        [
            cell(Arm::Offer, sums(900 * of, 90 * of, 5_000, None)),
            cell(Arm::Holdout, sums(100 * of, 7 * of, 5_000, None)),
        ]
    };
    let days = |upto: u32| trials((0..upto).flat_map(|number| day(DAY + number, 1)));
    let told =
        |upto: u32, today: u32| report(&days(upto), 20, DAY + today).first().map(|report| report.arms[0].assigned);
    // Seven orders a day in the holdout: twenty after three days.
    assert_eq!(
        [1, 2, 3, 4, 5, 6].map(|upto| told(upto, upto)),
        [None, None, Some(2_700), Some(2_700), Some(2_700), Some(5_400)]
    );
    assert_eq!(told(3, 2), None, "the third day is not over");
    // Asked again later, what was told of the days before is the same.
    assert_eq!(told(5, 9), Some(2_700));
    assert_eq!(report(&days(1), 0, DAY)[0].arms[0].assigned, 900);
    assert_eq!(report(&Trials::default(), 20, DAY), []);
}

#[test]
fn refunds_of_few_are_not_told_apart() {
    let euro = Currency::new("EUR").expect("valid");
    let mut cells = costly(DAY).to_vec();
    cells
        .push((assignment(DAY + 1, 1, 100, Arm::Offer, true), Sums::corrected(euro, (5_000, Some(300)), (0, Some(0)))));
    let trials = trials(cells);
    let told = |k| report(&trials, k, DAY + 2)[0].arms[0].refunded_minor;
    assert_eq!((told(0), told(20)), (Some(5_000), None));
    assert_eq!(report(&trials, 0, DAY + 2)[0].arms[0].revenue_minor, Some(990 * 5_000 - 5_000));
}
