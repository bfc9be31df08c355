//! Consent, the ends of a session, discards, and what operators see.

use waver_core::consent::Purpose;
use waver_core::experiment::Trial;
use waver_core::session::{Client, DecisionRecord, Discard, OfferState, Outcome, SessionState, mark_active};
use waver_core::window::Windows;
use waver_schema::{
    Arm, CommerceAction, ConsentChoice, Currency, DecisionId, DecisionReason, DeviceClass, Event, EventBody,
    HesitationKind, Milli, Navigation, OfferAction, OfferId, OrderRef, PageType, PolicyVersion, Referrer, SlotName,
    Stage, StratumName, TrafficClass, Trend, Zone,
};

use ConsentChoice::{Denied, Granted};
use Outcome::{Discarded, Duplicate, Stored};

const BEGUN: u64 = 1_790_000_000_000;
const MINUTE: u64 = 60_000;
/// The epoch of a session whose only consent record arrived at [`BEGUN`].
const EPOCH: u32 = (BEGUN / 1000) as u32;

fn granted() -> SessionState {
    let mut state = SessionState::new(BEGUN, Client::default());
    state.record_consent(Granted, Granted, BEGUN);
    state
}

fn event(seq: u64, t: u64, body: EventBody) -> Event {
    Event { seq, t, body }
}

fn view(seq: u64, t: u64, page: PageType) -> Event {
    let navigation = Navigation::Load;
    event(
        seq,
        t,
        EventBody::PageView { page, navigation, referrer: Referrer::Direct, device: DeviceClass::Touch, item: None },
    )
}

fn commerce(seq: u64, t: u64, action: CommerceAction, quantity: u32) -> Event {
    event(seq, t, EventBody::Commerce { action, item: None, quantity, value_minor: None, currency: None, order: None })
}

fn purchase(seq: u64, t: u64, order: &str, value_minor: u32) -> Event {
    let body = EventBody::Commerce {
        action: CommerceAction::Purchase,
        item: None,
        quantity: 1,
        value_minor: Some(value_minor),
        currency: Currency::new("EUR").ok(),
        order: Some(OrderRef::from_label(order)),
    };
    event(seq, t, body)
}

fn offer(seq: u64, t: u64, action: OfferAction, decision: u8) -> Event {
    let since_signal_ms = (action == OfferAction::Exposed).then_some(84);
    event(seq, t, EventBody::Offer { action, decision: DecisionId::from_bytes([decision; 16]), since_signal_ms })
}

fn decided(decision: u8, arm: Arm, at: u64) -> DecisionRecord {
    DecisionRecord {
        decision: DecisionId::from_bytes([decision; 16]),
        slot: SlotName::parse("cart").expect("valid"),
        arm,
        reason: if arm == Arm::Nothing { DecisionReason::Capped } else { DecisionReason::TargetingMatch },
        offer: OfferId::parse("ten").ok().filter(|_| arm != Arm::Nothing),
        at,
        expires_at: at + 30 * MINUTE,
        trial: None,
    }
}

fn outcomes(state: &mut SessionState, events: &[Event]) -> Vec<Outcome> {
    state.fold(state.consent().consent_epoch, events, BEGUN + 24 * 60 * MINUTE).outcomes
}

#[test]
fn only_what_was_made_under_the_current_grant_is_admitted() {
    let mut state = SessionState::new(BEGUN, Client::default());
    assert!(!state.admits(0, Purpose::Measure), "silence grants nothing");
    let first = state.record_consent(Granted, Denied, BEGUN).consent_epoch;
    assert!(state.admits(first, Purpose::Measure) && !state.admits(first, Purpose::Personalize));
    let second = state.record_consent(Granted, Granted, BEGUN).consent_epoch;
    assert_eq!(second, first + 1, "also within the same second");
    assert!(state.admits(second, Purpose::Personalize) && !state.admits(first, Purpose::Measure));
    let before = state.clone();
    let folded = state.fold(first, &[view(1, 0, PageType::Home)], BEGUN);
    assert_eq!((folded.outcomes, folded.changes), (vec![Discarded(Discard::Consent)], vec![]));
    assert_eq!(state, before, "what is not admitted leaves no trace");
    let third = state.record_consent(Denied, Denied, BEGUN).consent_epoch;
    assert_eq!(state.fold(third, &[view(1, 0, PageType::Home)], BEGUN).outcomes, [Discarded(Discard::Consent)]);
}

#[test]
fn a_session_that_was_forgotten_and_begins_again_takes_nothing_of_its_former_life() {
    let mut former = granted();
    for minute in 0..10 {
        former.record_consent(Granted, Granted, BEGUN + minute * MINUTE);
    }
    let old = former.consent().consent_epoch;
    let mut again = SessionState::new(BEGUN + 30 * MINUTE, Client::default());
    assert!(again.record_consent(Granted, Granted, BEGUN + 30 * MINUTE).consent_epoch > old);
    assert_eq!(
        again.fold(old, &[view(1, 0, PageType::Home)], BEGUN + 30 * MINUTE).outcomes,
        [Discarded(Discard::Consent)]
    );
}

#[test]
fn a_session_ends_after_half_an_hour_of_silence_or_a_day() {
    let mut state = granted();
    let half_an_hour = 30 * MINUTE;
    assert_eq!(
        outcomes(
            &mut state,
            &[
                view(1, 0, PageType::Home),
                view(2, half_an_hour, PageType::Home),
                view(3, 2 * half_an_hour + 1, PageType::Home)
            ]
        ),
        [Stored, Stored, Discarded(Discard::SessionIdle)]
    );
    assert_eq!(state.ends_at(), BEGUN + 2 * half_an_hour);
    assert!(state.row("", BEGUN + 2 * half_an_hour - 1).live && !state.row("", BEGUN + 2 * half_an_hour).live);
    let mut long = granted();
    for step in 0..=48 {
        assert_eq!(outcomes(&mut long, &[view(step + 1, step * half_an_hour, PageType::Home)]), [Stored]);
    }
    assert_eq!(
        outcomes(&mut long, &[view(50, 48 * half_an_hour + 1, PageType::Home)]),
        [Discarded(Discard::SessionMax)]
    );
}

#[test]
fn what_can_not_be_is_discarded_with_its_reason() {
    let mut state = granted();
    state.record_decision(&decided(7, Arm::Holdout, BEGUN));
    assert_eq!(
        outcomes(
            &mut state,
            &[
                view(0, 0, PageType::Home),
                view(u64::MAX, 0, PageType::Home),
                view(1, u64::MAX, PageType::Home),
                view(1, 0, PageType::Home),
                view(1, 5, PageType::Cart),
                offer(2, 0, OfferAction::Exposed, 1),
                offer(3, 0, OfferAction::Exposed, 7),
            ]
        ),
        [
            Discarded(Discard::SeqRange),
            Discarded(Discard::SeqRange),
            Discarded(Discard::SessionMax),
            Stored,
            Duplicate,
            Discarded(Discard::UnknownDecision),
            Discarded(Discard::UnknownDecision),
        ]
    );
    assert_eq!(state.lost_events(), 0, "what was discarded was not lost");
    for order in 0..32 {
        assert_eq!(outcomes(&mut state, &[purchase(10 + order, 0, &order.to_string(), 1)]), [Stored]);
    }
    assert_eq!(outcomes(&mut state, &[purchase(50, 0, "one more", 1)]), [Discarded(Discard::OrderLimit)]);
    assert_eq!(outcomes(&mut state, &[purchase(51, 0, "5", 1)]), [Stored], "a known order is told again");
    assert_eq!(state.row("", BEGUN).purchases, 32);
    let names: Vec<String> =
        Discard::ALL.iter().map(|discard| serde_json::to_string(discard).expect("a name")).collect();
    assert_eq!(names, Discard::ALL.iter().map(|discard| format!("\"{discard}\"")).collect::<Vec<_>>());
}

#[test]
fn the_earliest_bound_on_the_beginning_holds() {
    // The browser counts from before the grant: the first batch arrives with more time on it than passed since.
    let mut early = granted();
    early.fold(EPOCH, &[view(1, 5_000, PageType::Home), view(2, 65_000, PageType::Home)], BEGUN + 5_100);
    assert_eq!((early.started_at(), early.last_event_at()), (BEGUN + 5_100 - 65_000, BEGUN + 5_100));
    // It stays, whatever comes later.
    early.fold(EPOCH, &[view(3, 66_000, PageType::Home)], BEGUN + 5_200);
    assert_eq!(early.started_at(), BEGUN + 5_100 - 65_000);
    // The browser counts from the grant on, and the batch took long: the grant's arrival is the better bound.
    let mut late = granted();
    late.fold(EPOCH, &[view(1, 1_000, PageType::Home)], BEGUN + 60_000);
    assert_eq!((late.started_at(), late.last_event_at()), (BEGUN, BEGUN + 1_000));
}

#[test]
fn no_event_happens_after_it_is_received() {
    let mut state = granted();
    state.fold(EPOCH, &[view(1, 0, PageType::Home)], BEGUN + 10);
    let folded = state.fold(EPOCH, &[view(2, 20 * MINUTE, PageType::Home)], BEGUN + 50);
    assert!(folded.changes.iter().all(|change| change.at <= BEGUN + 50), "{:?}", folded.changes);
    assert_eq!(state.last_event_at(), BEGUN + 50);
}

#[test]
fn the_cart_is_that_of_the_engine() {
    use CommerceAction::{AddToCart, BeginCheckout, Purchase, RemoveFromCart, ViewCart};
    for (steps, items, checkout_begun) in [
        (vec![(AddToCart, 2), (RemoveFromCart, 1)], 1, false),
        (vec![(RemoveFromCart, 1), (AddToCart, 0)], 1, false),
        (vec![(AddToCart, 2), (ViewCart, 5)], 5, false),
        (vec![(AddToCart, 2), (BeginCheckout, 2)], 2, true),
        (vec![(AddToCart, 2), (BeginCheckout, 2), (Purchase, 2), (AddToCart, 1)], 1, false),
    ] {
        let mut state = granted();
        let mut events: Vec<Event> =
            (1..).zip(&steps).map(|(seq, (action, quantity))| commerce(seq, 0, *action, *quantity)).collect();
        events.reverse();
        outcomes(&mut state, &events);
        assert_eq!(
            (state.row("", BEGUN).cart_items, state.history(BEGUN).checkout_begun),
            (items, checkout_begun),
            "{steps:?}"
        );
    }
}

#[test]
fn an_offer_stands_in_its_slot_until_it_is_answered_or_ends() {
    let slot = SlotName::parse("cart").expect("valid");
    let mut state = granted();
    state.record_decision(&decided(1, Arm::Offer, BEGUN));
    assert_eq!(state.record_decision(&decided(1, Arm::Offer, BEGUN)), [], "a decision counts once");
    let stands = |state: &SessionState, now| state.standing_offer(&slot, now).map(|trace| trace.decision());
    assert_eq!(stands(&state, BEGUN), Some(DecisionId::from_bytes([1; 16])));
    outcomes(&mut state, &[offer(1, 10, OfferAction::Exposed, 1)]);
    assert!(stands(&state, BEGUN + 30 * MINUTE - 1).is_some());
    assert_eq!(stands(&state, BEGUN + 30 * MINUTE), None, "it ends");
    outcomes(&mut state, &[offer(2, 20, OfferAction::Dismissed, 1)]);
    assert_eq!(stands(&state, BEGUN), None, "it was closed");
    state.record_decision(&decided(2, Arm::Holdout, BEGUN + 5));
    let control = DecisionId::from_bytes([2; 16]);
    assert_eq!(stands(&state, BEGUN + 6), Some(control), "who asks again is in the holdout by the same decision");
    state.record_decision(&decided(3, Arm::Nothing, BEGUN + 7));
    assert_eq!(state.history(BEGUN).offered.iter().map(|(_, at)| *at).collect::<Vec<_>>(), [0, 5]);
    assert_eq!(
        state.offers().map(|trace| trace.state()).collect::<Vec<_>>(),
        [(OfferState::Dismissed, BEGUN + 20), (OfferState::Holdout, BEGUN + 5)]
    );
}

/// A session as the demo has them, from the first view to the order.
fn typical() -> (SessionState, Windows) {
    let mut state = granted();
    let mut windows = Windows::new();
    windows.fold(&state.record_decision(&decided(1, Arm::Offer, BEGUN + 5_850)));
    windows.fold(&state.record_decision(&decided(2, Arm::Nothing, BEGUN + 8_000)));
    let score = |raw| Milli::try_from(raw).expect("in range");
    let events = [
        view(1, 0, PageType::Home),
        view(2, 4_000, PageType::Product),
        event(
            3,
            5_100,
            EventBody::Hesitation {
                kind: HesitationKind::CtaHover,
                zone: Some(Zone::Cta),
                page: PageType::Product,
                score_milli: score(640),
                confidence_milli: score(700),
                since_ms: 2_300,
                reasons: vec![],
            },
        ),
        event(
            4,
            5_200,
            EventBody::Intent {
                p_buy_milli: score(120),
                p_leave_milli: score(300),
                stage: Stage::Building,
                trend: Trend::Up,
            },
        ),
        offer(5, 5_900, OfferAction::Exposed, 1),
        offer(6, 7_000, OfferAction::Accepted, 1),
        commerce(7, 7_100, CommerceAction::AddToCart, 2),
        event(
            8,
            61_000,
            EventBody::Intent {
                p_buy_milli: score(800),
                p_leave_milli: score(50),
                stage: Stage::High,
                trend: Trend::Up,
            },
        ),
        purchase(10, 62_000, "A-1", 8_900),
        purchase(11, 63_000, "A-1", 8_900),
    ];
    let mut changes = state.fold(EPOCH, &events, BEGUN + 70_000).changes;
    mark_active(&mut changes, 1);
    windows.fold(&changes);
    windows.fold(&state.closing());
    (state, windows)
}

#[test]
fn a_row_has_the_shape_that_the_dashboard_reads() {
    let row = serde_json::to_value(typical().0.row("ab01", BEGUN + 70_000)).expect("serialises");
    assert_eq!(
        row,
        serde_json::json!({
            "session": "ab01", "started_at": BEGUN, "last_event_at": BEGUN + 63_000, "live": true, "traffic": "shopper", "browser": "other", "device": "touch",
            "stage": "high", "p_buy_milli": 800, "p_leave_milli": 50, "trend": "up", "views": 2, "product_views": 1, "cart_items": 0,
            "hesitations": [{ "kind": "cta_hover", "zone": "cta", "count": 1, "max_score_milli": 640 }], "frustrations": 0,
            "offers": [{ "decision": "01".repeat(16), "offer": "ten", "slot": "cart", "state": "accepted", "at": BEGUN + 7_000 }],
            "purchases": 1, "revenue": { "EUR": 8900 }, "lost_events": 1,
            "consent": { "epoch": EPOCH, "measure": "granted", "personalize": "granted" }
        })
    );
}

#[test]
fn a_report_has_the_shape_that_the_dashboard_reads() {
    let minute = BEGUN / MINUTE * MINUTE;
    let report = serde_json::to_value(typical().1.report(BEGUN, BEGUN + 70_000, MINUTE)).expect("serialises");
    assert_eq!((&report["from"], &report["step_ms"]), (&minute.into(), &MINUTE.into()));
    let windows = report["windows"].as_array().expect("a list");
    assert_eq!(windows.len(), 2);
    assert_eq!(
        report["total"],
        serde_json::json!({
            "start": minute, "sessions": 1, "active_sessions": 1, "events": 10, "views": { "home": 1, "product": 1 },
            "hesitations": [{ "kind": "cta_hover", "zone": "cta", "page": "product", "count": 1 }], "frustrations": [],
            "stages": { "low": 0, "building": 1, "high": 1, "leaving": 0 },
            "stage_moves": [{ "from": "building", "to": "high", "count": 1 }],
            "offers": { "decided": 1, "exposed": 1, "accepted": 1, "dismissed": 0, "holdout": 0, "withheld": { "capped": 1 } },
            "orders": 1, "revenue": { "EUR": 8900 }, "velocity_ms": { "count": 1, "p50": 84, "p95": 84, "p99": 84 },
            "ended": { "sessions": 1, "hesitated": 1, "offered": 1, "bought": 1, "offered_and_bought": 1,
                       "duration_ms": { "count": 1, "p50": 63231, "p95": 63231, "p99": 63231 },
                       "engaged_ms": { "count": 1, "p50": 0, "p95": 0, "p99": 0 } },
            "lost_events": 1, "lost": [{ "browser": "other", "path": "same_view", "count": 1 }], "dropped": [], "automated": []
        })
    );
    assert_eq!(windows[0]["velocity_ms"]["count"], 1);
    assert_eq!(windows[1]["velocity_ms"], serde_json::Value::Null);
}

fn trial() -> Trial {
    Trial { policy: PolicyVersion::from_bytes([1; 8]), stratum: StratumName::rest(), holdout_milli: 100 }
}

#[test]
fn a_session_is_a_trial_of_each_offer_by_its_first_decision_and_with_the_orders_after_it() {
    let euro = Currency::new("EUR").expect("valid");
    let mut state = granted();
    assert!(state.trials().is_empty(), "nothing happened in it");
    let events = [purchase(1, 1_000, "before", 700), purchase(2, 20_000, "after", 5_000)];
    assert_eq!(outcomes(&mut state, &events[..1]), [Outcome::Stored]);
    let at = state.started_at() + 10_000;
    state.record_decision(&DecisionRecord { trial: Some(trial()), ..decided(1, Arm::Holdout, at) });
    state.record_decision(&DecisionRecord { trial: Some(trial()), ..decided(2, Arm::Offer, at + 1_000) });
    assert_eq!(outcomes(&mut state, &events[1..]), [Outcome::Stored]);
    let [(assignment, sums)] = state.trials().try_into().expect("one offer");
    assert_eq!((assignment.arm, assignment.exposed, assignment.holdout_milli), (Arm::Holdout, false, 100));
    assert_eq!((sums.sessions, sums.orders, sums.money[&euro].revenue.sum), (1, 1, 5_000));
    let over = state.ends_at() + 10 * MINUTE;
    assert_eq!(u64::from(assignment.day), over / (24 * 60 * MINUTE));

    // The moment of rendering counts in either arm, and only for the arm that it is of.
    let shown = |action, decision| offer(3, 21_000, action, decision);
    for (action, stored) in [(OfferAction::Exposed, false), (OfferAction::Withheld, true)] {
        let mut state = state.clone();
        let is_stored = outcomes(&mut state, &[shown(action, 1)]) == [Outcome::Stored];
        assert_eq!((is_stored, state.trials()[0].0.exposed), (stored, stored), "{action:?}");
        assert!(!state.offers().any(|trace| trace.decision() == DecisionId::from_bytes([1; 16]) && trace.is_exposed()));
    }

    // Decisions from before there were trials, and sessions of automata, are none.
    let mut untold = granted();
    untold.record_decision(&decided(1, Arm::Offer, BEGUN));
    outcomes(&mut untold, &events);
    assert!(untold.trials().is_empty());
    let client = Client { traffic: TrafficClass::Automation, ..Client::default() };
    let mut robot = SessionState::new(BEGUN, client);
    robot.record_consent(ConsentChoice::Granted, ConsentChoice::Granted, BEGUN);
    robot.record_decision(&DecisionRecord { trial: Some(trial()), ..decided(1, Arm::Offer, BEGUN) });
    outcomes(&mut robot, &events);
    assert!(robot.trials().is_empty());
}
