//! The session as the collector knows it: a pure fold over consent records, batches and decisions.
//!
//! The same records in the same order give the same state, bit for bit (invariant I4), and batches that arrive in another order, or
//! twice, give the same state as a clean stream (I10): sums do not care for order, what is counted once is counted for the smallest
//! `seq`, and the last value is that of the largest. Each step also returns the [`Change`]s that [`crate::window::Windows`] add up;
//! an event that fills a gap takes back what the gap had made others assume. The promise ends
//! where the bounds do: 256 gaps, 32 orders, 64 scores of intent and 64 cart events that wait for a gap, and half an hour of session time by
//! which an event may overtake another before the session looks idle. It does not hold for what a session added to the windows before it
//! was found to be nobody's ([`SessionState::traffic`]): when that was depends on what arrived first.
//!
//! Time: an event happened at `started_at + t`, where `started_at` is the collector's estimate of `t = 0`. The first consent record
//! bounds it from above, and so does the arrival of the first batch less its largest `t`, since nothing arrives before it happens; the
//! smaller bound holds from then on. Client wall clocks are never read, and no event happens later than it is received.
//!
//! Memory: see [`SessionState`].

mod cart;
mod change;
mod client;
mod features;
mod first;
mod intent;
mod loss;
mod offer;
mod order;
mod outcome;
mod plausibility;
mod reached;
mod row;
mod sequence;
mod share;
mod trail;
mod trials;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::{
    CommerceAction, ConsentAnswer, ConsentChoice, Currency, DeviceClass, Event, EventBody, HesitationKind, Milli,
    PageType, SlotName, Stage, TrafficClass, Zone, limits,
};

pub use change::{Change, EndedSession, Measured, mark_active};
pub use client::Client;
pub use features::TOLD_FEATURES;
pub use intent::IntentScore;
pub use loss::ExitPath;
pub use offer::{DecisionRecord, MOST_OFFERS, OfferState, OfferTrace};
pub use order::{ConfirmedOrder, MOST_ORDERS};
pub use outcome::{BatchFold, Discard, Outcome};
pub use plausibility::{CLOCK_SLACK_MS, MOST_AHEAD_MS, MOST_PER_MINUTE};
pub use reached::{Cell, mark_reached};
pub use row::{HesitationRow, OfferRow, SessionConsent, SessionRow};
pub use share::{MOST_COUNTS, Share};

use crate::consent::Purpose;
use crate::decision::SessionHistory;
use cart::CartTrail;
use change::Ledger;
use first::First;
use intent::IntentTrail;
use offer::Offers;
use order::Orders;
use plausibility::{Pace, contradicts_arrival, outlasts_time};
use sequence::{Arrival, LARGEST_SEQ, Numbered, Sequence};

/// Grows whenever the same records fold to another state. A state that was stored under another number is rebuilt from the log.
pub const FOLD_VERSION: u16 = 4;

/// One session, folded.
///
/// Size: 288 bytes, and on the heap 32 for each run of sequence numbers without a gap (mostly one), 24 for each kind and zone of hesitation,
/// some 200 for each offer and 56 for each order. A typical session (20 events, two hesitations, an offer, an order) takes 690 bytes of
/// the process, the allocator's share included: a million fit into 0.7 GB. `tests/footprint.rs` measures that and holds it below 800.
/// Encoded by postcard it takes 180 bytes, and 40 before anything happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionState {
    client: Client,
    started_at: u64,
    /// Whether a batch has bounded `started_at`; it is final then.
    anchored: bool,
    consent: OnRecord,
    sequence: Sequence,
    pace: Pace,
    /// Whether the stream of events was found to be one that no person makes.
    impossible: bool,
    last_t: u64,
    last_event_at: u64,
    device: Option<(u64, DeviceClass)>,
    views: u32,
    product_views: u32,
    cart_adds: u32,
    cart_removes: u32,
    cart: CartTrail,
    engaged_ms: u64,
    frustrations: u32,
    dropped: u64,
    intent: IntentTrail,
    hesitations: Vec<HesitationTally>,
    orders: Orders,
    offers: Offers,
}

/// Hesitations of one kind in one zone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct HesitationTally {
    kind: HesitationKind,
    zone: Option<Zone>,
    count: u32,
    max_score_milli: Milli,
    last_at: u64,
}

/// The choice on record. Apart from the answer to it, so that a field there is none of a stored session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct OnRecord {
    consent_epoch: u32,
    measure: ConsentChoice,
    personalize: ConsentChoice,
}

impl SessionState {
    /// A session of which nothing is known but that its first record, a consent record, arrived at `received_at` (Unix milliseconds of
    /// the collector's clock), from `client`. Follow up with [`SessionState::record_consent`].
    pub fn new(received_at: u64, client: Client) -> SessionState {
        SessionState {
            client,
            started_at: received_at,
            anchored: false,
            consent: OnRecord {
                consent_epoch: 0,
                measure: ConsentChoice::Unknown,
                personalize: ConsentChoice::Unknown,
            },
            sequence: Sequence::default(),
            pace: Pace::default(),
            impossible: false,
            last_t: 0,
            last_event_at: received_at,
            device: None,
            views: 0,
            product_views: 0,
            cart_adds: 0,
            cart_removes: 0,
            cart: CartTrail::default(),
            engaged_ms: 0,
            frustrations: 0,
            dropped: 0,
            intent: IntentTrail::default(),
            hesitations: Vec::new(),
            orders: Orders::default(),
            offers: Offers::default(),
        }
    }

    /// Takes in a grant or withdrawal that arrived at `received_at` (Unix milliseconds of the collector's clock). Every record begins a new
    /// epoch, and what was made under an older one is not admitted any more.
    ///
    /// No epoch is ever used twice: it is one more than the last, and at least the second it began in, so that a session which was
    /// forgotten and begins again under the same name does not take an old batch once more. That would fail only if a session had
    /// begun more epochs than seconds passed, or after 2106, when 32 bits of seconds end.
    pub fn record_consent(
        &mut self,
        measure: ConsentChoice,
        personalize: ConsentChoice,
        received_at: u64,
    ) -> ConsentAnswer {
        let second = u32::try_from(received_at / 1000).unwrap_or(u32::MAX);
        let consent_epoch = self.consent.consent_epoch.saturating_add(1).max(second);
        self.consent = OnRecord { consent_epoch, measure, personalize };
        self.consent()
    }

    /// Whether something that was made under `consent_epoch` is admitted for `purpose`: batches for measuring, requests for a decision
    /// for personalising.
    pub fn admits(&self, consent_epoch: u32, purpose: Purpose) -> bool {
        let choice = match purpose {
            Purpose::Measure => self.consent.measure,
            Purpose::Personalize => self.consent.personalize,
        };
        consent_epoch == self.consent.consent_epoch && choice == ConsentChoice::Granted
    }

    /// Takes in a batch that arrived at `received_at` (Unix milliseconds of the collector's clock). A batch that is not admitted is
    /// discarded whole and changes nothing.
    pub fn fold(&mut self, consent_epoch: u32, events: &[Event], received_at: u64) -> BatchFold {
        if !self.admits(consent_epoch, Purpose::Measure) {
            let outcomes = vec![Outcome::Discarded(Discard::Consent); events.len()];
            return BatchFold { outcomes, changes: Vec::new() };
        }
        if !self.anchored {
            let largest_t = events.iter().map(|event| event.t).filter(|t| *t <= limits::SESSION_MAX_MS).max();
            let begun = largest_t.and_then(|t| received_at.checked_sub(t)).unwrap_or(self.started_at);
            self.started_at = self.started_at.min(begun);
            self.last_event_at = self.started_at;
        }
        let mut ledger = Ledger::of(self.traffic());
        let outcomes = events.iter().map(|event| self.apply(event, received_at, &mut ledger)).collect();
        let complete = self.sequence.complete_through();
        self.intent.settle(complete);
        self.cart.settle(complete);
        BatchFold { outcomes, changes: ledger.into_changes() }
    }

    /// Takes in a decision of the collector. Hand in each once: decisions to offer nothing are counted and not remembered.
    pub fn record_decision(&mut self, record: &DecisionRecord) -> Vec<Change> {
        let mut ledger = Ledger::of(self.traffic());
        self.offers.decide(record, &mut ledger);
        ledger.into_changes()
    }

    /// Takes in what the shop's backend tells of an order of this session. An order too many is left out, as in [`Discard::OrderLimit`].
    pub fn record_order(&mut self, order: ConfirmedOrder) -> Vec<Change> {
        let mut ledger = Ledger::of(self.traffic());
        if self.orders.takes(Some(order.reference)) {
            self.orders.confirm(order, &mut ledger);
        }
        ledger.into_changes()
    }

    /// Orders that the shop's backend told of.
    pub fn confirmed_orders(&self) -> impl Iterator<Item = &ConfirmedOrder> {
        self.orders.confirmed()
    }

    fn apply(&mut self, event: &Event, received_at: u64, ledger: &mut Ledger) -> Outcome {
        match self.store(event, received_at, ledger) {
            Ok(Arrival::Duplicate) => Outcome::Duplicate,
            Ok(_) => Outcome::Stored,
            Err(discard) => Outcome::Discarded(discard),
        }
    }

    fn store(&mut self, event: &Event, received_at: u64, ledger: &mut Ledger) -> Result<Arrival, Discard> {
        let Event { seq, t, .. } = *event;
        if !(1..=LARGEST_SEQ).contains(&seq) {
            return Err(Discard::SeqRange);
        }
        if self.sequence.contains(seq) {
            return Ok(Arrival::Duplicate);
        }
        if t > limits::SESSION_MAX_MS {
            return Err(Discard::SessionMax);
        }
        if self.anchored && t > self.last_t + limits::SESSION_IDLE_MS {
            return Err(Discard::SessionIdle);
        }
        let at = (self.started_at + t).min(received_at).max(self.started_at);
        let numbered = Numbered { seq, at, path: ExitPath::before(&event.body) };
        if self.sequence.insert(numbered, self.client.browser, ledger) == Arrival::Refused {
            return Err(Discard::SeqGap);
        }
        if self.traffic() == TrafficClass::Shopper && self.is_made_impossible_by(event, received_at) {
            self.turn_impossible(ledger);
        }
        // From here on the event has arrived, whatever becomes of it: discarding it is not losing it.
        match &event.body {
            EventBody::Offer { decision, action, .. } if !self.offers.takes(*decision, *action) => {
                return Err(Discard::UnknownDecision);
            }
            EventBody::Commerce { action: CommerceAction::Purchase, order, .. } if !self.orders.takes(*order) => {
                return Err(Discard::OrderLimit);
            }
            _ => {}
        }
        if !self.anchored {
            self.anchored = true;
            ledger.count(self.started_at, Measured::Session);
        }
        self.last_t = self.last_t.max(t);
        self.last_event_at = self.last_event_at.max(at);
        ledger.count(at, Measured::Event);
        self.take_in(seq, at, &event.body, ledger);
        Ok(Arrival::New)
    }

    /// Whether an event that arrived at `received_at` shows that nobody is there.
    fn is_made_impossible_by(&mut self, event: &Event, received_at: u64) -> bool {
        let engaged_ms = match event.body {
            EventBody::Engagement { engaged_ms, .. } => self.engaged_ms.saturating_add(engaged_ms.into()),
            _ => 0,
        };
        self.pace.outruns_a_hand(event.seq, event.t)
            || outlasts_time(engaged_ms, self.last_t.max(event.t))
            || contradicts_arrival(event.t, received_at.saturating_sub(self.started_at))
    }

    /// From here on the session is counted apart. Of what it added before, the session itself and its orders are taken back, which is what
    /// others are measured by; its events, views and offers stay in the minutes that had them.
    fn turn_impossible(&mut self, ledger: &mut Ledger) {
        if self.anchored {
            ledger.take_back(self.started_at, Measured::Session);
            self.orders.take_back(ledger);
        }
        self.impossible = true;
        self.pace = Pace::default();
        ledger.turn(TrafficClass::Impossible);
        if self.anchored {
            ledger.count(self.started_at, Measured::Session);
        }
    }

    fn take_in(&mut self, seq: u64, at: u64, body: &EventBody, ledger: &mut Ledger) {
        match *body {
            EventBody::PageView { page, device, .. } => {
                self.views = self.views.saturating_add(1);
                self.product_views = self.product_views.saturating_add(u32::from(page == PageType::Product));
                if self.device.is_none_or(|(known, _)| known < seq) {
                    self.device = Some((seq, device));
                }
                ledger.count(at, Measured::View(page));
            }
            EventBody::Engagement { engaged_ms, .. } => {
                self.engaged_ms = self.engaged_ms.saturating_add(u64::from(engaged_ms));
            }
            EventBody::Commerce { action, quantity, value_minor, currency, order, .. } => {
                self.cart_adds = self.cart_adds.saturating_add(u32::from(action == CommerceAction::AddToCart));
                self.cart_removes =
                    self.cart_removes.saturating_add(u32::from(action == CommerceAction::RemoveFromCart));
                self.cart.step(seq, action, quantity);
                if action == CommerceAction::Purchase {
                    self.orders.tell(order, First { seq, at, value: currency.zip(value_minor) }, ledger);
                }
            }
            EventBody::Hesitation { kind, zone, page, score_milli, .. } => {
                self.hesitate(kind, zone, score_milli, at);
                ledger.count(at, Measured::Hesitation { kind, zone, page });
            }
            EventBody::Frustration { kind, zone, page } => {
                self.frustrations = self.frustrations.saturating_add(1);
                ledger.count(at, Measured::Frustration { kind, zone, page });
            }
            EventBody::Intent { p_buy_milli, p_leave_milli, stage, trend } => {
                self.intent.enter(seq, at, IntentScore { p_buy_milli, p_leave_milli, stage, trend }, ledger);
            }
            EventBody::Offer { action, decision, since_signal_ms } => {
                self.offers.act(decision, action, First { seq, at, value: since_signal_ms }, ledger);
            }
            EventBody::Dropped { cause, count } => {
                self.dropped = self.dropped.saturating_add(u64::from(count));
                ledger.add(at, Measured::Dropped { browser: self.client.browser, cause }, i64::from(count));
            }
        }
    }

    fn hesitate(&mut self, kind: HesitationKind, zone: Option<Zone>, score_milli: Milli, at: u64) {
        let place = self.hesitations.partition_point(|tally| (tally.kind, tally.zone) < (kind, zone));
        match self.hesitations.get_mut(place) {
            Some(tally) if (tally.kind, tally.zone) == (kind, zone) => {
                tally.count = tally.count.saturating_add(1);
                tally.max_score_milli = tally.max_score_milli.max(score_milli);
                tally.last_at = tally.last_at.max(at);
            }
            _ => {
                let tally = HesitationTally { kind, zone, count: 1, max_score_milli: score_milli, last_at: at };
                self.hesitations.reserve_exact(1);
                self.hesitations.insert(place, tally);
            }
        }
    }

    /// When it began: the collector's estimate of `t = 0`, Unix milliseconds. Final once an event is stored.
    pub const fn started_at(&self) -> u64 {
        self.started_at
    }

    /// When the last event happened, Unix milliseconds.
    pub const fn last_event_at(&self) -> u64 {
        self.last_event_at
    }

    /// When it ends unless something happens, Unix milliseconds.
    pub fn ends_at(&self) -> u64 {
        let idle = self.last_event_at.saturating_add(limits::SESSION_IDLE_MS);
        idle.min(self.started_at.saturating_add(limits::SESSION_MAX_MS))
    }

    /// The collector's time `now` (Unix milliseconds) in milliseconds of the session, as decisions count them.
    pub const fn session_ms(&self, now: u64) -> u64 {
        now.saturating_sub(self.started_at)
    }

    /// What is known of the sender.
    pub const fn client(&self) -> Client {
        self.client
    }

    /// Who or what the session is: what it says to be, unless it says to be a shopper and can not be one.
    pub const fn traffic(&self) -> TrafficClass {
        match self.client.traffic {
            TrafficClass::Shopper if self.impossible => TrafficClass::Impossible,
            declared => declared,
        }
    }

    /// What the aggregates learn of the session now that it has ended, in the window of its last event. Whoever lets go of an ended session
    /// hands this to its site's windows, exactly once: nothing in the session remembers that it was done. Empty for a session without
    /// events and for one that is not a shopper's.
    pub fn closing(&self) -> Vec<Change> {
        let mut ledger = Ledger::of(self.traffic());
        if self.anchored {
            let ended = EndedSession {
                duration_ms: self.last_event_at.saturating_sub(self.started_at),
                engaged_ms: self.engaged_ms,
                hesitated: !self.hesitations.is_empty(),
                offered: self.offers.iter().any(OfferTrace::is_exposed),
                bought: self.orders.count() > 0,
            };
            ledger.count(self.last_event_at, Measured::Ended(ended));
        }
        ledger.into_changes()
    }

    /// The consent on record.
    pub const fn consent(&self) -> ConsentAnswer {
        let OnRecord { consent_epoch, measure, personalize } = self.consent;
        ConsentAnswer { consent_epoch, measure, personalize, visitor_days: None }
    }

    /// The stage of intent; `None` before the first score.
    pub fn stage(&self) -> Option<Stage> {
        self.intent.last().map(|score| score.stage)
    }

    /// Items put into the cart and taken out of it, as events count them: one each, whatever the quantity.
    pub const fn cart_edits(&self) -> (u32, u32) {
        (self.cart_adds, self.cart_removes)
    }

    /// Milliseconds of attention.
    pub const fn engaged_ms(&self) -> u64 {
        self.engaged_ms
    }

    /// Events that the browser says it had to drop.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Events that never arrived, as the gaps in the sequence numbers tell.
    pub fn lost_events(&self) -> u64 {
        self.sequence.lost()
    }

    /// The offers, oldest first, those that a control would have been made included.
    pub fn offers(&self) -> impl DoubleEndedIterator<Item = &OfferTrace> {
        self.offers.iter()
    }

    /// The offer that stands in `slot` at `now` (Unix milliseconds): decided, neither taken nor closed, not at its end. After a reload or
    /// in another tab the page is told of this same one, with the same end; and a control of the same one that it is not shown.
    pub fn standing_offer(&self, slot: &SlotName, now: u64) -> Option<&OfferTrace> {
        let last = self.offers.iter().rfind(|trace| trace.slot() == slot)?;
        let stands = matches!(last.state().0, OfferState::Decided | OfferState::Exposed | OfferState::Holdout);
        (stands && now < last.expires_at()).then_some(last)
    }

    /// Orders placed.
    pub fn order_count(&self) -> u32 {
        self.orders.count()
    }

    /// Value of the orders placed, in minor units by currency.
    pub fn revenue(&self) -> BTreeMap<Currency, u64> {
        self.orders.revenue()
    }

    /// What decisions may know at `now` (Unix milliseconds). Offers that a control would have been made count like those made, so that caps
    /// and cooldowns treat all arms alike.
    pub fn history(&self, now: u64) -> SessionHistory {
        let dismissed = self.offers.iter().filter(|trace| trace.state().0 == OfferState::Dismissed).count();
        let standing = self.offers.iter().filter(|trace| trace.stands(now));
        SessionHistory {
            views: self.views,
            product_views: self.product_views,
            cart_adds: self.cart_adds,
            cart_removes: self.cart_removes,
            checkout_begun: self.cart.now().checkout_begun,
            purchases: self.orders.count(),
            dismissed: u32::try_from(dismissed).unwrap_or(u32::MAX),
            offered: self
                .offers
                .iter()
                .map(|trace| (trace.offer().clone(), self.session_ms(trace.decided_at())))
                .collect(),
            standing: standing.map(|trace| trace.offer().clone()).collect(),
        }
    }
}
