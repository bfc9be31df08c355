use std::collections::BTreeMap;

use waver_core::decision::Terms;
use waver_schema::{Currency, OfferKind};

use crate::locale::Tag;

/// An offer as the file defines it, checked.
#[derive(Debug)]
pub(crate) struct CheckedOffer {
    pub(crate) terms: Terms,
    pub(crate) definition: Definition,
    pub(crate) when: String,
    pub(crate) when_line: usize,
}

/// What the page needs of an offer.
#[derive(Debug)]
pub(crate) struct Definition {
    /// As in [`waver_schema::Offer::value`].
    pub(crate) value: u32,
    pub(crate) currency: Option<Currency>,
    pub(crate) expires_after_ms: u64,
    pub(crate) texts: BTreeMap<Tag, Text>,
}

/// What the shopper reads, in one locale.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) disclosure: String,
    pub(crate) accept: String,
    pub(crate) dismiss: String,
}

/// Whether the offer changes what the shopper pays. Such a one must say that it was personalised by an automated decision
/// (Directive 2011/83/EU, article 6(1)(ea)).
pub(crate) const fn is_monetary(kind: OfferKind) -> bool {
    match kind {
        OfferKind::Percent | OfferKind::Amount | OfferKind::FreeShipping | OfferKind::Gift => true,
        OfferKind::Message | OfferKind::Help => false,
    }
}
