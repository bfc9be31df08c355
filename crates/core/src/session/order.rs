use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::{Currency, OrderRef};

use super::change::{Ledger, Measured};
use super::first::First;
use crate::experiment::OrderOutcome;

/// Most orders of one session.
pub(crate) const MOST_ORDERS: usize = 32;

/// The orders of a session. One that is told twice counts once; one without a reference cannot be recognised and always counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Orders(Vec<Order>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    reference: Option<OrderRef>,
    told: Option<First<Option<(Currency, u32)>>>,
}

impl Orders {
    /// Whether there is room for the order, or it is known.
    pub(crate) fn takes(&self, reference: Option<OrderRef>) -> bool {
        self.0.len() < MOST_ORDERS || self.find(reference).is_some()
    }

    /// Takes in a telling of an order.
    pub(crate) fn tell(
        &mut self,
        reference: Option<OrderRef>,
        telling: First<Option<(Currency, u32)>>,
        ledger: &mut Ledger,
    ) {
        let index = self.find(reference).unwrap_or_else(|| {
            // Sorted by sequence number where there is no reference, so that the order of arrival leaves no trace.
            let place = self.0.partition_point(|order| order.key() < (reference, telling.seq));
            self.0.reserve_exact(1);
            self.0.insert(place, Order { reference, told: None });
            place
        });
        telling.tell(&mut self.0[index].told, ledger, |revenue| Measured::Order { revenue });
    }

    /// Takes all of them back: the session turned out to be nobody's.
    pub(crate) fn take_back(&self, ledger: &mut Ledger) {
        for told in self.0.iter().filter_map(|order| order.told) {
            ledger.take_back(told.at, Measured::Order { revenue: told.value });
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
        for (currency, minor) in self.0.iter().filter_map(|order| order.told?.value) {
            *revenue.entry(currency).or_default() += u64::from(minor);
        }
        revenue
    }

    /// What those came to that were placed at `at` (Unix milliseconds) or later.
    pub(crate) fn since(&self, at: u64) -> Vec<OrderOutcome> {
        let told = self.0.iter().filter_map(|order| order.told).filter(|told| told.at >= at);
        let outcome = |told: First<Option<(Currency, u32)>>| OrderOutcome {
            value: told.value.map(|(currency, minor)| (currency, minor.into())),
            margin_minor: None,
            refunded_minor: 0,
        };
        told.map(outcome).collect()
    }

    fn find(&self, reference: Option<OrderRef>) -> Option<usize> {
        reference.and_then(|_| self.0.iter().position(|order| order.reference == reference))
    }
}

impl Order {
    fn key(&self) -> (Option<OrderRef>, u64) {
        (self.reference, self.told.map_or(0, |told| told.seq))
    }
}
