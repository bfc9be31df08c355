use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::{Currency, OrderRef};

use super::change::{Ledger, Measured};
use super::first::First;
use crate::experiment::OrderOutcome;

/// Most orders of one session.
pub const MOST_ORDERS: usize = 32;

/// An order as the shop's backend tells it, less what was refunded since. Its word goes before the browser's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedOrder {
    /// Made from the shop's own label, as the browser makes it.
    pub reference: OrderRef,
    /// When it was told first, Unix milliseconds of the collector's clock.
    pub at: u64,
    /// Of the values.
    pub currency: Currency,
    /// What was paid and not refunded, in minor units.
    pub value_minor: u32,
    /// What of it is margin, in minor units, where the shop says so.
    #[serde(default)]
    pub margin_minor: Option<i32>,
    /// What was refunded, in minor units.
    #[serde(default)]
    pub refunded_minor: u32,
}

/// The orders of a session. One that is told twice counts once; one without a reference cannot be recognised and always counts. What
/// the shop's backend says of an order counts instead of what the browser says of it, whichever comes first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Orders(Vec<Order>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    reference: Option<OrderRef>,
    /// By the browser.
    told: Option<First<Value>>,
    /// By the shop's backend. In a box, since most sessions have none.
    confirmed: Option<Box<ConfirmedOrder>>,
}

/// Value of an order in minor units, where it is known.
type Value = Option<(Currency, u32)>;

impl Orders {
    /// Whether there is room for the order, or it is known.
    pub(crate) fn takes(&self, reference: Option<OrderRef>) -> bool {
        self.0.len() < MOST_ORDERS || self.find(reference).is_some()
    }

    /// Takes in what the browser tells of an order.
    pub(crate) fn tell(&mut self, reference: Option<OrderRef>, telling: First<Value>, ledger: &mut Ledger) {
        let order = self.entry(reference, telling.seq);
        if order.told.as_ref().is_none_or(|known| known.seq > telling.seq) {
            order.change(ledger, |order| order.told = Some(telling));
        }
    }

    /// Takes in what the shop's backend tells of an order; a later word goes before an earlier one.
    pub(crate) fn confirm(&mut self, confirmed: ConfirmedOrder, ledger: &mut Ledger) {
        let order = self.entry(Some(confirmed.reference), 0);
        order.change(ledger, |order| order.confirmed = Some(Box::new(confirmed)));
    }

    /// Takes all of them back: the session turned out to be nobody's.
    pub(crate) fn take_back(&self, ledger: &mut Ledger) {
        for (at, revenue) in self.0.iter().filter_map(Order::counted) {
            ledger.take_back(at, Measured::Order { revenue });
        }
    }

    /// How many.
    pub(crate) fn count(&self) -> u32 {
        // At most `MOST_ORDERS`.
        self.0.len() as u32
    }

    /// Their value by currency, in minor units.
    pub(crate) fn revenue(&self) -> BTreeMap<Currency, u64> {
        let mut revenue = BTreeMap::new();
        for (currency, minor) in self.0.iter().filter_map(|order| order.counted()?.1) {
            *revenue.entry(currency).or_default() += u64::from(minor);
        }
        revenue
    }

    /// What those came to that were placed at `at` (Unix milliseconds) or later.
    pub(crate) fn since(&self, at: u64) -> Vec<OrderOutcome> {
        let outcome = |order: &Order| {
            let (_, value) = order.counted().filter(|(placed, _)| *placed >= at)?;
            let confirmed = order.confirmed.as_deref();
            Some(OrderOutcome {
                value: value.map(|(currency, minor)| (currency, minor.into())),
                margin_minor: confirmed.and_then(|it| it.margin_minor).map(Into::into),
                refunded_minor: confirmed.map_or(0, |it| it.refunded_minor.into()),
            })
        };
        self.0.iter().filter_map(outcome).collect()
    }

    /// What the shop's backend told of them.
    pub(crate) fn confirmed(&self) -> impl Iterator<Item = &ConfirmedOrder> {
        self.0.iter().filter_map(|order| order.confirmed.as_deref())
    }

    fn entry(&mut self, reference: Option<OrderRef>, seq: u64) -> &mut Order {
        let index = self.find(reference).unwrap_or_else(|| {
            // Sorted by sequence number where there is no reference, so that the order of arrival leaves no trace.
            let place = self.0.partition_point(|order| order.key() < (reference, seq));
            self.0.reserve_exact(1);
            self.0.insert(place, Order { reference, told: None, confirmed: None });
            place
        });
        &mut self.0[index]
    }

    fn find(&self, reference: Option<OrderRef>) -> Option<usize> {
        reference.and_then(|_| self.0.iter().position(|order| order.reference == reference))
    }
}

impl Order {
    fn key(&self) -> (Option<OrderRef>, u64) {
        (self.reference, self.told.map_or(0, |told| told.seq))
    }

    /// When it counts, and with which value.
    fn counted(&self) -> Option<(u64, Value)> {
        match (&self.told, &self.confirmed) {
            (told, Some(confirmed)) => {
                let at = told.map_or(confirmed.at, |told| told.at);
                Some((at, Some((confirmed.currency, confirmed.value_minor))))
            }
            (Some(told), None) => Some((told.at, told.value)),
            (None, None) => None,
        }
    }

    /// Changes it, and corrects what it counts for.
    fn change(&mut self, ledger: &mut Ledger, change: impl FnOnce(&mut Order)) {
        let before = self.counted();
        change(self);
        let after = self.counted();
        if before == after {
            return;
        }
        if let Some((at, revenue)) = before {
            ledger.take_back(at, Measured::Order { revenue });
        }
        if let Some((at, revenue)) = after {
            ledger.count(at, Measured::Order { revenue });
        }
    }
}

#[cfg(test)]
mod tests {
    use waver_schema::TrafficClass;

    use super::*;

    const EUR: &str = "EUR";

    fn eur() -> Currency {
        Currency::new(EUR).expect("valid")
    }

    fn confirmed(order: &str, at: u64, value_minor: u32) -> ConfirmedOrder {
        let reference = OrderRef::from_label(order);
        ConfirmedOrder { reference, at, currency: eur(), value_minor, margin_minor: None, refunded_minor: 0 }
    }

    fn told(seq: u64, at: u64, value_minor: u32) -> First<Value> {
        First { seq, at, value: Some((eur(), value_minor)) }
    }

    /// What the ledger comes to, by time and value.
    fn sums(ledger: Ledger) -> BTreeMap<(u64, Measured), i64> {
        let mut sums = BTreeMap::new();
        for change in ledger.into_changes() {
            *sums.entry((change.at, change.what)).or_default() += change.by;
        }
        sums.retain(|_, by| *by != 0);
        sums
    }

    #[test]
    fn the_shops_word_counts_whichever_comes_first() {
        let reference = Some(OrderRef::from_label("A-1"));
        for shop_first in [true, false] {
            let (mut orders, mut ledger) = (Orders::default(), Ledger::of(TrafficClass::Shopper));
            if shop_first {
                orders.confirm(confirmed("A-1", 70, 900), &mut ledger);
                orders.tell(reference, told(5, 50, 1000), &mut ledger);
            } else {
                orders.tell(reference, told(5, 50, 1000), &mut ledger);
                orders.confirm(confirmed("A-1", 70, 900), &mut ledger);
            }
            assert_eq!((orders.count(), orders.revenue()), (1, BTreeMap::from([(eur(), 900)])));
            let revenue = Some((eur(), 900));
            assert_eq!(sums(ledger), BTreeMap::from([((50, Measured::Order { revenue }), 1)]), "{shop_first}");
        }
    }

    #[test]
    fn a_refund_lowers_the_value_and_the_order_stays() {
        let (mut orders, mut ledger) = (Orders::default(), Ledger::of(TrafficClass::Shopper));
        orders.confirm(confirmed("A-1", 70, 900), &mut ledger);
        orders.confirm(ConfirmedOrder { refunded_minor: 900, ..confirmed("A-1", 70, 0) }, &mut ledger);
        assert_eq!((orders.count(), orders.revenue()), (1, BTreeMap::from([(eur(), 0)])));
        let revenue = Some((eur(), 0));
        assert_eq!(sums(ledger), BTreeMap::from([((70, Measured::Order { revenue }), 1)]));
        assert_eq!(orders.confirmed().next().map(|order| order.refunded_minor), Some(900));
    }
}
