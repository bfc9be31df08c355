//! The facts that rules may use. All of them are always there, so that a rule needs no `has()`.
//!
//! | fact | type | meaning |
//! |---|---|---|
//! | `hesitation.KIND` | double | strongest score of that kind now, 0..1; 0 without any sign. Kinds: `cta_hover`, `price_dwell`, `scroll_oscillation`, `variant_switching`, `cart_edit`, `tab_compare`, `product_return`, `coupon_search`, `form_refill`, `checkout_stall`, `exit_intent`, `idle_return` |
//! | `intent.p_buy` | double | probability of a purchase in this session, 0..1 |
//! | `intent.p_leave` | double | probability of leaving soon, 0..1 |
//! | `intent.stage` | string | `low`, `building`, `high` or `leaving`; `low` before the first score |
//! | `frustrations` | int | frustrations within the last minute |
//! | `cart.items` | int | items in the cart |
//! | `cart.value` | double | their value as on a price tag (`49.9` for 49.90 EUR) |
//! | `cart.currency` | string | ISO 4217 code of the value, or empty |
//! | `page` | string | `home`, `list`, `search`, `product`, `cart`, `checkout`, `confirmation` or `other` |
//! | `slot` | string | the slot asked for |
//! | `session.views` | int | page views so far |
//! | `session.product_views` | int | views of product pages so far |
//! | `session.cart_adds` | int | times something was put into the cart |
//! | `session.checkout_begun` | bool | whether checkout has begun since the last order |
//! | `session.purchases` | int | orders so far |
//!
//! `hesitation`, `intent`, `cart` and `page` are what the browser says; `session` is what the log says. Before any rule, a shopper who is frustrated is offered
//! only help, and one who is already buying nothing ([`waver_core::decision::decide`]).
//!
//! Macros work over the scores, each on its own: `hesitation.exists(kind, hesitation[kind] >= 0.8)`. Whole numbers and doubles compare with each other
//! (`cart.value >= 50`), but do not add or multiply (`cart.value * 2.0`, not `* 2`), as in CEL everywhere.

use std::collections::HashMap;

use cel::Value;
use waver_core::decision::{Circumstances, Facts, SessionHistory};
use waver_schema::{Cart, Currency, DecisionFeatures, HesitationKind, Milli, PageType, SlotName, Stage, ZoneScore};

use crate::money::to_major;

/// The names at the top.
pub(crate) const NAMES: &[&str] = &["hesitation", "intent", "frustrations", "cart", "page", "slot", "session"];

/// The names below `name`; `None` where there are none.
pub(crate) fn fields(name: &str) -> Option<Vec<&'static str>> {
    match name {
        "hesitation" => Some(HesitationKind::ALL.iter().map(|kind| kind.as_str()).collect()),
        "intent" => Some(vec!["p_buy", "p_leave", "stage"]),
        "cart" => Some(vec!["items", "value", "currency"]),
        "session" => Some(vec!["views", "product_views", "cart_adds", "checkout_begun", "purchases"]),
        _ => None,
    }
}

/// The facts as values for rules, by name.
pub(crate) fn values(facts: &Facts) -> [(&'static str, Value); 7] {
    let mut hesitation: HashMap<&str, f64> = HesitationKind::ALL.iter().map(|kind| (kind.as_str(), 0.0)).collect();
    for score in &facts.features.hesitation {
        let strongest = hesitation.entry(score.kind.as_str()).or_default();
        *strongest = strongest.max(score.score_milli.to_unit());
    }
    let intent: HashMap<&str, Value> = HashMap::from([
        ("p_buy", facts.features.p_buy_milli.to_unit().into()),
        ("p_leave", facts.features.p_leave_milli.to_unit().into()),
        ("stage", facts.features.stage.unwrap_or(Stage::Low).as_str().into()),
    ]);
    let cart: HashMap<&str, Value> = HashMap::from([
        ("items", i64::from(facts.cart.items).into()),
        ("value", to_major(facts.cart.value_minor, facts.cart.currency).into()),
        ("currency", facts.cart.currency.as_ref().map_or("", Currency::as_str).into()),
    ]);
    let session: HashMap<&str, Value> = HashMap::from([
        ("views", i64::from(facts.history.views).into()),
        ("product_views", i64::from(facts.history.product_views).into()),
        ("cart_adds", i64::from(facts.history.cart_adds).into()),
        ("checkout_begun", facts.history.checkout_begun.into()),
        ("purchases", i64::from(facts.history.purchases).into()),
    ]);
    [
        ("hesitation", hesitation.into()),
        ("intent", intent.into()),
        ("frustrations", i64::from(facts.features.frustrations).into()),
        ("cart", cart.into()),
        ("page", facts.page.as_str().into()),
        ("slot", facts.slot.as_str().into()),
        ("session", session.into()),
    ]
}

/// Facts to try a rule against before it is trusted: each page for a shopper of whom nothing is known, and for one of whom everything is.
pub(crate) fn samples(slot: &SlotName) -> impl Iterator<Item = Facts> + '_ {
    PageType::ALL.iter().flat_map(|page| [unknown_shopper(slot, *page), known_shopper(slot, *page)])
}

fn unknown_shopper(slot: &SlotName, page: PageType) -> Facts {
    Facts {
        personalize: true,
        slot: slot.clone(),
        page,
        features: DecisionFeatures::default(),
        cart: Cart::default(),
        history: SessionHistory::default(),
        around: Circumstances::default(),
        lot: 0,
        at: 0,
    }
}

fn known_shopper(slot: &SlotName, page: PageType) -> Facts {
    let torn = |kind: &HesitationKind| ZoneScore { kind: *kind, zone: None, score_milli: Milli::ONE };
    Facts {
        features: DecisionFeatures {
            hesitation: HesitationKind::ALL.iter().map(torn).collect(),
            p_buy_milli: Milli::ONE,
            p_leave_milli: Milli::ONE,
            stage: Some(Stage::Leaving),
            frustrations: 3,
        },
        cart: Cart { items: 3, value_minor: 12_990, currency: Currency::new("EUR").ok() },
        history: SessionHistory {
            views: 12,
            product_views: 7,
            cart_adds: 3,
            checkout_begun: true,
            purchases: 1,
            ..SessionHistory::default()
        },
        ..unknown_shopper(slot, page)
    }
}
