use serde::{Deserialize, Serialize};
use waver_schema::{Arm, DecisionId, DecisionReason, OfferAction, OfferId, SlotName};

use super::change::{Ledger, Measured};
use super::first::First;
use super::row::OfferRow;

/// Most offers that are remembered of one session. A policy allows no more (`waver-policy` checks that its caps add up to less), so that
/// the oldest is forgotten only where policies were changed under a session.
pub const MOST_OFFERS: usize = 64;

/// What the fold needs to know of a decision. The collector logs it before the answer goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Its id.
    pub decision: DecisionId,
    /// The slot it is for.
    pub slot: SlotName,
    /// What was chosen.
    pub arm: Arm,
    /// Why.
    pub reason: DecisionReason,
    /// The offer made, or in the holdout the one that would have been.
    pub offer: Option<OfferId>,
    /// When it was made, Unix milliseconds of the collector's clock.
    pub at: u64,
    /// When the offer ends, Unix milliseconds of the collector's clock; 0 without an offer.
    pub expires_at: u64,
}

/// How far an offer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OfferState {
    /// It would have been made, but the session is in the holdout. Nothing was shown.
    Holdout,
    /// It was decided; the page has not shown it yet.
    Decided,
    /// It was rendered.
    Exposed,
    /// It was closed.
    Dismissed,
    /// It was taken.
    Accepted,
}

/// What became of one offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferTrace {
    decision: DecisionId,
    offer: OfferId,
    slot: SlotName,
    held_out: bool,
    decided_at: u64,
    expires_at: u64,
    exposed: Option<First<Option<u32>>>,
    accepted: Option<First<()>>,
    dismissed: Option<First<()>>,
}

impl OfferTrace {
    /// The decision that made it.
    pub const fn decision(&self) -> DecisionId {
        self.decision
    }

    /// The offer.
    pub const fn offer(&self) -> &OfferId {
        &self.offer
    }

    /// The slot it is for.
    pub const fn slot(&self) -> &SlotName {
        &self.slot
    }

    /// When it was decided, Unix milliseconds.
    pub const fn decided_at(&self) -> u64 {
        self.decided_at
    }

    /// When it ends, Unix milliseconds.
    pub const fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// How far it has come, and when it came there (Unix milliseconds).
    pub fn state(&self) -> (OfferState, u64) {
        if let Some(accepted) = &self.accepted {
            (OfferState::Accepted, accepted.at)
        } else if let Some(dismissed) = &self.dismissed {
            (OfferState::Dismissed, dismissed.at)
        } else if self.held_out {
            (OfferState::Holdout, self.decided_at)
        } else if let Some(exposed) = &self.exposed {
            (OfferState::Exposed, exposed.at)
        } else {
            (OfferState::Decided, self.decided_at)
        }
    }

    /// Whether it was rendered, as far as is known.
    pub const fn is_exposed(&self) -> bool {
        self.exposed.is_some() && !self.held_out
    }

    pub(crate) fn row(&self) -> OfferRow {
        let (state, at) = self.state();
        OfferRow { decision: self.decision, offer: self.offer.clone(), slot: self.slot.clone(), state, at }
    }
}

/// The offers of a session, oldest first, those that the holdout would have been made included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Offers(Vec<OfferTrace>);

impl Offers {
    /// Takes in a decision. One that is known already changes nothing.
    pub(crate) fn decide(&mut self, record: &DecisionRecord, ledger: &mut Ledger) {
        let held_out = record.arm == Arm::Holdout;
        let Some(offer) = record.offer.clone().filter(|_| record.arm != Arm::Nothing) else {
            ledger.count(record.at, Measured::OfferWithheld(record.reason));
            return;
        };
        if self.find(record.decision).is_some() {
            return;
        }
        ledger.count(record.at, if held_out { Measured::OfferHeldOut } else { Measured::OfferDecided });
        if self.0.len() == MOST_OFFERS {
            self.0.remove(0);
        }
        // Most sessions have one or two; doubling would be half of what a session takes.
        self.0.reserve_exact(1);
        self.0.push(OfferTrace {
            decision: record.decision,
            offer,
            slot: record.slot.clone(),
            held_out,
            decided_at: record.at,
            expires_at: record.expires_at,
            exposed: None,
            accepted: None,
            dismissed: None,
        });
    }

    /// Whether that can become of what `decision` decided: an offer that was made can be shown, taken and closed, and one that the holdout would
    /// have been made can be withheld.
    pub(crate) fn takes(&self, decision: DecisionId, action: OfferAction) -> bool {
        let is_control = action == OfferAction::Withheld;
        self.find(decision).is_some_and(|index| self.0[index].held_out == is_control)
    }

    /// Takes in what became of the offer of `decision`.
    pub(crate) fn act(
        &mut self,
        decision: DecisionId,
        action: OfferAction,
        telling: First<Option<u32>>,
        ledger: &mut Ledger,
    ) {
        let Some(index) = self.find(decision) else { return };
        let trace = &mut self.0[index];
        let plain = First { seq: telling.seq, at: telling.at, value: () };
        match action {
            OfferAction::Exposed => {
                telling.tell(&mut trace.exposed, ledger, |since_signal_ms| Measured::OfferExposed { since_signal_ms })
            }
            OfferAction::Accepted => plain.tell(&mut trace.accepted, ledger, |()| Measured::OfferAccepted),
            OfferAction::Dismissed => plain.tell(&mut trace.dismissed, ledger, |()| Measured::OfferDismissed),
            // Counted with the experiment alone: nobody saw anything.
            OfferAction::Withheld => telling.keep(&mut trace.exposed),
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &OfferTrace> {
        self.0.iter()
    }

    fn find(&self, decision: DecisionId) -> Option<usize> {
        self.0.iter().rposition(|trace| trace.decision == decision)
    }
}
