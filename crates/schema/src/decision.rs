use serde::{Deserialize, Serialize};

use crate::vocabulary::vocabulary;
use crate::{
    Currency, DecisionId, Feature, HesitationKind, ItemRef, Locale, Milli, OfferId, PageType, SessionId, SiteKey,
    SlotName, Stage, VisitorId, Zone,
};

/// The body of `POST /v1/decisions`: may something be offered in this slot, now?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionRequest {
    /// The shop's site.
    pub site: SiteKey,
    /// The session, named by the browser.
    pub session: SessionId,
    /// The grant under which this is asked.
    pub consent_epoch: u32,
    /// The slot on the page.
    pub slot: SlotName,
    /// The scores as the browser has them.
    #[serde(default)]
    pub features: DecisionFeatures,
    /// The cart as the browser has it.
    #[serde(default)]
    pub cart: Cart,
    /// Kind of page.
    pub page: PageType,
    /// The product shown, on product pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemRef>,
    /// The products in the cart, as far as the browser knows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 32))]
    pub items: Vec<CartItem>,
    /// Language of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// The browser across sessions, where the site keeps caps across them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<VisitorId>,
}

/// The scores that accompany a [`DecisionRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionFeatures {
    /// Hesitations above zero, at most one per kind.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 12))]
    pub hesitation: Vec<ZoneScore>,
    /// Probability of a purchase.
    #[serde(default)]
    pub p_buy_milli: Milli,
    /// Probability of leaving.
    #[serde(default)]
    pub p_leave_milli: Milli,
    /// Stage of intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Frustrations within the last minute.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(maximum = 65535))]
    pub frustrations: u16,
}

/// A hesitation score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ZoneScore {
    /// Kind of hesitation.
    pub kind: HesitationKind,
    /// Where on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// How strong.
    pub score_milli: Milli,
}

/// What is in the cart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cart {
    /// Number of items.
    #[serde(default)]
    pub items: u32,
    /// Value in minor units of `currency`.
    #[serde(default)]
    pub value_minor: u32,
    /// Currency of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}

/// A product in the cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CartItem {
    /// The product.
    pub item: ItemRef,
    /// How many of it.
    #[serde(default = "one")]
    pub quantity: u32,
}

fn one() -> u32 {
    1
}

/// What the collector decided for a slot. Always an answer: no offer is a decision too, with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    /// Its id; null when it was made in the browser for want of a collector (`fallback`, `no_consent`).
    pub decision: Option<DecisionId>,
    /// The slot it is for.
    pub slot: SlotName,
    /// The offer, or null.
    pub offer: Option<Offer>,
    /// Why.
    pub reason: DecisionReason,
    /// What was chosen.
    pub arm: Arm,
    /// Probability, 0..=1, with which this arm was chosen.
    pub propensity: f64,
    /// Whether this session is in the holdout, which is never shown an offer.
    pub holdout: bool,
    /// Version of the policy: 16 hexadecimal digits of its content hash.
    #[cfg_attr(feature = "openapi", schema(max_length = 16))]
    pub policy: String,
    /// Version of the intent model.
    #[cfg_attr(feature = "openapi", schema(max_length = 255))]
    pub model: String,
    /// The features that weighed most.
    #[cfg_attr(feature = "openapi", schema(max_items = 3))]
    pub explain: Vec<Contribution>,
    /// The collector's clock when it answered, Unix milliseconds: an offer ends `expires_at - now` after this answer, whatever the browser's clock
    /// says. 0 in a decision of the browser's own.
    #[serde(default)]
    pub now: u64,
}

/// An offer as the page shows it. Texts are in the locale asked for, or the policy's first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Offer {
    /// The offer's name in the policy.
    pub id: OfferId,
    /// What it gives.
    pub kind: OfferKind,
    /// `percent`: whole percent, 1..=100. `amount`: minor units of `currency`. Otherwise 0.
    pub value: u32,
    /// Currency of an `amount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// What the shopper reads.
    #[cfg_attr(feature = "openapi", schema(max_length = 240))]
    pub text: String,
    /// That the price was personalised by an automated decision (Directive 2011/83/EU, article 6(1)(ea)).
    #[cfg_attr(feature = "openapi", schema(max_length = 240))]
    pub disclosure: String,
    /// Label of the button that takes the offer.
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub accept: String,
    /// Label of the button that closes it.
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub dismiss: String,
    /// When it ends, in Unix milliseconds of the collector's clock; the same instant after a reload or in another tab.
    pub expires_at: u64,
    /// A signed, single-use token for the shop's backend, where the offer has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 2048))]
    pub grant: Option<String>,
}

/// The features that decisions are explained by. Whoever reads decisions was promised no others, so one more needs a version of the wire.
pub const EXPLAINED_BY: [Feature; 3] = [Feature::Hesitation, Feature::PBuy, Feature::CartItems];

/// One line of a decision's explanation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Contribution {
    /// The feature, one of [`EXPLAINED_BY`].
    #[cfg_attr(feature = "openapi", schema(schema_with = explaining_feature))]
    pub feature: Feature,
    /// Its value in its own unit.
    pub value: f64,
    /// How much it weighed, -1..=1.
    pub weight: f64,
}

#[cfg(feature = "openapi")]
fn explaining_feature() -> utoipa::openapi::schema::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .description(Some("The feature"))
        .enum_values(Some(EXPLAINED_BY.map(Feature::as_str)))
        .build()
}

vocabulary! {
    /// What an offer gives.
    OfferKind {
        /// A percentage off.
        Percent => "percent",
        /// An amount off.
        Amount => "amount",
        /// Free shipping.
        FreeShipping => "free_shipping",
        /// A gift.
        Gift => "gift",
        /// A message without monetary value.
        Message => "message",
        /// An offer of help.
        Help => "help",
    }
}

vocabulary! {
    /// What was chosen.
    Arm {
        /// An offer is shown.
        Offer => "offer",
        /// Nothing is shown because nothing was chosen.
        Nothing => "nothing",
        /// Nothing is shown because the session serves as a control.
        Holdout => "holdout",
    }
}

vocabulary! {
    /// Why a decision came out as it did.
    DecisionReason {
        /// An offer's rule matched.
        TargetingMatch => "targeting_match",
        /// The session serves as a control.
        Holdout => "holdout",
        /// No consent to personalise.
        NoConsent => "no_consent",
        /// No offer's rule matched.
        NotEligible => "not_eligible",
        /// The offer was shown as often as it may be.
        Capped => "capped",
        /// The offer's budget is spent.
        BudgetSpent => "budget_spent",
        /// The last offer is too recent.
        Cooldown => "cooldown",
        /// The shopper is frustrated: help, not a discount.
        Frustrated => "frustrated",
        /// The shopper is buying anyway.
        AlreadyBuying => "already_buying",
        /// The product is out of stock.
        OutOfStock => "out_of_stock",
        /// The offer would cost more than the margin allows.
        MarginFloor => "margin_floor",
        /// Offers are switched off.
        KillSwitch => "kill_switch",
        /// No decision could be had in time.
        Fallback => "fallback",
    }
}
