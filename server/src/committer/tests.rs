//! The committer alone, over logs that are slow, that fail, and that are read again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use waver_schema::{ConsentChoice, ConsentSource, Event};
use waver_store::{EmbeddedState, MemoryLog, MemorySnapshots, Pseudonym, SnapshotStore, StateStore};

use super::gated_log::Gated;
use super::*;
use crate::collector::bring_up;
use crate::dead_letter::{DeadLetter, DeadLetters, LETTERS_PER_MINUTE};
use crate::entry::BatchEntry;
use crate::keyring::tests::in_memory;
use crate::outcome::Outcomes;
use crate::site::SiteIndex;
use crate::state::{GRACE_MS, Session, SharedState};
use crate::stop::StopSender;

const HOUR_MS: u64 = 60 * 60 * 1000;
const NOW: u64 = 1_800_000_000_000;

const SITE: SiteIndex = SiteIndex(0);
/// That of the keys, which are made now.
const EPOCH: u32 = (NOW / 1000) as u32;

/// A committer at work.
struct AtWork {
    keyring: Arc<Keyring>,
    queue: Queue,
    /// The collector's clock.
    now: Arc<AtomicU64>,
    state: SharedState,
    readiness: Readiness,
    stop: StopSender,
    task: tokio::task::JoinHandle<()>,
}

pub(crate) fn sites() -> Arc<Sites> {
    let folder = tempfile::tempdir().expect("a folder");
    let offers = folder.path().join("offers.toml");
    std::fs::write(&offers, "[policy]\nholdout = 0.0\nkill_switch = false\ndefault_locale = \"en\"\n").expect("writes");
    let site = crate::config::Site {
        origins: Vec::new(),
        offers,
        allow_no_origin: true,
        automation: Default::default(),
        visitor: None,
        secret_file: None,
        secret: None,
    };
    // As long as a key may be: it stands in every record.
    let key = waver_schema::SiteKey::parse("a-site-with-a-name-of-32-letters").expect("valid");
    Arc::new(Sites::load(&BTreeMap::from([(key, site)])).expect("a policy").0)
}

fn keys() -> Vec<waver_schema::SiteKey> {
    sites().iter().map(|(_, site)| site.key.clone()).collect()
}

fn start(log: impl EventLog, places: usize, most_sessions: usize) -> AtWork {
    start_from(log, EmbeddedState::new(keys(), GRACE_MS), places, most_sessions)
}

fn start_from(log: impl EventLog, rows: EmbeddedState, places: usize, most_sessions: usize) -> AtWork {
    let (queue, commands) = queue(places);
    let keyring = Arc::new(in_memory(&keys(), NOW));
    let state = SharedState::new(rows, 1);
    let readiness = Readiness::default();
    let (stop, stopped) = Stop::channel();
    let now = Arc::new(AtomicU64::new(state.rows.clock()));
    let clock = Arc::clone(&now);
    let committer = Committer {
        log: Arc::new(log),
        state: Arc::clone(&state.rows),
        unlogged: state.unlogged.clone(),
        most_sessions,
        most_shop_rows: 1000,
        sweep_pace: Duration::from_micros(100),
        letters_kept_ms: HOUR_MS,
        clock: state.rows.clock(),
        host: Host::system().with_clock(move || clock.load(Ordering::SeqCst)),
        sites: sites(),
        keyring: Arc::clone(&keyring),
        metrics: Arc::new(Metrics::new()),
        readiness: readiness.clone(),
        changed: watch::channel(0).0,
        erasures: Arc::new(Erasures::temporary(Arc::clone(&keyring))),
        learning: Learning::default(),
        waiting: VecDeque::new(),
        halted: false,
    };
    AtWork { keyring, queue, now, state, readiness, stop, task: tokio::spawn(committer.run(commands, stopped)) }
}

/// The session of a shopper, if its row is there.
fn session(state: &EmbeddedState, number: u8) -> Option<Session> {
    let row = state.row(waver_store::Key::Session(SITE.number(), Pseudonym::from_bytes([number; 16])));
    row.map(|row| Session::from_row(&row).expect("a session"))
}

fn shopper(number: u8, received_at: u64) -> Sender {
    Sender { site: SITE, pseudonym: Pseudonym::from_bytes([number; 16]), epoch: Some(EPOCH), received_at }
}

type Awaited<T> = oneshot::Receiver<Result<T, ErrorCode>>;

fn grant(queue: &Queue, from: Sender) -> Result<Awaited<ConsentAnswer>, ErrorCode> {
    choose(queue, from, ConsentChoice::Granted)
}

fn choose(queue: &Queue, from: Sender, choice: ConsentChoice) -> Result<Awaited<ConsentAnswer>, ErrorCode> {
    let (to, answer) = oneshot::channel();
    let entry = ConsentEntry {
        measure: choice,
        personalize: choice,
        source: ConsentSource::Tag,
        client: Default::default(),
        evidence: Default::default(),
    };
    queue.push(from, Command::Consent(entry, to)).map(|()| answer)
}

fn post(queue: &Queue, from: Sender, epoch: u32, seqs: &[u64]) -> Result<Awaited<BatchAnswer>, ErrorCode> {
    post_with_junk(queue, from, epoch, seqs, 0)
}

fn post_with_junk(
    queue: &Queue,
    from: Sender,
    epoch: u32,
    seqs: &[u64],
    junk: u32,
) -> Result<Awaited<BatchAnswer>, ErrorCode> {
    let (to, answer) = oneshot::channel();
    let event = |seq: &u64| {
        let json = serde_json::json!({"seq": seq, "t": seq * 10, "type": "engagement", "engaged_ms": 1, "scroll_milli": 0, "clicks": 0});
        serde_json::from_value::<Event>(json).expect("an event")
    };
    let entry =
        BatchEntry { consent_epoch: epoch, events: seqs.iter().map(event).collect(), unreadable: junk, redriven: None };
    let dead =
        (0..junk).map(|number| DeadLetter::new(&format!("{{\"seq\":{number}}}"), None, "a type", epoch)).collect();
    let batch = ReadBatch { entry, indexes: (0..).take(seqs.len()).collect(), rejected: Vec::new(), dead };
    queue.push(from, Command::Batch(batch, to)).map(|()| answer)
}

#[tokio::test]
async fn what_waits_is_committed_together_and_answered_only_then() {
    let log = Gated::new(0);
    let work = start(log.clone(), 100, 100);
    let first = grant(&work.queue, shopper(1, 0)).expect("a place");
    // The committer is at its first append once it has taken the command off the queue.
    while work.queue.depth() > 0 {
        tokio::task::yield_now().await;
    }
    let mut answers = vec![first];
    answers.extend((2..50).map(|number| grant(&work.queue, shopper(number, 0)).expect("a place")));
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()), "nothing is durable yet");
    assert_eq!(work.state.rows.sessions(), 0, "what is not durable has not happened");

    log.permits.add_permits(2);
    for answer in answers {
        assert!(answer.await.expect("an answer").expect("durable").consent_epoch > 0);
    }
    assert_eq!(*log.groups.lock().expect("no panic"), [1, 48]);
    assert_eq!((work.state.rows.sessions(), work.state.rows.applied()), (49, 49));
}

#[tokio::test]
async fn a_group_stays_within_the_logs_limit_however_small_or_large_its_records_are() {
    let log = Gated::new(0);
    let work = start(log.clone(), 10_000, 10_000);
    let mut consents = Vec::new();
    for number in 0..3000_u16 {
        let [high, low] = number.to_be_bytes();
        let pseudonym = Pseudonym::from_bytes([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        consents.push(grant(&work.queue, Sender { pseudonym, ..shopper(0, NOW) }).expect("a place"));
    }
    let large: Vec<u64> = (1..=64).collect();
    let batches: Vec<_> = (0..100_u16)
        .map(|number| {
            let [high, low] = number.to_be_bytes();
            let pseudonym = Pseudonym::from_bytes([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            post(&work.queue, Sender { pseudonym, ..shopper(0, NOW) }, (NOW / 1000) as u32, &large).expect("a place")
        })
        .collect();
    log.permits.add_permits(10_000);
    for consent in consents {
        consent.await.expect("an answer").expect("durable");
    }
    for batch in batches {
        assert_eq!(batch.await.expect("an answer").expect("durable").accepted, 64);
    }
    let groups = log.groups.lock().expect("no panic").len();
    assert!((3..20).contains(&groups), "{groups} groups");
}

#[tokio::test]
async fn a_full_queue_turns_away_and_loses_nothing_that_was_taken() {
    let log = Gated::new(0);
    let work = start(log.clone(), 2, 100);
    let mut answers = vec![grant(&work.queue, shopper(0, 0)).expect("a place")];
    while work.queue.depth() > 0 {
        tokio::task::yield_now().await;
    }
    answers.extend([1, 2].map(|number| grant(&work.queue, shopper(number, 0)).expect("a place")));
    assert_eq!(grant(&work.queue, shopper(3, 0)).err(), Some(ErrorCode::Unavailable));
    log.permits.add_permits(2);
    for answer in answers {
        assert!(answer.await.expect("an answer").is_ok());
    }
    assert_eq!(work.state.rows.sessions(), 3);
}

#[tokio::test]
async fn a_failed_append_has_not_happened_and_ends_readiness() {
    let log = Gated::new(100);
    let work = start(log.clone(), 100, 100);
    let granted = grant(&work.queue, shopper(1, 0)).expect("a place").await.expect("an answer").expect("durable");
    assert_eq!(work.readiness.obstacle(), None);

    log.fails.store(true, Ordering::SeqCst);
    let refused =
        post(&work.queue, shopper(1, 1), granted.consent_epoch, &[1, 2]).expect("a place").await.expect("an answer");
    assert_eq!(refused, Err(ErrorCode::Unavailable));
    let session = session(&work.state.rows, 1).expect("known");
    assert_eq!((session.state.last_event_at(), work.state.outcomes(SITE).stored), (0, 0));
    let obstacle = work.readiness.obstacle().expect("not ready");
    assert!(
        obstacle.contains("no space left on device") && obstacle.contains("start the collector again"),
        "{obstacle}"
    );
}

#[tokio::test]
async fn stopping_finishes_what_was_taken() {
    let log = Gated::new(0);
    let work = start(log.clone(), 100, 100);
    let answers: Vec<_> = (0..9).map(|number| grant(&work.queue, shopper(number, 0)).expect("a place")).collect();
    work.stop.tell();
    log.permits.add_permits(100);
    for answer in answers {
        assert!(answer.await.expect("an answer").is_ok());
    }
    work.task.await.expect("no panic");
    assert_eq!(log.end(), 9);
    assert_eq!(grant(&work.queue, shopper(9, 0)).err(), Some(ErrorCode::Unavailable));
}

#[tokio::test]
async fn beyond_the_bound_new_sessions_are_turned_away_and_ended_ones_make_room() {
    let log = MemoryLog::new();
    let work = start(log.clone(), 100, 2);
    let granted =
        async |number, at| grant(&work.queue, shopper(number, at)).expect("a place").await.expect("an answer");
    assert!(granted(1, NOW).await.is_ok() && granted(2, NOW + HOUR_MS / 4).await.is_ok());
    assert_eq!(granted(3, NOW + HOUR_MS / 2).await.err(), Some(ErrorCode::Unavailable));
    assert!(granted(2, NOW + HOUR_MS / 2).await.is_ok(), "a known one is not a new one");
    work.now.store(NOW + HOUR_MS / 2 + GRACE_MS + 60_001, Ordering::SeqCst);
    assert!(granted(3, NOW + HOUR_MS / 2 + GRACE_MS + 60_001).await.is_ok(), "the first had ended");
    assert!(session(&work.state.rows, 1).is_none() && session(&work.state.rows, 2).is_some());
}

#[tokio::test]
async fn a_session_whose_time_is_over_begins_anew_and_takes_no_old_batch() {
    let work = start(MemoryLog::new(), 100, 100);
    let first = grant(&work.queue, shopper(1, NOW)).expect("a place").await.expect("an answer").expect("durable");
    let sent =
        post(&work.queue, shopper(1, NOW), first.consent_epoch, &[1, 2]).expect("a place").await.expect("an answer");
    assert_eq!(sent.expect("durable").accepted, 2);
    // Its row may still lie there: nobody has swept.
    let later = NOW + HOUR_MS;
    let late =
        post(&work.queue, shopper(1, later), first.consent_epoch, &[2, 3]).expect("a place").await.expect("an answer");
    assert_eq!(late, Err(ErrorCode::Consent));
    let second = grant(&work.queue, shopper(1, later)).expect("a place").await.expect("an answer").expect("durable");
    let late =
        post(&work.queue, shopper(1, later), first.consent_epoch, &[2, 3]).expect("a place").await.expect("an answer");
    assert_eq!(late, Err(ErrorCode::Consent), "the epoch before stays closed");
    let sent =
        post(&work.queue, shopper(1, later), second.consent_epoch, &[1]).expect("a place").await.expect("an answer");
    assert_eq!(sent.expect("durable").accepted, 1);
    assert_eq!(work.state.outcomes(SITE).stored, 3);
}

#[tokio::test]
async fn a_clock_that_goes_back_dates_nothing_before_what_was() {
    let log = MemoryLog::new();
    let work = start(log.clone(), 100, 100);
    for at in [NOW, NOW - HOUR_MS, NOW + 1, 0] {
        grant(&work.queue, shopper(1, at)).expect("a place").await.expect("an answer").expect("durable");
    }
    let records = log.read(0, 10).await.expect("reads");
    let times: Vec<u64> = records.iter().map(|(_, record)| record.received_at).collect();
    assert_eq!(times, [NOW, NOW, NOW + 1, NOW + 1]);
}

/// A state that others write to as well: every other commit finds that somebody was faster.
struct Contended {
    state: Arc<EmbeddedState>,
    refusals: AtomicU64,
}

impl StateStore for Contended {
    async fn load(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.state.load(keys).await
    }

    async fn commit(&self, commit: Commit) -> Result<bool, StoreError> {
        if !commit.writes.is_empty() && self.refusals.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            return Ok(false);
        }
        self.state.commit(commit).await
    }

    fn sessions(&self) -> usize {
        self.state.sessions()
    }

    fn tombstones(&self) -> usize {
        self.state.tombstones()
    }

    fn shop_rows(&self) -> usize {
        self.state.shop_rows()
    }

    async fn live(&self, site: u16, now: u64) -> Result<BTreeMap<u8, u64>, StoreError> {
        self.state.live(site, now).await
    }

    async fn latest(&self, site: u16, most: usize) -> Result<Vec<(Pseudonym, Row)>, StoreError> {
        self.state.latest(site, most).await
    }

    async fn over(&self, now: u64, most: usize) -> Result<Vec<(Key, Row)>, StoreError> {
        self.state.over(now, most).await
    }

    async fn report(
        &self,
        site: u16,
        from: u64,
        to: u64,
        step_ms: u64,
    ) -> Result<waver_core::window::Report, StoreError> {
        self.state.report(site, from, to, step_ms).await
    }

    async fn trials(&self, site: u16) -> Result<Arc<waver_core::experiment::Trials>, StoreError> {
        self.state.trials(site).await
    }
}

#[tokio::test]
async fn where_somebody_was_faster_the_same_records_are_folded_anew() {
    let log = MemoryLog::new();
    let (queue, commands) = queue(100);
    let rows = Arc::new(EmbeddedState::new(keys(), GRACE_MS));
    let contended = Arc::new(Contended { state: Arc::clone(&rows), refusals: AtomicU64::new(0) });
    let (stop, stopped) = Stop::channel();
    let keyring = Arc::new(in_memory(&keys(), NOW));
    let committer = Committer {
        log: Arc::new(log.clone()),
        state: Arc::clone(&contended),
        unlogged: Unlogged::new(1),
        most_sessions: 100,
        most_shop_rows: 100,
        sweep_pace: Duration::from_secs(1),
        letters_kept_ms: HOUR_MS,
        clock: 0,
        host: Host::system().with_clock(|| NOW),
        sites: sites(),
        keyring: Arc::clone(&keyring),
        metrics: Arc::new(Metrics::new()),
        readiness: Readiness::default(),
        changed: watch::channel(0).0,
        erasures: Arc::new(Erasures::temporary(Arc::clone(&keyring))),
        learning: Learning::default(),
        waiting: VecDeque::new(),
        halted: false,
    };
    let task = tokio::spawn(committer.run(commands, stopped));
    let epoch =
        grant(&queue, shopper(1, NOW)).expect("a place").await.expect("an answer").expect("durable").consent_epoch;
    for seq in 1..9 {
        let junk = u32::from(seq == 4);
        let sent = post_with_junk(&queue, shopper(1, NOW), epoch, &[seq, 1], junk).expect("a place");
        assert_eq!(sent.await.expect("an answer").expect("durable").accepted, 1);
    }
    stop.tell();
    task.await.expect("no panic");
    assert!(contended.refusals.load(Ordering::SeqCst) >= 18, "every group was refused once");
    let replayed = bring_up(&log, &MemorySnapshots::default(), &sites(), &keyring).await.expect("reads");
    assert_eq!(contents(&rows), contents(&replayed));
    assert_eq!(letters(&rows).len(), 1);
}

/// The dead letters that are there, the oldest first.
fn letters(state: &EmbeddedState) -> Vec<KeptLetter> {
    let rows = (0..LETTERS_PER_SITE).filter_map(|place| state.row(waver_store::Key::DeadLetter(SITE.number(), place)));
    let mut letters: Vec<KeptLetter> = rows.map(|row| crate::state::read(&row).expect("a letter")).collect();
    letters.sort_by_key(|letter| letter.id);
    letters
}

#[tokio::test]
async fn dead_letters_are_kept_of_who_consented_so_many_a_minute_and_until_they_are_read_again_or_old() {
    let log = MemoryLog::new();
    let work = start(log.clone(), 100, 100);
    let junk = async |number, at, epoch, seqs: &[u64], junk| {
        post_with_junk(&work.queue, shopper(number, at), epoch, seqs, junk).expect("a place").await.expect("an answer")
    };
    assert_eq!(junk(1, NOW, 0, &[], 2).await, Err(ErrorCode::Consent));
    assert!(letters(&work.state.rows).is_empty() && log.end() == 0, "nothing is stored before consent");
    let epoch =
        grant(&work.queue, shopper(1, NOW)).expect("a place").await.expect("an answer").expect("durable").consent_epoch;
    assert!(junk(1, NOW, epoch, &[1], 2).await.is_ok());
    let kept = letters(&work.state.rows);
    let ids: Vec<String> = kept.iter().map(|letter| letter.id.to_string()).collect();
    assert_eq!(ids, ["2-0", "2-1"], "the third record, behind the consent and the batch");
    for _ in 0..20 {
        assert!(junk(1, NOW, epoch, &[], 4).await.is_ok());
    }
    assert_eq!(letters(&work.state.rows).len(), usize::from(LETTERS_PER_MINUTE));
    assert_eq!(
        work.state.outcomes(SITE).discarded.get(&crate::outcome::DiscardReason::Schema),
        Some(&82),
        "all are counted"
    );

    // One is read again as an event, and is no letter any more.
    let (to, answer) = oneshot::channel();
    let event = serde_json::from_value(
        serde_json::json!({"seq": 9, "t": 9, "type": "dropped", "cause": "refused", "count": 1}),
    );
    let entry = BatchEntry {
        consent_epoch: epoch,
        events: vec![event.expect("an event")],
        unreadable: 0,
        redriven: Some(kept[1].id),
    };
    let batch = ReadBatch { entry, indexes: vec![0], rejected: Vec::new(), dead: Vec::new() };
    work.queue.push(shopper(1, NOW), Command::Batch(batch, to)).expect("a place");
    assert_eq!(answer.await.expect("an answer").expect("durable").accepted, 1);
    let left = letters(&work.state.rows);
    assert!(left.len() == usize::from(LETTERS_PER_MINUTE) - 1 && !left.contains(&kept[1]) && left.contains(&kept[0]));

    // The log gives the same again; and what is old goes.
    let replayed = bring_up(&log, &MemorySnapshots::default(), &sites(), &work.keyring).await.expect("reads");
    assert_eq!(contents(&replayed), contents(&work.state.rows));
    forget_letters(&replayed, SITE, NOW).await.expect("forgets");
    assert_eq!(letters(&replayed).len(), left.len());
    forget_letters(&replayed, SITE, NOW + 1).await.expect("forgets");
    assert!(letters(&replayed).is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Choose(u8, ConsentChoice),
    Post(u8, u32, Vec<u64>),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let shopper = 0..8_u8;
    prop_oneof![
        4 => shopper.clone().prop_map(|shopper| Step::Choose(shopper, ConsentChoice::Granted)),
        1 => shopper.clone().prop_map(|shopper| Step::Choose(shopper, ConsentChoice::Denied)),
        6 => (shopper, 0..2_u32, proptest::collection::vec(0..9_u64, 0..6)).prop_map(|(shopper, newer, seqs)| Step::Post(shopper, newer, seqs)),
        2 => (0..HOUR_MS).prop_map(Step::Wait),
    ]
}

/// Sessions that had not ended, aggregates and books, for comparisons.
#[allow(clippy::type_complexity)]
fn contents(
    state: &EmbeddedState,
) -> (Vec<Option<Session>>, Vec<KeptLetter>, Option<DeadLetters>, waver_core::window::Windows, Option<Outcomes>, u64) {
    let sessions: Vec<Option<Session>> =
        (0..8).map(|number| session(state, number).filter(|session| !session.is_over(state.clock()))).collect();
    let books = state
        .row(waver_store::Key::Books(SITE.number()))
        .map(|row| crate::state::read::<Outcomes>(&row).expect("books"));
    let ring = state
        .row(waver_store::Key::DeadLetters(SITE.number()))
        .map(|row| crate::state::read::<DeadLetters>(&row).expect("a ring"));
    (sessions, letters(state), ring, state.with_windows(SITE.number(), Clone::clone), books, state.applied())
}

/// Invariant I4, and that it holds although groups are cut differently when the log is read again, and from whichever snapshot: sessions
/// come, end, are swept or not, and come back.
#[test]
fn replaying_the_log_gives_the_same_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    proptest!(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() }, |(
        steps in proptest::collection::vec(step(), 1..80),
        most_sessions in 1..6_usize,
        saved_after in 0..80_usize,
    )| {
        runtime.block_on(async {
            let log = MemoryLog::new();
            let snapshots = MemorySnapshots::default();
            let work = start(log.clone(), 100, most_sessions);
            let mut now = NOW;
            let mut epochs = [0; 8];
            for (number, step) in steps.iter().enumerate() {
                match step {
                    Step::Choose(number, choice) => {
                        let answer = choose(&work.queue, shopper(*number, now), *choice).expect("a place").await.expect("an answer");
                        epochs[usize::from(*number)] = answer.map_or(0, |answer| answer.consent_epoch);
                    }
                    // Handed in without waiting, so that groups are large.
                    Step::Post(number, behind, seqs) => {
                        let epoch = epochs[usize::from(*number)].saturating_sub(*behind);
                        let junk = u32::from(number % 3);
                        drop(post_with_junk(&work.queue, shopper(*number, now), epoch, seqs, junk));
                    }
                    Step::Wait(ms) => {
                        now += ms;
                        work.now.store(now, Ordering::SeqCst);
                    }
                }
                if number == saved_after {
                    snapshots.save(work.state.rows.capture(waver_core::session::FOLD_VERSION).into_parts(work.keyring.clone())).await.expect("saves");
                }
            }
            work.stop.tell();
            work.task.await.expect("no panic");
            let live = &work.state.rows;
            for snapshots in [MemorySnapshots::default(), snapshots] {
                let replayed = bring_up(&log, &snapshots, &sites(), &work.keyring).await.expect("reads");
                assert_eq!(replayed.applied(), log.end());
                for state in [&replayed, &**live] {
                    forget_over(state, live.clock(), Some(log.end())).await.expect("forgets");
                    forget_letters(state, SITE, live.clock().saturating_sub(HOUR_MS)).await.expect("forgets");
                }
                let (a, b) = (contents(&replayed), contents(live));
                assert_eq!(a.0, b.0, "sessions");
                assert_eq!((&a.1, &a.2), (&b.1, &b.2), "letters");
                assert_eq!(a.4, b.4, "books");
                assert_eq!(a.3, b.3, "windows");
                assert_eq!(a.5, b.5, "applied");
            }
        });
    });
}
