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
        /// How and where it was pressed.
        #[serde(default)]
        press: Press,
    },
    /// The page answered a click: something of the document changed, a dialogue opened. The sensor looks for [`crate::DEAD_CLICK_MS`] after each
    /// click with [`Press::watched`] and tells the first change after it. What has a signal of its own (a view, a selection, a focus, a shop
    /// event) needs none of this.
    Response,
    /// A script of the page threw an error that nobody caught, or a promise was rejected and nobody cared. Never what it said.
    ScriptError,
    /// A finger came down or went up; its movements are [`SignalKind::Pointer`]. Browsers that scroll take the finger away from the page: that
    /// is its end too.
    Touch {
        /// Down or up.
        down: bool,
        /// CSS pixels from the left edge of the viewport.
        x: i32,
        /// CSS pixels from the top edge of the viewport.
        y: i32,
    },
    /// A part of the page came into sight or went out of it: half of it or more, by an observer of intersections. It matters where nothing hovers.
    ZoneSight {
        /// The zone.
        zone: Zone,
        /// Whether it can be seen now.
        visible: bool,
    },
    /// Text was selected. That it happened, never what; at most once per gesture, when it is done.
    Selection {
        /// What it was a part of.
        of: Selected,
    },
    /// Something happened to a field of a form. Never a value.
    Field {
        /// What kind of field.
        class: FieldClass,
        /// The same number for the same field as long as the page lives, 0 if the sensor keeps none.
        #[serde(default)]
        field: u32,
        /// What happened.
        act: FieldAct,
    },
    /// A key was pressed outside of fields, or moved the focus. Sampled: at most one per class in 250 ms.
    Key {
        /// What it is for.
        class: KeyClass,
    },
    /// An option of the product was chosen: a size, a colour. Told when the choice changes, not when it is looked at.
    Variant {
        /// The same number for the same group of options (all sizes) as long as the page lives.
        group: u32,
        /// The same number for the same option as long as the page lives.
        choice: u32,
    },
    /// The shopper goes back in the history, by button, key or gesture, or has come to this page so; told before the [`SignalKind::View`] it leads to.
    Back,
    /// The window gained or lost the keyboard's focus, still in sight: the address bar, another window beside it.
    Window {
        /// Whether it has the focus now.
        focused: bool,
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
    /// The kind of product that the view or shop event just told was about: GA4's `item_category`, a breadcrumb. A number like the product's own.
    Category {
        /// The category.
        category: ItemRef,
    },
    /// One of the products that the shop event just told was about, where that touches the cart (put in, taken out) or lists it.
    CartItem {
        /// What was done.
        action: CommerceAction,
        /// The product.
        item: ItemRef,
        /// How many of it.
        quantity: u32,
    },
    /// Nothing happened, but time passed; the shell sends it when [`crate::Engine::wake_at`] asked for it.
    Tick,
}

impl SignalKind {
    /// Whether the shopper did it, so that somebody must be there. What pages and clocks do by themselves is no sign of life.
    pub fn is_sign_of_life(&self) -> bool {
        use SignalKind::{CartItem, Category, Response, ScriptError, Tick, ZoneSight};
        !matches!(self, Tick | CartItem { .. } | Category { .. } | Response | ScriptError | ZoneSight { .. })
    }

    /// A click of which no more is known than where it fell.
    pub fn click(zone: Option<Zone>) -> SignalKind {
        SignalKind::Click { zone, press: Press::default() }
    }
}

/// How and where a click was made. The default is one of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Press {
    /// What it was made with.
    pub by: PressedBy,
    /// CSS pixels from the left edge of the viewport; 0 for a key.
    pub x: i32,
    /// CSS pixels from the top edge of the viewport; 0 for a key.
    pub y: i32,
    /// The same number for the same element as long as the page lives, 0 if the sensor keeps none.
    pub target: u32,
    /// What was pressed.
    pub on: Pressed,
    /// Whether the sensor looks for an answer of the page ([`SignalKind::Response`]). Without it nothing follows from silence.
    pub watched: bool,
}

/// What a click was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PressedBy {
    /// Not known.
    #[default]
    Unknown,
    /// A mouse, pen or trackpad.
    Mouse,
    /// A finger.
    Touch,
    /// A key, or a tool that presses for the shopper: screen readers, voice control. Browsers tell these by a click without a count
    /// (`detail` is 0).
    Keyboard,
}

/// What was clicked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pressed {
    /// Text, a picture, the ground: nothing that promises to answer.
    #[default]
    Content,
    /// A button, a link, a switch: it promises to answer.
    Control,
    /// What is there to be pressed again and again: arrows and dots of a carousel, steppers, sliders, media, maps, paging.
    Repeater,
    /// A field to type in or choose from.
    Field,
}

/// What selected text was a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selected {
    /// A price.
    Price,
    /// The name of the product.
    Title,
    /// Anything else.
    Other,
}

/// What a field of a form is for, as coarse as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldClass {
    /// A code for a discount.
    Coupon,
    /// The shop's search.
    Search,
    /// How many.
    Quantity,
    /// Name, mail, telephone.
    Contact,
    /// Where to send it.
    Address,
    /// How it is paid.
    Payment,
    /// Any other, passwords included.
    Other,
}

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldAct {
    /// It took the focus.
    Focus,
    /// Its content was typed at, pasted over or chosen anew. At most one per field in 250 ms.
    Edit,
    /// Its content was emptied by hand.
    Clear,
    /// The browser filled it: autofill. Not the shopper's hand.
    Fill,
    /// The page found fault with it.
    Invalid,
    /// It lost the focus.
    Blur,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyClass {
    /// Moving about: tab, arrows, page up and down, home, end, space.
    Move,
    /// Anything else.
    Other,
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
