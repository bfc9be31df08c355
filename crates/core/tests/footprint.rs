//! How much memory sessions take, so that a million of them fits where it is said to fit.

use waver_core::experiment::Trial;
use waver_core::session::{
    Cell, Change, Client, DecisionRecord, EndedSession, Measured, SessionState, Share, mark_reached,
};
use waver_core::window::Windows;
use waver_schema::{
    Arm, CommerceAction, ConsentChoice, Currency, DecisionId, DecisionReason, DeviceClass, Event, EventBody,
    FrustrationKind, HesitationKind, Milli, Navigation, OfferAction, OfferId, OrderRef, PageType, PolicyVersion,
    Referrer, SlotName, Stage, StratumName, Trend, Zone,
};

const BEGUN: u64 = 1_790_000_000_000;

/// Twenty events: views and attention, two hesitations, three scores, an offer seen and taken, an order.
fn typical(number: u64) -> SessionState {
    typical_with(number, &mut Share::default())
}

/// The same, with what it adds to the windows.
fn typical_with(number: u64, share: &mut Share) -> SessionState {
    let mut add = |mut changes: Vec<Change>| {
        mark_reached(&mut changes, share.sums());
        assert!(share.add(&changes).is_empty());
    };
    let mut state = SessionState::new(BEGUN, Client::default());
    let epoch = state.record_consent(ConsentChoice::Granted, ConsentChoice::Granted, BEGUN).consent_epoch;
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let decision = DecisionId::from_bytes(id);
    add(state.record_decision(&DecisionRecord {
        decision,
        slot: SlotName::parse("product").expect("valid"),
        arm: Arm::Offer,
        reason: DecisionReason::TargetingMatch,
        offer: OfferId::parse("ten-percent").ok(),
        at: BEGUN + 8_000,
        expires_at: BEGUN + 60_000,
        trial: Some(Trial {
            policy: PolicyVersion::from_bytes([7; 8]),
            stratum: StratumName::rest(),
            holdout_milli: 100,
        }),
    }));
    let milli = |raw| Milli::try_from(raw).expect("in range");
    let hesitation = |kind, zone| EventBody::Hesitation {
        kind,
        zone,
        page: PageType::Product,
        score_milli: milli(640),
        confidence_milli: milli(700),
        since_ms: 900,
        reasons: Vec::new(),
    };
    let intent =
        |stage| EventBody::Intent { p_buy_milli: milli(300), p_leave_milli: milli(200), stage, trend: Trend::Up };
    let offer = |action| EventBody::Offer { action, decision, since_signal_ms: Some(84) };
    let commerce = |action, order| EventBody::Commerce {
        action,
        item: None,
        quantity: 1,
        value_minor: Some(8_900),
        currency: Currency::new("EUR").ok(),
        order,
    };
    let mut bodies = vec![
        hesitation(HesitationKind::CtaHover, Some(Zone::Cta)),
        hesitation(HesitationKind::ExitIntent, None),
        intent(Stage::Low),
        intent(Stage::Building),
        intent(Stage::High),
        offer(OfferAction::Exposed),
        offer(OfferAction::Accepted),
        commerce(CommerceAction::AddToCart, None),
        commerce(CommerceAction::ViewCart, None),
        commerce(CommerceAction::BeginCheckout, None),
        commerce(CommerceAction::Purchase, Some(OrderRef::from_label(&number.to_string()))),
    ];
    for page in [PageType::Home, PageType::Product, PageType::Product, PageType::Cart, PageType::Checkout] {
        let (navigation, referrer, device) = (Navigation::Load, Referrer::Internal, DeviceClass::Mouse);
        bodies.push(EventBody::PageView { page, navigation, referrer, device, item: None });
    }
    bodies.extend(vec![EventBody::Engagement { engaged_ms: 9_000, scroll_milli: milli(500), clicks: 3 }; 4]);
    assert_eq!(bodies.len(), 20);
    for (batch, bodies) in bodies.chunks(4).enumerate() {
        let events: Vec<Event> = (batch as u64 * 4 + 1..)
            .zip(bodies)
            .map(|(seq, body)| Event { seq, t: seq * 1_000, body: body.clone() })
            .collect();
        add(state.fold(epoch, &events, BEGUN + 60_000).changes);
    }
    state
}

#[test]
fn a_session_is_small_before_anything_happens() {
    assert!(size_of::<SessionState>() <= 288, "{}", size_of::<SessionState>());
}

/// What the process really takes, allocator's share included; where the system tells.
#[cfg(target_os = "linux")]
#[test]
fn a_typical_session_is_small() {
    fn resident_bytes() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("there is a resident size");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("in KiB") * 1024
    }
    const SESSIONS: usize = 100_000;
    let before = resident_bytes();
    let sessions: Vec<SessionState> = (0..SESSIONS as u64).map(typical).collect();
    let each = (resident_bytes() - before) / SESSIONS;
    assert_eq!(sessions.len(), SESSIONS);
    println!("{each} bytes each, {} of them in the state itself", size_of::<SessionState>());
    assert!((size_of::<SessionState>()..=800).contains(&each), "{each} bytes each");
}

/// Rows are kept encoded, a million of them.
#[test]
fn a_typical_session_is_smaller_still_when_encoded() {
    let bytes = |state: &SessionState| postcard::to_allocvec(state).expect("serialises").len();
    let fresh = SessionState::new(BEGUN, Client::default());
    println!("{} bytes encoded, {} before anything happens", bytes(&typical(1)), bytes(&fresh));
    let mut share = Share::default();
    typical_with(1, &mut share);
    let of_share = postcard::to_allocvec(&share).expect("serialises").len();
    println!("{of_share} bytes of {} sums that it added to the windows", share.counts());
    assert!((60..=200).contains(&of_share), "{of_share}");
    assert!(bytes(&typical(1)) <= 200 && bytes(&fresh) <= 48);
}

/// An hour in which everything happened that a closed vocabulary has words for, with thousands of sessions, is still small: there are
/// 9,600 of them in thirteen months. Most hours have a tenth of it.
#[test]
fn the_fullest_hour_is_bounded() {
    let mut changes = Vec::new();
    let mut count = |what| changes.push(Change { at: BEGUN, what, by: 1 });
    for page in PageType::ALL.iter().copied() {
        for zone in Zone::ALL.iter().copied().map(Some).chain([None]) {
            for kind in HesitationKind::ALL.iter().copied() {
                count(Measured::Hesitation { kind, zone, page });
                count(Measured::Reached(Cell::Hesitation(kind, zone, page)));
            }
            for kind in FrustrationKind::ALL.iter().copied() {
                count(Measured::Frustration { kind, zone, page });
                count(Measured::Reached(Cell::Frustration(kind, zone, page)));
            }
        }
    }
    for number in 0..3_000_u64 {
        count(Measured::Active(number));
        count(Measured::OfferExposed { since_signal_ms: Some(u32::try_from(number).expect("small")) });
        let (duration_ms, engaged_ms) = (number * 3_000, number * 1_000);
        count(Measured::Ended(EndedSession { duration_ms, engaged_ms, hesitated: true, offered: true, bought: true }));
    }
    let mut windows = Windows::new();
    windows.fold(&changes);
    // A minute and an hour of the same.
    let bytes = postcard::to_allocvec(&windows).expect("serialises").len() / 2;
    println!("{bytes} bytes encoded");
    assert!((4_000..30_000).contains(&bytes), "{bytes}");
}
