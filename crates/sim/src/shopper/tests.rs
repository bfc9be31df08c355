//! What the engine makes of shoppers: the personas do what their names say.

use waver_core::{Effect, Engine, PointerType, Signal, SignalKind};
use waver_schema::{CommerceAction, DeviceClass, FrustrationKind, HesitationKind, OfferAction, OfferKind, PageType};

use super::*;

const SEEDS: std::ops::Range<u64> = 0..60;

/// The engine's view of a session, with the ticks it asks for: what it tells the page.
fn told(signals: &[Signal]) -> (Vec<HesitationKind>, Vec<FrustrationKind>) {
    let mut engine = Engine::new();
    let (mut hesitations, mut frustrations) = (Vec::new(), Vec::new());
    let mut observe = |engine: &mut Engine, signal: &Signal| {
        for effect in engine.observe(signal) {
            match effect {
                Effect::Hesitation(hesitation) => hesitations.push(hesitation.kind),
                Effect::Frustration(frustration) => frustrations.push(frustration.kind),
                Effect::Intent(_) | Effect::Rising | Effect::Record(_) => {}
            }
        }
    };
    for signal in signals {
        while let Some(t) = engine.wake_at().filter(|t| *t < signal.t) {
            observe(&mut engine, &Signal { t, kind: SignalKind::Tick });
        }
        observe(&mut engine, signal);
    }
    (hesitations, frustrations)
}

fn hesitations(signals: &[Signal]) -> Vec<HesitationKind> {
    told(signals).0
}

fn device(signals: &[Signal]) -> DeviceClass {
    match signals[0].kind {
        SignalKind::View { device, .. } => device,
        _ => panic!("a session begins with a view"),
    }
}

fn sessions(persona: Persona, device_wanted: DeviceClass) -> Vec<Vec<Signal>> {
    let all = SEEDS.map(|seed| script(seed, persona).collect::<Vec<Signal>>());
    let some: Vec<_> = all.filter(|signals| device(signals) == device_wanted).collect();
    assert!(some.len() > 10, "{persona:?} {device_wanted:?}: {}", some.len());
    some
}

fn share(of: &[Vec<Signal>], kind: HesitationKind) -> f64 {
    of.iter().filter(|signals| hesitations(signals).contains(&kind)).count() as f64 / of.len() as f64
}

fn commerce(signals: &[Signal]) -> Vec<(CommerceAction, u32, Option<u32>)> {
    let shop_events = signals.iter().filter_map(|signal| match signal.kind {
        SignalKind::Commerce { action, quantity, value_minor, .. } => Some((action, quantity, value_minor)),
        _ => None,
    });
    shop_events.collect()
}

#[test]
fn the_same_seed_gives_the_same_signals() {
    for persona in Persona::ALL {
        let told = |seed| serde_json::to_string(&script(seed, persona).collect::<Vec<Signal>>()).expect("serialises");
        assert_eq!(told(7), told(7), "{persona:?}");
        assert_ne!(told(7), told(8), "{persona:?}");
    }
}

#[test]
fn every_session_begins_with_a_view_runs_forward_and_ends_out_of_sight() {
    for persona in Persona::ALL {
        for seed in SEEDS {
            let signals: Vec<Signal> = script(seed, persona).collect();
            assert_eq!(signals[0].t, 0, "{persona:?} {seed}");
            device(&signals);
            assert!(signals.is_sorted_by_key(|signal| signal.t), "{persona:?} {seed}");
            let last = signals.last().map(|signal| signal.kind);
            assert_eq!(last, Some(SignalKind::Visibility { visible: false }), "{persona:?} {seed}");
            assert!(signals.len() < 10_000, "{persona:?} {seed}: {}", signals.len());
        }
    }
}

#[test]
fn hesitating_shoppers_dither_and_decisive_ones_do_not() {
    let hesitating = share(&sessions(Persona::Hesitating, DeviceClass::Mouse), HesitationKind::CtaHover);
    assert!(hesitating > 0.8, "{hesitating}");
    for device in [DeviceClass::Mouse, DeviceClass::Touch] {
        let decisive = sessions(Persona::Decisive, device);
        for kind in HesitationKind::ALL.iter().filter(|kind| !THEIRS_TOO.contains(kind)) {
            assert_eq!(share(&decisive, *kind), 0.0, "{device:?} {kind:?}");
        }
    }
}

/// Decisive shoppers, too, leave over the top, correct a cart, look at its prices meanwhile, and look something up; the table says how often.
const THEIRS_TOO: [HesitationKind; 4] =
    [HesitationKind::ExitIntent, HesitationKind::CartEdit, HesitationKind::PriceDwell, HesitationKind::TabCompare];

#[test]
fn who_clicks_in_vain_is_frustrated_and_nobody_else_is() {
    for persona in Persona::ALL {
        for device in [DeviceClass::Mouse, DeviceClass::Touch] {
            let sessions = sessions(persona, device);
            let frustrated = sessions.iter().filter(|signals| !told(signals).1.is_empty()).count();
            let share = frustrated as f64 / sessions.len() as f64;
            let expected = if persona == Persona::Frustrated { 0.6..=1.0 } else { 0.0..=0.0 };
            assert!(expected.contains(&share), "{persona:?} {device:?}: {share}");
        }
    }
}

#[test]
fn who_is_half_gone_shows_it() {
    let leaving = share(&sessions(Persona::Leaving, DeviceClass::Mouse), HesitationKind::ExitIntent);
    let decisive = share(&sessions(Persona::Decisive, DeviceClass::Mouse), HesitationKind::ExitIntent);
    assert!(leaving > 0.6 && decisive < 0.3, "{leaving} {decisive}");
}

#[test]
fn a_finger_neither_hovers_nor_leaves_the_window() {
    for persona in Persona::ALL {
        for signals in sessions(persona, DeviceClass::Touch) {
            let hovers = signals.iter().any(|signal| match signal.kind {
                SignalKind::Pointer { pointer, .. } | SignalKind::ZoneEnter { pointer, .. } => {
                    pointer == PointerType::Mouse
                }
                SignalKind::PointerExit { .. } => true,
                _ => false,
            });
            assert!(!hovers && !hesitations(&signals).contains(&HesitationKind::CtaHover), "{persona:?}");
        }
    }
}

#[test]
fn the_pointer_is_sampled_as_sensors_do_and_zones_are_left_before_others_are_entered() {
    for signals in sessions(Persona::PriceSensitive, DeviceClass::Mouse) {
        let mut over = None;
        let mut moved_at = None;
        for signal in &signals {
            match signal.kind {
                SignalKind::Pointer { .. } => {
                    assert!(moved_at.is_none_or(|at| signal.t - at >= 16), "{}", signal.t);
                    moved_at = Some(signal.t);
                }
                SignalKind::ZoneEnter { zone, .. } => assert_eq!(over.replace(zone), None),
                SignalKind::ZoneLeave { zone } => assert_eq!(over.take(), Some(zone)),
                SignalKind::View { .. } => over = None,
                _ => {}
            }
        }
    }
}

#[test]
fn an_order_is_what_was_in_the_cart() {
    let mut orders = 0;
    for signals in SEEDS.map(|seed| script(seed, Persona::Decisive).collect::<Vec<Signal>>()) {
        let mut engine = Engine::new();
        for signal in &signals {
            if let SignalKind::Commerce { action: CommerceAction::Purchase, quantity, value_minor, order, .. } =
                signal.kind
            {
                orders += 1;
                let cart = engine.cart();
                assert_eq!((quantity, value_minor), (cart.items, Some(cart.value_minor)));
                assert!(quantity > 0 && order.is_some());
            }
            engine.observe(signal);
        }
    }
    assert!(orders > 20, "{orders}");
}

/// Shows an offer at the first call to action that is left without a click, as a page does on a hesitation.
fn with_an_offer(seed: u64, kind: OfferKind) -> (Vec<Signal>, Option<OfferAction>) {
    let mut script = Script::new(seed, 0, Persona::PriceSensitive, Plan::Own);
    let (mut signals, mut answer, mut shown) = (Vec::new(), None, false);
    while let Some(beat) = script.next() {
        match beat {
            Beat::Signal(signal) => {
                if !shown && matches!(signal.kind, SignalKind::View { page: PageType::Product, .. }) {
                    shown = true;
                    script.show_offer(kind, 10);
                }
                signals.push(signal);
            }
            Beat::Offer { action, .. } => answer = Some(action),
        }
    }
    (signals, answer)
}

#[test]
fn an_offer_is_answered_and_a_taken_one_sells() {
    let orders = |signals: &[Signal]| {
        commerce(signals).iter().filter(|(action, ..)| *action == CommerceAction::Purchase).count()
    };
    let (mut without, mut with, mut taken) = (0, 0, 0);
    for seed in 0..200 {
        without += orders(&script(seed, Persona::PriceSensitive).collect::<Vec<Signal>>());
        let (signals, answer) = with_an_offer(seed, OfferKind::Percent);
        with += orders(&signals);
        taken += usize::from(answer == Some(OfferAction::Accepted));
    }
    assert!((120..180).contains(&taken), "{taken} of 200 took it; the table says three of four");
    assert!(with > 2 * without, "{without} orders without an offer, {with} with one");
}

#[test]
fn a_taken_voucher_lowers_the_order_and_free_delivery_does_not() {
    let mut lowered = 0;
    for (kind, percent) in [(OfferKind::Percent, 90), (OfferKind::FreeShipping, 100)] {
        for seed in 0..60 {
            let (signals, answer) = with_an_offer(seed, kind);
            let events = commerce(&signals);
            let value = |wanted| events.iter().find(|(action, ..)| *action == wanted).and_then(|(.., value)| *value);
            let (begun, paid) = (value(CommerceAction::BeginCheckout), value(CommerceAction::Purchase));
            if let (Some(begun), Some(paid), Some(OfferAction::Accepted)) = (begun, paid, answer) {
                assert_eq!(paid, begun - begun * (100 - percent) / 100, "{kind:?} {seed}");
                lowered += u32::from(paid < begun);
            }
        }
    }
    assert!(lowered > 5, "{lowered}");
}

#[test]
fn a_recorded_session_is_followed_deed_by_deed() {
    let (tent, mug) = (Product::new("tent", 32_900), Product::new("mug", 1_600));
    let deeds = vec![
        (Deed::View, tent, 2_000),
        (Deed::View, mug, 8_000),
        (Deed::Cart, mug, 1_000),
        (Deed::Purchase, mug, 3_000),
        (Deed::View, tent, 400),
    ];
    for seed in SEEDS {
        let plan = Plan::Follow(Recorded { deeds: deeds.clone() });
        let beats = Script::new(seed, 1, Persona::Browsing, plan);
        let followed: Vec<_> = beats
            .filter_map(|beat| match beat {
                Beat::Signal(Signal { kind: SignalKind::Commerce { action, item, .. }, .. }) => Some((action, item)),
                _ => None,
            })
            .filter(|(action, _)| {
                matches!(action, CommerceAction::ViewItem | CommerceAction::AddToCart | CommerceAction::Purchase)
            })
            .collect();
        let expected = [
            (CommerceAction::ViewItem, Some(tent.item)),
            (CommerceAction::ViewItem, Some(mug.item)),
            (CommerceAction::AddToCart, Some(mug.item)),
            (CommerceAction::Purchase, None),
            (CommerceAction::ViewItem, Some(tent.item)),
        ];
        assert_eq!(followed, expected, "{seed}");
    }
}

#[test]
fn who_is_interrupted_only_closes_the_page() {
    let mut script = Script::new(7, 0, Persona::Browsing, Plan::Own);
    let seen: Vec<Beat> = script.by_ref().take(20).collect();
    let t = seen.last().map_or(0, Beat::t);
    script.break_off(t);
    let rest: Vec<Beat> = script.collect();
    assert!(rest.iter().all(|beat| beat.t() == t) && rest.len() <= 2, "{rest:?}");
    let closed = SignalKind::Visibility { visible: false };
    assert_eq!(rest.last(), Some(&Beat::Signal(Signal { t, kind: closed })));
}
