//! Row C31: nothing is released that fewer than k sessions stand behind, and nothing from which such a number follows. Generated shops, and an
//! attacker who takes apart everything that was released.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use waver_core::session::{Cell, Change, EndedSession, Measured, Share, mark_active, mark_reached};
use waver_core::window::{HOUR_MS, ReleasedWindow, WINDOW_MS, Windows};
use waver_schema::{Currency, DecisionReason, FrustrationKind, HesitationKind, PageType, Stage, Zone};

const HOURS: u64 = 4;
const K: u64 = 5;

/// What one shopper does: minute by minute.
type Visit = Vec<(u64, Measured)>;

fn deed() -> impl Strategy<Value = Measured> {
    let euro = Currency::new("EUR").expect("three capitals");
    let pound = Currency::new("GBP").expect("three capitals");
    let stages = [Stage::Low, Stage::Building, Stage::High, Stage::Leaving];
    let stage = proptest::sample::select(stages.to_vec());
    prop_oneof![
        3 => proptest::sample::select(vec![PageType::Home, PageType::Product, PageType::Cart]).prop_map(Measured::View),
        2 => proptest::sample::select(vec![HesitationKind::CtaHover, HesitationKind::ExitIntent])
            .prop_map(|kind| Measured::Hesitation { kind, zone: Some(Zone::Cta), page: PageType::Product }),
        1 => Just(Measured::Frustration { kind: FrustrationKind::RageClick, zone: None, page: PageType::Cart }),
        2 => stage.clone().prop_map(Measured::Stage),
        2 => (stage.clone(), stage).prop_map(|(from, to)| Measured::StageMove { from, to }),
        2 => Just(Measured::OfferDecided),
        2 => Just(Measured::OfferExposed { since_signal_ms: Some(70) }),
        1 => Just(Measured::OfferExposed { since_signal_ms: None }),
        1 => Just(Measured::OfferAccepted),
        1 => Just(Measured::OfferDismissed),
        1 => Just(Measured::OfferWithheld(DecisionReason::Capped)),
        1 => Just(Measured::Order { revenue: Some((euro, 900)) }),
        1 => Just(Measured::Order { revenue: Some((pound, 800)) }),
    ]
}

fn visit() -> impl Strategy<Value = Visit> {
    let deeds = proptest::collection::vec((0_u64..30, deed()), 0..8);
    (0..HOURS * 60 - 30, deeds).prop_map(|(begin, deeds)| {
        let mut visit: Visit = vec![(begin, Measured::Session), (begin, Measured::Event)];
        for (after, what) in deeds {
            // Who moves to a stage enters it.
            if let Measured::StageMove { to, .. } = what {
                visit.push((begin + after, Measured::Stage(to)));
            }
            visit.push((begin + after, Measured::Event));
            visit.push((begin + after, what));
        }
        visit
    })
}

/// Most shoppers do one of a few things, so that cells come near the threshold from both sides.
fn shop() -> impl Strategy<Value = Vec<Visit>> {
    proptest::collection::vec(visit(), 1..6)
        .prop_flat_map(|kinds| proptest::collection::vec((proptest::sample::select(kinds), 0_u64..3), 0..70))
        .prop_map(|shoppers| {
            let shift =
                |(visit, by): (Visit, u64)| visit.into_iter().map(|(minute, what)| (minute + by, what)).collect();
            shoppers.into_iter().map(shift).collect()
        })
}

fn add(windows: &mut Windows, share: &mut Share, session: u64, minute: u64, deeds: &[Measured]) {
    let mut changes: Vec<Change> =
        deeds.iter().map(|what| Change { at: minute * WINDOW_MS, what: *what, by: 1 }).collect();
    mark_reached(&mut changes, share.sums());
    assert!(share.add(&changes).is_empty());
    mark_active(&mut changes, session.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    windows.fold(&changes);
}

/// The shop's windows, and who did what in which hour. Every other shopper's batches arrive the last one first.
fn open(shop: &[Visit]) -> (Windows, BTreeMap<(u64, String), BTreeSet<usize>>) {
    let mut windows = Windows::new();
    let mut truth: BTreeMap<(u64, String), BTreeSet<usize>> = BTreeMap::new();
    for (number, visit) in shop.iter().enumerate() {
        let mut share = Share::default();
        let mut visit = visit.clone();
        if number % 2 == 1 {
            visit.reverse();
        }
        for (minute, what) in &visit {
            add(&mut windows, &mut share, number as u64, *minute, &[*what]);
            truth.entry((minute / 60, name(*what))).or_default().insert(number);
        }
        let last = visit.iter().map(|(minute, _)| *minute).max().unwrap_or_default();
        let did = |of: fn(&Measured) -> bool| visit.iter().any(|(_, what)| of(what));
        let ended = EndedSession {
            duration_ms: 60_000 * (number as u64 + 1),
            engaged_ms: 1_000,
            hesitated: did(|what| matches!(what, Measured::Hesitation { .. })),
            offered: did(|what| matches!(what, Measured::OfferExposed { .. })),
            bought: did(|what| matches!(what, Measured::Order { .. })),
        };
        windows.fold(&[Change { at: last * WINDOW_MS, what: Measured::Ended(ended), by: 1 }]);
        for (is, word) in [
            (true, "ended"),
            (ended.hesitated, "ended-hesitated"),
            (ended.offered, "ended-offered"),
            (ended.bought, "ended-bought"),
            (ended.offered && ended.bought, "ended-both"),
        ] {
            if is {
                truth.entry((last / 60, word.to_owned())).or_default().insert(number);
            }
        }
    }
    (windows, truth)
}

/// One name for each number of a released window.
fn name(what: Measured) -> String {
    match what {
        Measured::OfferExposed { .. } => "exposed".to_owned(),
        Measured::Order { revenue: Some((currency, _)) } => format!("revenue {currency:?}"),
        Measured::Event => "events".to_owned(),
        Measured::Session => "sessions".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The numbers of a released window by the same names, as far as there are.
fn numbers(window: &ReleasedWindow) -> BTreeMap<String, u64> {
    let mut numbers = BTreeMap::new();
    let mut put = |name: String, number: Option<u64>| {
        if let Some(number) = number {
            numbers.insert(name, number);
        }
    };
    put(name(Measured::Session), window.sessions);
    put(name(Measured::Event), window.events);
    for (page, count) in &window.views {
        put(name(Measured::View(*page)), Some(*count));
    }
    for row in &window.hesitations {
        put(name(Measured::Hesitation { kind: row.kind, zone: row.zone, page: row.page }), Some(row.count));
    }
    for row in &window.frustrations {
        put(name(Measured::Frustration { kind: row.kind, zone: row.zone, page: row.page }), Some(row.count));
    }
    let stages = [
        (Stage::Low, window.stages.low),
        (Stage::Building, window.stages.building),
        (Stage::High, window.stages.high),
        (Stage::Leaving, window.stages.leaving),
    ];
    stages.into_iter().for_each(|(stage, count)| put(name(Measured::Stage(stage)), count));
    for row in &window.stage_moves {
        put(name(Measured::StageMove { from: row.from, to: row.to }), Some(row.count));
    }
    put(name(Measured::OfferDecided), window.offers.decided);
    put("exposed".to_owned(), window.offers.exposed);
    put(name(Measured::OfferAccepted), window.offers.accepted);
    put(name(Measured::OfferDismissed), window.offers.dismissed);
    for (reason, count) in &window.offers.withheld {
        put(name(Measured::OfferWithheld(*reason)), Some(*count));
    }
    for (currency, count) in &window.revenue {
        put(format!("revenue {currency:?}"), Some(*count));
    }
    let ended = window.ended;
    put("ended".to_owned(), ended.sessions);
    put("ended-hesitated".to_owned(), ended.hesitated);
    put("ended-offered".to_owned(), ended.offered);
    put("ended-bought".to_owned(), ended.bought);
    put("ended-both".to_owned(), ended.offered_and_bought);
    numbers
}

/// Sessions that a difference of two released numbers of one window would be of. Where the part is of the same sessions it is of none.
fn leaks(
    all: &BTreeMap<String, u64>,
    truth: &BTreeMap<String, BTreeSet<usize>>,
    whole: &str,
    part: &str,
) -> Option<String> {
    if !all.contains_key(whole) || !all.contains_key(part) {
        return None;
    }
    let of = |name: &str| truth.get(name).cloned().unwrap_or_default();
    let left = of(whole).difference(&of(part)).count() as u64;
    (left < K).then(|| format!("{whole} without {part} is of {left} sessions"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_number_is_of_fewer_than_k_and_none_follows(shop in shop()) {
        let (windows, truth) = open(&shop);
        for hour in 0..HOURS {
            let window = windows.release(hour * HOUR_MS, K);
            let of_hour: BTreeMap<String, BTreeSet<usize>> = truth.iter()
                .filter(|((at, _), _)| *at == hour).map(|((_, name), who)| (name.clone(), who.clone())).collect();
            let released = numbers(&window);
            for (name, number) in &released {
                let who = of_hour.get(name).map_or(0, BTreeSet::len) as u64;
                prop_assert!(who >= K, "{name} = {number} is of {who} sessions");
            }
            // Each session ends once: these are parts of a whole, and of each other.
            for (whole, part) in [
                ("ended", "ended-hesitated"), ("ended", "ended-offered"), ("ended", "ended-bought"), ("ended", "ended-both"),
                ("ended-offered", "ended-both"), ("ended-bought", "ended-both"),
            ] {
                prop_assert_eq!(leaks(&released, &of_hour, whole, part), None);
            }
            if let (Some(all), Some(offered), Some(bought), Some(both)) = (
                released.get("ended"), released.get("ended-offered"), released.get("ended-bought"), released.get("ended-both"),
            ) {
                prop_assert!(all + both - offered - bought >= K, "who was not offered anything and did not buy follows");
            }
            if let (Some(active), Some(began)) = (window.active_sessions, window.sessions) {
                prop_assert!(active >= began + K, "{} who were there before", active - began);
            }
            // Offers that were neither taken nor closed.
            let offer = |name: &str| released.get(name).copied();
            let (accepted, dismissed) = (name(Measured::OfferAccepted), name(Measured::OfferDismissed));
            if let Some(exposed) = offer("exposed") {
                for answered in [offer(&accepted), offer(&dismissed)].into_iter().flatten() {
                    prop_assert!(exposed >= answered + K);
                }
                if let (Some(accepted), Some(dismissed)) = (offer(&accepted), offer(&dismissed)) {
                    prop_assert!(exposed >= accepted + dismissed + K);
                }
                if let Some(timed) = window.velocity_ms.and_then(|velocity| velocity.count) {
                    prop_assert!(exposed == timed || exposed >= timed + K);
                }
            }
            // The times of few: beyond each quantile lie k.
            if let Some(times) = window.ended.duration_ms {
                let ended = of_hour.get("ended").map_or(0, BTreeSet::len) as u64;
                for (quantile, percent) in [(times.p50, 50), (times.p95, 5), (times.p99, 1)] {
                    prop_assert!(quantile.is_none() || ended * percent / 100 >= K);
                }
            }
        }
    }

    /// Longer windows are sums of the hours: from all sums of all stretches an attacker gets the hours, and nothing beside them.
    #[test]
    fn stretches_that_overlap_give_away_only_hours_that_were_released(shop in shop()) {
        let (windows, _) = open(&shop);
        let hours: Vec<ReleasedWindow> = (0..HOURS).map(|hour| windows.release(hour * HOUR_MS, K)).collect();
        let sum = |from: u64, to: u64| numbers(&ReleasedWindow::sum(0, &hours[from as usize..to as usize]));
        for from in 0..HOURS {
            for to in from + 1..HOURS {
                let (shorter, longer) = (sum(from, to), sum(from, to + 1));
                let hour = numbers(&hours[to as usize]);
                for (name, number) in &longer {
                    let learnt = number - shorter.get(name).copied().unwrap_or_default();
                    prop_assert_eq!(learnt, hour.get(name).copied().unwrap_or_default(), "{}", name);
                }
            }
        }
    }
}

/// The test above can fail: the exact numbers have what it forbids, and the released ones have anything at all.
#[test]
fn the_attacker_finds_what_is_there() {
    let view = Measured::View(PageType::Home);
    let mut shop: Vec<Visit> = vec![vec![(1, Measured::Session), (1, Measured::Event), (1, view)]; K as usize];
    shop.push(vec![(2, Measured::Session), (2, Measured::Event), (2, Measured::View(PageType::Cart))]);
    let (windows, _) = open(&shop);
    let exact = numbers(&ReleasedWindow::whole(windows.report(0, HOUR_MS, HOUR_MS).total));
    assert_eq!(exact.get(&name(Measured::View(PageType::Cart))), Some(&1));
    let released = windows.release(0, K);
    assert_eq!(released.views, BTreeMap::from([(PageType::Home, K)]));
    assert_eq!((released.sessions, released.suppressed), (Some(K + 1), true));
    assert_eq!(windows.release(0, K + 2), ReleasedWindow::nothing(0));
}

/// A session that does something again and again is one.
#[test]
fn one_busy_session_is_not_twenty() {
    let mut windows = Windows::new();
    let mut share = Share::default();
    for minute in 0..60 {
        add(
            &mut windows,
            &mut share,
            1,
            minute,
            &[Measured::Event, Measured::View(PageType::Product), Measured::OfferAccepted],
        );
    }
    let reached = share.sums().filter(|(_, what, _)| matches!(what, Measured::Reached(Cell::Accepted)));
    assert_eq!(reached.count(), 1);
    assert_eq!(windows.release(0, 2), ReleasedWindow::nothing(0));
    assert_eq!(windows.once_per_session(0).accepted, 1);
}
