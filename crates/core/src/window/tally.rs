use serde::{Deserialize, Serialize};
use waver_schema::{
    BrowserFamily, Currency, DecisionReason, DropCause, FrustrationKind, HesitationKind, PageType, Stage, TrafficClass,
    Zone,
};

use super::counts::Counts;
use super::distinct::Distinct;
use super::spread::Spread;
use crate::session::{Cell, EndedSession, ExitPath, Measured};

/// Most currencies of one window. Shops have few; forged events could name 17,576.
pub const MOST_CURRENCIES: usize = 16;
/// The longest velocity that is told apart, ten minutes; an offer that took longer counts as this.
const LONGEST_VELOCITY_MS: u32 = 10 * 60 * 1000;

/// What was counted in one window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) plain: Counts<Plain>,
    pub(crate) views: Counts<PageType>,
    pub(crate) hesitations: Counts<(HesitationKind, Option<Zone>, PageType)>,
    pub(crate) frustrations: Counts<(FrustrationKind, Option<Zone>, PageType)>,
    pub(crate) stages: Counts<Stage>,
    pub(crate) stage_moves: Counts<(Stage, Stage)>,
    pub(crate) withheld: Counts<DecisionReason>,
    pub(crate) revenue: Counts<Currency>,
    pub(crate) velocity: Spread,
    pub(crate) active: Distinct,
    pub(crate) ended: Counts<Ended>,
    pub(crate) duration: Spread,
    pub(crate) engaged: Spread,
    pub(crate) lost: Counts<(BrowserFamily, ExitPath)>,
    pub(crate) dropped: Counts<(BrowserFamily, DropCause)>,
    pub(crate) automated_sessions: Counts<TrafficClass>,
    pub(crate) automated_events: Counts<TrafficClass>,
    /// Sessions that came to a cell for the first time.
    pub(crate) reached: Counts<Cell>,
}

/// What ended sessions are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) hesitated: bool,
    pub(crate) offered: bool,
    pub(crate) bought: bool,
}

/// What is counted without a further distinction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Plain {
    Sessions,
    Events,
    Decided,
    HeldOut,
    Exposed,
    Accepted,
    Dismissed,
    Orders,
}

impl Tally {
    /// Adds `by` of `what`.
    pub(crate) fn add(&mut self, what: Measured, by: i64) {
        match what {
            Measured::Session => self.plain.add(Plain::Sessions, by),
            Measured::Event => self.plain.add(Plain::Events, by),
            Measured::Active(key) => self.active.add(key),
            Measured::AutomatedSession(traffic) => self.automated_sessions.add(traffic, by),
            Measured::AutomatedEvent(traffic) => self.automated_events.add(traffic, by),
            Measured::Lost { browser, path } => self.lost.add((browser, path), by),
            Measured::Dropped { browser, cause } => self.dropped.add((browser, cause), by),
            Measured::Ended(session) => {
                let EndedSession { duration_ms, engaged_ms, hesitated, offered, bought } = session;
                self.ended.add(Ended { hesitated, offered, bought }, by);
                self.duration.add(duration_ms, by);
                self.engaged.add(engaged_ms, by);
            }
            Measured::View(page) => self.views.add(page, by),
            Measured::Hesitation { kind, zone, page } => self.hesitations.add((kind, zone, page), by),
            Measured::Frustration { kind, zone, page } => self.frustrations.add((kind, zone, page), by),
            Measured::Stage(stage) => self.stages.add(stage, by),
            Measured::StageMove { from, to } => self.stage_moves.add((from, to), by),
            Measured::OfferDecided => self.plain.add(Plain::Decided, by),
            Measured::OfferHeldOut => self.plain.add(Plain::HeldOut, by),
            Measured::OfferWithheld(reason) => self.withheld.add(reason, by),
            Measured::OfferExposed { since_signal_ms } => {
                self.plain.add(Plain::Exposed, by);
                if let Some(ms) = since_signal_ms {
                    self.velocity.add(ms.min(LONGEST_VELOCITY_MS).into(), by);
                }
            }
            Measured::OfferAccepted => self.plain.add(Plain::Accepted, by),
            Measured::OfferDismissed => self.plain.add(Plain::Dismissed, by),
            Measured::Reached(cell) => self.reached.add(cell, by),
            Measured::Order { revenue } => {
                self.plain.add(Plain::Orders, by);
                if let Some((currency, minor)) = revenue {
                    self.revenue.add(currency, by.saturating_mul(i64::from(minor)));
                    self.revenue.keep_smallest(MOST_CURRENCIES);
                }
            }
        }
    }

    /// Whether every sum is zero.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Tally::default()
    }

    /// Adds everything of `other`.
    pub(crate) fn merge(&mut self, other: &Tally) {
        self.plain.merge(&other.plain);
        self.views.merge(&other.views);
        self.hesitations.merge(&other.hesitations);
        self.frustrations.merge(&other.frustrations);
        self.stages.merge(&other.stages);
        self.stage_moves.merge(&other.stage_moves);
        self.withheld.merge(&other.withheld);
        self.revenue.merge(&other.revenue);
        self.revenue.keep_smallest(MOST_CURRENCIES);
        self.velocity.merge(&other.velocity);
        self.active.merge(&other.active);
        self.ended.merge(&other.ended);
        self.duration.merge(&other.duration);
        self.engaged.merge(&other.engaged);
        self.lost.merge(&other.lost);
        self.dropped.merge(&other.dropped);
        self.automated_sessions.merge(&other.automated_sessions);
        self.automated_events.merge(&other.automated_events);
        self.reached.merge(&other.reached);
    }
}
