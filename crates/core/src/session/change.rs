use waver_schema::{Currency, DecisionReason, FrustrationKind, HesitationKind, PageType, Stage, Zone};

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

/// What the aggregates count. Closed, so that their cardinality is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// A session began: its first event was stored.
    Session,
    /// An event was stored.
    Event,
    /// An event was lost: its sequence number is below one that arrived. Counted when the next event after the gap happened.
    Lost,
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
}

/// Where the steps of the fold write their changes.
#[derive(Debug, Default)]
pub(crate) struct Ledger(pub(crate) Vec<Change>);

impl Ledger {
    /// One more.
    pub(crate) fn count(&mut self, at: u64, what: Measured) {
        self.0.push(Change { at, what, by: 1 });
    }

    /// One less: what was counted before turned out to be otherwise.
    pub(crate) fn take_back(&mut self, at: u64, what: Measured) {
        self.0.push(Change { at, what, by: -1 });
    }
}
