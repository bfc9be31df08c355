use serde::{Deserialize, Serialize};
use waver_schema::{Cart, Currency, DecisionFeatures, OfferId, PageType, SlotName};

use super::Learned;

/// Everything a decision may look at. Rules of eligibility see the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Whether the session has granted `personalize`.
    pub personalize: bool,
    /// The slot asked for.
    pub slot: SlotName,
    /// Kind of page.
    pub page: PageType,
    /// The scores as the browser has them.
    pub features: DecisionFeatures,
    /// The cart as the browser has it.
    pub cart: Cart,
    /// The session so far, as the log has it.
    pub history: SessionHistory,
    /// What was so outside of the session.
    pub around: Circumstances,
    /// A number spread evenly over all `u64`, the same for a session at every decision; who is in the holdout follows from it.
    pub lot: u64,
    /// When this is asked, Unix milliseconds of the collector's clock.
    pub at: u64,
}

/// What a decision may know of the session so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionHistory {
    /// Page views.
    pub views: u32,
    /// Product page views.
    pub product_views: u32,
    /// Items put into the cart.
    pub cart_adds: u32,
    /// Items taken out of the cart.
    pub cart_removes: u32,
    /// Whether checkout has begun.
    pub checkout_begun: bool,
    /// Orders placed.
    pub purchases: u32,
    /// Offers that were closed unused.
    pub dismissed: u32,
    /// Offers made in this session, oldest first: which, and when (milliseconds of the session). Those that a control would have been
    /// made count like the others.
    pub offered: Vec<(OfferId, u64)>,
    /// Those of them that have neither ended nor been closed, taken ones included.
    pub standing: Vec<OfferId>,
}

/// What was so outside of the session when a decision was taken. It is logged with the decision, so that this can be taken again when the
/// catalogue, the budgets and what was learned have moved on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Offers made to this browser, in this session and earlier ones, as far as the site remembers that; once for each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_visitor: Vec<OfferId>,
    /// The product that the page shows, if the catalogue knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemFacts>,
    /// The lines of the cart that the catalogue knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_cart: Vec<LineFacts>,
    /// Offers whose budget has no room for another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spent: Vec<OfferId>,
    /// Offers that were stopped because they do harm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<OfferId>,
    /// What was learned of the arms that were in the running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
}

/// What the shop's catalogue says of an item; all of it is as the shop likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemFacts {
    /// Pieces in stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<u32>,
    /// Price of a piece in minor units of `currency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_minor: Option<u32>,
    /// Currency of all three sums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// What is left of the price for the shop, in minor units; below zero for an item sold at a loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_minor: Option<i32>,
    /// Lowest price of the last 30 days, in minor units (Directive 98/6/EC, article 6a).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_30d_minor: Option<u32>,
}

/// A line of the cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFacts {
    /// Pieces of it.
    pub quantity: u32,
    /// What the catalogue says of one.
    pub item: ItemFacts,
}

impl ItemFacts {
    /// The lowest price of the last 30 days, in minor units, with its currency.
    pub fn prior_price(&self) -> Option<(u32, Currency)> {
        self.lowest_30d_minor.zip(self.currency)
    }

    /// Whether the catalogue says that there is none.
    pub const fn is_out_of_stock(&self) -> bool {
        matches!(self.stock, Some(0))
    }
}

/// What an offer may come off: the cart, or while it is empty the product that the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stake {
    /// What it costs the shopper, in minor units of `currency`.
    pub price_minor: u64,
    /// What of that is left for the shop, if the catalogue knows that of all of it.
    pub margin_minor: Option<i64>,
    /// Currency of both.
    pub currency: Currency,
}

impl Facts {
    /// What an offer would come off; `None` with an empty cart on a page without a known product, and for a cart of unknown currency.
    ///
    /// The price of a cart is the browser's word, and its margin the catalogue's: that is known only if the lines that the catalogue knows
    /// are all of the cart, counted in pieces, and of the cart's currency.
    pub fn stake(&self) -> Option<Stake> {
        if self.cart.items == 0 {
            let item = self.around.item?;
            return Some(Stake {
                price_minor: item.price_minor?.into(),
                margin_minor: item.margin_minor.map(i64::from),
                currency: item.currency?,
            });
        }
        let currency = self.cart.currency?;
        Some(Stake { price_minor: self.cart.value_minor.into(), margin_minor: self.cart_margin(currency), currency })
    }

    fn cart_margin(&self, currency: Currency) -> Option<i64> {
        let lines = &self.around.in_cart;
        let pieces: u64 = lines.iter().map(|line| u64::from(line.quantity)).sum();
        if pieces != u64::from(self.cart.items) || lines.iter().any(|line| line.item.currency != Some(currency)) {
            return None;
        }
        lines.iter().try_fold(0_i64, |sum, line| {
            let margin = i64::from(line.item.margin_minor?) * i64::from(line.quantity);
            sum.checked_add(margin)
        })
    }

    /// Whether what is at stake cannot be bought: the product that the page shows, or on other pages all that is in the cart.
    pub(crate) fn is_out_of_stock(&self) -> bool {
        match (self.page, &self.around.item) {
            (PageType::Product, Some(item)) => item.is_out_of_stock(),
            _ => {
                let mut lines = self.around.in_cart.iter().map(|line| &line.item).peekable();
                lines.peek().is_some() && lines.all(ItemFacts::is_out_of_stock)
            }
        }
    }
}
