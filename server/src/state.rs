//! What the collector knows, all a function of the log (invariant I4): how sessions and books are written as rows of the store, and the
//! counts that the log has no trace of.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use waver_core::experiment::Measure;
use waver_core::session::{Change, MOST_OFFERS, MOST_ORDERS, SessionState, Share};
use waver_core::window::LATENESS_MS;
use waver_schema::{
    DecisionId, ErasedRecords, ErasureId, OfferId, PolicyVersion, ShopRef, Stage, TrafficClass, limits,
};
use waver_store::{EmbeddedState, Key, Life, Row, SiteNumber, StateStore, StoreError};

use crate::outcome::{DiscardReason, Outcomes};
use crate::shop::grant::HeldGrants;
use crate::site::SiteIndex;

/// For how long after its end a session is kept: what arrives later than this belongs to no session.
pub(crate) const GRACE_MS: u64 = LATENESS_MS;

/// One session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) state: SessionState,
    /// With which probability each offer was made, to say the same when it is asked for again.
    propensities: Vec<(DecisionId, f64)>,
    /// What it added to the windows.
    pub(crate) share: Share,
    /// How many records of it are in the log; of dead letters none are counted here.
    pub(crate) records: ErasedRecords,
    /// What the shop's backend may redeem.
    pub(crate) grants: HeldGrants,
    /// Its orders that the shop's backend told of.
    orders: Vec<ShopRef>,
}

/// A session that was erased: nothing of it is taken any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    /// The erasure.
    pub(crate) erasure: ErasureId,
    /// When, Unix milliseconds.
    pub(crate) erased_at: u64,
}

impl Tombstone {
    /// For how long it stands: longer than any session lives, and an hour for what is under way.
    pub(crate) const LIFE_MS: u64 = limits::SESSION_MAX_MS + 60 * 60 * 1000;

    /// Whether it is as if it were gone at `now` (Unix milliseconds), whether or not its row still lies there.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        now > self.erased_at.saturating_add(Tombstone::LIFE_MS)
    }

    pub(crate) fn life(&self) -> Life {
        // The store adds the grace of sessions.
        Life { live_until: self.erased_at + (Tombstone::LIFE_MS - GRACE_MS), tag: 0 }
    }
}

/// What is remembered of a browser across sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Visitor {
    /// When its pseudonym ends, Unix milliseconds.
    until: u64,
    /// What it was offered, and when (Unix milliseconds), oldest first; the latest [`MOST_OFFERS`].
    offered: Vec<(OfferId, u64)>,
}

impl Visitor {
    pub(crate) const fn new(until: u64) -> Visitor {
        Visitor { until, offered: Vec::new() }
    }

    pub(crate) fn remember(&mut self, offer: OfferId, at: u64) {
        if self.offered.len() == MOST_OFFERS {
            self.offered.remove(0);
        }
        self.offered.push((offer, at));
    }

    /// What it was offered, once for each time.
    pub(crate) fn offers(&self) -> impl Iterator<Item = &OfferId> {
        self.offered.iter().map(|(offer, _)| offer)
    }

    /// The same with the times.
    pub(crate) fn offered(&self) -> &[(OfferId, u64)] {
        &self.offered
    }

    /// Whether it is as if it were gone at `now` (Unix milliseconds).
    pub(crate) const fn is_over(&self, now: u64) -> bool {
        now >= self.until
    }

    pub(crate) fn life(&self) -> Life {
        // The store adds the grace of sessions.
        Life { live_until: self.until.saturating_sub(GRACE_MS), tag: 0 }
    }
}

/// The offers of a site that were stopped because they do harm, under the version of the policy that this was found under; of earlier ones
/// nothing is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stops(Vec<Stopped>);

/// An offer that was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stopped {
    pub(crate) offer: OfferId,
    policy: PolicyVersion,
    /// What it harms.
    pub(crate) measure: Measure,
    /// When, Unix milliseconds.
    pub(crate) at: u64,
}

impl Stops {
    /// Those that stand under a version of the policy.
    pub(crate) fn under(&self, policy: &str) -> impl Iterator<Item = &Stopped> {
        let policy = PolicyVersion::parse(policy).ok();
        self.0.iter().filter(move |stopped| Some(stopped.policy) == policy)
    }

    /// Whether it stands already.
    pub(crate) fn has(&self, offer: &OfferId, policy: PolicyVersion) -> bool {
        self.0.iter().any(|stopped| stopped.offer == *offer && stopped.policy == policy)
    }

    /// Stops an offer. A policy has few of them, so that these are few.
    pub(crate) fn stop(&mut self, offer: OfferId, policy: PolicyVersion, measure: Measure, at: u64) {
        self.0.retain(|stopped| stopped.policy == policy && stopped.offer != offer);
        if self.0.len() < waver_policy::MOST_OFFERS {
            self.0.push(Stopped { offer, policy, measure, at });
        }
    }
}

impl Session {
    pub(crate) fn new(state: SessionState) -> Session {
        Session {
            state,
            propensities: Vec::new(),
            share: Share::default(),
            records: ErasedRecords::default(),
            grants: HeldGrants::default(),
            orders: Vec::new(),
        }
    }

    /// An order that the shop's backend told of belongs to it.
    pub(crate) fn remember_order(&mut self, order: ShopRef) {
        if !self.orders.contains(&order) && self.orders.len() < MOST_ORDERS {
            self.orders.push(order);
        }
    }

    /// Its orders that the shop's backend told of.
    pub(crate) fn orders(&self) -> &[ShopRef] {
        &self.orders
    }

    /// Whether its time is over at `now` (Unix milliseconds), the grace included. It is gone then, whether or not its row still lies there,
    /// so that when rows are swept makes no difference.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        now > self.state.ends_at().saturating_add(GRACE_MS)
    }

    pub(crate) fn remember_propensity(&mut self, decision: DecisionId, propensity: f64) {
        if self.propensities.len() == MOST_OFFERS {
            self.propensities.remove(0);
        }
        self.propensities.push((decision, propensity));
    }

    pub(crate) fn propensity(&self, decision: DecisionId) -> Option<f64> {
        self.propensities.iter().find(|(known, _)| *known == decision).map(|(_, propensity)| *propensity)
    }

    /// What it has added to the windows, with the session's `lot` as its mark.
    pub(crate) fn added(&self, lot: u64) -> Vec<Change> {
        self.share.given_again(lot)
    }

    /// # Errors
    /// [`StoreError::Snapshot`] for bytes that are not those of a session.
    pub(crate) fn from_row(row: &Row) -> Result<Session, StoreError> {
        read(row)
    }

    /// # Errors
    /// As [`Session::from_row`].
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Session, StoreError> {
        read_bytes(bytes)
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        write(self)
    }

    pub(crate) fn life(&self) -> Life {
        Life { live_until: self.state.ends_at(), tag: LiveAs::of(&self.state) as u8 }
    }
}

/// What a live session is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LiveAs {
    /// No score yet.
    Unscored = 0,
    Low = 1,
    Building = 2,
    High = 3,
    Leaving = 4,
    /// Nobody to sell to.
    Automated = 5,
}

impl LiveAs {
    pub(crate) const ALL: [LiveAs; 6] =
        [LiveAs::Unscored, LiveAs::Low, LiveAs::Building, LiveAs::High, LiveAs::Leaving, LiveAs::Automated];

    /// The name in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            LiveAs::Unscored => "unscored",
            LiveAs::Low => "low",
            LiveAs::Building => "building",
            LiveAs::High => "high",
            LiveAs::Leaving => "leaving",
            LiveAs::Automated => "automated",
        }
    }

    fn of(state: &SessionState) -> LiveAs {
        if state.traffic() != TrafficClass::Shopper {
            return LiveAs::Automated;
        }
        match state.stage() {
            None => LiveAs::Unscored,
            Some(Stage::Low) => LiveAs::Low,
            Some(Stage::Building) => LiveAs::Building,
            Some(Stage::High) => LiveAs::High,
            Some(Stage::Leaving) => LiveAs::Leaving,
        }
    }
}

/// Reads a row that [`write`] wrote.
///
/// # Errors
/// [`StoreError::Snapshot`].
pub(crate) fn read<'a, T: Deserialize<'a>>(row: &'a Row) -> Result<T, StoreError> {
    read_bytes(&row.bytes)
}

fn read_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, StoreError> {
    let damaged = || StoreError::Snapshot { reason: "a row is not what was written".to_owned() };
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(damaged()),
    }
}

/// # Errors
/// [`StoreError::Write`] for what has no form in bytes, which types without foreign maps always have.
pub(crate) fn write(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    postcard::to_allocvec(value).map_err(|error| StoreError::Write(error.to_string()))
}

/// What became of events of which the log keeps nothing, since they changed nothing: counted since the process began.
#[derive(Debug, Clone)]
pub(crate) struct Unlogged(Arc<Mutex<Vec<Outcomes>>>);

impl Unlogged {
    pub(crate) fn new(sites: usize) -> Unlogged {
        Unlogged(Arc::new(Mutex::new(vec![Outcomes::default(); sites])))
    }

    pub(crate) fn discard(&self, site: SiteIndex, events: u64, reason: DiscardReason) {
        self.with(site, |outcomes| outcomes.discard(events, reason));
    }

    pub(crate) fn add(&self, site: SiteIndex, more: &Outcomes) {
        self.with(site, |outcomes| outcomes.add(more));
    }

    fn with<R>(&self, site: SiteIndex, what: impl FnOnce(&mut Outcomes) -> R) -> R {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(site.0)])
    }
}

/// The state as everyone may read it; the committer alone changes it.
#[derive(Debug, Clone)]
pub(crate) struct SharedState {
    pub(crate) rows: Arc<EmbeddedState>,
    pub(crate) unlogged: Unlogged,
}

impl SharedState {
    pub(crate) fn new(rows: EmbeddedState, sites: usize) -> SharedState {
        SharedState { rows: Arc::new(rows), unlogged: Unlogged::new(sites) }
    }

    /// What became of the events of a site: what the log knows, and since the process began what it does not.
    pub(crate) fn outcomes(&self, site: SiteIndex) -> Outcomes {
        // A row that cannot be read was refused at start.
        let logged = self.rows.row(Key::Books(site.number())).and_then(|row| read::<Outcomes>(&row).ok());
        let mut outcomes = logged.unwrap_or_default();
        self.unlogged.with(site, |unlogged| outcomes.add(unlogged));
        outcomes
    }

    /// The latest sessions of a site, those with the latest events first.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub(crate) async fn latest(
        &self,
        site: SiteIndex,
        most: usize,
    ) -> Result<Vec<(waver_store::Pseudonym, Session)>, StoreError> {
        let rows = self.rows.latest(site.number(), most).await?;
        let sessions = rows.into_iter().map(|(pseudonym, row)| Ok((pseudonym, Session::from_row(&row)?)));
        let mut sessions = sessions.collect::<Result<Vec<_>, StoreError>>()?;
        sessions.sort_by_key(|(pseudonym, session)| (std::cmp::Reverse(session.state.last_event_at()), *pseudonym));
        Ok(sessions)
    }

    /// Sessions of a site that are live at `now` (Unix milliseconds), by what they are counted as.
    pub(crate) fn live(&self, site: SiteIndex, now: u64) -> impl Fn(LiveAs) -> u64 {
        let counts = self.rows.live_now(site.number(), now);
        move |tag| counts.get(&(tag as u8)).copied().unwrap_or_default()
    }
}

impl SiteIndex {
    /// The site's number in the store, whose sites are those of the configuration in the same order.
    pub(crate) const fn number(self) -> SiteNumber {
        self.0
    }
}
