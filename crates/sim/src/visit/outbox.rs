use std::collections::VecDeque;

use tokio::time::Instant;
use waver_core::consent::{Consented, Gate, Purpose};
use waver_schema::{Batch, BatchAnswer, DropCause, Event, EventBody, SessionId, SiteKey, WIRE_VERSION, limits};

use super::collector::{Answer, MOST_ATTEMPTS, ask, wait};
use super::tally::{Count, Tally};
use super::transport::{Route, Transport};
use crate::shopper::Dice;

/// Events that wait at most. A session makes a few dozen, so this is many minutes without a collector.
const MOST_WAITING: usize = 512;
/// Events that wait for more to come wait no longer than this, in milliseconds of the session.
const LONGEST_WAIT_MS: u64 = 5_000;
/// Share of batches that arrive a second time, as they do when an answer gets lost on its way.
const REPEATED: f64 = 0.03;

/// What waits to be sent, in memory and bounded. It holds nothing that the gate has not let in, and sends nothing that the gate does not
/// let out.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Consented<Event>>,
    oldest_t: u64,
    last_seq: u64,
    last_t: u64,
    packed: Option<Consented<Packed>>,
    attempts: u32,
    not_before: Option<Instant>,
    dropped: [u32; DropCause::ALL.len()],
}

/// A batch as it goes over the wire, again and again until it is answered.
#[derive(Debug, Clone)]
struct Packed {
    body: String,
    events: u32,
}

/// Under what name events are sent.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) site: SiteKey,
    pub(super) session: SessionId,
    pub(super) consent_epoch: u32,
}

impl Outbox {
    /// Takes in what happened at `t`, milliseconds of the session, if the gate permits.
    pub(super) fn record(&mut self, gate: &Gate, t: u64, body: EventBody) {
        self.last_t = self.last_t.max(t);
        let event = Event { seq: self.last_seq + 1, t: self.last_t, body };
        let Some(event) = gate.permit(Purpose::Measure, event) else { return };
        self.last_seq += 1;
        if self.waiting.len() == MOST_WAITING {
            self.dropped[DropCause::QueueFull as usize] += 1;
            return;
        }
        if self.waiting.is_empty() {
            self.oldest_t = self.last_t;
        }
        self.waiting.push_back(event);
    }

    /// Whether a batch should go now, at `t` milliseconds of the session.
    pub(super) fn is_due(&self, t: u64) -> bool {
        let ripe = self.waiting.len() >= limits::EVENTS_PER_BATCH
            || (!self.waiting.is_empty() && t >= self.oldest_t + LONGEST_WAIT_MS);
        (ripe || self.packed.is_some()) && self.not_before.is_none_or(|not_before| Instant::now() >= not_before)
    }

    /// When it makes sense to try again, if something waits for that.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.packed.is_some())
    }

    /// Events that have neither been answered nor dropped.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.packed.as_ref().map_or(0, |packed| packed.get().events as usize)
    }

    /// Consent is gone, and all that waits with it.
    pub(super) fn clear(&mut self) {
        *self = Outbox { last_seq: self.last_seq, last_t: self.last_t, ..Outbox::default() };
    }

    /// Sends batch after batch until nothing waits, or the collector wants to be left alone for a while. A batch stays here until it is
    /// answered, also if this is cut short.
    pub(super) async fn send(
        &mut self,
        gate: &Gate,
        sender: &Sender,
        transport: &impl Transport,
        dice: &mut Dice,
        tally: &Tally,
    ) {
        if self.not_before.is_some_and(|not_before| Instant::now() < not_before) {
            return;
        }
        self.confess(gate);
        while let Some(batch) = self.next_batch(gate, sender, transport.unix_ms()) {
            self.attempts += 1;
            match ask::<BatchAnswer>(transport, Route::Events, batch.body.clone()).await {
                Answer::Done(answer) => {
                    self.settle();
                    tally.batch(&answer);
                    if dice.chance(REPEATED)
                        && let Answer::Done(again) = ask::<BatchAnswer>(transport, Route::Events, batch.body).await
                    {
                        tally.batch(&again);
                    }
                }
                Answer::Refused(_) => {
                    tally.add(Count::EventsRefused, batch.events.into());
                    self.give_up(DropCause::Refused, batch.events);
                }
                Answer::Later(_) if self.attempts == MOST_ATTEMPTS => {
                    tally.add(Count::EventsLost, batch.events.into());
                    self.give_up(DropCause::Unreachable, batch.events);
                }
                Answer::Later(asked_s) => {
                    tally.add(Count::Retries, 1);
                    self.not_before = Some(Instant::now() + wait(self.attempts + 1, asked_s, dice));
                    return;
                }
            }
        }
    }

    fn settle(&mut self) {
        (self.packed, self.attempts, self.not_before) = (None, 0, None);
    }

    fn give_up(&mut self, cause: DropCause, events: u32) {
        let dropped = &mut self.dropped[cause as usize];
        *dropped = dropped.saturating_add(events);
        self.settle();
    }

    /// What was dropped is told, so that loss is measured and not guessed.
    fn confess(&mut self, gate: &Gate) {
        for (index, cause) in DropCause::ALL.iter().enumerate() {
            if self.dropped[index] > 0 && self.waiting.len() < MOST_WAITING {
                let count = std::mem::take(&mut self.dropped[index]);
                self.record(gate, self.last_t, EventBody::Dropped { cause: *cause, count });
            }
        }
    }

    /// The batch that was refused for the time being, or a new one of what waits; as far as the gate still lets it out.
    fn next_batch(&mut self, gate: &Gate, sender: &Sender, sent_at: u64) -> Option<Packed> {
        if let Some(packed) = &self.packed {
            return gate.release(packed.clone());
        }
        let mut events: Vec<Event> = Vec::new();
        let mut bytes = pack(sender, sent_at, &[])?.len();
        while events.len() < limits::EVENTS_PER_BATCH {
            let Some(next) = self.waiting.front() else { break };
            bytes += serde_json::to_string(next.get()).ok()?.len() + 1;
            if bytes > limits::BATCH_BYTES {
                break;
            }
            events.extend(self.waiting.pop_front().and_then(|next| gate.release(next)));
        }
        if events.is_empty() {
            return None;
        }
        self.oldest_t = self.waiting.front().map_or(0, |event| event.get().t);
        let packed = Packed { body: pack(sender, sent_at, &events)?, events: events.len() as u32 };
        self.packed = gate.permit(Purpose::Measure, packed.clone());
        Some(packed)
    }
}

fn pack(sender: &Sender, sent_at: u64, events: &[Event]) -> Option<String> {
    let batch = Batch {
        v: WIRE_VERSION,
        site: sender.site.clone(),
        session: sender.session,
        consent_epoch: sender.consent_epoch,
        sent_at,
        events: events.to_vec(),
    };
    serde_json::to_string(&batch).ok()
}
