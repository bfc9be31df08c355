//! What one page of a tab hands over to the next, through storage that any script of the shop can write.

use arbitrary::{Result, Unstructured};
use waver_core::{Edge, Engine, FieldAct, FieldClass, PointerType, Signal, SignalKind};
use waver_runtime::decoders::handed_over;
use waver_schema::{CommerceAction, DeviceClass, ItemRef, Navigation, PageType, Referrer, Zone};

use crate::values;

/// Bytes of the signals that follow the hand-over.
const SIGNALS: usize = 64;

pub(crate) fn run(bytes: &[u8]) {
    let (row, signals) = bytes.split_at(bytes.len() - bytes.len().min(SIGNALS));
    let Some((snapshot, rewritten)) = handed_over(&values::numbers(row)) else { return };
    let (same, _) = handed_over(&rewritten).expect("it was written by us");
    // Numbers that are none are not equal to themselves.
    assert_eq!(format!("{same:?}"), format!("{snapshot:?}"));
    let mut engine = Engine::restore(snapshot);
    let mut signals = Unstructured::new(signals);
    while !signals.is_empty() && observe(&mut engine, &mut signals).is_ok() {}
    let features = engine.decision_features();
    assert!(features.hesitation.len() <= waver_schema::limits::SCORES_PER_DECISION, "{features:?}");
    for hesitation in engine.hesitations() {
        assert!((0.0..=1.0).contains(&hesitation.score), "{hesitation:?}");
    }
}

fn observe(engine: &mut Engine, bytes: &mut Unstructured<'_>) -> Result<()> {
    let t = u64::from(bytes.arbitrary::<u16>()?) << bytes.int_in_range(0..=24_u8)?;
    let kind = match bytes.int_in_range(0..=13_u8)? {
        0 => SignalKind::View {
            page: *bytes.choose(PageType::ALL)?,
            navigation: *bytes.choose(Navigation::ALL)?,
            referrer: *bytes.choose(Referrer::ALL)?,
            device: *bytes.choose(DeviceClass::ALL)?,
            item: None,
        },
        1 => SignalKind::Pointer { x: bytes.arbitrary()?, y: bytes.arbitrary()?, pointer: PointerType::Mouse },
        2 => SignalKind::ZoneEnter { zone: *bytes.choose(Zone::ALL)?, pointer: PointerType::Mouse },
        3 => SignalKind::ZoneLeave { zone: *bytes.choose(Zone::ALL)? },
        4 => SignalKind::PointerExit { edge: Edge::Top },
        5 => SignalKind::click(values::zone(bytes)?),
        6 => SignalKind::Scroll { y: bytes.arbitrary()?, range: bytes.arbitrary()? },
        7 => SignalKind::Variant { group: bytes.arbitrary()?, choice: bytes.arbitrary()? },
        8 => SignalKind::Field { class: FieldClass::Address, field: bytes.arbitrary()?, act: FieldAct::Edit },
        9 => SignalKind::Back,
        10 => SignalKind::ScriptError,
        11 => SignalKind::Touch { down: bytes.arbitrary()?, x: 0, y: 0 },
        12 => {
            let item = Some(ItemRef::from_label(if bytes.arbitrary()? { "a" } else { "b" }));
            let action = *bytes.choose(CommerceAction::ALL)?;
            SignalKind::Commerce { action, item, quantity: 1, value_minor: None, currency: None, order: None }
        }
        _ => SignalKind::Visibility { visible: bytes.arbitrary()? },
    };
    engine.observe(&Signal { t, kind });
    Ok(())
}
