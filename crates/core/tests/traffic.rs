//! Who is a shopper, what is counted apart, and what must not be taken for a machine.

use proptest::prelude::*;
use waver_core::session::{
    CLOCK_SLACK_MS, Client, ExitPath, MOST_AHEAD_MS, MOST_PER_MINUTE, Outcome, SessionState, mark_active,
};
use waver_core::window::{LossCount, WindowReport, Windows};
use waver_schema::{
    BrowserFamily, CommerceAction, ConsentChoice, Currency, DeviceClass, DropCause, Event, EventBody, FrustrationKind,
    Milli, Navigation, OrderRef, PageType, Referrer, TrafficClass,
};

const BEGUN: u64 = 1_790_000_000_000;
const MINUTE: u64 = 60_000;

/// A session and the windows of its site.
struct Visit {
    state: SessionState,
    windows: Windows,
}

impl Visit {
    fn of(traffic: TrafficClass) -> Visit {
        let mut state = SessionState::new(BEGUN, Client { traffic, browser: BrowserFamily::Firefox });
        state.record_consent(ConsentChoice::Granted, ConsentChoice::Granted, BEGUN);
        Visit { state, windows: Windows::new() }
    }

    fn receive(&mut self, events: &[Event], received_at: u64) -> TrafficClass {
        let mut folded = self.state.fold(self.state.consent().consent_epoch, events, received_at);
        assert_eq!(folded.outcomes.len(), events.len());
        mark_active(&mut folded.changes, 1);
        self.windows.fold(&folded.changes);
        self.state.traffic()
    }

    fn total(&self) -> WindowReport {
        self.windows.report(BEGUN - MINUTE, BEGUN + 12 * 60 * MINUTE, MINUTE).total
    }
}

fn shopper() -> Visit {
    Visit::of(TrafficClass::Shopper)
}

fn view(seq: u64, t: u64, navigation: Navigation) -> Event {
    let (page, referrer, device) = (PageType::Product, Referrer::Direct, DeviceClass::Mouse);
    Event { seq, t, body: EventBody::PageView { page, navigation, referrer, device, item: None } }
}

fn attention(seq: u64, t: u64, engaged_ms: u64) -> Event {
    let engaged_ms = u32::try_from(engaged_ms).expect("short");
    Event { seq, t, body: EventBody::Engagement { engaged_ms, scroll_milli: Milli::ONE, clicks: 0 } }
}

fn click(seq: u64, t: u64) -> Event {
    let body = EventBody::Frustration { kind: FrustrationKind::RageClick, zone: None, page: PageType::Product };
    Event { seq, t, body }
}

fn purchase(seq: u64, t: u64) -> Event {
    let body = EventBody::Commerce {
        action: CommerceAction::Purchase,
        item: None,
        quantity: 1,
        value_minor: Some(8_900),
        currency: Currency::new("EUR").ok(),
        order: Some(OrderRef::from_label("A-1")),
    };
    Event { seq, t, body }
}

#[test]
fn what_is_not_a_shopper_is_counted_apart_and_nowhere_else() {
    for traffic in TrafficClass::ALL.iter().copied().filter(|traffic| *traffic != TrafficClass::Shopper) {
        let mut visit = Visit::of(traffic);
        visit.receive(&[view(1, 0, Navigation::Load), purchase(5, 900)], BEGUN + MINUTE);
        let total = visit.total();
        assert_eq!(
            (total.automated[0].traffic, total.automated[0].sessions, total.automated[0].events),
            (traffic, 1, 2)
        );
        let counted = serde_json::to_value(total).expect("serialises");
        let mut nothing = serde_json::to_value(Windows::new().recent(0)).expect("serialises");
        (nothing["start"], nothing["automated"]) = (counted["start"].clone(), counted["automated"].clone());
        assert_eq!(counted, nothing);
        assert_eq!(visit.state.closing(), []);
        assert_eq!(visit.state.row("", BEGUN).purchases, 1, "the session itself knows");
    }
}

#[test]
fn what_can_not_be_is_found_and_counted_apart_from_then_on() {
    let flood: Vec<Event> = (3..=3 + MOST_PER_MINUTE).map(|seq| click(seq, 2_000 + seq)).collect();
    let too_attentive = [attention(3, 3_000, 2 * CLOCK_SLACK_MS)];
    let from_the_future =
        [view(3, 20 * MINUTE, Navigation::Load), view(4, MINUTE + MOST_AHEAD_MS + 1, Navigation::Load)];
    for events in [&flood[..], &too_attentive, &from_the_future] {
        let mut visit = shopper();
        assert_eq!(
            visit.receive(&[view(1, 0, Navigation::Load), purchase(2, 900)], BEGUN + 900),
            TrafficClass::Shopper
        );
        assert_eq!((visit.total().sessions, visit.total().orders, visit.total().events), (1, 1, 2));
        assert_eq!(visit.receive(events, BEGUN + MINUTE), TrafficClass::Impossible);
        let total = visit.total();
        assert_eq!((total.sessions, total.orders), (0, 0), "the session and its orders are taken back");
        assert_eq!(total.revenue.values().sum::<u64>(), 0);
        let apart = total.automated[0];
        assert_eq!((apart.traffic, apart.sessions), (TrafficClass::Impossible, 1));
        assert_eq!(total.events + apart.events, 2 + events.len() as u64, "each event is counted in one place");
        // It never becomes a shopper again, and adds nothing more.
        visit.receive(&[purchase(9_000, 10 * MINUTE)], BEGUN + 10 * MINUTE);
        assert_eq!((visit.state.traffic(), visit.total().orders), (TrafficClass::Impossible, 0));
        assert_eq!(visit.total().automated[0].sessions, 1);
    }
}

#[test]
fn what_says_to_be_a_crawler_stays_one() {
    let mut visit = Visit::of(TrafficClass::Crawler);
    assert_eq!(visit.receive(&[attention(1, 0, 2 * CLOCK_SLACK_MS)], BEGUN), TrafficClass::Crawler);
}

/// Fast hands, tabs, clocks and networks. None of these is a machine.
#[test]
fn shoppers_stay_shoppers() {
    // Ten clicks a second for ten minutes, each of them two events.
    let mut clicker = shopper();
    let clicks: Vec<Event> = (1..=12_000).map(|seq| click(seq, seq * 50)).collect();
    for (batch, events) in clicks.chunks(64).enumerate() {
        assert_eq!(clicker.receive(events, BEGUN + (batch as u64 + 1) * 3_200), TrafficClass::Shopper);
    }

    // Thirty tabs opened at once are thirty sessions; in one tab it is pages that follow each other, as fast as they load.
    let mut pages = shopper();
    let tabs: Vec<Event> = (1..=64).map(|seq| view(seq, seq, Navigation::Load)).collect();
    assert_eq!(pages.receive(&tabs, BEGUN + 100), TrafficClass::Shopper);

    // Attention without a break, told at the end of each view, the views in any order.
    let mut reader = shopper();
    for seq in [3, 1, 2, 9, 8, 4] {
        assert_eq!(reader.receive(&[attention(seq, seq * MINUTE, MINUTE)], BEGUN + 10 * MINUTE), TrafficClass::Shopper);
    }

    // A retry storm: every batch eleven times, after a stall of a minute.
    let mut stormy = shopper();
    for batch in 0..40_u64 {
        let events: Vec<Event> = (1..=8).map(|seq| attention(batch * 8 + seq, (batch * 8 + seq) * 500, 500)).collect();
        for attempt in 0..11 {
            let received_at = BEGUN + batch * 4_000 + MINUTE + attempt;
            assert_eq!(stormy.receive(&events, received_at), TrafficClass::Shopper);
        }
    }

    // Offline for twenty minutes from the first second on: the consent arrives late, and then everything at once, oldest first.
    let mut tunnel = Visit::of(TrafficClass::Shopper);
    for batch in 0..20_u64 {
        let events: Vec<Event> =
            (1..=60).map(|seq| attention(batch * 60 + seq, (batch * 60 + seq) * 1_000, 1_000)).collect();
        assert_eq!(tunnel.receive(&events, BEGUN + 1_000 + batch), TrafficClass::Shopper, "batch {batch}");
    }

    // A batch that arrives an hour after it was made.
    let mut late = shopper();
    assert_eq!(late.receive(&[view(1, 10, Navigation::Load)], BEGUN + 60 * MINUTE), TrafficClass::Shopper);

    // A session that the collector had forgotten goes on under the same name.
    let mut forgotten = shopper();
    assert_eq!(forgotten.receive(&[attention(900, 300 * MINUTE, MINUTE)], BEGUN + 5), TrafficClass::Shopper);
    assert_eq!(forgotten.receive(&[attention(901, 301 * MINUTE, MINUTE)], BEGUN + MINUTE + 5), TrafficClass::Shopper);

    // The wall clock is set forward by twenty minutes between two pages, and back by as much later: session time jumps, and then stands.
    let mut jumps = shopper();
    jumps.receive(&[attention(1, MINUTE, MINUTE)], BEGUN + MINUTE);
    jumps.receive(&[view(2, 21 * MINUTE, Navigation::Load)], BEGUN + MINUTE + 10);
    assert_eq!(jumps.receive(&[attention(3, 22 * MINUTE, MINUTE)], BEGUN + 2 * MINUTE), TrafficClass::Shopper);
}

proptest! {
    /// Made-up streams, most of them impossible at some point: each event and the session are counted in one place, whenever it is found.
    #[test]
    fn nothing_is_counted_twice_or_nowhere_when_a_session_turns_out_impossible(
        drawn in proptest::collection::vec((1_u64..4_000, 0_u64..1_500_000, 0_u64..900_000, 0_u8..4), 1..40),
        cut in 1_usize..8,
    ) {
        let made_up = |(seq, t, engaged, kind)| match kind {
            0 => purchase(seq, t),
            1 => attention(seq, t, engaged),
            2 => view(seq, t, Navigation::Load),
            _ => click(seq, t),
        };
        let events: Vec<Event> = drawn.into_iter().map(made_up).collect();
        let mut visit = shopper();
        let mut stored = 0;
        for (batch, events) in events.chunks(cut).enumerate() {
            let folded = visit.state.fold(visit.state.consent().consent_epoch, events, BEGUN + batch as u64 * MINUTE);
            stored += folded.outcomes.iter().filter(|outcome| **outcome == Outcome::Stored).count() as u64;
            visit.windows.fold(&folded.changes);
        }
        visit.windows.fold(&visit.state.closing());
        let total = visit.windows.report(BEGUN - 30 * MINUTE, BEGUN + 60 * MINUTE, MINUTE).total;
        let apart = total.automated.first().copied();
        prop_assert_eq!(total.events + apart.map_or(0, |apart| apart.events), stored);
        prop_assert_eq!(total.sessions + apart.map_or(0, |apart| apart.sessions), u64::from(stored > 0));
        prop_assert_eq!(total.sessions, total.ended.sessions);
        if visit.state.traffic() == TrafficClass::Impossible {
            prop_assert_eq!((total.sessions, total.orders, total.revenue.values().sum()), (0, 0, 0_u64));
        } else {
            prop_assert_eq!((total.orders, apart), (u64::from(visit.state.row("", BEGUN).purchases), None));
        }
    }
}

#[test]
fn loss_is_put_down_to_the_browser_and_the_way_out() {
    let lost = |visit: &Visit| {
        visit.total().lost.iter().map(|LossCount { path, count, .. }| (*path, *count)).collect::<Vec<_>>()
    };
    let mut visit = shopper();
    // 2, 3 lost on a load; 5 on a route; 7 on a restore; 9 and 10 within the view.
    let events = [
        view(1, 0, Navigation::Load),
        view(4, 9, Navigation::Load),
        view(6, 9, Navigation::Route),
        view(8, 9, Navigation::Restore),
        click(11, 9),
    ];
    visit.receive(&events, BEGUN + MINUTE);
    assert_eq!(
        lost(&visit),
        [(ExitPath::Load, 2), (ExitPath::Route, 1), (ExitPath::Restore, 1), (ExitPath::SameView, 2)]
    );
    assert!(visit.total().lost.iter().all(|loss| loss.browser == BrowserFamily::Firefox));
    assert_eq!(visit.total().lost_events, 6);
    // What arrives late takes its loss back, and what is still missing before it goes to what it is itself.
    visit.receive(&[click(3, 5), click(5, 9)], BEGUN + MINUTE);
    assert_eq!(lost(&visit), [(ExitPath::Restore, 1), (ExitPath::SameView, 3)]);
    visit.receive(&[click(2, 5), click(7, 9), click(9, 9), click(10, 9)], BEGUN + MINUTE);
    assert_eq!((lost(&visit), visit.total().lost_events), (vec![], 0));
}

#[test]
fn what_a_browser_dropped_is_told_by_cause() {
    let mut visit = shopper();
    let dropped = |seq, cause, count| Event { seq, t: 0, body: EventBody::Dropped { cause, count } };
    visit.receive(
        &[dropped(1, DropCause::QueueFull, 3), dropped(2, DropCause::Refused, 4), dropped(3, DropCause::QueueFull, 5)],
        BEGUN,
    );
    let told: Vec<_> = visit.total().dropped.iter().map(|drop| (drop.browser, drop.cause, drop.count)).collect();
    assert_eq!(
        told,
        [(BrowserFamily::Firefox, DropCause::QueueFull, 8), (BrowserFamily::Firefox, DropCause::Refused, 4)]
    );
    assert_eq!(visit.state.dropped(), 12);
}

#[test]
fn a_session_that_is_over_says_what_it_was() {
    let mut visit = shopper();
    assert_eq!(visit.state.closing(), [], "nothing happened");
    visit.receive(
        &[view(1, 0, Navigation::Load), attention(2, 5 * MINUTE, MINUTE), purchase(3, 5 * MINUTE)],
        BEGUN + 5 * MINUTE,
    );
    visit.windows.fold(&visit.state.closing());
    let ended = visit.total().ended;
    assert_eq!((ended.sessions, ended.bought, ended.offered, ended.hesitated), (1, 1, 0, 0));
    let (duration, engaged) = (ended.duration_ms.expect("one"), ended.engaged_ms.expect("one"));
    assert!(
        duration.p50.abs_diff(5 * MINUTE) <= MINUTE / 20 && engaged.p50.abs_diff(MINUTE) <= MINUTE / 100,
        "{ended:?}"
    );
    assert_eq!(visit.state.closing()[0].at, BEGUN + 5 * MINUTE, "where its last event is");
}
