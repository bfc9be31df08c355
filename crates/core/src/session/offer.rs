use serde::{Deserialize, Serialize};
use waver_schema::{Arm, DecisionId, DecisionReason, OfferAction, OfferId, SlotName};

use super::change::{Ledger, Measured};
use super::first::First;
use super::row::OfferRow;
use crate::experiment::Trial;

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
    /// The offer made, or the one that a control would have been made.
    pub offer: Option<OfferId>,
    /// When it was made, Unix milliseconds of the collector's clock.
    pub at: u64,
    /// When the offer ends, Unix milliseconds of the collector's clock; 0 without an offer.
    pub expires_at: u64,
    /// The terms of the trial that it is of its offer; `None` without an offer, and in logs from before there were trials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
}

/// How far an offer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OfferState {
    /// It would have been made, but the session serves as a control: in the holdout, or where nothing was drawn in its place. Nothing was shown.
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
    /// What was chosen: the offer, or a control in its place.
    arm: Arm,
    decided_at: u64,
    expires_at: u64,
    /// In a box, since a session has few of these and they are long.
    trial: Option<Box<Trial>>,
    exposed: Option<First<Option<u32>>>,
    accepted: Option<First<()>>,
    dismissed: Option<First<()>>,
}

impl OfferTrace {
    /// What was chosen: the offer, or a control in its place.
    pub const fn arm(&self) -> Arm {
        self.arm
    }

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

    /// The terms of the trial that it is.
    pub fn trial(&self) -> Option<&Trial> {
        self.trial.as_deref()
    }

    /// Whether the page came to the moment of rendering it, in whichever arm.
    pub(crate) const fn came_to_rendering(&self) -> bool {
        self.exposed.is_some()
    }

    /// How far it has come, and when it came there (Unix milliseconds).
    pub fn state(&self) -> (OfferState, u64) {
        if let Some(accepted) = &self.accepted {
            (OfferState::Accepted, accepted.at)
        } else if let Some(dismissed) = &self.dismissed {
            (OfferState::Dismissed, dismissed.at)
        } else if self.arm != Arm::Offer {
            (OfferState::Holdout, self.decided_at)
        } else if let Some(exposed) = &self.exposed {
            (OfferState::Exposed, exposed.at)
        } else {
            (OfferState::Decided, self.decided_at)
        }
    }

    /// Whether it can still be used at `now` (Unix milliseconds): neither closed nor at its end. A taken one can.
    pub(crate) fn stands(&self, now: u64) -> bool {
        now < self.expires_at && self.dismissed.is_none()
    }

    /// Whether it was rendered, as far as is known.
    pub const fn is_exposed(&self) -> bool {
        self.exposed.is_some() && matches!(self.arm, Arm::Offer)
    }

    pub(crate) fn row(&self) -> OfferRow {
        let (state, at) = self.state();
        OfferRow { decision: self.decision, offer: self.offer.clone(), slot: self.slot.clone(), state, at }
    }
}

/// The offers of a session, oldest first, those that a control would have been made included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Offers(Vec<OfferTrace>);

impl Offers {
    /// Takes in a decision. One that is known already changes nothing.
    pub(crate) fn decide(&mut self, record: &DecisionRecord, ledger: &mut Ledger) {
        let Some(offer) = record.offer.clone() else {
            ledger.count(record.at, Measured::OfferWithheld(record.reason));
            return;
        };
        if self.find(record.decision).is_some() {
            return;
        }
        ledger.count(
            record.at,
            match record.arm {
                Arm::Offer => Measured::OfferDecided,
                Arm::Holdout => Measured::OfferHeldOut,
                Arm::Nothing => Measured::OfferWithheld(record.reason),
            },
        );
        if self.0.len() == MOST_OFFERS {
            self.0.remove(0);
        }
        // Most sessions have one or two; doubling would be half of what a session takes.
        self.0.reserve_exact(1);
        self.0.push(OfferTrace {
            decision: record.decision,
            offer,
            slot: record.slot.clone(),
            arm: record.arm,
            decided_at: record.at,
            expires_at: record.expires_at,
            trial: record.trial.clone().map(Box::new),
            exposed: None,
            accepted: None,
            dismissed: None,
        });
    }

    /// Whether that can become of what `decision` decided: an offer that was made can be shown, taken and closed, and one that a control would have
    /// been made can be withheld.
    pub(crate) fn takes(&self, decision: DecisionId, action: OfferAction) -> bool {
        let is_control = action == OfferAction::Withheld;
        self.find(decision).is_some_and(|index| (self.0[index].arm != Arm::Offer) == is_control)
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
