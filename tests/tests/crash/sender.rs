use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use tokio::sync::RwLock;
use waver_sim::shopper::{Dice, Stream};
use waver_tests::caller::{Answer, Caller, epoch};
use waver_tests::visit::Visit;
use waver_tests::visitor::{Visitor, time_of};

use crate::books::Books;

/// Most events that a sender puts into one batch.
const MOST_EVENTS: u64 = 12;
/// How soon a sender tries again while nobody answers. Waiting as long as a browser does would only make the test slower.
const AGAIN: Duration = Duration::from_millis(5);

/// One browser after the other: consents, sends batches, asks for offers, answers them, and sometimes consents anew or withdraws. What is
/// not answered is sent again unchanged until it is.
pub(crate) struct Sender {
    seed: u64,
    index: u64,
    dice: Dice,
    caller: Caller,
    books: Arc<Books>,
    gate: Arc<RwLock<()>>,
}

impl Sender {
    pub(crate) fn new(seed: u64, index: u64, caller: Caller, books: Arc<Books>, gate: Arc<RwLock<()>>) -> Sender {
        let dice = Dice::new(seed, index, Stream::Network);
        Sender { seed, index, dice, caller, books, gate }
    }

    /// Shops until the books are closed.
    pub(crate) async fn shop(mut self) -> Result<()> {
        let mut visits = 0;
        while !self.books.are_closed() {
            // No two senders have the same visitor.
            let visitor = Visitor::new(self.seed, 1 + self.index + crate::SENDERS * visits);
            visits += 1;
            self.visit(visitor).await?;
        }
        Ok(())
    }

    async fn visit(&mut self, visitor: Visitor) -> Result<()> {
        let mut visit = Visit::begin(visitor.session.clone());
        self.consent(&mut visit, true).await?;
        let mut rest = VecDeque::from(visitor.events);
        let mut answers_to_offers = Vec::new();
        while !rest.is_empty() && !self.books.are_closed() {
            let most = self.dice.whole(1, MOST_EVENTS) as usize;
            let mut batch: Vec<Value> = std::mem::take(&mut answers_to_offers);
            let from = batch.len();
            batch.extend(rest.drain(..most.min(rest.len())));
            let t = batch[from..].iter().map(time_of).min().unwrap_or_default();
            for (number, event) in batch.iter_mut().enumerate() {
                event["seq"] = json!(visit.events.len() + number + 1);
                event["t"] = json!(time_of(event).max(t));
            }
            self.send(&mut visit, batch).await?;
            if self.dice.chance(0.3) {
                answers_to_offers = self.seek_offer(&visit).await?;
            }
            if self.dice.chance(0.05) {
                self.consent(&mut visit, true).await?;
            }
        }
        if self.dice.chance(0.2) {
            self.consent(&mut visit, false).await?;
        }
        self.books.enter(visit);
        Ok(())
    }

    /// Puts a grant or withdrawal on record.
    async fn consent(&mut self, visit: &mut Visit, granted: bool) -> Result<()> {
        loop {
            let under_way = self.gate.read().await;
            let answer = self.caller.consent(&visit.session, granted).await;
            drop(under_way);
            match answer {
                Answer::Done(body) => {
                    let epoch = epoch(&body)?;
                    ensure!(epoch > visit.epoch, "epoch {epoch} comes after {}", visit.epoch);
                    (visit.epoch, visit.withdrawn) = (epoch, !granted);
                    return Ok(());
                }
                Answer::Refused { status, code } => bail!("a consent record was refused: {status} {code}"),
                Answer::Later { .. } | Answer::Unanswered | Answer::NotSent => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// Sends a batch until it is acknowledged.
    async fn send(&mut self, visit: &mut Visit, batch: Vec<Value>) -> Result<()> {
        let events = batch.len() as u64;
        let mut may_be_there = false;
        loop {
            let under_way = self.gate.read().await;
            self.books.doubt(self.index, events);
            let answer = self.caller.events(&visit.session, visit.epoch, &batch).await;
            match answer {
                Answer::Done(body) => {
                    let (accepted, duplicate) = (&body["accepted"], &body["duplicate"]);
                    let all_new = *accepted == events && *duplicate == 0;
                    let all_known = *accepted == 0 && *duplicate == events;
                    let nothing_refused = body["rejected"].as_array().is_some_and(Vec::is_empty);
                    ensure!(
                        nothing_refused && (all_new || (may_be_there && all_known)),
                        "a batch of {events} of session {} (sent before: {may_be_there}) was answered {body}\n{batch:?}",
                        visit.session
                    );
                    visit.events.extend(batch);
                    self.books.acknowledge(self.index, events);
                    return Ok(());
                }
                Answer::Refused { status, code } => {
                    bail!("a batch of session {} was refused: {status} {code}", visit.session)
                }
                Answer::NotSent => {
                    if !may_be_there {
                        self.books.doubt(self.index, 0);
                    }
                }
                Answer::Later { .. } | Answer::Unanswered => {
                    self.books.troubled();
                    may_be_there = true;
                }
            }
            drop(under_way);
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Asks for an offer; gives the events that answer it. An offer that was made is known from then on, whatever happens to the collector:
    /// were it not, these events would be refused.
    async fn seek_offer(&mut self, visit: &Visit) -> Result<Vec<Value>> {
        let under_way = self.gate.read().await;
        let answer = self.caller.decide(&visit.session, visit.epoch).await;
        drop(under_way);
        let decision = match answer {
            Answer::Done(decision) => decision,
            Answer::Refused { status, code } => bail!("a request for a decision was refused: {status} {code}"),
            _ => return Ok(Vec::new()),
        };
        if decision["offer"].is_null() {
            return Ok(Vec::new());
        }
        let said = |action: &str| json!({"type": "offer", "action": action, "decision": decision["decision"]});
        self.books.offered();
        let answer = if self.dice.chance(0.5) { "accepted" } else { "dismissed" };
        Ok(vec![said("exposed"), said(answer)])
    }
}
