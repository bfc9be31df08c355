//! Grants: what a shopper was promised, and what the shop's backend did with it.
//!
//! ```text
//! issued -- reserve (one cart, for a while) --> reserved -- redeem --> redeemed
//!    ^                                             |
//!    +------ release, or the while is over --------+          all of them end at `expires_at`, by the log's clock
//! ```
//!
//! The first cart that reserves a grant is the only one that may redeem it, unless the backend releases it. What is done under an
//! idempotency key is done once: the same again gets the same answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waver_core::session::MOST_OFFERS;
use waver_schema::{Currency, DecisionId, GrantId, Offer, OfferId, OfferKind, ShopRef};
use waver_store::{Life, Pseudonym};

use super::budget::{Charge, Outing};
use crate::state::GRACE_MS;

/// For how long after its end a grant is known, so that a late repetition gets its answer, milliseconds.
const REMEMBERED_MS: u64 = 25 * 60 * 60 * 1000;
/// Most deeds that are remembered of one grant.
const MOST_DEEDS: usize = 16;
/// For how long a cart has a grant to itself if nothing else is said, milliseconds.
pub(crate) const RESERVED_MS: u64 = 15 * 60 * 1000;

/// What is promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Promise {
    pub(crate) offer: OfferId,
    pub(crate) kind: OfferKind,
    /// As in [`waver_schema::Offer::value`].
    pub(crate) value: u32,
    #[serde(default)]
    pub(crate) currency: Option<Currency>,
}

impl Promise {
    /// What `offer` promises.
    pub(crate) fn of(offer: &Offer) -> Promise {
        Promise { offer: offer.id.clone(), kind: offer.kind, value: offer.value, currency: offer.currency }
    }
}

/// What became of a grant, as the log has it. Holds nothing of the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub(crate) enum GrantEntry {
    /// An offer was made that the shop's backend redeems.
    Issued {
        promise: Promise,
        /// Unix milliseconds.
        expires_at: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        charge: Option<Charge>,
    },
    /// An offer was made that nobody redeems, and its budget is charged for good.
    Spent { offer: OfferId, charge: Charge },
    /// A cart has it to itself.
    Reserved {
        cart: ShopRef,
        /// Unix milliseconds.
        until: u64,
        request: ShopRef,
    },
    /// The shop gave what was promised.
    Redeemed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cart: Option<ShopRef>,
        request: ShopRef,
    },
    /// The cart gave it back.
    Released { request: ShopRef },
    /// Its session was erased.
    Ended,
}

/// What the shop's backend asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// For a cart, until Unix milliseconds.
    Reserve {
        cart: ShopRef,
        until: u64,
    },
    Redeem {
        cart: Option<ShopRef>,
    },
    Release,
}

/// How far a grant has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantStage {
    /// It may be reserved or redeemed.
    Issued,
    /// A cart has it to itself.
    Reserved,
    /// The shop gave what was promised.
    Redeemed,
    /// Its session was erased before that.
    Ended,
}

/// Why the backend does not get what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantRefusal {
    /// There is no such grant.
    Unknown,
    /// It ended by itself, or with its session.
    Expired,
    /// It was redeemed.
    Redeemed,
    /// It belongs to another cart.
    OtherCart,
    /// No cart has it.
    NotReserved,
    /// The idempotency key was used for something else.
    KeyReused,
}

/// The row of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) promise: Promise,
    charge: Option<Charge>,
    issued_at: u64,
    pub(crate) expires_at: u64,
    /// Whose it is. From the session's own sealed record, and gone with it.
    pub(crate) holder: Option<Pseudonym>,
    cart: Option<ShopRef>,
    stage: Standing,
    /// What was done under which key, the latest last.
    done: Vec<(ShopRef, Done)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Standing {
    Issued,
    /// Until, Unix milliseconds.
    Reserved(u64),
    Redeemed,
    Ended,
}

/// What was done, with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Done {
    Reserve(u64),
    Redeem,
    Release,
}

/// What a deed comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) stage: GrantStage,
    /// Unix milliseconds, of a reservation.
    pub(crate) reserved_until: Option<u64>,
    /// What is to be logged; `None` for a repetition.
    pub(crate) entry: Option<GrantEntry>,
}

impl Grant {
    pub(crate) fn new(promise: Promise, expires_at: u64, charge: Option<Charge>, now: u64) -> Grant {
        Grant {
            promise,
            charge,
            issued_at: now,
            expires_at,
            holder: None,
            cart: None,
            stage: Standing::Issued,
            done: Vec::new(),
        }
    }

    /// How far it has come at `now` (Unix milliseconds).
    pub(crate) fn stage(&self, now: u64) -> GrantStage {
        match self.stage {
            Standing::Reserved(until) if now < until => GrantStage::Reserved,
            Standing::Issued | Standing::Reserved(_) => GrantStage::Issued,
            Standing::Redeemed => GrantStage::Redeemed,
            Standing::Ended => GrantStage::Ended,
        }
    }

    /// Whether it may still be redeemed at `now`.
    pub(crate) fn is_open(&self, now: u64) -> bool {
        now < self.expires_at && matches!(self.stage, Standing::Issued | Standing::Reserved(_))
    }

    /// What `deed` comes to under the key `request` at `now` (Unix milliseconds). Changes nothing: [`Grant::fold`] the entry.
    ///
    /// # Errors
    /// [`GrantRefusal`]. Nothing is remembered of it: the same may be asked again.
    pub(crate) fn judge(&self, deed: Deed, request: ShopRef, now: u64) -> Result<Outcome, GrantRefusal> {
        if let Some((_, done)) = self.done.iter().find(|(known, _)| *known == request) {
            return self.again(*done, deed);
        }
        match self.stage {
            Standing::Redeemed => return Err(GrantRefusal::Redeemed),
            Standing::Ended => return Err(GrantRefusal::Expired),
            _ if now >= self.expires_at => return Err(GrantRefusal::Expired),
            _ => {}
        }
        let is_other = |cart: ShopRef| self.cart.is_some_and(|bound| bound != cart);
        let (stage, reserved_until, entry) = match deed {
            Deed::Reserve { cart, .. } if is_other(cart) => return Err(GrantRefusal::OtherCart),
            Deed::Reserve { cart, until } => {
                let until = until.min(self.expires_at);
                (GrantStage::Reserved, Some(until), GrantEntry::Reserved { cart, until, request })
            }
            // Whoever does not say for which cart may not take it from one that has it.
            Deed::Redeem { cart } if cart.map_or(self.cart.is_some(), is_other) => return Err(GrantRefusal::OtherCart),
            Deed::Redeem { cart } => (GrantStage::Redeemed, None, GrantEntry::Redeemed { cart, request }),
            Deed::Release if self.cart.is_none() => return Err(GrantRefusal::NotReserved),
            Deed::Release => (GrantStage::Issued, None, GrantEntry::Released { request }),
        };
        Ok(Outcome { stage, reserved_until, entry: Some(entry) })
    }

    fn again(&self, done: Done, deed: Deed) -> Result<Outcome, GrantRefusal> {
        let (stage, reserved_until) = match (done, deed) {
            (Done::Reserve(until), Deed::Reserve { cart, .. }) if self.cart.is_none_or(|bound| bound == cart) => {
                (GrantStage::Reserved, Some(until))
            }
            (Done::Redeem, Deed::Redeem { .. }) => (GrantStage::Redeemed, None),
            (Done::Release, Deed::Release) => (GrantStage::Issued, None),
            _ => return Err(GrantRefusal::KeyReused),
        };
        Ok(Outcome { stage, reserved_until, entry: None })
    }

    /// Takes in an entry of the log. Says how its charge is to be settled, if it is.
    pub(crate) fn fold(&mut self, entry: &GrantEntry) -> Option<Settlement> {
        let was_open = matches!(self.stage, Standing::Issued | Standing::Reserved(_));
        match *entry {
            GrantEntry::Issued { .. } | GrantEntry::Spent { .. } => return None,
            GrantEntry::Reserved { cart, until, request } => {
                (self.cart, self.stage) = (Some(cart), Standing::Reserved(until));
                self.remember(request, Done::Reserve(until));
                return None;
            }
            GrantEntry::Released { request } => {
                (self.cart, self.stage) = (None, Standing::Issued);
                self.remember(request, Done::Release);
                return None;
            }
            GrantEntry::Redeemed { cart, request } => {
                (self.cart, self.stage) = (self.cart.or(cart), Standing::Redeemed);
                self.remember(request, Done::Redeem);
            }
            GrantEntry::Ended => {
                (self.holder, self.stage) = (None, Standing::Ended);
            }
        }
        let charge = self.charge.filter(|_| was_open)?;
        let outing = Outing { from: self.issued_at, until: self.expires_at };
        Some(Settlement {
            offer: self.promise.offer.clone(),
            charge,
            outing,
            redeemed: self.stage == Standing::Redeemed,
        })
    }

    fn remember(&mut self, request: ShopRef, done: Done) {
        if self.done.len() == MOST_DEEDS {
            self.done.remove(0);
        }
        self.done.push((request, done));
    }

    pub(crate) fn life(&self) -> Life {
        // The store adds the grace of sessions.
        Life { live_until: self.expires_at.saturating_add(REMEMBERED_MS - GRACE_MS), tag: 0 }
    }
}

/// How a budget is to be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) offer: OfferId,
    pub(crate) charge: Charge,
    pub(crate) outing: Outing,
    pub(crate) redeemed: bool,
}

/// The grants of a session, by the decisions that made them; in the session's own row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldGrants(Vec<(DecisionId, GrantId)>);

impl HeldGrants {
    pub(crate) fn remember(&mut self, decision: DecisionId, grant: GrantId) {
        if self.0.len() == MOST_OFFERS {
            self.0.remove(0);
        }
        self.0.push((decision, grant));
    }

    /// The grant of a decision.
    pub(crate) fn of(&self, decision: DecisionId) -> Option<GrantId> {
        self.0.iter().find(|(known, _)| *known == decision).map(|(_, grant)| *grant)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = GrantId> {
        self.0.iter().map(|(_, grant)| *grant)
    }
}

/// The name of a grant as the pseudonym of its records.
pub(crate) const fn pseudonym_of(grant: GrantId) -> Pseudonym {
    Pseudonym::from_bytes(*grant.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const END: u64 = NOW + 30 * 60_000;

    fn named(byte: u8) -> ShopRef {
        ShopRef::from_bytes([byte; 16])
    }

    fn grant() -> Grant {
        let offer = OfferId::parse("ten").expect("valid");
        let promise = Promise { offer, kind: OfferKind::Percent, value: 10, currency: None };
        let charge = Charge { period: 0, units: 1 };
        Grant::new(promise, END, Some(charge), NOW)
    }

    const RESERVE: Deed = Deed::Reserve { cart: ShopRef::from_bytes([1; 16]), until: NOW + 60_000 };
    const OTHER: Deed = Deed::Reserve { cart: ShopRef::from_bytes([2; 16]), until: NOW + 60_000 };
    const REDEEM: Deed = Deed::Redeem { cart: None };
    const REDEEM_FOR_ONE: Deed = Deed::Redeem { cart: Some(ShopRef::from_bytes([1; 16])) };

    /// Does what is asked for, if it is granted.
    fn ask(grant: &mut Grant, deed: Deed, request: u8, now: u64) -> Result<GrantStage, GrantRefusal> {
        let Outcome { stage, entry, .. } = grant.judge(deed, named(request), now)?;
        entry.map(|entry| grant.fold(&entry));
        Ok(stage)
    }

    #[test]
    fn it_goes_to_one_cart_and_is_redeemed_once() {
        let mut it = grant();
        assert_eq!(ask(&mut it, RESERVE, 1, NOW), Ok(GrantStage::Reserved));
        assert_eq!(ask(&mut it, OTHER, 2, NOW), Err(GrantRefusal::OtherCart));
        assert_eq!(it.stage(NOW + 60_000), GrantStage::Issued, "the while is over");
        assert_eq!(ask(&mut it, OTHER, 2, NOW + 60_000), Err(GrantRefusal::OtherCart), "and it is still that cart's");
        assert_eq!(ask(&mut it, REDEEM, 3, NOW), Err(GrantRefusal::OtherCart));
        assert_eq!(ask(&mut it, REDEEM_FOR_ONE, 4, NOW + 60_001), Ok(GrantStage::Redeemed));
        assert_eq!(ask(&mut it, REDEEM_FOR_ONE, 5, NOW + 60_002), Err(GrantRefusal::Redeemed));
        assert_eq!(ask(&mut it, Deed::Release, 6, NOW + 60_002), Err(GrantRefusal::Redeemed));
    }

    #[test]
    fn what_is_released_is_anybodys() {
        let mut it = grant();
        assert_eq!(ask(&mut it, Deed::Release, 1, NOW), Err(GrantRefusal::NotReserved));
        assert_eq!(ask(&mut it, RESERVE, 2, NOW), Ok(GrantStage::Reserved));
        assert_eq!(ask(&mut it, Deed::Release, 3, NOW), Ok(GrantStage::Issued));
        assert_eq!(ask(&mut it, OTHER, 4, NOW), Ok(GrantStage::Reserved));
    }

    #[test]
    fn a_key_does_its_work_once_and_one_thing_alone() {
        let mut it = grant();
        let first = it.judge(RESERVE, named(1), NOW).expect("reserves");
        first.entry.as_ref().map(|entry| it.fold(entry));
        let again = it.judge(RESERVE, named(1), NOW + 59_000).expect("the same");
        assert_eq!((again.stage, again.reserved_until, again.entry), (first.stage, first.reserved_until, None));
        assert_eq!(ask(&mut it, REDEEM_FOR_ONE, 1, NOW), Err(GrantRefusal::KeyReused));
        assert_eq!(ask(&mut it, OTHER, 1, NOW), Err(GrantRefusal::KeyReused));
        assert_eq!(ask(&mut it, REDEEM_FOR_ONE, 2, NOW), Ok(GrantStage::Redeemed));
        // Also after the end: the shop did give what was promised.
        assert_eq!(ask(&mut it, REDEEM_FOR_ONE, 2, END + 5), Ok(GrantStage::Redeemed));
        // What was refused was not done, so that its key is still free.
        let mut other = grant();
        assert_eq!(ask(&mut other, Deed::Release, 9, NOW), Err(GrantRefusal::NotReserved));
        assert_eq!(ask(&mut other, REDEEM, 9, NOW), Ok(GrantStage::Redeemed));
    }

    #[test]
    fn it_ends_at_its_end_and_with_its_session() {
        let mut it = grant();
        assert!(it.is_open(END - 1) && !it.is_open(END));
        assert_eq!(ask(&mut it, RESERVE, 1, END), Err(GrantRefusal::Expired));
        let until = it.judge(Deed::Reserve { cart: named(1), until: u64::MAX }, named(1), NOW).expect("reserves");
        assert_eq!(until.reserved_until, Some(END), "no reservation outlives the grant");
        it.holder = Some(Pseudonym::from_bytes([3; 16]));
        let settled = it.fold(&GrantEntry::Ended).expect("its units come back");
        assert!(!settled.redeemed && it.holder.is_none());
        assert_eq!(ask(&mut it, REDEEM, 2, NOW), Err(GrantRefusal::Expired));
        assert_eq!(it.fold(&GrantEntry::Ended), None, "once");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut it = grant();
        for round in 0..100 {
            ask(&mut it, RESERVE, 2 * round, NOW).expect("reserves");
            ask(&mut it, Deed::Release, 2 * round + 1, NOW).expect("releases");
        }
        assert_eq!(it.done.len(), MOST_DEEDS);
    }
}
