use std::fmt;

use serde::{Deserialize, Serialize};

use super::change::Change;

/// What became of an event. Exactly one of these (invariant I2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the state.
    Stored,
    /// It was before.
    Duplicate,
    /// It is not, and never will be.
    Discarded(Discard),
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchFold {
    /// The outcome of each event, in the order of the batch.
    pub outcomes: Vec<Outcome>,
    /// What the batch adds to the aggregates.
    pub changes: Vec<Change>,
}

/// Why an event was discarded. The names go out as the `code` of [`waver_schema::Rejected`] and as a label of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discard {
    /// Measuring is not granted, or the batch was made under another grant.
    Consent,
    /// The sequence number is 0 or above 2^20, more than a session can have.
    SeqRange,
    /// It would open one gap too many in the sequence numbers (256 are kept).
    SeqGap,
    /// More than 30 minutes after the last event: the session has ended.
    SessionIdle,
    /// More than 24 hours after the session began.
    SessionMax,
    /// It speaks of an offer that this session was not made.
    UnknownDecision,
    /// The session has more orders than are kept (32).
    OrderLimit,
}

impl Discard {
    /// Every reason.
    pub const ALL: &'static [Discard] = &[
        Discard::Consent,
        Discard::SeqRange,
        Discard::SeqGap,
        Discard::SessionIdle,
        Discard::SessionMax,
        Discard::UnknownDecision,
        Discard::OrderLimit,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Discard::Consent => "consent",
            Discard::SeqRange => "seq_range",
            Discard::SeqGap => "seq_gap",
            Discard::SessionIdle => "session_idle",
            Discard::SessionMax => "session_max",
            Discard::UnknownDecision => "unknown_decision",
            Discard::OrderLimit => "order_limit",
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
