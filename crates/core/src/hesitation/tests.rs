//! Each kind by a scene of its own: the page is told of that kind and of no other.

use waver_schema::{CommerceAction, PageType, Zone};

use super::*;
use crate::scene::{at, commerce, field, pointer, view};
use crate::{Edge, FieldAct, FieldClass, PointerType, Selected, SignalKind};

/// What is reported of `signals`, with the ticks that the detectors ask for.
fn reported(signals: &[Signal]) -> Vec<HesitationKind> {
    let mut detectors = Detectors::default();
    let mut kinds = Vec::new();
    let mut observe = |detectors: &mut Detectors, signal: &Signal| {
        kinds.extend(detectors.observe(signal).iter().map(|hesitation| hesitation.kind));
    };
    for signal in signals {
        for _ in 0..10_000 {
            let Some(t) = detectors.wake_at().filter(|t| *t < signal.t) else { break };
            observe(&mut detectors, &at(t, SignalKind::Tick));
        }
        observe(&mut detectors, signal);
    }
    kinds
}

fn away(from: u64, to: u64) -> [Signal; 2] {
    [(from, false), (to, true)].map(|(t, visible)| at(t, SignalKind::Visibility { visible }))
}

fn dithering_over(zone: Zone, ms: u64) -> Vec<Signal> {
    let mut signals = vec![at(5_000, SignalKind::ZoneEnter { zone, pointer: PointerType::Mouse })];
    signals.extend((0..ms / 50).map(|n| pointer(5_050 + n * 50, 500 + n as i32 % 9, 400)));
    signals
}

fn scene(kind: HesitationKind) -> Vec<Signal> {
    use FieldAct::{Blur, Edit, Focus};
    let on = |page, signals: Vec<Signal>| [vec![view(0, page, Some("tent"))], signals].concat();
    let product = |signals| on(PageType::Product, signals);
    match kind {
        HesitationKind::CtaHover => product(dithering_over(Zone::Cta, 4_000)),
        HesitationKind::PriceDwell => product(dithering_over(Zone::Price, 6_000)),
        HesitationKind::ScrollOscillation => {
            product((0..8).map(|n| at(n * 700, SignalKind::Scroll { y: (n % 2) as i32 * 600, range: 3_000 })).collect())
        }
        HesitationKind::VariantSwitching => {
            product((0..6).map(|n| at(n * 4_000, SignalKind::Variant { group: 1, choice: n as u32 % 2 })).collect())
        }
        HesitationKind::CartEdit => on(
            PageType::Cart,
            vec![
                commerce(3_000, CommerceAction::RemoveFromCart, Some("mug")),
                commerce(9_000, CommerceAction::AddToCart, Some("mug")),
            ],
        ),
        HesitationKind::TabCompare => product([away(9_000, 15_000), away(30_000, 41_000)].concat()),
        HesitationKind::ProductReturn => ["a", "b", "a", "c", "a"]
            .iter()
            .enumerate()
            .map(|(n, item)| view(n as u64 * 15_000, PageType::Product, Some(item)))
            .collect(),
        HesitationKind::CouponSearch => on(
            PageType::Cart,
            [vec![field(3_000, FieldClass::Coupon, 4, Focus)], away(6_000, 20_000).to_vec()].concat(),
        ),
        HesitationKind::FormRefill => {
            let visits = [1, 2, 1, 2, 1, 2].iter().enumerate().flat_map(|(n, &number)| {
                let acts = [(0, Focus), (500, Edit), (1_500, Blur)];
                acts.map(|(dt, act)| field(n as u64 * 3_000 + dt, FieldClass::Address, number, act))
            });
            on(PageType::Checkout, visits.collect())
        }
        HesitationKind::CheckoutStall => {
            on(PageType::Checkout, (0..30).map(|n| pointer(1_000 + n * 3_000, 500 + n as i32 % 9, 400)).collect())
        }
        HesitationKind::ExitIntent => {
            let mut leaving: Vec<Signal> = (0..7).map(|n| pointer(8_000 + n * 30, 600, 300 - n as i32 * 45)).collect();
            leaving.push(at(8_190, SignalKind::PointerExit { edge: Edge::Top }));
            product(leaving)
        }
        HesitationKind::IdleReturn => product(vec![pointer(20_000, 5, 5), pointer(200_000, 90, 90)]),
    }
}

#[test]
fn each_scene_is_told_as_its_kind_and_no_other() {
    for kind in HesitationKind::ALL {
        assert_eq!(reported(&scene(*kind)), [*kind], "{kind:?}");
    }
}

#[test]
fn a_shopper_who_knows_what_to_buy_is_told_of_nothing() {
    let mut signals = vec![view(0, PageType::Product, Some("tent")), pointer(900, 300, 300)];
    signals.extend((0..20).map(|n| at(1_000 + n * 400, SignalKind::Scroll { y: n as i32 * 80, range: 3_000 })));
    signals.push(at(9_400, SignalKind::Selection { of: Selected::Other }));
    signals.push(at(10_000, SignalKind::Variant { group: 1, choice: 2 }));
    signals.push(at(11_000, SignalKind::ZoneEnter { zone: Zone::Cta, pointer: PointerType::Mouse }));
    signals.extend((0..8).map(|n| pointer(11_030 + n * 40, 800 + n as i32, 500)));
    signals.push(at(11_500, SignalKind::click(Some(Zone::Cta))));
    signals.push(commerce(11_520, CommerceAction::AddToCart, Some("tent")));
    signals.push(view(13_000, PageType::Cart, None));
    signals.push(at(15_000, SignalKind::click(Some(Zone::Checkout))));
    signals.push(view(16_000, PageType::Checkout, None));
    for number in 1..8 {
        let t = 17_000 + u64::from(number) * 4_000;
        let acts = [(0, FieldAct::Focus), (600, FieldAct::Edit), (1_900, FieldAct::Edit), (3_000, FieldAct::Blur)];
        signals.extend(acts.map(|(dt, act)| field(t + dt, FieldClass::Address, number, act)));
    }
    signals.push(at(50_000, SignalKind::click(Some(Zone::Checkout))));
    signals.push(commerce(52_000, CommerceAction::Purchase, None));
    assert_eq!(reported(&signals), []);
}

#[test]
fn the_detectors_to_read_and_to_write_are_the_same() {
    let mut detectors = Detectors::default();
    let read: Vec<*const ()> = detectors.each().iter().map(|one| std::ptr::from_ref(*one).cast()).collect();
    let written: Vec<*const ()> =
        detectors.each_mut().into_iter().map(|one| std::ptr::from_mut(one).cast_const().cast()).collect();
    assert_eq!(read, written);
}
