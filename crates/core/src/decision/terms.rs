use waver_schema::{Currency, OfferId, OfferKind, SlotName};

use super::budget::Budget;
use super::facts::Facts;

/// An offer's terms, as far as a decision depends on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The offer.
    pub id: OfferId,
    /// The slots it may fill.
    pub slots: Vec<SlotName>,
    /// What it gives.
    pub kind: OfferKind,
    /// Switched off by the shop.
    pub is_off: bool,
    /// Higher goes first; equal priorities go by position.
    pub priority: i32,
    /// Whether it is chosen among all such offers by what was learned, with doing nothing as one more arm.
    pub learn: bool,
    /// How often it may be offered in one session.
    pub per_session: u32,
    /// How often it may be offered to one browser, across its sessions; only where that is remembered.
    pub per_visitor: Option<u32>,
    /// Milliseconds of the session that must pass after any offer before this one.
    pub cooldown_ms: u64,
    /// Share of sessions, 0..=1000 thousandths, that are never made this offer and serve as its controls.
    pub holdout_milli: u16,
    /// The offers it may stand beside in a session; it is enough if one of the two names the other.
    pub stacks_with: Vec<OfferId>,
    /// Whether it is pointless for what is out of stock.
    pub needs_stock: bool,
    /// What it costs the shop.
    pub cost: Option<Amount>,
    /// What must be left of the margin after its cost.
    pub margin_floor: Option<Amount>,
    /// Whether its text claims that a product is cheaper than it was.
    pub claims_reduction: bool,
    /// How much of it may be given.
    pub budget: Option<Budget>,
}

impl Terms {
    /// An offer with nothing special about it: once in a session, ten minutes after any other, one session in ten held out, no limits by
    /// stock, margin or budget.
    pub const fn new(id: OfferId, slots: Vec<SlotName>, kind: OfferKind) -> Terms {
        Terms {
            id,
            slots,
            kind,
            is_off: false,
            priority: 0,
            learn: false,
            per_session: 1,
            per_visitor: None,
            cooldown_ms: 10 * 60 * 1000,
            holdout_milli: 100,
            stacks_with: Vec::new(),
            needs_stock: false,
            cost: None,
            margin_floor: None,
            claims_reduction: false,
            budget: None,
        }
    }

    /// Whether it may stand beside `other`. What changes no price stands beside anything.
    pub(crate) fn stacks_with(&self, other: &Terms) -> bool {
        !is_monetary(self.kind)
            || !is_monetary(other.kind)
            || self.stacks_with.contains(&other.id)
            || other.stacks_with.contains(&self.id)
    }
}

/// Whether an offer of that kind changes what the shopper pays.
pub const fn is_monetary(kind: OfferKind) -> bool {
    match kind {
        OfferKind::Percent | OfferKind::Amount | OfferKind::FreeShipping | OfferKind::Gift => true,
        OfferKind::Message | OfferKind::Help => false,
    }
}

/// A sum of money, fixed or by what is at stake ([`Facts::stake`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// This much.
    Fixed {
        /// In minor units of `currency`.
        minor: u32,
        /// Its currency.
        currency: Currency,
    },
    /// This share of the price at stake, in thousandths.
    Share(u16),
}

impl Amount {
    /// The sum in minor units, a fraction of one rounded up, and its currency; `None` for a share of an unknown stake.
    pub fn of(self, facts: &Facts) -> Option<(u64, Currency)> {
        match self {
            Amount::Fixed { minor, currency } => Some((minor.into(), currency)),
            Amount::Share(thousandths) => {
                let stake = facts.stake()?;
                Some((stake.price_minor.saturating_mul(thousandths.into()).div_ceil(1000), stake.currency))
            }
        }
    }
}
