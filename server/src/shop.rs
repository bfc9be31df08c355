//! What the shop's backend has to do with the collector: it redeems grants, tells of orders and refunds, and says what its catalogue holds.
//!
//! All of it is records of the log, folded into rows by the one committer (invariant I4). A budget is a row too, so that it is as exact as the
//! log and is repaired by replay.

pub(crate) mod budget;
pub(crate) mod grant;
pub(crate) mod item;
pub(crate) mod naming;
pub(crate) mod order;
pub(crate) mod token;

use waver_store::{EmbeddedState, Key, Row};

use crate::state;
use budget::Budgets;
use grant::Grant;
use item::KeptItem;
use order::KeptOrder;

/// A row of the shop's as everyone must find it in the log: whose a grant or an order is stands in a sealed record of the session's, whose key may
/// be gone by its time.
pub(crate) fn without_holder(rows: &EmbeddedState, key: Key) -> Option<Vec<u8>> {
    let row = rows.row(key)?;
    let stripped = match key {
        Key::Grant(..) => strip::<Grant>(&row, |grant| grant.holder = None),
        Key::Order(..) => strip::<KeptOrder>(&row, |order| order.holder = None),
        _ => None,
    };
    Some(stripped.unwrap_or_else(|| row.bytes.to_vec()))
}

fn strip<T: serde::Serialize + serde::de::DeserializeOwned>(row: &Row, change: impl FnOnce(&mut T)) -> Option<Vec<u8>> {
    let mut value = state::read::<T>(row).ok()?;
    change(&mut value);
    state::write(&value).ok()
}

/// The decoders of the rows, for the fuzz target alone: what is written for each of them.
pub(crate) fn rewritten_rows(bytes: &[u8]) -> [Option<Vec<u8>>; 4] {
    let row = Row { version: 1, bytes: bytes.into() };
    fn rewrite<T: serde::Serialize + serde::de::DeserializeOwned>(row: &Row) -> Option<Vec<u8>> {
        strip::<T>(row, |_| {})
    }
    [rewrite::<Grant>(&row), rewrite::<Budgets>(&row), rewrite::<KeptOrder>(&row), rewrite::<KeptItem>(&row)]
}
