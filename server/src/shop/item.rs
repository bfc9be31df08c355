//! The catalogue as the shop's backend tells it, item by item. The latest word counts.

use serde::{Deserialize, Serialize};
use waver_core::decision::ItemFacts;
use waver_schema::{Currency, ItemRef};
use waver_store::{Life, Pseudonym};

use crate::state::GRACE_MS;

/// Records of the catalogue are nobody's.
pub(crate) const NOBODY: Pseudonym = Pseudonym::from_bytes([0; 16]);

/// What the shop says of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Made from the shop's own label, as browsers make it.
    pub(crate) item: ItemRef,
    /// Pieces there are; `None` where the shop does not count them.
    #[serde(default)]
    pub(crate) stock: Option<u32>,
    /// In minor units, as is everything below.
    pub(crate) price_minor: u32,
    pub(crate) currency: Currency,
    /// Price less what the item costs the shop.
    #[serde(default)]
    pub(crate) margin_minor: Option<i32>,
    /// The lowest price of the 30 days before a reduction.
    #[serde(default)]
    pub(crate) lowest_30d_minor: Option<u32>,
}

impl From<Item> for ItemFacts {
    fn from(Item { stock, price_minor, currency, margin_minor, lowest_30d_minor, .. }: Item) -> ItemFacts {
        let (price_minor, currency) = (Some(price_minor), Some(currency));
        ItemFacts { stock, price_minor, currency, margin_minor, lowest_30d_minor }
    }
}

/// A part of the catalogue, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CatalogEntry {
    pub(crate) items: Vec<Item>,
    /// When it is forgotten unless it is told again, Unix milliseconds.
    pub(crate) until: u64,
}

/// The row of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptItem {
    pub(crate) item: Item,
    /// Unix milliseconds.
    pub(crate) until: u64,
}

impl KeptItem {
    pub(crate) fn life(&self) -> Life {
        life_until(self.until)
    }
}

/// The life of a row that is kept until then. The store adds the grace of sessions.
pub(super) fn life_until(until: u64) -> Life {
    Life { live_until: until.saturating_sub(GRACE_MS), tag: 0 }
}
