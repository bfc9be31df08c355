//! What the shop's backend does, in a group: grants, orders, the catalogue.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use waver_core::consent::Purpose;
use waver_core::decision::{Facts, ItemFacts, LineFacts, Terms, is_monetary};
use waver_policy::Policy;
use waver_schema::{
    Arm, CartItem, Decision, DecisionId, DecisionReason, DecisionRequest, ErrorCode, GrantId, ItemRef, Offer, OfferId,
    ShopRef, TrafficClass,
};
use waver_store::{Key, Life, Pseudonym, Row, StoreError, Write};

use super::{Candidates, Group, Sender};
use crate::entry::Entry;
use crate::keyring::Readable;
use crate::shop::budget::{Budgets, Charge, Outing};
use crate::shop::grant::{Deed, Grant, GrantEntry, GrantRefusal, Outcome, Promise, pseudonym_of};
use crate::shop::item::{CatalogEntry, Item, KeptItem, NOBODY};
use crate::shop::order::{KeptOrder, OrderEntry, OrderRefusal, PurchaseEntry};
use crate::site::SiteIndex;
use crate::state;

/// A row as a group holds it.
#[derive(Debug)]
struct Held<T> {
    version: u32,
    row: Option<T>,
    is_changed: bool,
}

impl<T> Default for Held<T> {
    fn default() -> Held<T> {
        Held { version: 0, row: None, is_changed: false }
    }
}

impl<T: DeserializeOwned + Serialize> Held<T> {
    fn of(row: Option<&Row>) -> Result<Held<T>, StoreError> {
        Ok(Held {
            version: row.map_or(0, |row| row.version),
            row: row.map(state::read).transpose()?,
            is_changed: false,
        })
    }

    fn change(&mut self) -> &mut Option<T> {
        self.is_changed = true;
        &mut self.row
    }

    /// What is there, to be changed.
    fn known(&mut self) -> Option<&mut T> {
        self.is_changed |= self.row.is_some();
        self.row.as_mut()
    }

    fn write(&self, key: Key, life: impl FnOnce(&T) -> Option<Life>) -> Result<Write, StoreError> {
        let bytes = self.row.as_ref().map(state::write).transpose()?;
        Ok(Write { key, expected: Some(self.version), bytes, life: self.row.as_ref().and_then(life) })
    }
}

/// The rows of the shop, of all sites of the group.
#[derive(Debug, Default)]
pub(super) struct HeldShop {
    grants: HashMap<Key, Held<Grant>>,
    budgets: HashMap<Key, Held<Budgets>>,
    orders: HashMap<Key, Held<KeptOrder>>,
    items: HashMap<Key, Held<KeptItem>>,
}

impl HeldShop {
    /// # Errors
    /// [`StoreError::Snapshot`] for a row that cannot be read.
    pub(super) fn take_in(&mut self, key: Key, row: Option<&Row>) -> Result<(), StoreError> {
        match key {
            Key::Grant(..) => drop(self.grants.insert(key, Held::of(row)?)),
            Key::Budgets(_) => drop(self.budgets.insert(key, Held::of(row)?)),
            Key::Order(..) => drop(self.orders.insert(key, Held::of(row)?)),
            Key::Item(..) => drop(self.items.insert(key, Held::of(row)?)),
            _ => {}
        }
        Ok(())
    }

    /// # Errors
    /// [`StoreError::Write`] for a row that has no form in bytes.
    pub(super) fn writes(self) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for (key, held) in self.grants.iter().filter(|(_, held)| held.is_changed) {
            writes.push(held.write(*key, |grant| Some(grant.life()))?);
        }
        for (key, held) in self.budgets.iter().filter(|(_, held)| held.is_changed) {
            writes.push(held.write(*key, |_| None)?);
        }
        for (key, held) in self.orders.iter().filter(|(_, held)| held.is_changed) {
            writes.push(held.write(*key, |order| Some(order.life()))?);
        }
        for (key, held) in self.items.iter().filter(|(_, held)| held.is_changed) {
            writes.push(held.write(*key, |item| Some(item.life()))?);
        }
        Ok(writes)
    }
}

/// Where a grant stands.
pub(crate) fn grant_key(site: SiteIndex, grant: GrantId) -> Key {
    Key::Grant(site.number(), pseudonym_of(grant))
}

/// Where an order stands.
pub(crate) fn order_key(site: SiteIndex, order: ShopRef) -> Key {
    Key::Order(site.number(), pseudonym_of_order(order))
}

/// The name of an order as the pseudonym of its records.
const fn pseudonym_of_order(order: ShopRef) -> Pseudonym {
    Pseudonym::from_bytes(*order.as_bytes())
}

/// Where the budgets of a site stand.
pub(crate) fn budgets_key(site: SiteIndex) -> Key {
    Key::Budgets(site.number())
}

/// Where an item stands.
pub(crate) fn item_key(site: SiteIndex, item: ItemRef) -> Key {
    Key::Item(site.number(), item)
}

/// Something that the shop's backend asks for with a grant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrantDeed {
    pub(crate) grant: GrantId,
    pub(crate) deed: Deed,
    /// The idempotency key.
    pub(crate) request: ShopRef,
}

/// A grant as its backend is told of it.
#[derive(Debug, Clone)]
pub(crate) struct GrantAnswer {
    pub(crate) grant: Grant,
    pub(crate) outcome: Outcome,
}

/// An order or a refund that the shop's backend tells of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderTold {
    /// Its name.
    pub(crate) order: ShopRef,
    pub(crate) entry: OrderEntry,
    /// The grant that was used for it.
    pub(crate) grant: Option<GrantId>,
}

/// What became of an order that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderTaken {
    /// Whether it was not known before.
    pub(crate) is_new: bool,
    /// Whether it counts for a session.
    pub(crate) has_session: bool,
}

impl Group<'_> {
    /// The rows of the grants and orders of these sessions.
    pub(crate) fn shop_rows_of(&self, of: &Candidates) -> Vec<Key> {
        let sessions = of.senders().filter_map(|(_, from)| self.sessions.get(&from.key())?.session.as_ref());
        let keys = sessions.flat_map(|session| {
            let grants = session.grants.iter().map(|grant| grant_key(of.site, grant));
            grants.chain(session.orders().iter().map(|order| order_key(of.site, *order)))
        });
        keys.collect()
    }

    /// Whether it has the row, or knows that there is none.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        match key {
            Key::Session(..) => self.sessions.contains_key(key),
            Key::Grant(..) => self.shop.grants.contains_key(key),
            Key::Order(..) => self.shop.orders.contains_key(key),
            _ => false,
        }
    }

    /// The rows of the session that an order belongs to, as the shop's rows say.
    pub(crate) fn session_of(&self, site: SiteIndex, order: &OrderTold) -> Vec<Key> {
        let holder = self.holder_of(site, order);
        holder.map(|pseudonym| vec![Key::Session(site.number(), pseudonym)]).unwrap_or_default()
    }

    fn holder_of(&self, site: SiteIndex, told: &OrderTold) -> Option<Pseudonym> {
        let of_order = || self.shop.orders.get(&order_key(site, told.order))?.row.as_ref()?.holder;
        let of_grant = || self.shop.grants.get(&grant_key(site, told.grant?))?.row.as_ref()?.holder;
        of_order().or_else(of_grant)
    }

    /// Does what the shop's backend asks for with a grant.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if its record cannot be written.
    pub(crate) fn grant(
        &mut self,
        of: &Candidates,
        asked: &GrantDeed,
    ) -> Result<Result<GrantAnswer, GrantRefusal>, ErrorCode> {
        let from = self.dated(nobody(of, pseudonym_of(asked.grant)));
        let held = self.shop.grants.get(&grant_key(of.site, asked.grant));
        let Some(grant) = held.and_then(|held| held.row.as_ref()) else { return Ok(Err(GrantRefusal::Unknown)) };
        let outcome = match grant.judge(asked.deed, asked.request, from.received_at) {
            Ok(outcome) => outcome,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let answer = GrantAnswer { grant: grant.clone(), outcome };
        if let Some(entry) = answer.outcome.entry.clone() {
            self.fold_grant(from, &entry);
            self.record(from, &Entry::Grant(entry), Readable::default())?;
        }
        Ok(Ok(answer))
    }

    /// Puts a new grant, or a charge that nobody redeems, into the log.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if its record cannot be written.
    pub(super) fn issue(&mut self, from: Sender, grant: GrantId, entry: GrantEntry) -> Result<(), ErrorCode> {
        let from = Sender { pseudonym: pseudonym_of(grant), epoch: None, ..from };
        if matches!(entry, GrantEntry::Issued { .. }) {
            self.room.shop_rows = self.room.shop_rows.saturating_sub(1);
        }
        self.fold_grant(from, &entry);
        self.record(from, &Entry::Grant(entry), Readable::default())
    }

    /// Ends the grants of a session that is erased: what they had out comes back.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if a record cannot be written.
    pub(super) fn end_grants(&mut self, from: Sender) -> Result<(), ErrorCode> {
        let Some(session) = self.sessions.get(&from.key()).and_then(|held| held.session.as_ref()) else {
            return Ok(());
        };
        for grant in session.grants.iter().collect::<Vec<_>>() {
            let is_open = self.known_grant(from.site, grant).is_some_and(|known| known.is_open(from.received_at));
            if is_open {
                let from = Sender { pseudonym: pseudonym_of(grant), epoch: None, ..from };
                self.fold_grant(from, &GrantEntry::Ended);
                self.record(from, &Entry::Grant(GrantEntry::Ended), Readable::default())?;
            }
        }
        Ok(())
    }

    /// A session is erased: nothing is left that says which grants and orders were its own.
    pub(super) fn forget_holder(&mut self, site: SiteIndex, session: &state::Session) {
        for grant in session.grants.iter() {
            if let Some(grant) = self.shop.grants.get_mut(&grant_key(site, grant)).and_then(Held::known) {
                grant.holder = None;
            }
        }
        for order in session.orders() {
            if let Some(order) = self.shop.orders.get_mut(&order_key(site, *order)).and_then(Held::known) {
                order.holder = None;
            }
        }
    }

    /// Takes in an entry of the log about the grant that `from` names.
    pub(super) fn fold_grant(&mut self, from: Sender, entry: &GrantEntry) {
        let now = from.received_at;
        let key = Key::Grant(from.site.number(), from.pseudonym);
        match entry {
            GrantEntry::Issued { promise, expires_at, charge } => {
                let grant = Grant::new(promise.clone(), *expires_at, *charge, now);
                *self.shop.grants.entry(key).or_default().change() = Some(grant);
                if let Some(charge) = charge {
                    let outing = Outing { from: now, until: *expires_at };
                    self.budgets(from.site).take(&promise.offer, *charge, outing);
                }
            }
            GrantEntry::Spent { offer, charge } => self.budgets(from.site).spend(offer, *charge, now),
            entry => {
                let grant = self.shop.grants.get_mut(&key).and_then(Held::known);
                if let Some(settled) = grant.and_then(|grant| grant.fold(entry)) {
                    let redeemed = settled.redeemed;
                    self.budgets(from.site).settle(&settled.offer, settled.charge, settled.outing, redeemed, now);
                }
            }
        }
    }

    /// The budgets of a site, to be changed.
    fn budgets(&mut self, site: SiteIndex) -> &mut Budgets {
        self.shop.budgets.entry(budgets_key(site)).or_default().change().get_or_insert_default()
    }

    /// The budgets of a site as they are.
    pub(super) fn known_budgets(&self, site: SiteIndex) -> Option<&Budgets> {
        self.shop.budgets.get(&budgets_key(site))?.row.as_ref()
    }

    /// The grant, as far as it is known.
    pub(super) fn known_grant(&self, site: SiteIndex, grant: GrantId) -> Option<&Grant> {
        self.shop.grants.get(&grant_key(site, grant))?.row.as_ref()
    }

    /// What the catalogue says of an item at the time of the group.
    pub(super) fn known_item(&self, site: SiteIndex, item: ItemRef) -> Option<Item> {
        let kept = self.shop.items.get(&item_key(site, item))?.row?;
        (self.clock < kept.until).then_some(kept.item)
    }

    /// A decision of the log made this grant for its session.
    pub(super) fn hold_grant(&mut self, from: Sender, decision: DecisionId, grant: GrantId) {
        if let Some(known) = self.shop.grants.get_mut(&grant_key(from.site, grant)).and_then(Held::known) {
            known.holder = Some(from.pseudonym);
        }
        if let Some(session) = self.session_mut(from) {
            session.grants.remember(decision, grant);
        }
    }

    /// An order or a refund. It counts for its session while that is there and may be measured.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] if there is no room for another order, [`ErrorCode::Internal`] if a record cannot be written.
    pub(crate) fn order(
        &mut self,
        of: &Candidates,
        told: &OrderTold,
    ) -> Result<Result<OrderTaken, OrderRefusal>, ErrorCode> {
        let from = self.dated(nobody(of, pseudonym_of_order(told.order)));
        let held = self.shop.orders.get(&order_key(of.site, told.order));
        let known = held.and_then(|held| held.row.as_ref()).filter(|order| from.received_at < order.until());
        let is_new = match KeptOrder::judge(known, &told.entry) {
            Ok(is_new) => is_new,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if is_new {
            if known.is_none() {
                self.room.shop_rows = self.room.shop_rows.checked_sub(1).ok_or(ErrorCode::Unavailable)?;
            }
            self.fold_order(from, &told.entry);
            self.record(from, &Entry::Order(told.entry), Readable::default())?;
        }
        let Some(buyer) = self.buyer(of, told) else { return Ok(Ok(OrderTaken { is_new, has_session: false })) };
        let order = self.shop.orders.get(&order_key(of.site, told.order)).and_then(|held| held.row.as_ref());
        let Some(confirmed) = order.map(KeptOrder::confirmed) else { return Err(ErrorCode::Internal) };
        let has_it =
            self.session(buyer).is_some_and(|session| session.state.confirmed_orders().any(|it| *it == confirmed));
        if !has_it {
            let entry = PurchaseEntry { order: told.order, confirmed };
            self.fold_purchase(buyer, &entry);
            self.record(buyer, &Entry::Purchase(entry), Readable::default())?;
        }
        Ok(Ok(OrderTaken { is_new, has_session: true }))
    }

    /// The session that an order belongs to, if it may be measured.
    fn buyer(&self, of: &Candidates, told: &OrderTold) -> Option<Sender> {
        let received_at = self.clock.max(of.received_at);
        let named = of.senders().map(|(_, from)| Sender { received_at, ..from });
        let held = self.holder_of(of.site, told).map(|pseudonym| Sender { received_at, ..nobody(of, pseudonym) });
        let mut sessions = named.chain(held);
        sessions.find(|from| {
            let open = |session: &state::Session| {
                session.state.admits(session.state.consent().consent_epoch, Purpose::Measure)
                    && session.state.traffic() == TrafficClass::Shopper
            };
            self.session(*from).is_some_and(open)
        })
    }

    /// Takes in an order or a refund of the log.
    pub(super) fn fold_order(&mut self, from: Sender, entry: &OrderEntry) {
        let held = self.shop.orders.entry(Key::Order(from.site.number(), from.pseudonym)).or_default();
        let known = held.change().take().filter(|order| from.received_at < order.until());
        held.row = Some(KeptOrder::fold(known, entry, from.received_at));
    }

    /// Takes in an order of the log as a part of its session.
    pub(super) fn fold_purchase(&mut self, from: Sender, entry: &PurchaseEntry) {
        let Some(session) = self.session_mut(from) else { return };
        let mut changes = session.state.record_order(entry.confirmed);
        session.remember_order(entry.order);
        self.held(from).is_changed = true;
        self.note_share(from, &mut changes);
        self.changes.push((from.site.number(), changes));
        if let Some(order) = self.shop.orders.get_mut(&order_key(from.site, entry.order)).and_then(Held::known) {
            order.holder = Some(from.pseudonym);
        }
    }

    /// A part of the catalogue. Says how many items were taken.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] if there is no room for all of them, [`ErrorCode::Internal`] if the record cannot be written.
    pub(crate) fn catalog(&mut self, of: &Candidates, entry: CatalogEntry) -> Result<usize, ErrorCode> {
        let from = self.dated(nobody(of, NOBODY));
        let is_new = |item: &&Item| {
            let held = self.shop.items.get(&item_key(of.site, item.item));
            held.is_none_or(|held| held.row.is_none())
        };
        let new = entry.items.iter().filter(is_new).count();
        self.room.shop_rows = self.room.shop_rows.checked_sub(new).ok_or(ErrorCode::Unavailable)?;
        self.fold_catalog(from, &entry);
        let items = entry.items.len();
        self.record(from, &Entry::Catalog(entry), Readable::default())?;
        Ok(items)
    }

    /// Takes in a part of the catalogue of the log.
    pub(super) fn fold_catalog(&mut self, from: Sender, entry: &CatalogEntry) {
        for item in &entry.items {
            let held = self.shop.items.entry(item_key(from.site, item.item)).or_default();
            *held.change() = Some(KeptItem { item: *item, until: entry.until });
        }
    }
}

/// A sender that is no session.
fn nobody(of: &Candidates, pseudonym: Pseudonym) -> Sender {
    Sender { site: of.site, pseudonym, epoch: None, received_at: of.received_at }
}

/// The names of what may come of a decision, drawn by whoever asks for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecisionIds {
    pub(crate) decision: DecisionId,
    pub(crate) grant: GrantId,
}

/// A decision, and the grant that is to be told with it.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    pub(crate) grant: Option<GrantId>,
}

impl Decided {
    pub(super) const fn plain(decision: Decision) -> Decided {
        Decided { decision, grant: None }
    }
}

impl Group<'_> {
    /// The decision that stands in the slot already, with the end it had from the first: after a reload or in another tab it is the same, for a
    /// shopper and for a control. Nothing new is decided, so nothing is logged. The kill switch takes standing offers too.
    pub(super) fn standing_decision(
        &self,
        from: Sender,
        session: &state::Session,
        policy: &Policy,
        request: &DecisionRequest,
    ) -> Option<Decided> {
        if policy.kill_switch() {
            return None;
        }
        let trace = session.state.standing_offer(&request.slot, from.received_at)?;
        let index = policy.index_of(trace.offer())?;
        let grant = session.grants.of(trace.decision());
        let item = request.item.and_then(|item| self.known_item(from.site, item)).map(ItemFacts::from);
        let mut offer = policy.offer(index, request.locale.as_ref(), trace.decided_at(), item.as_ref())?;
        offer.expires_at = trace.expires_at();
        if let Some(grant) = grant {
            // What was promised must still be what is shown, and be there to be redeemed.
            let known = self.known_grant(from.site, grant).filter(|known| known.is_open(from.received_at))?;
            (known.promise == Promise::of(&offer)).then_some(())?;
        }
        let arm = trace.arm();
        let reason = if arm == Arm::Holdout { DecisionReason::Holdout } else { DecisionReason::TargetingMatch };
        let decision = Decision {
            decision: Some(trace.decision()),
            slot: request.slot.clone(),
            offer: (arm == Arm::Offer).then_some(offer),
            reason,
            arm,
            propensity: session.propensity(trace.decision())?,
            holdout: arm == Arm::Holdout,
            policy: policy.version().to_owned(),
            model: waver_core::intent::RULES.to_owned(),
            explain: Vec::new(),
            now: from.received_at,
        };
        Some(Decided { decision, grant })
    }

    /// What the catalogue says of the product that the page shows, and of those in the cart, as far as it knows them.
    pub(super) fn catalogue_of(
        &self,
        site: SiteIndex,
        request: &DecisionRequest,
    ) -> (Option<ItemFacts>, Vec<LineFacts>) {
        let known = |item| self.known_item(site, item).map(ItemFacts::from);
        let line = |line: &CartItem| Some(LineFacts { quantity: line.quantity, item: known(line.item)? });
        (request.item.and_then(known), request.items.iter().filter_map(line).collect())
    }

    /// Offers that may not be made now because their budget has no room for another, or nothing can be promised any more.
    pub(super) fn spent(&self, from: Sender, policy: &Policy, facts: &Facts) -> Vec<OfferId> {
        let now = from.received_at;
        let no_grants = self.sites.get(from.site).has_backend() && self.room.shop_rows == 0;
        let none = Budgets::default();
        let budgets = self.known_budgets(from.site).unwrap_or(&none);
        let is_spent = |(index, terms): &(usize, &Terms)| {
            let charge = policy.allowance(*index, now, facts).map(|it| (Charge::of(&it), it.allowed));
            charge.is_some_and(|(charge, allowed)| !budgets.has_room(&terms.id, charge, allowed, now))
                || (no_grants && is_monetary(terms.kind))
        };
        policy.terms().iter().enumerate().filter(is_spent).map(|(_, terms)| terms.id.clone()).collect()
    }

    /// Puts into the log what an offer that is made takes from its budget, and what the shop's backend may redeem for it; says under which name.
    /// Where no backend is known that redeems anything, an offer is spent when it is made.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the record cannot be written.
    pub(super) fn grant_for(
        &mut self,
        from: Sender,
        policy: &Policy,
        index: usize,
        facts: &Facts,
        offer: &Offer,
        grant: GrantId,
    ) -> Result<Option<GrantId>, ErrorCode> {
        let charge = policy.allowance(index, from.received_at, facts).map(|allowance| Charge::of(&allowance));
        if is_monetary(offer.kind) && self.sites.get(from.site).has_backend() {
            let entry = GrantEntry::Issued { promise: Promise::of(offer), expires_at: offer.expires_at, charge };
            self.issue(from, grant, entry)?;
            return Ok(Some(grant));
        }
        if let Some(charge) = charge {
            self.issue(from, grant, GrantEntry::Spent { offer: offer.id.clone(), charge })?;
        }
        Ok(None)
    }
}
