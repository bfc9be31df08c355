//! Whatever the network does to batches, the state is that of the clean stream: permuted, repeated, cut otherwise, with losses.

use proptest::prelude::*;
use waver_core::session::{Change, Client, DecisionRecord, Outcome, SessionState, Share, mark_active};
use waver_core::window::Windows;
use waver_schema::{
    Arm, BrowserFamily, CommerceAction, ConsentChoice, Currency, DecisionId, DecisionReason, DeviceClass, DropCause,
    Event, EventBody, FrustrationKind, HesitationKind, Milli, Navigation, OfferAction, OfferId, OrderRef, PageType,
    Referrer, SlotName, Stage, TrafficClass, Trend, Zone,
};

const BEGUN: u64 = 1_790_000_000_000;
/// All batches arrive after everything has happened, so that only their order differs.
const ARRIVAL: u64 = BEGUN + 2 * 60 * 60 * 1000;
const OFFERS: u8 = 3;

fn one_of<T: Copy + std::fmt::Debug + 'static>(values: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(values)
}

fn milli() -> impl Strategy<Value = Milli> {
    (0_u64..=1000).prop_map(|raw| Milli::try_from(raw).expect("in range"))
}

fn zone() -> impl Strategy<Value = Option<Zone>> {
    proptest::option::of(one_of(Zone::ALL))
}

fn body() -> impl Strategy<Value = EventBody> {
    let currency = proptest::option::of(one_of(&["EUR", "SEK", "JPY"]));
    prop_oneof![
        (one_of(PageType::ALL), one_of(DeviceClass::ALL), one_of(Navigation::ALL)).prop_map(
            |(page, device, navigation)| EventBody::PageView {
                page,
                navigation,
                referrer: Referrer::Internal,
                device,
                item: None
            }
        ),
        (0_u32..9_000).prop_map(|engaged_ms| EventBody::Engagement { engaged_ms, scroll_milli: Milli::ONE, clicks: 1 }),
        (one_of(CommerceAction::ALL), 0_u32..4, proptest::option::of(0_u32..20_000), currency, 0_u8..4).prop_map(
            |(action, quantity, value_minor, currency, order)| EventBody::Commerce {
                action,
                item: None,
                quantity,
                value_minor,
                currency: currency.map(|code| Currency::new(code).expect("three capitals")),
                // Few orders, so that many are told twice, with different values.
                order: (order > 0).then(|| OrderRef::from_label(&order.to_string())),
            }
        ),
        (one_of(HesitationKind::ALL), zone(), one_of(PageType::ALL), milli()).prop_map(
            |(kind, zone, page, score_milli)| {
                EventBody::Hesitation {
                    kind,
                    zone,
                    page,
                    score_milli,
                    confidence_milli: Milli::ONE,
                    since_ms: 0,
                    reasons: Vec::new(),
                }
            }
        ),
        (one_of(FrustrationKind::ALL), zone(), one_of(PageType::ALL))
            .prop_map(|(kind, zone, page)| EventBody::Frustration { kind, zone, page }),
        (milli(), milli(), one_of(Stage::ALL), one_of(Trend::ALL)).prop_map(
            |(p_buy_milli, p_leave_milli, stage, trend)| {
                EventBody::Intent { p_buy_milli, p_leave_milli, stage, trend }
            }
        ),
        // One decision more than was made: events of it are discarded.
        (one_of(OfferAction::ALL), 0..=OFFERS, proptest::option::of(0_u32..5_000)).prop_map(
            |(action, decision, since_signal_ms)| EventBody::Offer {
                action,
                decision: DecisionId::from_bytes([decision; 16]),
                since_signal_ms
            }
        ),
        (one_of(DropCause::ALL), 1_u32..9).prop_map(|(cause, count)| EventBody::Dropped { cause, count }),
    ]
}

/// A stream of at most 60 events within half an hour, each with whether it is lost on the way. Somewhere its clock jumps ahead, as over a page
/// load on a wall clock that was set, and it is not steady.
fn stream() -> impl Strategy<Value = Vec<(Event, bool)>> {
    let event = (body(), 0_u64..15_000, 0_u64..3_000, proptest::bool::weighted(0.1));
    let jump = (0_usize..60, 0_u64..14 * 60_000);
    (proptest::collection::vec(event, 1..60), jump).prop_map(|(drawn, (jumps_at, ahead))| {
        let mut t = 0;
        let number = |(index, (body, gap, unsteady, lost)): (usize, (EventBody, u64, u64, bool))| {
            t += gap + if index == jumps_at { ahead } else { 0 };
            let body = match body {
                // Nobody attends for longer than time passes.
                EventBody::Engagement { engaged_ms, scroll_milli, clicks } => {
                    EventBody::Engagement { engaged_ms: engaged_ms.min(gap as u32), scroll_milli, clicks }
                }
                body => body,
            };
            (Event { seq: index as u64 + 1, t: t.saturating_sub(unsteady), body }, lost)
        };
        drawn.into_iter().enumerate().map(number).collect()
    })
}

/// How the network delivers a stream: cut into batches, in some order, some of them more than once.
fn delivery(events: Vec<(Event, bool)>) -> impl Strategy<Value = (Vec<Event>, Vec<Vec<Event>>)> {
    let arrived: Vec<Event> = events.into_iter().filter(|(_, lost)| !lost).map(|(event, _)| event).collect();
    let cuts = proptest::collection::vec(1_usize..8, arrived.len());
    (Just(arrived), cuts)
        .prop_flat_map(|(arrived, cuts)| {
            let mut batches: Vec<Vec<Event>> = Vec::new();
            let mut rest = arrived.as_slice();
            for cut in cuts {
                let (batch, after) = rest.split_at(cut.min(rest.len()));
                batches.extend((!batch.is_empty()).then(|| batch.to_vec()));
                rest = after;
            }
            let repeats = proptest::collection::vec(0_usize..batches.len().max(1), 0..4);
            (Just(arrived), Just(batches), repeats)
        })
        .prop_flat_map(|(arrived, mut batches, repeats)| {
            let again: Vec<Vec<Event>> = repeats.into_iter().filter_map(|index| batches.get(index).cloned()).collect();
            batches.extend(again);
            (Just(arrived), Just(batches).prop_shuffle())
        })
}

/// A session to which three offers were made, the last of them held out.
fn begin(windows: &mut Windows, client: Client) -> SessionState {
    begin_with(windows, client, &mut Share::default())
}

/// The same, with its share.
fn begin_with(windows: &mut Windows, client: Client, share: &mut Share) -> SessionState {
    let mut state = SessionState::new(BEGUN, client);
    state.record_consent(ConsentChoice::Granted, ConsentChoice::Granted, BEGUN);
    for offer in 0..OFFERS {
        let changes = state.record_decision(&DecisionRecord {
            decision: DecisionId::from_bytes([offer; 16]),
            slot: SlotName::parse("cart").expect("valid"),
            arm: if offer == OFFERS - 1 { Arm::Holdout } else { Arm::Offer },
            reason: DecisionReason::TargetingMatch,
            offer: OfferId::parse("ten").ok(),
            at: BEGUN + 1_000,
            expires_at: BEGUN + 60_000,
            trial: None,
        });
        assert!(share.add(&changes).is_empty());
        windows.fold(&changes);
    }
    state
}

fn client() -> impl Strategy<Value = Client> {
    // Mostly shoppers: of the others little is counted.
    let traffic = prop_oneof![4 => Just(TrafficClass::Shopper), 1 => one_of(TrafficClass::ALL)];
    (traffic, one_of(BrowserFamily::ALL)).prop_map(|(traffic, browser)| Client { traffic, browser })
}

fn changes_of(state: &mut SessionState, batch: &[Event], received_at: u64) -> (Vec<Outcome>, Vec<Change>) {
    let mut folded = state.fold(state.consent().consent_epoch, batch, received_at);
    mark_active(&mut folded.changes, 7);
    (folded.outcomes, folded.changes)
}

/// Folds everything, until the session is over.
fn fold(client: Client, batches: &[Vec<Event>]) -> (SessionState, Windows, Vec<Outcome>) {
    let mut windows = Windows::new();
    let mut state = begin(&mut windows, client);
    let mut outcomes = Vec::new();
    for (index, batch) in batches.iter().enumerate() {
        let (some, changes) = changes_of(&mut state, batch, ARRIVAL + index as u64);
        assert_eq!(some.len(), batch.len());
        windows.fold(&changes);
        outcomes.extend(some);
    }
    assert_eq!(windows.too_late(), 0);
    windows.fold(&state.closing());
    (state, windows, outcomes)
}

fn stored(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| **outcome == Outcome::Stored).count()
}

proptest! {
    #[test]
    fn any_delivery_gives_the_state_and_the_aggregates_of_the_clean_stream(
        (clean, delivered) in stream().prop_flat_map(delivery),
        client in client(),
    ) {
        let (expected, expected_windows, clean_outcomes) = fold(client, &[clean]);
        let (state, windows, outcomes) = fold(client, &delivered);
        prop_assert_eq!(&state, &expected);
        prop_assert_eq!(state.traffic(), client.traffic, "an honest stream is possible");
        prop_assert!(windows.counts_alike(&expected_windows), "{:?} is not {:?}", windows, expected_windows);
        prop_assert_eq!(stored(&outcomes), stored(&clean_outcomes));
        // The aggregates say what the session says.
        let total = windows.report(BEGUN - 60_000, ARRIVAL, u64::MAX).total;
        let row = state.row("00", BEGUN);
        if client.traffic != TrafficClass::Shopper {
            let apart: Vec<_> = total.automated.iter().map(|count| (count.traffic, count.events as usize)).collect();
            prop_assert_eq!(apart, if stored(&outcomes) > 0 { vec![(client.traffic, stored(&outcomes))] } else { vec![] });
            prop_assert_eq!((total.events, total.sessions, total.orders, total.lost_events), (0, 0, 0, 0));
            prop_assert_eq!((total.active_sessions, total.ended.sessions, total.offers.decided), (0, 0, 0));
            return Ok(());
        }
        let begun = u64::from(stored(&outcomes) > 0);
        prop_assert_eq!((total.sessions, total.active_sessions, total.ended.sessions), (begun, begun, begun));
        prop_assert!(total.automated.is_empty());
        prop_assert_eq!(total.events as usize, stored(&outcomes));
        prop_assert_eq!(total.lost_events, row.lost_events);
        prop_assert_eq!(total.lost.iter().map(|loss| loss.count).sum::<u64>(), row.lost_events);
        prop_assert!(total.lost.iter().all(|loss| loss.browser == client.browser));
        prop_assert_eq!(total.dropped.iter().map(|drop| drop.count).sum::<u64>(), state.dropped());
        prop_assert_eq!(total.orders, u64::from(row.purchases));
        prop_assert_eq!(total.views.values().sum::<u64>(), u64::from(row.views));
        prop_assert_eq!(
            total.revenue.into_iter().filter(|(_, minor)| *minor > 0).collect::<Vec<_>>(),
            row.revenue.into_iter().filter(|(_, minor)| *minor > 0).collect::<Vec<_>>()
        );
    }

    #[test]
    fn states_and_windows_come_back_from_both_formats(
        (_, delivered) in stream().prop_flat_map(delivery),
        client in client(),
    ) {
        let (state, windows, _) = fold(client, &delivered);
        let bytes = postcard::to_allocvec(&(&state, &windows)).expect("serialises");
        prop_assert_eq!(&postcard::from_bytes::<(SessionState, Windows)>(&bytes).expect("comes back"), &(state.clone(), windows.clone()));
        let text = serde_json::to_string(&(&state, &windows)).expect("serialises");
        prop_assert_eq!(serde_json::from_str::<(SessionState, Windows)>(&text).expect("comes back"), (state, windows));
    }

    /// Shards fold apart what belongs to different sessions; here even one session's changes are torn apart, corrections and all.
    #[test]
    fn halves_merge_to_the_whole(
        (_, delivered) in stream().prop_flat_map(delivery),
        sides in proptest::collection::vec(any::<bool>(), 400)
    ) {
        let mut none = Windows::new();
        let mut state = begin(&mut none, Client::default());
        let mut changes: Vec<_> = delivered.iter().flat_map(|batch| changes_of(&mut state, batch, ARRIVAL).1).collect();
        changes.extend(state.closing());
        let (mut whole, mut left, mut right) = (Windows::new(), Windows::new(), Windows::new());
        whole.fold(&changes);
        for (change, side) in changes.iter().zip(sides.iter().cycle()) {
            if *side { left.fold(&[*change]) } else { right.fold(&[*change]) };
        }
        left.merge(&right);
        prop_assert!(left.counts_alike(&whole), "{:?} is not {:?}", left, whole);
    }

    /// Erasing takes back exactly what the session added, wherever it stood among the others, and leaves what a run without it gives.
    #[test]
    fn an_erased_session_leaves_the_windows_as_if_it_had_never_been(
        sessions in proptest::collection::vec((stream().prop_flat_map(delivery), client()), 2..5),
        turns in proptest::collection::vec(0_usize..5, 300),
        erased in 0_usize..5,
    ) {
        let erased = erased % sessions.len();
        // One stream of batches, in which the sessions take turns.
        let run = |left_out: Option<usize>| {
            let mut windows = Windows::new();
            let mut states: Vec<(SessionState, Share)> = Vec::new();
            for (number, (_, client)) in sessions.iter().enumerate() {
                let mut begun = Windows::new();
                let mut share = Share::default();
                let state = begin_with(&mut begun, *client, &mut share);
                if left_out != Some(number) {
                    windows.merge(&begun);
                }
                states.push((state, share));
            }
            let mut queues: Vec<_> = sessions.iter().map(|((_, batches), _)| batches.iter()).collect();
            for (index, turn) in turns.iter().cycle().enumerate() {
                if queues.iter().all(|queue| queue.len() == 0) {
                    break;
                }
                let number = (turn + index) % queues.len();
                let Some(batch) = queues[number].next() else { continue };
                let (state, share) = &mut states[number];
                let epoch = state.consent().consent_epoch;
                let mut changes = state.fold(epoch, batch, ARRIVAL + index as u64).changes;
                assert!(share.add(&changes).is_empty());
                mark_active(&mut changes, number as u64);
                if left_out != Some(number) {
                    windows.fold(&changes);
                }
            }
            (windows, states)
        };
        let (mut windows, states) = run(None);
        let (expected, _) = run(Some(erased));
        let whole = windows.clone();
        windows.fold(&states[erased].1.taken_back());
        let (left, expected) = (windows.without_distinct(), expected.without_distinct());
        prop_assert!(left.counts_alike(&expected), "{:?} is not {:?}", left, expected);
        // A sum that is left by every session is nothing; given again, it is the whole, sketches included.
        let mut given = Windows::new();
        for (number, (_, share)) in states.iter().enumerate() {
            given.give_again(&share.given_again(number as u64));
        }
        prop_assert!(given.counts_alike(&whole), "{:?} is not {:?}", given, whole);
        prop_assert_eq!((given.late(), given.watermark()), (0, None));
    }
}
