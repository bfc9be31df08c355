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
//! | `cart.margin` | double | what is left of that for the shop, by the catalogue; 0 where it does not know all of the cart |
//! | `item.known` | bool | whether the catalogue knows the product that the page shows |
//! | `item.in_stock` | bool | whether the catalogue says that there is some of it, or does not count it; false where it does not know the product |
//! | `item.price`, `item.margin` | double | its price and what is left of that for the shop, as on a price tag; 0 where the catalogue does not say |
//! | `page` | string | `home`, `list`, `search`, `product`, `cart`, `checkout`, `confirmation` or `other` |
//! | `slot` | string | the slot asked for |
//! | `session.views` | int | page views so far |
//! | `session.product_views` | int | views of product pages so far |
//! | `session.cart_adds` | int | times something was put into the cart |
//! | `session.cart_removes` | int | times something was taken out again |
//! | `session.checkout_begun` | bool | whether checkout has begun since the last order |
//! | `session.purchases` | int | orders so far |
//! | `session.offers` | int | offers made so far in this session, or that a control would have been made |
//! | `session.dismissed` | int | offers closed unused in this session |
//! | `session.farming` | double | how much speaks for a shopper who learned to trigger offers, 0..1 ([`waver_core::decision::farming`]) |
//! | `visitor.offers` | int | offers made to this browser, across its sessions; 0 where the site does not remember browsers |
//!
//! `hesitation`, `intent`, `cart` and `page` are what the browser says; `session` and `visitor` are what the log says, `item` and the margins what
//! the shop's catalogue says. Before any rule, a shopper who is frustrated is offered
//! only help, and one who is already buying nothing ([`waver_core::decision::decide`]).
//!
//! Macros work over the scores, each on its own: `hesitation.exists(kind, hesitation[kind] >= 0.8)`. Whole numbers and doubles compare with each other
//! (`cart.value >= 50`), but do not add or multiply (`cart.value * 2.0`, not `* 2`), as in CEL everywhere.

use std::collections::HashMap;

use cel::Value;
use waver_core::decision::{Circumstances, Facts, ItemFacts, LineFacts, SessionHistory, farming};
use waver_schema::{Cart, Currency, DecisionFeatures, HesitationKind, Milli, PageType, SlotName, Stage, ZoneScore};

use crate::money::to_major;

/// The names at the top.
pub(crate) const NAMES: &[&str] =
    &["hesitation", "intent", "frustrations", "cart", "item", "page", "slot", "session", "visitor"];

/// The names below `name`; `None` where there are none.
pub(crate) fn fields(name: &str) -> Option<Vec<&'static str>> {
    match name {
        "hesitation" => Some(HesitationKind::ALL.iter().map(|kind| kind.as_str()).collect()),
        "intent" => Some(vec!["p_buy", "p_leave", "stage"]),
        "cart" => Some(vec!["items", "value", "currency", "margin"]),
        "item" => Some(vec!["known", "in_stock", "price", "margin"]),
        "session" => Some(vec![
            "views",
            "product_views",
            "cart_adds",
            "cart_removes",
            "checkout_begun",
            "purchases",
            "offers",
            "dismissed",
            "farming",
        ]),
        "visitor" => Some(vec!["offers"]),
        _ => None,
    }
}

/// The facts as values for rules, by name.
pub(crate) fn values(facts: &Facts) -> [(&'static str, Value); 9] {
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
        ("margin", cart_margin(facts).into()),
    ]);
    let item = facts.around.item.as_ref();
    let stock_is_not_gone = |item: &ItemFacts| !item.is_out_of_stock();
    let sum = |minor: Option<i64>| minor.map_or(0.0, |minor| signed(minor, item.and_then(|item| item.currency)));
    let item: HashMap<&str, Value> = HashMap::from([
        ("known", item.is_some().into()),
        ("in_stock", item.is_some_and(stock_is_not_gone).into()),
        ("price", sum(item.and_then(|item| item.price_minor).map(i64::from)).into()),
        ("margin", sum(item.and_then(|item| item.margin_minor).map(i64::from)).into()),
    ]);
    let to_visitor = facts.around.to_visitor.len();
    let visitor: HashMap<&str, Value> =
        HashMap::from([("offers", i64::try_from(to_visitor).unwrap_or(i64::MAX).into())]);
    let session: HashMap<&str, Value> = HashMap::from([
        ("views", i64::from(facts.history.views).into()),
        ("product_views", i64::from(facts.history.product_views).into()),
        ("cart_adds", i64::from(facts.history.cart_adds).into()),
        ("cart_removes", i64::from(facts.history.cart_removes).into()),
        ("checkout_begun", facts.history.checkout_begun.into()),
        ("purchases", i64::from(facts.history.purchases).into()),
        ("offers", i64::try_from(facts.history.offered.len()).unwrap_or(i64::MAX).into()),
        ("dismissed", i64::from(facts.history.dismissed).into()),
        ("farming", farming(&facts.history, to_visitor).to_unit().into()),
    ]);
    [
        ("hesitation", hesitation.into()),
        ("intent", intent.into()),
        ("frustrations", i64::from(facts.features.frustrations).into()),
        ("cart", cart.into()),
        ("item", item.into()),
        ("page", facts.page.as_str().into()),
        ("slot", facts.slot.as_str().into()),
        ("session", session.into()),
        ("visitor", visitor.into()),
    ]
}

/// The margin of the cart as on a price tag.
fn cart_margin(facts: &Facts) -> f64 {
    let stake = facts.stake().filter(|_| facts.cart.items > 0);
    stake.map_or(0.0, |stake| stake.margin_minor.map_or(0.0, |minor| signed(minor, Some(stake.currency))))
}

fn signed(minor: i64, currency: Option<Currency>) -> f64 {
    let size = to_major(u32::try_from(minor.unsigned_abs()).unwrap_or(u32::MAX), currency);
    if minor < 0 { -size } else { size }
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
    let item = ItemFacts {
        stock: Some(7),
        price_minor: Some(4_330),
        currency: Currency::new("EUR").ok(),
        margin_minor: Some(1_000),
        lowest_30d_minor: Some(3_990),
    };
    let torn = |kind: &HesitationKind| ZoneScore { kind: *kind, zone: None, score_milli: Milli::ONE };
    Facts {
        features: DecisionFeatures {
            hesitation: HesitationKind::ALL.iter().map(torn).collect(),
            p_buy_milli: Milli::ONE,
            p_leave_milli: Milli::ONE,
            stage: Some(Stage::Leaving),
            frustrations: 3,
        },
        cart: Cart { items: 3, value_minor: 12_990, currency: item.currency },
        around: Circumstances {
            item: Some(item),
            in_cart: vec![LineFacts { quantity: 3, item }],
            ..Circumstances::default()
        },
        history: SessionHistory {
            views: 12,
            product_views: 7,
            cart_adds: 3,
            cart_removes: 2,
            dismissed: 1,
            checkout_begun: true,
            purchases: 1,
            ..SessionHistory::default()
        },
        ..unknown_shopper(slot, page)
    }
}
