use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use waver_schema::{
    BrowserFamily, Currency, DecisionReason, DropCause, FrustrationKind, HesitationKind, PageType, Stage, TrafficClass,
    Zone,
};

use super::loss::ExitPath;
use super::reached::Cell;

/// Aggregates are kept by the minute, so that what happened within one is told apart by nobody.
pub(crate) const MINUTE_MS: u64 = 60 * 1000;

/// What a step of the fold adds to the aggregates: `by` more (or, where it corrects an earlier change, fewer) of `what` at `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Event time, Unix milliseconds.
    pub at: u64,
    /// What is counted.
    pub what: Measured,
    /// How many more; negative in a correction.
    pub by: i64,
}

/// What the aggregates count. Closed, so that their cardinality is. Sessions are stored with what they added, by the order of declaration: new
/// ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Measured {
    /// A session began: its first event was stored.
    Session,
    /// An event was stored.
    Event,
    /// The session did something in the minute of the change. Its number stands for it: 64 bits of a hash, such as those of a pseudonym.
    /// Distinct sessions are counted, not tellings; nothing takes one back. See [`mark_active`].
    Active(u64),
    /// A session that is not a shopper's began.
    AutomatedSession(TrafficClass),
    /// An event of a session that is not a shopper's was stored.
    AutomatedEvent(TrafficClass),
    /// An event was lost: its sequence number is below one that arrived. Counted when the next event after the gap happened.
    Lost {
        /// In which kind of browser.
        browser: BrowserFamily,
        /// What the next event after the gap is.
        path: ExitPath,
    },
    /// The browser says that it had to drop an event.
    Dropped {
        /// Which kind of browser.
        browser: BrowserFamily,
        /// Why.
        cause: DropCause,
    },
    /// A session ended.
    Ended(EndedSession),
    /// A view of a page.
    View(PageType),
    /// A hesitation reached its threshold.
    Hesitation {
        /// Its kind.
        kind: HesitationKind,
        /// Where on the page.
        zone: Option<Zone>,
        /// Kind of page.
        page: PageType,
    },
    /// The page frustrated the shopper.
    Frustration {
        /// How.
        kind: FrustrationKind,
        /// Where on the page.
        zone: Option<Zone>,
        /// Kind of page.
        page: PageType,
    },
    /// The intent score entered a stage.
    Stage(Stage),
    /// The intent score moved between two stages.
    StageMove {
        /// The stage before.
        from: Stage,
        /// The stage entered.
        to: Stage,
    },
    /// A decision was to make an offer.
    OfferDecided,
    /// A decision would have made an offer, were the session not in the holdout.
    OfferHeldOut,
    /// A decision was to make no offer.
    OfferWithheld(DecisionReason),
    /// An offer was rendered.
    OfferExposed {
        /// Milliseconds from the shopper's signal to the offer on the page, where the browser said so.
        since_signal_ms: Option<u32>,
    },
    /// An offer was taken.
    OfferAccepted,
    /// An offer was closed.
    OfferDismissed,
    /// An order was placed.
    Order {
        /// Its value in minor units, where the shop said so.
        revenue: Option<(Currency, u32)>,
    },
    /// The session came to a cell for the first time. See [`super::mark_reached`].
    Reached(Cell),
}

/// What is known of a session only once it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndedSession {
    /// Milliseconds from its beginning to its last event.
    pub duration_ms: u64,
    /// Milliseconds of attention.
    pub engaged_ms: u64,
    /// Did the shopper hesitate?
    pub hesitated: bool,
    /// Was an offer rendered?
    pub offered: bool,
    /// Was an order placed?
    pub bought: bool,
}

/// Adds to the changes of one session that it was active, once for each minute in which an event of it was stored. `key` stands for the
/// session: 64 bits of a hash, the same each time. The fold does not know who a session is, so its caller says so.
pub fn mark_active(changes: &mut Vec<Change>, key: u64) {
    let stored = changes.iter().filter(|change| change.what == Measured::Event && change.by > 0);
    let minutes: BTreeSet<u64> = stored.map(|change| change.at / MINUTE_MS).collect();
    let active = |minute: u64| Change { at: minute * MINUTE_MS, what: Measured::Active(key), by: 1 };
    changes.extend(minutes.into_iter().map(active));
}

/// Where the steps of the fold write their changes. Those of sessions that are not shoppers' are reduced to sessions and events, counted
/// apart.
#[derive(Debug)]
pub(crate) struct Ledger {
    traffic: TrafficClass,
    changes: Vec<Change>,
}

impl Ledger {
    /// Of a session of that class.
    pub(crate) const fn of(traffic: TrafficClass) -> Ledger {
        Ledger { traffic, changes: Vec::new() }
    }

    /// From here on the session is of that class.
    pub(crate) const fn turn(&mut self, traffic: TrafficClass) {
        self.traffic = traffic;
    }

    /// `by` more.
    pub(crate) fn add(&mut self, at: u64, what: Measured, by: i64) {
        let what = match (self.traffic, what) {
            (TrafficClass::Shopper, what) => what,
            (traffic, Measured::Session) => Measured::AutomatedSession(traffic),
            (traffic, Measured::Event) => Measured::AutomatedEvent(traffic),
            _ => return,
        };
        self.changes.push(Change { at, what, by });
    }

    /// One more.
    pub(crate) fn count(&mut self, at: u64, what: Measured) {
        self.add(at, what, 1);
    }

    /// One less: what was counted before turned out to be otherwise.
    pub(crate) fn take_back(&mut self, at: u64, what: Measured) {
        self.add(at, what, -1);
    }

    /// All of it.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}
