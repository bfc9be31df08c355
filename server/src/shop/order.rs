//! Orders and refunds as the shop's backend tells them. An order is two records: one of its own, by a keyed hash of its name, which holds nothing of
//! a session and is kept for as long as refunds may come; and one of the session that it belongs to, sealed and erased with it.

use serde::{Deserialize, Serialize};
use waver_core::session::ConfirmedOrder;
use waver_schema::{Currency, OrderRef, ShopRef};
use waver_store::{Life, Pseudonym};

use super::item::life_until;

/// Most refunds of one order.
pub(crate) const MOST_REFUNDS: usize = 32;

/// An order or a refund, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderEntry {
    /// Made from the shop's own label, as browsers make it.
    pub(crate) reference: OrderRef,
    /// What was paid, or paid back, in minor units.
    pub(crate) value_minor: u32,
    pub(crate) currency: Currency,
    /// What of it is margin, where the shop says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) margin_minor: Option<i32>,
    /// The name of the refund, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refund: Option<ShopRef>,
    /// When the order is forgotten, Unix milliseconds.
    pub(crate) until: u64,
}

/// An order as a part of its session, with what was refunded of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PurchaseEntry {
    /// The name of the order.
    pub(crate) order: ShopRef,
    #[serde(flatten)]
    pub(crate) confirmed: ConfirmedOrder,
}

/// The row of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptOrder {
    reference: OrderRef,
    told_at: u64,
    currency: Currency,
    value_minor: u32,
    margin_minor: Option<i32>,
    refunded_minor: u32,
    refunded_margin_minor: i32,
    refunds: Vec<ShopRef>,
    until: u64,
    /// Whose it is. From the session's own sealed record, and gone with it.
    pub(crate) holder: Option<Pseudonym>,
}

/// Why an order is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderRefusal {
    /// A refund of an order that was never told, or too long ago.
    UnknownOrder,
    /// The order was told with another value or in another currency.
    OtherOrder,
    /// More would be refunded than was paid, or more often than 32 times.
    TooMuch,
}

impl KeptOrder {
    fn new(entry: &OrderEntry, now: u64) -> KeptOrder {
        KeptOrder {
            reference: entry.reference,
            told_at: now,
            currency: entry.currency,
            value_minor: entry.value_minor,
            margin_minor: entry.margin_minor,
            refunded_minor: 0,
            refunded_margin_minor: 0,
            refunds: Vec::new(),
            until: entry.until,
            holder: None,
        }
    }

    /// Whether `entry` adds anything to what is known; `false` for a repetition.
    ///
    /// # Errors
    /// [`OrderRefusal`].
    pub(crate) fn judge(known: Option<&KeptOrder>, entry: &OrderEntry) -> Result<bool, OrderRefusal> {
        match (known, entry.refund) {
            (None, None) => Ok(true),
            (None, Some(_)) => Err(OrderRefusal::UnknownOrder),
            (Some(known), _) if known.currency != entry.currency => Err(OrderRefusal::OtherOrder),
            (Some(known), None) if known.value_minor != entry.value_minor => Err(OrderRefusal::OtherOrder),
            (Some(_), None) => Ok(false),
            (Some(known), Some(refund)) if known.refunds.contains(&refund) => Ok(false),
            (Some(known), Some(_)) => {
                let refunded = known.refunded_minor.checked_add(entry.value_minor);
                let fits = refunded.is_some_and(|refunded| refunded <= known.value_minor);
                if fits && known.refunds.len() < MOST_REFUNDS { Ok(true) } else { Err(OrderRefusal::TooMuch) }
            }
        }
    }

    /// Takes in an entry of the log.
    pub(crate) fn fold(known: Option<KeptOrder>, entry: &OrderEntry, now: u64) -> KeptOrder {
        let mut order = known.unwrap_or_else(|| KeptOrder::new(entry, now));
        if let Some(refund) = entry.refund {
            order.refunded_minor = order.refunded_minor.saturating_add(entry.value_minor);
            let margin = entry.margin_minor.unwrap_or_default();
            order.refunded_margin_minor = order.refunded_margin_minor.saturating_add(margin);
            order.refunds.push(refund);
        }
        order
    }

    /// The order as its session has it.
    pub(crate) fn confirmed(&self) -> ConfirmedOrder {
        ConfirmedOrder {
            reference: self.reference,
            at: self.told_at,
            currency: self.currency,
            value_minor: self.value_minor.saturating_sub(self.refunded_minor),
            margin_minor: self.margin_minor.map(|margin| margin.saturating_sub(self.refunded_margin_minor)),
            refunded_minor: self.refunded_minor,
        }
    }

    /// When it is forgotten, Unix milliseconds.
    pub(crate) const fn until(&self) -> u64 {
        self.until
    }

    pub(crate) fn life(&self) -> Life {
        life_until(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value_minor: u32, refund: Option<u8>) -> OrderEntry {
        OrderEntry {
            reference: OrderRef::from_label("A-1"),
            value_minor,
            currency: Currency::new("EUR").expect("valid"),
            margin_minor: Some(100),
            refund: refund.map(|byte| ShopRef::from_bytes([byte; 16])),
            until: 1_000,
        }
    }

    #[test]
    fn an_order_counts_once_and_a_refund_once_and_never_more_than_was_paid() {
        assert_eq!(KeptOrder::judge(None, &told(900, Some(1))), Err(OrderRefusal::UnknownOrder));
        assert_eq!(KeptOrder::judge(None, &told(900, None)), Ok(true));
        let order = KeptOrder::fold(None, &told(900, None), 5);
        assert_eq!(KeptOrder::judge(Some(&order), &told(900, None)), Ok(false));
        assert_eq!(KeptOrder::judge(Some(&order), &told(901, None)), Err(OrderRefusal::OtherOrder));
        assert_eq!(KeptOrder::judge(Some(&order), &told(901, Some(1))), Err(OrderRefusal::TooMuch));
        assert_eq!(KeptOrder::judge(Some(&order), &told(500, Some(1))), Ok(true));
        let order = KeptOrder::fold(Some(order), &told(500, Some(1)), 6);
        assert_eq!(KeptOrder::judge(Some(&order), &told(500, Some(1))), Ok(false), "the same refund");
        assert_eq!(KeptOrder::judge(Some(&order), &told(500, Some(2))), Err(OrderRefusal::TooMuch));
        let confirmed = order.confirmed();
        assert_eq!((confirmed.value_minor, confirmed.margin_minor, confirmed.refunded_minor), (400, Some(0), 500));
        assert_eq!(confirmed.at, 5);
    }

    #[test]
    fn refunds_are_bounded() {
        let mut order = KeptOrder::fold(None, &told(900, None), 5);
        for refund in 0..MOST_REFUNDS as u8 {
            assert_eq!(KeptOrder::judge(Some(&order), &told(1, Some(refund))), Ok(true));
            order = KeptOrder::fold(Some(order), &told(1, Some(refund)), 6);
        }
        assert_eq!(KeptOrder::judge(Some(&order), &told(1, Some(200))), Err(OrderRefusal::TooMuch));
    }
}
