use crate::{FieldAct, Signal, SignalKind};

/// Whether `signal` is an answer of the page to a click, or comes of what the click was for: something changed, another view, a selection, a field that took the
/// focus, a shop event, another window.
pub(super) fn is_answer(signal: &Signal) -> bool {
    matches!(
        signal.kind,
        SignalKind::Response
            | SignalKind::View { .. }
            | SignalKind::Selection { .. }
            | SignalKind::Field { act: FieldAct::Focus | FieldAct::Edit | FieldAct::Clear, .. }
            | SignalKind::Commerce { .. }
            | SignalKind::Variant { .. }
            | SignalKind::Back
            | SignalKind::Scroll { .. }
            | SignalKind::Visibility { .. }
            | SignalKind::Window { .. }
    )
}
