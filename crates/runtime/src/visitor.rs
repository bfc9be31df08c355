//! The browser's own name for itself across sessions: in local storage, and only where the collector's site wants it and personalising is granted.
//! It is random, ends by itself when its days are over, and goes with the grant.

use js_sys::Array;
use waver_schema::VisitorId;

use crate::history::call;
use crate::{clock, page};

const KEY: &str = "waver-visitor";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Hexadecimal digits of a name; a space and the Unix millisecond of its end follow.
const DIGITS: usize = 32;

/// The name, while its days last.
pub(crate) fn name() -> Option<VisitorId> {
    let text = stored()?;
    let (name, end) = text.split_at_checked(DIGITS)?;
    let end: u64 = end.trim_start().parse().ok()?;
    if clock::wall() < end { VisitorId::parse(name).ok() } else { None }
}

/// Sees to it that there is a name, for as many days from now if it is a new one; without days, that there is none.
pub(crate) fn keep(days: Option<f64>) {
    let Some(days) = days else {
        take();
        return;
    };
    if name().is_some() {
        return;
    }
    let end = clock::wall() + days as u64 * DAY_MS;
    let text = [VisitorId::from_bytes(page::random()).to_string(), end.to_string()].join(" ");
    call("setItem", &Array::of2(&KEY.into(), &text.into()));
}

/// Removes it, and gives it to be erased.
pub(crate) fn take() -> Option<VisitorId> {
    let name = name();
    // One whose days are over goes as well.
    if stored().is_some() {
        call("removeItem", &Array::of1(&KEY.into()));
    }
    name
}

fn stored() -> Option<String> {
    call("getItem", &Array::of1(&KEY.into()))?.as_string()
}
