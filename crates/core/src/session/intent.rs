use serde::{Deserialize, Serialize};
use waver_schema::{Milli, Stage, Trend};

use super::change::{Ledger, Measured};
use super::trail::Trail;

/// The intent score as an event told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentScore {
    /// Probability of a purchase in this session.
    pub p_buy_milli: Milli,
    /// Probability of leaving the shop soon.
    pub p_leave_milli: Milli,
    /// The stage entered.
    pub stage: Stage,
    /// Where `p_buy` is going.
    pub trend: Trend,
}

/// The intent scores of a session: the last one, and moves between stages even when events arrive out of order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct IntentTrail {
    last: Option<IntentScore>,
    ahead: Trail<(u64, IntentScore)>,
}

impl IntentTrail {
    /// Takes in a score that was entered at `at`.
    pub(crate) fn enter(&mut self, seq: u64, at: u64, score: IntentScore, ledger: &mut Ledger) {
        ledger.count(at, Measured::Stage(score.stage));
        let Some(place) = self.ahead.insert(seq, (at, score)) else { return };
        let before = match place.checked_sub(1) {
            Some(before) => self.ahead.get(before).map(|(_, score)| score.stage),
            None => self.last.map(|score| score.stage),
        };
        let after = self.ahead.get(place + 1).map(|(at, score)| (*at, score.stage));
        if let (Some(from), Some((at, to))) = (before, after)
            && from != to
        {
            ledger.take_back(at, Measured::StageMove { from, to });
        }
        if let Some(from) = before.filter(|from| *from != score.stage) {
            ledger.count(at, Measured::StageMove { from, to: score.stage });
        }
        if let Some((at, to)) = after.filter(|(_, to)| *to != score.stage) {
            ledger.count(at, Measured::StageMove { from: score.stage, to });
        }
    }

    /// Everything up to `through` has arrived.
    pub(crate) fn settle(&mut self, through: u64) {
        if let Some((_, score)) = self.ahead.settle(through).last().copied() {
            self.last = Some(score);
        }
    }

    /// The score of the largest sequence number so far.
    pub(crate) fn last(&self) -> Option<IntentScore> {
        self.ahead.ahead().next_back().map(|(_, score)| *score).or(self.last)
    }
}
