//! What earlier sessions of a browser left in storage, which any script of the shop can write.

use waver_core::{Edge, Engine, Signal, SignalKind};
use waver_runtime::decoders::{history_row, remembered};

use crate::values::numbers;

pub(crate) fn run(bytes: &[u8]) {
    // The last two bytes are how many hours ago that was.
    let Some((row, hours)) = bytes.split_last_chunk::<2>() else { return };
    let Some((history, rewritten)) = remembered(&numbers(row)) else { return };
    let (same, _) = remembered(&rewritten).expect("it was written by us");
    // Numbers that are none are not equal to themselves.
    assert_eq!(format!("{same:?}"), format!("{history:?}"));
    let mut engine = Engine::new();
    engine.remember(history, f64::from(u16::from_le_bytes(*hours)));
    for t in [0, 1_000, 60_000] {
        engine.observe(&Signal { t, kind: SignalKind::PointerExit { edge: Edge::Top } });
        let intent = engine.intent();
        assert!((0.0..=1.0).contains(&intent.p_buy) && (0.0..=1.0).contains(&intent.p_leave), "{intent:?}");
    }
    // What is kept in its place is read again as the same.
    let next = engine.history();
    let kept = history_row(&next).expect("it is numbers");
    assert_eq!(remembered(&kept).map(|(history, _)| history), Some(next));
}
