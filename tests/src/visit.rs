//! What a sender knows to be acknowledged, and how to find out whether it is still there.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use waver_schema::limits::EVENTS_PER_BATCH;

use crate::caller::{Answer, Caller};
use crate::visitor::Visitor;

/// A visit as far as it was acknowledged.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The name of the session.
    pub session: String,
    /// The epoch of its last consent record.
    pub epoch: u64,
    /// Whether that was a withdrawal.
    pub withdrawn: bool,
    /// The events that were acknowledged: number 1 and so on, without a gap.
    pub events: Vec<Value>,
}

impl Visit {
    /// One of which nothing is acknowledged.
    pub fn begin(session: String) -> Visit {
        Visit { session, epoch: 0, withdrawn: false, events: Vec::new() }
    }

    /// The whole of a visitor's visit, sent and acknowledged. Gives what was acknowledged until something was not, and that answer.
    pub async fn of(caller: &Caller, visitor: &Visitor) -> (Visit, Option<Answer>) {
        const BATCH: usize = 8;
        let mut visit = Visit::begin(visitor.session.clone());
        match caller.consent(&visit.session, true).await {
            Answer::Done(body) => visit.epoch = body["consent_epoch"].as_u64().unwrap_or_default(),
            other => return (visit, Some(other)),
        }
        for batch in visitor.events.chunks(BATCH) {
            match caller.events(&visit.session, visit.epoch, batch).await {
                Answer::Done(body) if body["accepted"] == batch.len() => visit.events.extend_from_slice(batch),
                other => return (visit, Some(other)),
            }
        }
        (visit, None)
    }

    /// Sends all of it again, and expects that the collector knows each event. What was withdrawn must still be withdrawn; it is granted
    /// anew, since nobody else may ask. Gives how many events were sent.
    ///
    /// # Errors
    /// When something is lost, with what the collector answered.
    pub async fn audit(&mut self, caller: &Caller) -> Result<u64> {
        let outcome = self.audit_events(caller).await;
        outcome.with_context(|| format!("session {} of {} acknowledged events", self.session, self.events.len()))
    }

    async fn audit_events(&mut self, caller: &Caller) -> Result<u64> {
        if self.withdrawn {
            // Without an event there is nothing that could be refused.
            if let Some(first) = self.events.get(..1) {
                let refused = caller.events(&self.session, self.epoch, first).await;
                let code = "consent".to_owned();
                ensure!(refused == Answer::Refused { status: 403, code }, "the withdrawal is forgotten: {refused:?}");
            }
            self.epoch = caller.grant(&self.session).await?;
            self.withdrawn = false;
        }
        for batch in self.events.chunks(EVENTS_PER_BATCH / 2) {
            let answer = caller.events(&self.session, self.epoch, batch).await.done()?;
            let known = json!({"accepted": 0, "duplicate": batch.len(), "rejected": []});
            ensure!(answer == known, "acknowledged events are lost: sent again, they were answered {answer}");
        }
        Ok(self.events.len() as u64)
    }
}
