use serde::{Deserialize, Serialize};
use waver_schema::{CommerceAction, Currency, DeviceClass, ItemRef, Navigation, OrderRef, PageType, Referrer, Zone};

/// Something a sensor saw, as numbers and enums.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Milliseconds of monotonic time since the session began. Signals come in order; one that is earlier than its predecessor
    /// counts as simultaneous with it.
    pub t: u64,
    /// What was seen.
    #[serde(flatten)]
    pub kind: SignalKind,
}

/// What a sensor saw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum SignalKind {
    /// A view began: a load, a route change, or a restore from the back/forward cache.
    View {
        /// Kind of page.
        page: PageType,
        /// How it began.
        navigation: Navigation,
        /// Where the shopper came from.
        referrer: Referrer,
        /// What the shopper mainly points with.
        device: DeviceClass,
        /// The product shown, if any.
        #[serde(default)]
        item: Option<ItemRef>,
    },
    /// The pointer moved. Sampled by the sensor at 16 to 120 ms.
    Pointer {
        /// CSS pixels from the left edge of the viewport.
        x: i32,
        /// CSS pixels from the top edge of the viewport.
        y: i32,
        /// What pointed.
        pointer: PointerType,
    },
    /// The pointer came over an element of this zone.
    ZoneEnter {
        /// The zone.
        zone: Zone,
        /// What pointed.
        pointer: PointerType,
    },
    /// The pointer left the zone.
    ZoneLeave {
        /// The zone.
        zone: Zone,
    },
    /// The pointer left the window.
    PointerExit {
        /// Over which edge.
        edge: Edge,
    },
    /// A click, tap or activation by keyboard.
    Click {
        /// The zone it fell into, if any.
        #[serde(default)]
        zone: Option<Zone>,
    },
    /// The page stands at this scroll position. Sampled by the sensor, at most once a frame.
    Scroll {
        /// CSS pixels from the top.
        y: i32,
        /// CSS pixels that can be scrolled in all; 0 if the page fits.
        range: i32,
    },
    /// The page was shown or hidden (another tab, another app, a locked screen).
    Visibility {
        /// Whether it can be seen now.
        visible: bool,
    },
    /// A shop event.
    Commerce {
        /// What was done.
        action: CommerceAction,
        /// The product, where there is one.
        #[serde(default)]
        item: Option<ItemRef>,
        /// How many items.
        #[serde(default)]
        quantity: u32,
        /// Value of the event in minor units of `currency`; for `add_to_cart` and `remove_from_cart` that of the items moved.
        #[serde(default)]
        value_minor: Option<u32>,
        /// Currency of the value.
        #[serde(default)]
        currency: Option<Currency>,
        /// The order, on `purchase` and `refund`.
        #[serde(default)]
        order: Option<OrderRef>,
    },
    /// Nothing happened, but time passed; the shell sends it when [`crate::Engine::wake_at`] asked for it.
    Tick,
}

/// What pointed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointerType {
    /// A mouse, pen or trackpad: it hovers.
    Mouse,
    /// A finger: it does not.
    Touch,
}

/// An edge of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The top, towards tabs, address bar and back button.
    Top,
    /// Any other edge.
    Other,
}
