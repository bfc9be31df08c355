use std::collections::BTreeMap;

use waver_core::decision::{ItemFacts, Terms};
use waver_schema::Currency;

use crate::locale::Tag;
use crate::price::written;
use crate::schedule::Schedule;

/// What stands in a text for the lowest price of the last 30 days.
pub(crate) const PRIOR_PRICE: &str = "{prior_price}";

/// An offer as the file defines it, checked.
#[derive(Debug)]
pub(crate) struct CheckedOffer {
    pub(crate) terms: Terms,
    pub(crate) definition: Definition,
    pub(crate) when: String,
    pub(crate) when_line: usize,
}

/// What the page needs of an offer, and when it may be made.
#[derive(Debug)]
pub(crate) struct Definition {
    /// As in [`waver_schema::Offer::value`].
    pub(crate) value: u32,
    pub(crate) currency: Option<Currency>,
    pub(crate) expires_after_ms: u64,
    pub(crate) schedule: Schedule,
    pub(crate) texts: BTreeMap<Tag, Text>,
}

impl Definition {
    /// When an offer made at `now` ends, both Unix milliseconds: never after its schedule.
    pub(crate) fn expires_at(&self, now: u64) -> u64 {
        let ends = now.saturating_add(self.expires_after_ms);
        // Made under an older version of the file, it may stand beyond the present one's end, but not end before it was made.
        self.schedule.until().filter(|until| *until > now).map_or(ends, |until| ends.min(until))
    }
}

/// What the shopper reads, in one locale.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) disclosure: String,
    pub(crate) accept: String,
    pub(crate) dismiss: String,
}

impl Text {
    /// The text about `item`, in `locale`; `None` if it needs a price that is not known.
    pub(crate) fn about(&self, item: Option<&ItemFacts>, locale: &Tag) -> Option<String> {
        if !self.text.contains(PRIOR_PRICE) {
            return Some(self.text.clone());
        }
        let (minor, currency) = item?.prior_price()?;
        Some(self.text.replace(PRIOR_PRICE, &written(minor, currency, locale.as_str())))
    }
}
