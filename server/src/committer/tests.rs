//! The committer alone, over logs that are slow, that fail, and that are read again.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use waver_schema::{ConsentChoice, ConsentSource, Event};
use waver_store::{MemoryLog, Pseudonym};

use super::gated_log::Gated;
use super::*;
use crate::entry::BatchEntry;
use crate::site::SiteIndex;
use crate::stop::StopSender;

const HOUR_MS: u64 = 60 * 60 * 1000;
const NOW: u64 = 1_800_000_000_000;

/// A committer at work.
struct AtWork {
    queue: Queue,
    state: SharedState,
    readiness: Readiness,
    stop: StopSender,
    task: tokio::task::JoinHandle<()>,
}

fn sites() -> Arc<Sites> {
    let folder = tempfile::tempdir().expect("a folder");
    let offers = folder.path().join("offers.toml");
    std::fs::write(&offers, "[policy]\nholdout = 0.0\nkill_switch = false\ndefault_locale = \"en\"\n").expect("writes");
    let site = crate::config::Site { origins: Vec::new(), offers, allow_no_origin: true };
    // As long as a key may be: it stands in every record.
    let key = waver_schema::SiteKey::parse("a-site-with-a-name-of-32-letters").expect("valid");
    Arc::new(Sites::load(&BTreeMap::from([(key, site)])).expect("a policy").0)
}

fn start(log: impl EventLog, places: usize, most_sessions: usize) -> AtWork {
    let (queue, commands) = queue(places);
    let state = SharedState::new(State::new(1, most_sessions));
    let readiness = Readiness::default();
    let (stop, stopped) = Stop::channel();
    let committer = Committer {
        log,
        state: state.clone(),
        sites: sites(),
        metrics: Arc::new(Metrics::new()),
        readiness: readiness.clone(),
        changed: watch::channel(0).0,
    };
    AtWork { queue, state, readiness, stop, task: tokio::spawn(committer.run(commands, stopped)) }
}

fn shopper(number: u8, received_at: u64) -> Sender {
    Sender { site: SiteIndex(0), pseudonym: Pseudonym::from_bytes([number; 16]), received_at }
}

type Awaited<T> = oneshot::Receiver<Result<T, ErrorCode>>;

fn grant(queue: &Queue, from: Sender) -> Result<Awaited<ConsentAnswer>, ErrorCode> {
    choose(queue, from, ConsentChoice::Granted)
}

fn choose(queue: &Queue, from: Sender, choice: ConsentChoice) -> Result<Awaited<ConsentAnswer>, ErrorCode> {
    let (to, answer) = oneshot::channel();
    let entry = ConsentEntry { measure: choice, personalize: choice, source: ConsentSource::Tag, client: Default::default() };
    queue.push(from, Command::Consent(entry, to)).map(|()| answer)
}

fn post(queue: &Queue, from: Sender, epoch: u32, seqs: &[u64]) -> Result<Awaited<BatchAnswer>, ErrorCode> {
    let (to, answer) = oneshot::channel();
    let event = |seq: &u64| {
        let json = serde_json::json!({"seq": seq, "t": seq * 10, "type": "engagement", "engaged_ms": 1, "scroll_milli": 0, "clicks": 0});
        serde_json::from_value::<Event>(json).expect("an event")
    };
    let entry =
        BatchEntry { consent_epoch: epoch, events: seqs.iter().map(event).collect(), unreadable: 0, redriven: None };
    let batch = ReadBatch { entry, indexes: (0..).take(seqs.len()).collect(), rejected: Vec::new(), dead: Vec::new() };
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
    assert_eq!(work.state.read().len(), 0, "what is not durable has not happened");

    log.permits.add_permits(2);
    for answer in answers {
        assert!(answer.await.expect("an answer").expect("durable").consent_epoch > 0);
    }
    assert_eq!(*log.groups.lock().expect("no panic"), [1, 48]);
    assert_eq!((work.state.read().len(), work.state.read().applied()), (49, 49));
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
    assert_eq!(work.state.read().len(), 3);
}

#[tokio::test]
async fn a_failed_append_has_not_happened_and_ends_readiness() {
    let log = Gated::new(100);
    let work = start(log.clone(), 100, 100);
    grant(&work.queue, shopper(1, 0)).expect("a place").await.expect("an answer").expect("durable");
    assert_eq!(work.readiness.obstacle(), None);

    log.fails.store(true, Ordering::SeqCst);
    let refused = post(&work.queue, shopper(1, 1), 1, &[1, 2]).expect("a place").await.expect("an answer");
    assert_eq!(refused, Err(ErrorCode::Unavailable));
    let state = work.state.read();
    let session = state.session(Pseudonym::from_bytes([1; 16])).expect("known");
    assert_eq!((session.state.last_event_at(), state.site(SiteIndex(0)).outcomes.stored), (0, 0));
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

/// Invariant I4, and that it holds although groups are cut differently when the log is read again: sessions come, go for want of
/// room, and come back.
#[test]
fn replaying_the_log_gives_the_same_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    proptest!(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }, |(
        steps in proptest::collection::vec(step(), 1..80),
        most_sessions in 1..6_usize,
    )| {
        runtime.block_on(async {
            let log = MemoryLog::new();
            let work = start(log.clone(), 100, most_sessions);
            let mut now = HOUR_MS;
            // Epochs as they mostly are: a session that had to make room and came back within the same second has an older one.
            let mut epochs = [0_u32; 8];
            // Handed in without waiting, so that groups are large.
            for step in &steps {
                match step {
                    Step::Choose(number, choice) => {
                        let epoch = &mut epochs[usize::from(*number)];
                        *epoch = (*epoch + 1).max((now / 1000) as u32);
                        drop(choose(&work.queue, shopper(*number, now), *choice));
                    }
                    Step::Post(number, newer, seqs) => {
                        let epoch = epochs[usize::from(*number)] + newer;
                        drop(post(&work.queue, shopper(*number, now), epoch, seqs));
                    }
                    Step::Wait(ms) => now += ms,
                }
            }
            work.stop.tell();
            work.task.await.expect("no panic");

            let mut replayed = State::new(1, most_sessions);
            let records = replay(&log, &mut replayed, &sites()).await.expect("reads");
            assert_eq!(records, log.end());
            let live = work.state.read();
            // Refusals of what changed nothing are counted while they happen, and the log has no trace of them.
            assert_eq!(replayed.without_refusals(), live.without_refusals());
        });
    });
}
