//! What holds of every detector, whatever the sensors say.

use proptest::prelude::*;
use waver_core::{
    Edge, Effect, Engine, FieldAct, FieldClass, KeyClass, PointerType, Press, Pressed, PressedBy, Selected, Signal,
    SignalKind,
};
use waver_schema::{
    CommerceAction, DeviceClass, Feature, FrustrationKind, HesitationKind, ItemRef, Navigation, PageType, Referrer,
    Zone,
};

fn word<T: Copy + std::fmt::Debug>(all: &'static [T]) -> proptest::sample::Select<T> {
    proptest::sample::select(all)
}

fn kind() -> impl Strategy<Value = SignalKind> {
    use FieldAct::{Blur, Clear, Edit, Fill, Focus, Invalid};
    use FieldClass::{Address, Contact, Coupon, Payment, Quantity, Search};
    // Places near each other and small numbers, so that what detectors look for occurs.
    let place = prop_oneof![8 => -5..1_400_i32, 1 => any::<i32>()];
    let number = prop_oneof![8 => 0..4_u32, 1 => any::<u32>()];
    let item = proptest::option::of((0..4_u8).prop_map(|n| ItemRef::from_label(&n.to_string())));
    let pointer = word(&[PointerType::Mouse, PointerType::Mouse, PointerType::Touch]);
    let press = (
        word(&[PressedBy::Mouse, PressedBy::Touch, PressedBy::Keyboard, PressedBy::Unknown]),
        word(&[Pressed::Control, Pressed::Content, Pressed::Repeater, Pressed::Field]),
        any::<bool>(),
        0..40_i32,
        number.clone(),
    );
    let press = press.prop_map(|(by, on, watched, x, target)| Press { by, x, y: x, target, on, watched });
    let view = (word(PageType::ALL), word(Navigation::ALL), word(DeviceClass::ALL), item.clone()).prop_map(
        |(page, navigation, device, item)| SignalKind::View {
            page,
            navigation,
            referrer: Referrer::Internal,
            device,
            item,
        },
    );
    let field = (
        word(&[Coupon, Search, Quantity, Contact, Address, Payment]),
        number.clone(),
        word(&[Focus, Edit, Clear, Fill, Invalid, Blur]),
    );
    let commerce = (word(CommerceAction::ALL), item, number.clone()).prop_map(|(action, item, quantity)| {
        SignalKind::Commerce { action, item, quantity, value_minor: Some(quantity), currency: None, order: None }
    });
    prop_oneof![
        1 => view,
        6 => (place.clone(), place.clone(), pointer.clone()).prop_map(|(x, y, pointer)| SignalKind::Pointer { x, y, pointer }),
        2 => (word(Zone::ALL), pointer).prop_map(|(zone, pointer)| SignalKind::ZoneEnter { zone, pointer }),
        1 => word(Zone::ALL).prop_map(|zone| SignalKind::ZoneLeave { zone }),
        1 => (word(Zone::ALL), any::<bool>()).prop_map(|(zone, visible)| SignalKind::ZoneSight { zone, visible }),
        1 => word(&[Edge::Top, Edge::Other]).prop_map(|edge| SignalKind::PointerExit { edge }),
        3 => (proptest::option::of(word(Zone::ALL)), press).prop_map(|(zone, press)| SignalKind::Click { zone, press }),
        1 => Just(SignalKind::Response),
        1 => Just(SignalKind::ScriptError),
        2 => (any::<bool>(), place.clone(), place.clone()).prop_map(|(down, x, y)| SignalKind::Touch { down, x, y }),
        1 => word(&[Selected::Price, Selected::Title, Selected::Other]).prop_map(|of| SignalKind::Selection { of }),
        3 => field.prop_map(|(class, field, act)| SignalKind::Field { class, field, act }),
        1 => word(&[KeyClass::Move, KeyClass::Other]).prop_map(|class| SignalKind::Key { class }),
        2 => (number.clone(), number).prop_map(|(group, choice)| SignalKind::Variant { group, choice }),
        1 => Just(SignalKind::Back),
        1 => any::<bool>().prop_map(|focused| SignalKind::Window { focused }),
        4 => (place.clone(), place).prop_map(|(y, range)| SignalKind::Scroll { y, range }),
        2 => any::<bool>().prop_map(|visible| SignalKind::Visibility { visible }),
        2 => commerce,
        1 => Just(SignalKind::Tick),
    ]
}

/// Signals with the milliseconds since the one before: mostly moments, at times minutes, rarely anything.
fn signals() -> impl Strategy<Value = Vec<(u64, SignalKind)>> {
    let pause = prop_oneof![20 => 0..900_u64, 4 => 1_000..400_000_u64, 1 => any::<u64>()];
    proptest::collection::vec((pause, kind()), 0..120)
}

/// What every score has to be.
fn check(engine: &Engine) -> Result<(), TestCaseError> {
    for hesitation in engine.hesitations() {
        prop_assert!((0.0..=1.0).contains(&hesitation.score), "{hesitation:?}");
        prop_assert!((0.0..=1.0).contains(&hesitation.confidence), "{hesitation:?}");
        prop_assert!(
            hesitation.reasons.iter().all(|reason| reason.weight > 0.0 && reason.weight <= 1.0),
            "{hesitation:?}"
        );
        prop_assert!(!hesitation.reasons.is_empty(), "{hesitation:?}");
    }
    for (feature, value) in engine.features().iter() {
        prop_assert!(value.is_finite() && value >= 0.0, "{} is {value}", feature.as_str());
    }
    let intent = engine.intent();
    prop_assert!((0.0..=1.0).contains(&intent.p_buy) && (0.0..=1.0).contains(&intent.p_leave), "{intent:?}");
    Ok(())
}

/// Few by default, since each is a whole session; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(64), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn scores_are_scores_whatever_comes_and_silence_lets_them_fall_to_nothing(signals in signals()) {
        let mut engine = Engine::new();
        let mut now = 0_u64;
        for (pause, kind) in signals {
            now = now.saturating_add(pause);
            for effect in engine.observe(&Signal { t: now, kind }) {
                if let Effect::Frustration(frustration) = effect {
                    prop_assert!((0.6..=1.0).contains(&frustration.score), "{frustration:?}");
                }
            }
            check(&engine)?;
        }
        // What was to be counted in silence is counted when it is over; from then on nothing adds up.
        for _ in 0..64 {
            let Some(at) = engine.wake_at().filter(|at| *at < now.saturating_add(60_000)) else { break };
            engine.observe(&Signal { t: at, kind: SignalKind::Tick });
            check(&engine)?;
        }
        let mut before = f64::INFINITY;
        for hour in 1..4_u64 {
            let later = now.saturating_add(hour * 3_600_000);
            engine.observe(&Signal { t: later, kind: SignalKind::Tick });
            let features = engine.features();
            let strongest = f64::max(features.get(Feature::Hesitation), features.get(Feature::Frustration));
            prop_assert!(strongest <= before || later == u64::MAX, "{strongest} after {before}");
            before = strongest;
        }
        // The clock does not stand still at its end in any session that there is.
        prop_assert!(before < 0.01 || now > u64::MAX - 4 * 3_600_000, "{before} is left: {:?}", engine.hesitations());
        prop_assert!(engine.frustrations() == 0 || now > u64::MAX - 4 * 3_600_000);
    }

    #[test]
    fn a_page_load_in_between_changes_nothing_but_what_a_view_keeps_to_itself(signals in signals()) {
        let mut whole = Engine::new();
        let mut parted = Engine::new();
        let mut now = 0_u64;
        for (pause, kind) in signals {
            now = now.saturating_add(pause);
            if matches!(kind, SignalKind::View { .. }) {
                let frozen = serde_json::to_string(&parted.snapshot()).expect("serialises");
                parted = Engine::restore(serde_json::from_str(&frozen).expect("comes back"));
            }
            let signal = Signal { t: now, kind };
            // A page that has just loaded holds no decision, so that it asks ahead once more while a score is high.
            let told = |engine: &mut Engine| {
                let effects = engine.observe(&signal).into_iter();
                effects.filter(|effect| *effect != Effect::Rising).collect::<Vec<_>>()
            };
            prop_assert_eq!(told(&mut whole), told(&mut parted));
        }
        prop_assert_eq!(whole.features(), parted.features());
    }
}

#[test]
fn a_session_in_which_nothing_but_a_view_happens_tells_nothing() {
    let mut engine = Engine::new();
    for page in PageType::ALL {
        let kind = SignalKind::View {
            page: *page,
            navigation: Navigation::Load,
            referrer: Referrer::Direct,
            device: DeviceClass::Touch,
            item: None,
        };
        engine.observe(&Signal { t: 10, kind });
        assert!(engine.hesitations().is_empty() && engine.frustrations() == 0);
    }
    assert_eq!((HesitationKind::ALL.len(), FrustrationKind::ALL.len()), (12, 4));
}
