//! Signals that the tests of detectors have in common.

use waver_schema::{CommerceAction, DeviceClass, ItemRef, Navigation, PageType, Referrer};

use crate::{FieldAct, FieldClass, PointerType, Press, Pressed, PressedBy, Signal, SignalKind};

pub(crate) fn at(t: u64, kind: SignalKind) -> Signal {
    Signal { t, kind }
}

pub(crate) fn view(t: u64, page: PageType, item: Option<&str>) -> Signal {
    view_by(t, page, item, DeviceClass::Mouse)
}

pub(crate) fn touch_view(t: u64, page: PageType) -> Signal {
    view_by(t, page, None, DeviceClass::Touch)
}

fn view_by(t: u64, page: PageType, item: Option<&str>, device: DeviceClass) -> Signal {
    let (navigation, referrer, item) = (Navigation::Load, Referrer::Internal, item.map(ItemRef::from_label));
    at(t, SignalKind::View { page, navigation, referrer, device, item })
}

pub(crate) fn commerce(t: u64, action: CommerceAction, item: Option<&str>) -> Signal {
    let item = item.map(ItemRef::from_label);
    at(t, SignalKind::Commerce { action, item, quantity: 1, value_minor: None, currency: None, order: None })
}

pub(crate) fn pointer(t: u64, x: i32, y: i32) -> Signal {
    at(t, SignalKind::Pointer { x, y, pointer: PointerType::Mouse })
}

pub(crate) fn field(t: u64, class: FieldClass, field: u32, act: FieldAct) -> Signal {
    at(t, SignalKind::Field { class, field, act })
}

/// A mouse's click at (`x`, 300) that the sensor watches.
pub(crate) fn click(t: u64, x: i32, on: Pressed) -> Signal {
    let press = Press { by: PressedBy::Mouse, x, y: 300, target: 7, on, watched: true };
    at(t, SignalKind::Click { zone: None, press })
}
