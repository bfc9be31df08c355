use serde::{Deserialize, Serialize};

use crate::vocabulary::vocabulary;
use crate::{
    Currency, DecisionId, DeviceClass, Feature, FrustrationKind, HesitationKind, ItemRef, Milli, Navigation, OrderRef,
    PageType, Referrer, Stage, Trend, Zone,
};

/// One thing that happened in a session. Order is `seq`; `t` only says when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Grows by one per event of a session, from 1; a gap is a loss.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9007199254740991_i64))]
    pub seq: u64,
    /// Milliseconds of monotonic time since the session began.
    #[cfg_attr(feature = "openapi", schema(maximum = 9007199254740991_i64))]
    pub t: u64,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened, told apart by `type`. Every field is an integer with its unit in its name, a closed enum, or a fixed identifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EventBody {
    /// A view of a page began.
    PageView {
        /// Kind of page.
        page: PageType,
        /// How the view began.
        navigation: Navigation,
        /// Where the shopper came from.
        referrer: Referrer,
        /// What the shopper points with.
        device: DeviceClass,
        /// The product shown, on product pages.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<ItemRef>,
    },
    /// Attention since the last event of this type, sent when a view ends or is hidden. Deltas, so that losing one loses little.
    Engagement {
        /// Milliseconds visible and active.
        engaged_ms: u32,
        /// Deepest scroll position of the view, in thousandths of the page.
        scroll_milli: Milli,
        /// Clicks.
        clicks: u32,
    },
    /// A shop event, named as in GA4.
    Commerce {
        /// What was done.
        action: CommerceAction,
        /// The product, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<ItemRef>,
        /// How many items.
        #[serde(default)]
        quantity: u32,
        /// Value of the event in minor units of `currency`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value_minor: Option<u32>,
        /// Currency of `value_minor`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
        /// The order, on `purchase` and `refund`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<OrderRef>,
    },
    /// A hesitation reached its threshold.
    Hesitation {
        /// Its kind.
        kind: HesitationKind,
        /// Where on the page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<Zone>,
        /// Kind of page.
        page: PageType,
        /// How strong.
        score_milli: Milli,
        /// How sure.
        confidence_milli: Milli,
        /// Milliseconds since its first sign.
        since_ms: u32,
        /// The strongest reasons, at most three.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(max_items = 3))]
        reasons: Vec<Reason>,
    },
    /// The page frustrated the shopper.
    Frustration {
        /// How.
        kind: FrustrationKind,
        /// Where on the page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<Zone>,
        /// Kind of page.
        page: PageType,
    },
    /// The intent score moved to another stage.
    Intent {
        /// Probability of a purchase in this session.
        p_buy_milli: Milli,
        /// Probability of leaving the shop soon.
        p_leave_milli: Milli,
        /// The stage entered.
        stage: Stage,
        /// Where `p_buy` is going.
        trend: Trend,
    },
    /// Something became of an offer.
    Offer {
        /// What.
        action: OfferAction,
        /// The decision that made the offer.
        decision: DecisionId,
        /// On `exposed`: milliseconds from the shopper's signal to the offer on the page, the velocity we are measured by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since_signal_ms: Option<u32>,
    },
    /// The browser had to drop events; it says how many, so that loss is measured and not guessed.
    Dropped {
        /// Why.
        cause: DropCause,
        /// How many since the last event of this type.
        count: u32,
    },
}

impl EventBody {
    /// The `type` on the wire.
    pub const fn type_name(&self) -> &'static str {
        match self {
            EventBody::PageView { .. } => "page_view",
            EventBody::Engagement { .. } => "engagement",
            EventBody::Commerce { .. } => "commerce",
            EventBody::Hesitation { .. } => "hesitation",
            EventBody::Frustration { .. } => "frustration",
            EventBody::Intent { .. } => "intent",
            EventBody::Offer { .. } => "offer",
            EventBody::Dropped { .. } => "dropped",
        }
    }
}

/// One reason of a hesitation: a feature, what it was, and how much it weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// The feature.
    pub feature: Feature,
    /// Its value in thousandths of its unit.
    pub value_milli: i64,
    /// Its share of the evidence in thousandths, negative where it spoke against.
    pub weight_milli: i32,
}

vocabulary! {
    /// A shop event with the name that GA4 gives it.
    CommerceAction {
        /// A list of products was shown.
        ViewItemList => "view_item_list",
        /// A product was chosen from a list.
        SelectItem => "select_item",
        /// A product was shown.
        ViewItem => "view_item",
        /// A product was put on a wish list.
        AddToWishlist => "add_to_wishlist",
        /// A product was put into the cart.
        AddToCart => "add_to_cart",
        /// A product was taken out of the cart, or its quantity lowered.
        RemoveFromCart => "remove_from_cart",
        /// The cart was shown.
        ViewCart => "view_cart",
        /// Checkout began.
        BeginCheckout => "begin_checkout",
        /// Shipping was chosen.
        AddShippingInfo => "add_shipping_info",
        /// Payment was chosen.
        AddPaymentInfo => "add_payment_info",
        /// The order was placed.
        Purchase => "purchase",
        /// The order was given back.
        Refund => "refund",
    }
}

vocabulary! {
    /// What became of an offer.
    OfferAction {
        /// It was rendered.
        Exposed => "exposed",
        /// The shopper took it.
        Accepted => "accepted",
        /// The shopper closed it.
        Dismissed => "dismissed",
        /// It would have been rendered here and now, but the session is a control of this offer: the twin of `exposed`.
        Withheld => "withheld",
    }
}

vocabulary! {
    /// Why the browser dropped events.
    DropCause {
        /// The bounded queue was full.
        QueueFull => "queue_full",
        /// The collector refused a batch for good.
        Refused => "refused",
        /// The collector could not be reached often enough.
        Unreachable => "unreachable",
    }
}
