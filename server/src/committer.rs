//! The one writer: takes what waits, commits it as a group, and only then answers.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use waver_schema::{BatchAnswer, ConsentAnswer, Decision, DecisionId, DecisionRequest, ErrorCode};
use waver_store::{EventLog, StoreError};

use crate::entry::{ConsentEntry, Entry};
use crate::metrics::Metrics;
use crate::pipeline::{Group, ReadBatch, Sender};
use crate::readiness::Readiness;
use crate::site::Sites;
use crate::state::State;
use crate::stop::Stop;

/// Records read at a time when the log is replayed.
const REPLAY_PAGE: usize = 1000;

/// Where the answer to a command goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, ErrorCode>>;

/// Something to be done in its turn.
pub(crate) enum Command {
    Consent(ConsentEntry, Reply<ConsentAnswer>),
    Batch(ReadBatch, Reply<BatchAnswer>),
    Decide(Box<DecisionRequest>, DecisionId, Reply<Decision>),
}

impl Command {
    fn may_begin_a_session(&self) -> bool {
        matches!(self, Command::Consent(entry, _) if entry.is_grant())
    }
}

/// An answer that waits for its group to be durable, or to have failed.
struct Answer(Box<dyn FnOnce(Result<(), ErrorCode>) + Send>);

impl Answer {
    fn new<T: Send + 'static>(to: Reply<T>, answer: Result<T, ErrorCode>) -> Answer {
        // Whoever does not wait any more has gone away or run out of time; the work is done all the same.
        Answer(Box::new(|durable| drop(to.send(durable.and(answer)))))
    }
}

/// The state as everyone may read it and the committer alone changes it.
#[derive(Debug, Clone)]
pub(crate) struct SharedState(Arc<RwLock<State>>);

impl SharedState {
    pub(crate) fn new(state: State) -> SharedState {
        SharedState(Arc::new(RwLock::new(state)))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where handlers hand in commands.
#[derive(Debug, Clone)]
pub(crate) struct Queue(mpsc::Sender<(Sender, Command)>);

/// A queue with so many places, and its other end.
pub(crate) fn queue(places: usize) -> (Queue, mpsc::Receiver<(Sender, Command)>) {
    let (sender, receiver) = mpsc::channel(places);
    (Queue(sender), receiver)
}

impl Queue {
    /// Hands in a command without waiting for a place.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] if the queue is full or the collector is stopping.
    pub(crate) fn push(&self, from: Sender, command: Command) -> Result<(), ErrorCode> {
        self.0.try_send((from, command)).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Closed(_) => ErrorCode::Unavailable,
        })
    }

    /// Commands that wait.
    pub(crate) fn depth(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }
}

/// Rebuilds `state` from the log. Returns how many records there were.
///
/// # Errors
/// [`StoreError`] if the log cannot be read to its end.
pub(crate) async fn replay<L: EventLog>(log: &L, state: &mut State, sites: &Sites) -> Result<u64, StoreError> {
    let mut next = 0;
    loop {
        let page = log.read(next, REPLAY_PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(next) };
        next = last.offset + 1;
        let mut group = Group::new(state, sites);
        for (position, record) in &page {
            let damaged =
                |_| StoreError::Damaged { offset: position.offset, reason: waver_store::DecodeError::Damaged };
            let entry = Entry::from_record(record).map_err(damaged)?;
            // What a site that is not configured any more left behind stays in the log and out of the state.
            let Some(site) = sites.find(&record.site) else { continue };
            let from = Sender { site, pseudonym: record.pseudonym, received_at: record.received_at };
            if matches!(entry, Entry::Consent(_)) && group.lacks_room_for(from.pseudonym) {
                let (_, update) = group.finish();
                state.apply(update);
                state.make_room(from.received_at);
                // Fewer sessions may be allowed than when this was written.
                if state.lacks_room_for(1) {
                    state.make_room(u64::MAX);
                }
                group = Group::new(state, sites);
            }
            group.replay(from, &entry);
        }
        let (_, update) = group.finish();
        state.apply(update);
        state.set_applied(next);
    }
}

/// The task that commits.
pub(crate) struct Committer<L> {
    pub(crate) log: L,
    pub(crate) state: SharedState,
    pub(crate) sites: Arc<Sites>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Readiness,
    /// Told of each change of the state.
    pub(crate) changed: watch::Sender<u64>,
}

impl<L: EventLog> Committer<L> {
    /// Works off what is handed in until `stop` holds and nothing waits any more.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<(Sender, Command)>, mut stop: Stop) {
        loop {
            let received = tokio::select! {
                received = queue.recv() => received,
                () = stop.told() => {
                    queue.close(); // refuses what comes now, and keeps what waits
                    queue.recv().await
                }
            };
            let Some(mut next) = received else { return };
            while let Some(left) = self.commit_group(next, &mut queue).await {
                next = left;
            }
        }
    }

    /// Commits `first` with what waits behind it, and gives back a command that must have its turn first in the next group.
    async fn commit_group(
        &mut self,
        first: (Sender, Command),
        queue: &mut mpsc::Receiver<(Sender, Command)>,
    ) -> Option<(Sender, Command)> {
        let begun = Instant::now();
        self.make_room_for(&first);
        let mut answers = Vec::new();
        let mut left = None;
        let (records, update) = {
            let state = self.state.read();
            let mut group = Group::new(&state, &self.sites);
            let mut next = first;
            loop {
                answers.push(work(&mut group, next));
                if group.is_full() {
                    break;
                }
                match queue.try_recv() {
                    // The first in a group has had room made for it; a later one must have the same.
                    Ok(command) if begins_without_room(&group, &command) => {
                        left = Some(command);
                        break;
                    }
                    Ok(command) => next = command,
                    Err(_) => break,
                }
            }
            group.finish()
        };
        let appended = if records.is_empty() { Ok(()) } else { self.append(&records).await };
        match appended {
            Ok(()) => {
                self.state.write().apply(update);
                self.changed.send_modify(|version| *version += 1);
                self.metrics.committed(answers.len(), begun.elapsed());
                answers.into_iter().for_each(|answer| answer.0(Ok(())));
            }
            Err(error) => self.give_up(&error, answers),
        }
        left
    }

    async fn append(&self, records: &[waver_store::Record]) -> Result<(), StoreError> {
        self.log.append(records).await.map(|_| ())
    }

    /// A group that is not on disk has not happened: nobody is told that it has, and the state stays as it was. What did reach the
    /// disk is found by the next start.
    fn give_up(&self, error: &StoreError, answers: Vec<Answer>) {
        if self.readiness.break_down(error.to_string()) {
            tracing::error!("{error}");
        }
        answers.into_iter().for_each(|answer| answer.0(Err(ErrorCode::Unavailable)));
    }

    fn make_room_for(&self, (from, command): &(Sender, Command)) {
        if command.may_begin_a_session() && Group::new(&self.state.read(), &self.sites).lacks_room_for(from.pseudonym) {
            self.state.write().make_room(from.received_at);
        }
    }
}

fn begins_without_room(group: &Group<'_>, (from, command): &(Sender, Command)) -> bool {
    command.may_begin_a_session() && group.lacks_room_for(from.pseudonym)
}

fn work(group: &mut Group<'_>, (from, command): (Sender, Command)) -> Answer {
    match command {
        Command::Consent(entry, to) => Answer::new(to, group.consent(from, entry)),
        Command::Batch(batch, to) => Answer::new(to, group.batch(from, batch)),
        Command::Decide(request, id, to) => Answer::new(to, group.decide(from, &request, id)),
    }
}

#[cfg(test)]
pub(crate) mod gated_log;
#[cfg(test)]
mod tests;
