//! The one writer: takes what waits, commits it as a group, and only then answers.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use waver_schema::{BatchAnswer, ConsentAnswer, DecisionRequest, EraseAnswer, ErrorCode, LogPoint};
use waver_store::{
    Commit, EmbeddedState, EventLog, GROUP_BYTES, Key, Position, Record, Row, StateStore, StoreError, Write,
};

use crate::dead_letter::{KeptLetter, LETTERS_PER_SITE};
use crate::entry::{ConsentEntry, Entry, Found, StopEntry};
use crate::erasures::{Erasures, log_point};
use crate::host::Host;
use crate::keyring::Keyring;
use crate::learning::Learning;
use crate::metrics::Metrics;
use crate::pipeline::{
    Candidates, Decided, DecisionIds, Erase, GrantAnswer, GrantDeed, Group, OrderTaken, OrderTold, Plan, ReadBatch,
    Room, Sender, budgets_key, grant_key, item_key, letter_keys, letters_key, order_key,
};
use crate::readiness::Readiness;
use crate::shop::grant::GrantRefusal;
use crate::shop::item::CatalogEntry;
use crate::shop::order::OrderRefusal;
use crate::site::{SiteIndex, Sites};
use crate::state::{Session, Unlogged};
use crate::stop::Stop;

/// Records read at a time when the log is replayed.
const REPLAY_PAGE: usize = 1000;
/// How many commands are taken from the queue before they have a group: more than go into one.
const MOST_WAITING: usize = 1024;
/// How often sessions whose time is over are let go.
pub(crate) const SWEEP_PACE: Duration = Duration::from_secs(1);
/// How often dead letters whose time is over are let go.
const LETTERS_PACE: Duration = Duration::from_secs(60);
/// How many sessions are let go at a time.
const SWEEP_SESSIONS: usize = 4096;
/// How often what is durable is folded anew, when somebody else wrote the same rows meanwhile.
const FOLDS: usize = 16;

/// Where the answer to a command goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, ErrorCode>>;

/// Something to be done in its turn.
pub(crate) enum Command {
    Consent(ConsentEntry, Reply<ConsentAnswer>),
    Batch(ReadBatch, Reply<BatchAnswer>),
    Decide(Box<DecisionRequest>, DecisionIds, Reply<Decided>),
    Erase(Erase, Reply<EraseAnswer>),
    /// Of the collector itself, which waits for no answer.
    Stop(StopEntry),
    Grant(GrantDeed, Reply<Result<GrantAnswer, GrantRefusal>>),
    Order(OrderTold, Reply<Result<OrderTaken, OrderRefusal>>),
    Catalog(CatalogEntry, Reply<usize>),
}

impl Command {
    /// The rows that it reads or writes.
    fn keys(&self, of: &Candidates) -> Vec<Key> {
        let mut keys = of.keys();
        if matches!(self, Command::Erase(..)) {
            keys.push(letters_key(of.site));
            keys.extend(letter_keys(of.site));
        }
        if let Command::Batch(batch, _) = self {
            if !batch.dead.is_empty() || batch.entry.redriven.is_some() {
                keys.push(letters_key(of.site));
            }
            if batch.entry.redriven.is_some() {
                keys.extend(letter_keys(of.site));
            }
        }
        match self {
            Command::Erase(..) => keys.push(budgets_key(of.site)),
            Command::Decide(request, ..) => {
                keys.push(budgets_key(of.site));
                let items = request.item.iter().chain(request.items.iter().map(|line| &line.item));
                keys.extend(items.map(|item| item_key(of.site, *item)));
            }
            Command::Grant(asked, _) => keys.extend([grant_key(of.site, asked.grant), budgets_key(of.site)]),
            Command::Order(told, _) => {
                keys.push(order_key(of.site, told.order));
                keys.extend(told.grant.map(|grant| grant_key(of.site, grant)));
            }
            Command::Catalog(entry, _) => keys.extend(entry.items.iter().map(|item| item_key(of.site, item.item))),
            Command::Consent(..) | Command::Batch(..) | Command::Stop(_) => {}
        }
        keys
    }

    /// The rows that it reads or writes beside those, as far as these tell.
    fn further_keys(&self, of: &Candidates, group: &Group<'_>) -> Vec<Key> {
        match self {
            Command::Erase(..) | Command::Decide(..) => group.shop_rows_of(of),
            Command::Order(told, _) => group.session_of(of.site, told),
            _ => Vec::new(),
        }
    }

    /// Answers without doing it.
    fn refuse(self, code: ErrorCode) {
        // Whoever does not wait any more has gone away.
        match self {
            Command::Consent(_, to) => drop(to.send(Err(code))),
            Command::Batch(_, to) => drop(to.send(Err(code))),
            Command::Decide(_, _, to) => drop(to.send(Err(code))),
            Command::Erase(_, to) => drop(to.send(Err(code))),
            Command::Stop(_) => {}
            Command::Grant(_, to) => drop(to.send(Err(code))),
            Command::Order(_, to) => drop(to.send(Err(code))),
            Command::Catalog(_, to) => drop(to.send(Err(code))),
        }
    }

    /// What its record usually takes.
    fn usual_bytes(&self) -> usize {
        match self {
            Command::Consent(..) => 200,
            Command::Batch(batch, _) => 150 + batch.entry.events.len() * 130 + batch.dead.len() * 700,
            Command::Decide(..) => 1000,
            Command::Grant(..) | Command::Order(..) => 400,
            Command::Catalog(entry, _) => 150 + entry.items.len() * 170,
            Command::Erase(erase, _) => 250 + (1 + erase.keyed.len()) * 150,
            Command::Stop(_) => 200,
        }
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

/// Where handlers hand in commands.
#[derive(Debug, Clone)]
pub(crate) struct Queue(mpsc::Sender<(Candidates, Command)>);

/// A queue with so many places, and its other end.
pub(crate) fn queue(places: usize) -> (Queue, mpsc::Receiver<(Candidates, Command)>) {
    let (sender, receiver) = mpsc::channel(places);
    (Queue(sender), receiver)
}

impl Queue {
    /// Hands in a command without waiting for a place.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] if the queue is full or the collector is stopping.
    pub(crate) fn push(&self, of: impl Into<Candidates>, command: Command) -> Result<(), ErrorCode> {
        self.0.try_send((of.into(), command)).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Closed(_) => ErrorCode::Unavailable,
        })
    }

    /// Commands that wait.
    pub(crate) fn depth(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }
}

/// Brings `state`, which has applied the log up to `from`, to the log's end, or to `until` if that comes first. Returns the offset where it
/// stands then. `watch` sees each record before it is folded.
///
/// # Errors
/// [`StoreError`] if the log cannot be read.
pub(crate) async fn replay<L: EventLog>(
    log: &L,
    state: &EmbeddedState,
    sites: &Sites,
    keyring: &Keyring,
    (from, until): (u64, u64),
    watch: &mut impl FnMut(&Replayed<'_>),
) -> Result<u64, StoreError> {
    let mut next = from;
    let mut clock = 0;
    // Up to here the aggregates have the log already. No page crosses it.
    let fence = state.windows_applied();
    while next < until {
        let mut page = log.read(next, REPLAY_PAGE).await?;
        let bound = if next < fence { fence.min(until) } else { until };
        page.retain(|(position, _)| position.offset < bound);
        let Some((last, _)) = page.last() else { return Ok(next.max(log.end()).min(until)) };
        let upto = last.offset + 1;
        let mut found = Vec::with_capacity(page.len());
        for (position, record) in page {
            let offset = position.offset;
            let sender = sender_of(&record, sites);
            let record = Found::read(record, keyring).map_err(|reason| StoreError::Damaged { offset, reason })?;
            // What a site that is not configured any more left behind stays in the log and out of the state.
            let Some(from) = sender else { continue };
            found.push((offset, from, record));
        }
        let rows = load(state, found.iter().flat_map(|(_, from, found)| keys_of(found, *from))).await?;
        let mut group = Group::new(sites, rows, clock, Room::ENDLESS)?;
        let further = further_keys_of(&group, found.iter().map(|(_, from, found)| (found, *from)));
        group.take_in(load(state, further.into_iter()).await?)?;
        for (offset, from, found) in &found {
            watch(&Replayed { offset: *offset, from: *from, found, group: &group });
            group.replay_found(*from, *offset, found);
        }
        let plan = group.finish()?;
        clock = plan.clock;
        if !state.commit(plan.commit(next, upto, &[])?).await? {
            return Err(StoreError::Write("somebody else writes to the state while it is rebuilt".to_owned()));
        }
        // Like a collector that runs: sessions that ended long ago are never all in memory.
        forget_over(state, clock, (upto > fence || fence == 0).then_some(upto)).await?;
        next = upto;
    }
    Ok(next)
}

/// Whose record it is; `None` if its site is not configured.
fn sender_of(record: &Record, sites: &Sites) -> Option<Sender> {
    let Record { pseudonym, received_at, key_id, .. } = *record;
    sites.find(&record.site).map(|site| Sender { site, pseudonym, epoch: key_id, received_at })
}

/// Removes the sessions whose time is over at `now` (Unix milliseconds). The aggregates learn what is known only of a session that has
/// ended, unless they have it already: `end` is the log's end, or `None` if they do.
///
/// # Errors
/// [`StoreError`] from the state.
pub(crate) async fn forget_over<S: StateStore>(state: &S, now: u64, end: Option<u64>) -> Result<(), StoreError> {
    loop {
        let over = state.over(now, SWEEP_SESSIONS).await?;
        let rows = over.len();
        let mut commit = Commit { clock: now, ..Commit::default() };
        for (key, row) in over {
            if let (Some(end), Key::Session(site, pseudonym)) = (end, key) {
                (commit.from, commit.upto) = (end, end);
                let session = Session::from_row(&row)?;
                let closing = session.state.closing();
                commit.settled.extend([(site, session.added(pseudonym.lot())), (site, closing.clone())]);
                commit.changes.push((site, closing));
                commit
                    .trials
                    .extend(session.state.trials().into_iter().map(|(assignment, sums)| (site, assignment, sums)));
            }
            commit.writes.push(Write { key, expected: Some(row.version), bytes: None, life: None });
        }
        state.commit(commit).await?;
        if rows < SWEEP_SESSIONS {
            return Ok(());
        }
    }
}

/// Removes the dead letters of a site that were received before `before` (Unix milliseconds).
///
/// # Errors
/// [`StoreError`] from the state.
pub(crate) async fn forget_letters<S: StateStore>(state: &S, site: SiteIndex, before: u64) -> Result<(), StoreError> {
    if state.load(&[Key::DeadLetters(site.number())]).await?.iter().all(Option::is_none) {
        return Ok(());
    }
    let mut writes = Vec::new();
    for (key, row) in load(state, (0..LETTERS_PER_SITE).map(|place| Key::DeadLetter(site.number(), place))).await? {
        let Some(row) = row else { continue };
        if crate::state::read::<KeptLetter>(&row)?.received_at < before {
            writes.push(Write { key, expected: Some(row.version), bytes: None, life: None });
        }
    }
    state.commit(Commit { writes, ..Commit::default() }).await.map(drop)
}

/// A record that is about to be replayed, for whoever looks on.
pub(crate) struct Replayed<'a> {
    pub(crate) offset: u64,
    pub(crate) from: Sender,
    pub(crate) found: &'a Found,
    /// Everything before it.
    pub(crate) group: &'a Group<'a>,
}

/// The rows that folding what was found reads or writes.
fn keys_of(found: &Found, from: Sender) -> Vec<Key> {
    let mut keys = Candidates::from(from).keys();
    match found {
        Found::Entry(Entry::Batch(batch)) if batch.redriven.is_some() => {
            keys.push(letters_key(from.site));
            keys.extend(letter_keys(from.site));
        }
        Found::Entry(Entry::DeadLetter(_)) => keys.push(letters_key(from.site)),
        Found::Entry(Entry::Visit(_)) => keys.push(from.visitor_key()),
        Found::Entry(Entry::Grant(_)) => {
            keys.extend([Key::Grant(from.site.number(), from.pseudonym), budgets_key(from.site)]);
        }
        Found::Entry(Entry::Decision(decision)) => keys.extend(decision.grant.map(|grant| grant_key(from.site, grant))),
        Found::Entry(Entry::Order(_)) => keys.push(Key::Order(from.site.number(), from.pseudonym)),
        Found::Entry(Entry::Purchase(purchase)) => keys.push(order_key(from.site, purchase.order)),
        Found::Entry(Entry::Catalog(catalog)) => {
            keys.extend(catalog.items.iter().map(|item| item_key(from.site, item.item)));
        }
        Found::Entry(Entry::Erasure(_)) => {
            keys.push(from.visitor_key());
            keys.push(letters_key(from.site));
            keys.extend(letter_keys(from.site));
        }
        Found::Erased(readable) if readable.letters > 0 => keys.push(letters_key(from.site)),
        _ => {}
    }
    keys
}

/// The rows that are needed beside those, as far as `group` knows: what an erased session had to do with the shop.
fn further_keys_of<'a>(group: &Group<'_>, found: impl Iterator<Item = (&'a Found, Sender)>) -> Vec<Key> {
    let erased = found.filter(|(found, _)| matches!(found, Found::Entry(Entry::Erasure(_))));
    let keys = erased.flat_map(|(_, from)| group.shop_rows_of(&Candidates::from(from)));
    keys.filter(|key| !group.holds(key)).collect()
}

/// The rows under `keys`.
async fn load<S: StateStore>(
    state: &S,
    keys: impl Iterator<Item = Key>,
) -> Result<Vec<(Key, Option<Row>)>, StoreError> {
    let keys: BTreeSet<Key> = keys.collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    let rows = state.load(&keys).await?;
    Ok(keys.into_iter().zip(rows).collect())
}

/// The task that commits.
pub(crate) struct Committer<L, S> {
    pub(crate) log: Arc<L>,
    pub(crate) state: Arc<S>,
    pub(crate) unlogged: Unlogged,
    /// Number of sessions that may be kept.
    pub(crate) most_sessions: usize,
    /// Number of grants, orders and items that may be kept.
    pub(crate) most_shop_rows: usize,
    /// How often sessions whose time is over are let go.
    pub(crate) sweep_pace: Duration,
    /// How long dead letters are kept, milliseconds.
    pub(crate) letters_kept_ms: u64,
    /// The time of the state, Unix milliseconds. Nothing is dated before it.
    pub(crate) clock: u64,
    pub(crate) host: Host,
    pub(crate) sites: Arc<Sites>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Readiness,
    pub(crate) erasures: Arc<Erasures>,
    /// Told of each change of the state.
    pub(crate) changed: watch::Sender<u64>,
    /// What was learned from sessions that are over.
    pub(crate) learning: Learning,
    /// Commands that were taken from the queue and wait for the next group.
    pub(crate) waiting: VecDeque<(Candidates, Command)>,
    /// Holds once something is in the log and could not be followed up: the state lacks it, so that nothing more may be built on that. The next
    /// start finds it in the log.
    pub(crate) halted: bool,
}

impl<L: EventLog, S: StateStore> Committer<L, S> {
    /// Works off what is handed in until `stop` holds and nothing waits any more.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<(Candidates, Command)>, mut stop: Stop) {
        let mut sweeps = tokio::time::interval(self.sweep_pace);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut letters = tokio::time::interval(LETTERS_PACE);
        letters.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let received = tokio::select! {
                biased; // the queue may never be empty
                _ = sweeps.tick() => {
                    self.sweep().await;
                    self.learn().await;
                    continue;
                }
                _ = letters.tick() => {
                    self.sweep_letters().await;
                    continue;
                }
                () = stop.told() => {
                    queue.close(); // refuses what comes now, and keeps what waits
                    queue.recv().await
                }
                received = queue.recv() => received,
            };
            let Some(first) = received else { return };
            self.waiting.push_back(first);
            while !self.waiting.is_empty() {
                while self.waiting.len() < MOST_WAITING
                    && let Ok(command) = queue.try_recv()
                {
                    self.waiting.push_back(command);
                }
                self.commit_group().await;
            }
        }
    }

    /// Commits what waits, as much of it as one group takes.
    async fn commit_group(&mut self) {
        let begun = Instant::now();
        if self.halted {
            self.waiting.drain(..).for_each(|(_, command)| command.refuse(ErrorCode::Unavailable));
            return;
        }
        let mut answers = Vec::new();
        match self.plan(&mut answers).await {
            Ok(plan) => match self.make_durable(plan).await {
                Ok(()) => {
                    self.changed.send_modify(|version| *version += 1);
                    self.metrics.committed(answers.len(), begun.elapsed());
                    answers.into_iter().for_each(|answer| answer.0(Ok(())));
                }
                Err(error) => self.give_up(&error, answers),
            },
            Err(error) => self.give_up(&error, answers),
        }
    }

    async fn plan(&mut self, answers: &mut Vec<Answer>) -> Result<Plan, StoreError> {
        let candidates = self.candidates();
        let begins =
            |(_, command): &&(Candidates, Command)| matches!(command, Command::Consent(entry, _) if entry.is_grant());
        let needed = self.waiting.iter().take(candidates).filter(begins).count();
        if self.room().sessions < needed {
            self.sweep().await;
        }
        let keys = self.waiting.iter().take(candidates).flat_map(|(of, command)| command.keys(of));
        let rows = load(&*self.state, keys).await?;
        let mut group = Group::new(&self.sites, rows, self.clock, self.room())?.with_learning(&self.learning);
        let waiting = self.waiting.iter().take(candidates);
        let further: Vec<Key> = waiting.flat_map(|(of, command)| command.further_keys(of, &group)).collect();
        let further = further.into_iter().filter(|key| !group.holds(key)).collect::<Vec<_>>();
        group.take_in(load(&*self.state, further.into_iter()).await?)?;
        let before = log_point(&*self.log);
        while answers.len() < candidates
            && !group.is_full()
            && let Some((of, command)) = self.waiting.pop_front()
        {
            answers.push(work(&mut group, &of, command, before));
        }
        group.finish()
    }

    /// How many of the waiting commands are likely to fit into one group, so that no more rows are read than are needed; at least one.
    fn candidates(&self) -> usize {
        let mut bytes = 0;
        let fits = |(_, command): &&(Candidates, Command)| {
            bytes += command.usual_bytes();
            bytes <= GROUP_BYTES
        };
        self.waiting.iter().take_while(fits).count().max(1)
    }

    /// How many sessions may begin, and how many tombstones be set.
    fn room(&self) -> Room {
        Room {
            sessions: self.most_sessions.saturating_sub(self.state.sessions()).min(self.keyring.room()),
            tombstones: self.most_sessions.saturating_sub(self.state.tombstones()),
            shop_rows: self.most_shop_rows.saturating_sub(self.state.shop_rows()),
        }
    }

    async fn make_durable(&mut self, mut plan: Plan) -> Result<(), StoreError> {
        self.clock = plan.clock;
        for (site, outcomes) in std::mem::take(&mut plan.unlogged) {
            self.unlogged.add(site, &outcomes);
        }
        let records = std::mem::take(&mut plan.records);
        if records.is_empty() {
            return Ok(());
        }
        // The keys of sessions that begin are on disk before anything that needs them.
        let records = self.keyring.seal(records).await?;
        let positions = self.log.append(&records).await?;
        self.halted = true;
        self.follow_up(plan, records, &positions).await?;
        self.halted = false;
        Ok(())
    }

    /// Does what follows from records that are in the log.
    async fn follow_up(
        &mut self,
        mut plan: Plan,
        records: Vec<Record>,
        positions: &[Position],
    ) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
            return Err(StoreError::Write("the log told no positions".to_owned()));
        };
        let (from, upto) = (first.offset, last.offset + 1);
        let erased: Vec<_> = std::mem::take(&mut plan.erased)
            .into_iter()
            .map(|erased| {
                let at = positions.get(erased.number).map_or(from, |position| position.offset);
                (erased, at)
            })
            .collect();
        if !erased.is_empty() {
            let carried_out = self.erasures.carry_out(&erased, log_point(&*self.log)).await;
            carried_out.map_err(|error| StoreError::Write(error.to_string()))?;
        }
        if self.state.commit(plan.commit(from, upto, positions)?).await? {
            return Ok(());
        }
        self.fold_anew(records, positions, from, upto).await
    }

    /// Somebody else was faster with the same rows. What is in the log stands, so that it is folded anew over what they wrote; folding is
    /// exact however often an event comes.
    async fn fold_anew(
        &self,
        records: Vec<Record>,
        positions: &[Position],
        from: u64,
        upto: u64,
    ) -> Result<(), StoreError> {
        let mut entries = Vec::new();
        for (record, position) in records.into_iter().zip(positions) {
            let offset = position.offset;
            let sender = sender_of(&record, &self.sites);
            let found = Found::read(record, &self.keyring).map_err(|reason| StoreError::Damaged { offset, reason })?;
            entries.extend(sender.map(|sender| (sender, offset, found)));
        }
        for _ in 0..FOLDS {
            let rows = load(&*self.state, entries.iter().flat_map(|(from, _, found)| keys_of(found, *from))).await?;
            let mut group = Group::new(&self.sites, rows, 0, Room::ENDLESS)?;
            let further = further_keys_of(&group, entries.iter().map(|(from, _, found)| (found, *from)));
            group.take_in(load(&*self.state, further.into_iter()).await?)?;
            entries.iter().for_each(|(from, offset, found)| group.replay_found(*from, *offset, found));
            if self.state.commit(group.finish()?.commit(from, upto, positions)?).await? {
                return Ok(());
            }
        }
        Err(StoreError::Write(format!("the state was written by somebody else {FOLDS} times in a row")))
    }

    /// Lets go of sessions whose time is over.
    async fn sweep(&mut self) {
        self.clock = self.host.now().max(self.clock);
        if let Err(error) = forget_over(&*self.state, self.clock, Some(self.log.end())).await {
            tracing::error!("sessions that ended cannot be let go: {error}");
        }
    }

    /// Learns from the sessions that are over, and stops offers that do harm.
    async fn learn(&mut self) {
        if self.halted || !self.learning.is_due(self.clock) {
            return;
        }
        for (site, configured) in self.sites.iter() {
            let trials = match self.state.trials(site.number()).await {
                Ok(trials) => trials,
                Err(error) => {
                    tracing::error!("what sessions came to cannot be read: {error}");
                    return;
                }
            };
            for entry in self.learning.take_in(site, trials, &configured.policy()) {
                self.waiting.push_back((Candidates::nobody(site, self.clock), Command::Stop(entry)));
            }
        }
        while !self.waiting.is_empty() {
            self.commit_group().await;
        }
    }

    /// Lets go of dead letters whose time is over.
    async fn sweep_letters(&mut self) {
        let before = self.host.now().max(self.clock).saturating_sub(self.letters_kept_ms);
        for (site, _) in self.sites.iter() {
            if let Err(error) = forget_letters(&*self.state, site, before).await {
                tracing::error!("dead letters cannot be let go: {error}");
            }
        }
        if let Err(error) = self.erasures.forget_over(self.host.now().max(self.clock)).await {
            tracing::error!("old tombstones and receipts cannot be let go: {error}");
        }
    }

    /// A group that is not on disk has not happened: nobody is told that it has, and the state stays as it was. What did reach the
    /// disk is found by the next start.
    fn give_up(&self, error: &StoreError, answers: Vec<Answer>) {
        if self.readiness.break_down(error.to_string()) {
            tracing::error!("{error}");
        }
        answers.into_iter().for_each(|answer| answer.0(Err(ErrorCode::Unavailable)));
    }
}

fn work(group: &mut Group<'_>, of: &Candidates, command: Command, before: LogPoint) -> Answer {
    match command {
        Command::Consent(entry, to) => Answer::new(to, group.consent(of, entry)),
        Command::Batch(batch, to) => Answer::new(to, group.batch(of, batch)),
        Command::Decide(request, ids, to) => Answer::new(to, group.decide(of, &request, ids)),
        Command::Erase(erase, to) => Answer::new(to, group.erase(of, &erase, before)),
        Command::Stop(entry) => {
            let offer = entry.offer.clone();
            let stopped = group.stop(of, entry);
            Answer(Box::new(move |durable| match durable.and(stopped) {
                Ok(()) => {
                    tracing::warn!(offer = offer.as_str(), "stopped: the interval of what it changes is below zero")
                }
                Err(code) => tracing::error!(offer = offer.as_str(), "cannot be stopped: {code:?}"),
            }))
        }
        Command::Grant(asked, to) => Answer::new(to, group.grant(of, &asked)),
        Command::Order(told, to) => Answer::new(to, group.order(of, &told)),
        Command::Catalog(entry, to) => Answer::new(to, group.catalog(of, entry)),
    }
}

#[cfg(test)]
pub(crate) mod gated_log;
#[cfg(test)]
pub(crate) mod tests;
