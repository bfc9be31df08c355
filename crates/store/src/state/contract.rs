//! What every store of state and every store of snapshots must do, whatever is behind it.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;
use waver_core::session::Measured;
use waver_schema::SiteKey;

use super::*;

const MINUTE: u64 = 60_000;
const GRACE: u64 = 10 * MINUTE;
const FOLD: u16 = 7;

fn sites() -> Vec<SiteKey> {
    ["demo", "other"].map(|key| SiteKey::parse(key).expect("valid")).to_vec()
}

fn session(site: SiteNumber, number: u8) -> Key {
    Key::Session(site, Pseudonym::from_bytes([number; 16]))
}

fn write(key: Key, expected: u32, bytes: &[u8], live_until: u64) -> Write {
    let life = matches!(key, Key::Session(..)).then_some(Life { live_until, tag: 1 });
    Write { key, expected: Some(expected), bytes: Some(bytes.to_vec()), life }
}

fn commit(from: u64, upto: u64, writes: Vec<Write>) -> Commit {
    Commit { from, upto, clock: upto, writes, ..Commit::default() }
}

fn events(at: u64, count: i64) -> Vec<Change> {
    vec![Change { at, what: Measured::Event, by: count }]
}

/// Two events of the other site, of no session that is known one by one.
fn counted() -> Vec<(SiteNumber, Vec<Change>)> {
    vec![(1, events(MINUTE, 2))]
}

/// Rows of sessions whose bytes are turned round, and which say in their first byte how many events they added; those of the session 13 are
/// never opened again.
struct Turned;

impl RowSeal for Turned {
    fn seal(&self, _: &SiteKey, _: &Key, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Some(bytes.iter().rev().copied().collect()))
    }

    fn open(&self, _: &SiteKey, key: &Key, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok((*key != session(0, 13)).then(|| bytes.iter().rev().copied().collect()))
    }

    fn share(&self, _: &Key, bytes: &[u8]) -> Result<Vec<Change>, StoreError> {
        Ok(events(MINUTE, bytes[0].into()))
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_opened_takes_its_share_of_the_aggregates_along() {
    let state = EmbeddedState::new(sites(), GRACE);
    let events_of =
        async |state: &EmbeddedState| state.report(0, 0, 5 * MINUTE, MINUTE).await.expect("reports").total.events;
    for (at, number) in [(0, 12), (1, 13)] {
        let gained = vec![(0, events(MINUTE, number.into()))];
        let writes = vec![write(session(0, number), 0, &[number, 7], 9 * MINUTE)];
        assert!(state.commit(Commit { changes: gained, ..commit(at, at + 1, writes) }).await.expect("commits"));
    }
    // A third one came and is over.
    let gone = vec![(0, events(MINUTE, 100))];
    let over = Commit { changes: gone.clone(), settled: gone, ..commit(2, 3, Vec::new()) };
    assert!(state.commit(over).await.expect("commits"));
    assert_eq!(events_of(&state).await, 125);

    let parts: Vec<Part> =
        state.capture(FOLD).into_parts(std::sync::Arc::new(Turned)).collect::<Result<_, _>>().expect("encodes");
    assert!(parts.iter().any(|part| part.windows(2).any(|bytes| bytes == [7, 12])), "rows are sealed");
    let read = || parts.clone().into_iter().map(Ok);
    let again = EmbeddedState::restore(sites(), GRACE, FOLD, 0, read(), &Turned).expect("restores");
    assert_eq!((again.sessions(), events_of(&again).await), (1, 112));
    assert_eq!(again.row(session(0, 12)).map(|row| row.bytes.to_vec()), Some(vec![12, 7]));
    // And so once more, from what that one saves.
    let parts = again.capture(FOLD).into_parts(std::sync::Arc::new(Turned));
    let again = EmbeddedState::restore(sites(), GRACE, FOLD, 0, parts, &Turned).expect("restores");
    assert_eq!(events_of(&again).await, 112);

    // A snapshot of version 1 has all of it in its windows. What its sessions added goes with them from then on.
    let all = vec![(0, events(MINUTE, 12)), (0, events(MINUTE, 100))];
    let before = EmbeddedState::new(sites(), GRACE);
    let writes = vec![write(session(0, 12), 0, &[12, 7], 9 * MINUTE)];
    let gained = Commit { changes: all.clone(), settled: all, ..commit(0, 1, writes) };
    assert!(before.commit(gained).await.expect("commits"));
    let parts = before.capture(FOLD).into_parts(std::sync::Arc::new(PlainRows));
    let mut parts: Vec<Part> = parts.collect::<Result<_, _>>().expect("encodes");
    parts[0][0] = 1;
    let parts = parts.into_iter().map(Ok);
    let upgraded = EmbeddedState::restore(sites(), GRACE, FOLD, 0, parts, &Turned).expect("restores");
    assert_eq!((upgraded.sessions(), events_of(&upgraded).await), (1, 112));
    assert_eq!(upgraded.row(session(0, 12)).map(|row| row.bytes.to_vec()), Some(vec![12, 7]));
    let removed = Write { bytes: None, ..write(session(0, 12), 1, b"", 0) };
    let taken_back = Commit { changes: vec![(0, events(MINUTE, -12))], ..commit(1, 2, vec![removed]) };
    assert!(upgraded.commit(taken_back).await.expect("commits"));
    let parts = upgraded.capture(FOLD).into_parts(std::sync::Arc::new(Turned));
    let again = EmbeddedState::restore(sites(), GRACE, FOLD, 0, parts, &Turned).expect("restores");
    assert_eq!((events_of(&upgraded).await, events_of(&again).await), (100, 100));

    // Under another fold the rows come from the log again, and then their shares do.
    let rebuilt = EmbeddedState::restore(sites(), GRACE, FOLD + 1, 0, read(), &Turned).expect("restores");
    assert_eq!((rebuilt.applied(), rebuilt.sessions(), events_of(&rebuilt).await), (0, 0, 100));
    let writes = vec![write(session(0, 12), 0, &[12, 7], 9 * MINUTE)];
    let gained = vec![(0, events(MINUTE, 12))];
    assert!(rebuilt.commit(Commit { changes: gained, ..commit(0, 3, writes) }).await.expect("commits"));
    assert_eq!(events_of(&rebuilt).await, 100, "below the fence nothing is counted");
    for _ in 0..2 {
        rebuilt.settle(&Turned).expect("settles");
        assert_eq!(events_of(&rebuilt).await, 112);
    }
}

/// Saves a state and opens it again.
async fn reopened<S: SnapshotStore>(state: &EmbeddedState, snapshots: &S) -> EmbeddedState {
    snapshots.save(state.capture(FOLD).into_parts(std::sync::Arc::new(PlainRows))).await.expect("saves");
    let parts = snapshots.load().await.expect("loads").expect("one");
    EmbeddedState::restore(sites(), GRACE, FOLD, 0, parts, &PlainRows).expect("the same")
}

async fn rows_suite(state: &impl StateStore) {
    let keys = [session(0, 1), session(1, 1), Key::Books(0), Key::DeadLetter(1, 9)];
    assert_eq!(state.load(&keys).await.expect("loads"), vec![None; 4], "a new store is empty");

    // All or nothing: one wrong version spoils the commit.
    let writes: Vec<Write> = keys.iter().map(|key| write(*key, 0, b"one", 5 * MINUTE)).collect();
    let mut wrong = writes.clone();
    wrong[3].expected = Some(1);
    assert!(!state.commit(commit(0, 1, wrong)).await.expect("commits"));
    assert_eq!(state.load(&keys).await.expect("loads"), vec![None; 4]);
    assert!(state.commit(commit(0, 1, writes.clone())).await.expect("commits"));
    assert!(!state.commit(commit(1, 2, writes)).await.expect("commits"), "the rows are there now");
    let rows = state.load(&keys).await.expect("loads");
    assert!(rows.iter().flatten().all(|row| row.version == 1 && *row.bytes == *b"one") && rows.len() == 4);

    // A later version, and a removal.
    let next = vec![write(keys[0], 1, b"two", 9 * MINUTE), Write { bytes: None, ..write(keys[2], 1, b"", 0) }];
    assert!(state.commit(commit(1, 2, next)).await.expect("commits"));
    let rows = state.load(&[keys[2], keys[0]]).await.expect("loads");
    assert_eq!((rows[0].clone(), rows[1].as_ref().map(|row| row.version)), (None, Some(2)));

    // Whatever is there is replaced, where nothing is expected.
    for version in 2..4 {
        let blind = Write { expected: None, ..write(keys[3], 0, b"blind", 0) };
        assert!(state.commit(commit(1, 2, vec![blind])).await.expect("commits"));
        assert_eq!(state.load(&keys[3..]).await.expect("loads")[0].as_ref().map(|row| row.version), Some(version));
    }

    // Who is live, by the minute, and who was written last.
    assert_eq!(state.live(0, 9 * MINUTE).await.expect("counts"), BTreeMap::from([(1, 1)]));
    assert_eq!(state.live(0, 10 * MINUTE).await.expect("counts"), BTreeMap::new());
    assert_eq!(state.live(1, 6 * MINUTE).await.expect("counts"), BTreeMap::new());
    assert!(state.commit(commit(2, 3, vec![write(session(0, 2), 0, b"x", 3 * MINUTE)])).await.expect("commits"));
    let latest: Vec<Pseudonym> = state.latest(0, 9).await.expect("lists").into_iter().map(|(who, _)| who).collect();
    assert_eq!(latest, [2, 1].map(|number| Pseudonym::from_bytes([number; 16])));
    assert_eq!(state.latest(0, 1).await.expect("lists").len(), 1);

    // Whose time is over, the grace included; they stay until they are removed.
    assert!(state.over(9 * MINUTE, 9).await.expect("looks").is_empty());
    assert!(state.over(13 * MINUTE, 9).await.expect("looks").is_empty());
    for now in [13 * MINUTE + 1, 15 * MINUTE] {
        let over: Vec<Key> = state.over(now, 9).await.expect("looks").into_iter().map(|(key, _)| key).collect();
        assert_eq!(over, [session(0, 2)], "until somebody removes it");
    }
    assert_eq!(state.over(15 * MINUTE + 1, 9).await.expect("looks").len(), 2, "and not a millisecond late");
    let gone = Write { bytes: None, ..write(session(0, 2), 1, b"", 0) };
    assert!(state.commit(commit(3, 3, vec![gone])).await.expect("commits"));
    assert_eq!(state.over(20 * MINUTE, 1).await.expect("looks").len(), 1, "no more than asked for");
    let over: Vec<Key> = state.over(21 * MINUTE, 9).await.expect("looks").into_iter().map(|(key, _)| key).collect();
    assert_eq!(over, [session(0, 1), session(1, 1)]);

    // Aggregates take in each part of the log once.
    for (from, upto) in [(3, 5), (3, 5), (4, 6), (5, 6)] {
        let commit = Commit { changes: counted(), settled: counted(), ..commit(from, upto, Vec::new()) };
        assert!(state.commit(commit).await.expect("commits"));
    }
    let report = state.report(1, 0, 5 * MINUTE, MINUTE).await.expect("reports");
    assert_eq!((report.total.events, report.windows[1].events), (4, 4));
    assert_eq!(state.report(0, 0, 5 * MINUTE, MINUTE).await.expect("reports").total.events, 0);
}

#[tokio::test]
async fn the_embedded_state_keeps_the_contract() {
    rows_suite(&EmbeddedState::new(sites(), GRACE)).await;
}

async fn snapshots_suite<S: SnapshotStore>(snapshots: &S) {
    assert!(snapshots.load().await.expect("loads").is_none(), "a new store is empty");
    let read = async || -> Vec<Part> {
        let parts = snapshots.load().await.expect("loads").expect("one");
        parts.collect::<Result<_, _>>().expect("whole")
    };
    let parts = |number: u8| vec![vec![number; 10], Vec::new(), vec![number; 200_000]];
    for number in 0..3 {
        snapshots.save(Box::new(parts(number).into_iter().map(Ok))).await.expect("saves");
        assert_eq!(read().await, parts(number), "the newer takes the place of the older");
    }
    let failing = [Ok(vec![1]), Err(StoreError::Broken)];
    assert!(matches!(snapshots.save(Box::new(failing.into_iter())).await, Err(StoreError::Broken)));
    assert_eq!(read().await, parts(2), "what failed left the older");

    // A state that is saved and opened again is the same, and goes on.
    let state = EmbeddedState::new(sites(), GRACE);
    rows_suite(&state).await;
    let again = reopened(&state, snapshots).await;
    assert_eq!((again.applied(), again.sessions(), again.clock()), (6, 2, 6));
    for key in [session(0, 1), session(1, 1), session(0, 2), Key::Books(0), Key::DeadLetter(1, 9)] {
        assert_eq!(again.row(key), state.row(key), "{key:?}");
    }
    assert_eq!(again.live_now(0, MINUTE), state.live_now(0, MINUTE));
    assert_eq!(again.over(21 * MINUTE, 9).await.expect("looks").len(), 2);
    assert_eq!(again.latest(0, 9).await.expect("lists").len(), 1);
    assert_eq!(again.report(1, 0, 5 * MINUTE, MINUTE).await.expect("reports").total.events, 4);
}

#[tokio::test]
async fn memory_keeps_the_contract_of_snapshots() {
    snapshots_suite(&MemorySnapshots::default()).await;
}

#[tokio::test]
async fn sled_keeps_the_contract_of_snapshots() {
    let folder = TempDir::new().expect("a folder");
    snapshots_suite(&SledSnapshots::open(folder.path()).expect("opens")).await;
}

#[tokio::test]
async fn another_fold_leaves_the_aggregates_and_asks_for_the_log_again() {
    let state = EmbeddedState::new(sites(), GRACE);
    rows_suite(&state).await;
    let again = EmbeddedState::restore(
        sites(),
        GRACE,
        FOLD + 1,
        2,
        state.capture(FOLD).into_parts(std::sync::Arc::new(PlainRows)),
        &PlainRows,
    )
    .expect("restores");
    assert_eq!((again.applied(), again.sessions()), (2, 0));
    let replayed = Commit { changes: counted(), settled: counted(), ..commit(2, 6, Vec::new()) };
    assert!(again.commit(replayed).await.expect("commits"));
    assert_eq!(again.report(1, 0, 5 * MINUTE, MINUTE).await.expect("reports").total.events, 4);
}

#[tokio::test]
async fn sites_keep_their_state_under_other_numbers_and_without_being_configured() {
    let state = EmbeddedState::new(sites(), GRACE);
    let writes = vec![write(session(1, 1), 0, b"of other", 9), write(session(0, 2), 0, b"of demo", 9)];
    assert!(state.commit(commit(0, 1, writes)).await.expect("commits"));
    let restore = |sites: &[SiteKey], state: &EmbeddedState| {
        EmbeddedState::restore(
            sites.to_vec(),
            GRACE,
            FOLD,
            0,
            state.capture(FOLD).into_parts(std::sync::Arc::new(PlainRows)),
            &PlainRows,
        )
        .expect("restores")
    };
    // First one of them is not configured, then it is again.
    let without = restore(&sites()[1..], &state);
    assert_eq!(without.row(session(0, 1)).map(|row| row.bytes.to_vec()), Some(b"of other".to_vec()));
    assert_eq!(without.sessions(), 2);
    let again = restore(&sites(), &without);
    assert_eq!(again.row(session(0, 2)).map(|row| row.bytes.to_vec()), Some(b"of demo".to_vec()));
    assert_eq!(again.row(session(1, 1)).map(|row| row.bytes.to_vec()), Some(b"of other".to_vec()));
}

#[tokio::test]
async fn what_is_written_during_a_snapshot_is_not_in_it() {
    let state = EmbeddedState::new(sites(), GRACE);
    assert!(state.commit(commit(0, 1, vec![write(session(0, 1), 0, b"before", 9)])).await.expect("commits"));
    let captured = state.capture(FOLD);
    assert!(state.commit(commit(1, 2, vec![write(session(0, 1), 1, b"after", 9)])).await.expect("commits"));
    let restored = EmbeddedState::restore(
        sites(),
        GRACE,
        FOLD,
        0,
        captured.into_parts(std::sync::Arc::new(PlainRows)),
        &PlainRows,
    )
    .expect("restores");
    assert_eq!(restored.row(session(0, 1)).map(|row| row.bytes.to_vec()), Some(b"before".to_vec()));
    assert_eq!((restored.applied(), state.applied()), (1, 2));
}

/// The names that a crash may leave in the folder, and which snapshot a start must find then.
#[tokio::test]
async fn a_crash_at_any_point_of_a_replacement_leaves_one_whole_snapshot() {
    let of = |number: u8| -> Parts { Box::new([vec![number]].into_iter().map(Ok)) };
    for (left, expected) in [
        (&[("current", 1)][..], Some(1)),
        (&[("current", 1), ("next", 0)], Some(1)),
        (&[("next", 0)], None),
        (&[("old", 1), ("next", 2)], Some(2)),
        (&[("old", 1), ("current", 2)], Some(2)),
    ] {
        let folder = TempDir::new().expect("a folder");
        for (name, number) in left {
            let made = TempDir::new().expect("a folder");
            let snapshots = SledSnapshots::open(made.path()).expect("opens");
            snapshots.save(of(*number)).await.expect("saves");
            let place = folder.path().join(name);
            std::fs::rename(made.path().join("current"), &place).expect("moves");
            if *number == 0 {
                std::fs::remove_file(place.join("db")).expect("unfinished");
            }
        }
        let snapshots = SledSnapshots::open(folder.path()).expect("opens");
        let found = snapshots
            .load()
            .await
            .expect("loads")
            .map(|parts| parts.map(|part| part.expect("whole")).collect::<Vec<_>>());
        assert_eq!(found, expected.map(|number| vec![vec![number]]), "{left:?}");
        assert!(std::fs::read_dir(folder.path()).expect("lists").count() <= 1, "what is left over goes");
    }
}

/// Reads a snapshot to its end, and gives its parts or the error.
async fn read_all(folder: &Path) -> Result<Vec<Part>, StoreError> {
    match SledSnapshots::open(folder)?.load().await? {
        None => Ok(Vec::new()),
        Some(parts) => parts.collect(),
    }
}

#[tokio::test]
async fn a_damaged_snapshot_is_never_taken_for_a_whole_one() {
    let folder = TempDir::new().expect("a folder");
    let parts: Vec<Part> = (0..20).map(|number| vec![number; 3000]).collect();
    let snapshots = SledSnapshots::open(folder.path()).expect("opens");
    snapshots.save(Box::new(parts.clone().into_iter().map(Ok))).await.expect("saves");
    let file = folder.path().join("current").join("db");
    let whole = std::fs::read(&file).expect("reads");
    let used = whole.iter().rposition(|byte| *byte != 0).expect("something") + 1;
    let mut refused = 0;
    for at in (0..used).step_by(1499) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&file, damaged).expect("writes");
        match read_all(folder.path()).await {
            Ok(read) => assert_eq!(read, parts, "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 10, "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Against a map, through snapshots and back.
    #[test]
    fn the_state_is_what_was_written(
        steps in proptest::collection::vec((0..6_u8, 0..2_u16, proptest::collection::vec(any::<u8>(), 0..40), 0..4_u8), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut state = EmbeddedState::new(sites(), GRACE);
            let mut model: BTreeMap<Key, (u32, Vec<u8>)> = BTreeMap::new();
            let snapshots = MemorySnapshots::default();
            for (step, (number, site, bytes, kind)) in (0_u64..).zip(steps) {
                let key = session(site, number);
                let expected = model.get(&key).map_or(0, |(version, _)| *version);
                match kind {
                    0 => {
                        state.commit(commit(step, step + 1, vec![Write { bytes: None, ..write(key, expected, b"", 0) }])).await.expect("commits");
                        model.remove(&key);
                    }
                    1 => state = reopened(&state, &snapshots).await,
                    _ => {
                        state.commit(commit(step, step + 1, vec![write(key, expected, &bytes, step * MINUTE)])).await.expect("commits");
                        model.insert(key, (expected + 1, bytes));
                    }
                }
                for site in 0..2 {
                    for number in 0..6 {
                        let key = session(site, number);
                        let row = state.row(key).map(|row| (row.version, row.bytes.to_vec()));
                        assert_eq!(row, model.get(&key).cloned());
                    }
                    let live: u64 = state.live_now(site, 0).values().sum();
                    assert_eq!(live, model.keys().filter(|key| key.site() == site).count() as u64);
                }
                assert_eq!(state.sessions(), model.len());
            }
        });
    }
}

#[tokio::test]
async fn trials_are_added_once_come_back_from_a_snapshot_and_are_forgotten_by_the_day() {
    let sums = |sessions| Sums { sessions, converted: 1, orders: 1, ..Sums::default() };
    let assignment = |day| Assignment {
        day,
        offer: waver_schema::OfferId::parse("ten-percent").expect("valid"),
        policy: waver_schema::PolicyVersion::from_bytes([1; 8]),
        holdout_milli: 100,
        stratum: waver_schema::StratumName::parse("all").expect("valid"),
        arm: waver_schema::Arm::Holdout,
        exposed: false,
    };
    let state = EmbeddedState::new(sites(), GRACE);
    let with =
        |from, upto, day| Commit { trials: vec![(1, assignment(day), sums(3))], ..commit(from, upto, Vec::new()) };
    for (from, upto, day) in [(0, 1, 400), (1, 2, 400), (2, 3, 401)] {
        assert!(state.commit(with(from, upto, day)).await.expect("commits"));
    }
    // Folded anew, as after a crash: below the fence nothing counts twice.
    assert!(state.commit(with(1, 2, 400)).await.expect("commits"));
    let sessions = async |state: &EmbeddedState| {
        let trials = state.trials(1).await.expect("reads");
        trials.iter().map(|(assignment, sums)| (assignment.day, sums.sessions)).collect::<Vec<_>>()
    };
    assert_eq!(sessions(&state).await, [(400, 6), (401, 3)]);
    assert!(state.trials(0).await.expect("reads").is_empty());
    for fold in [FOLD, FOLD + 1] {
        let parts = state.capture(FOLD).into_parts(std::sync::Arc::new(PlainRows));
        let again = EmbeddedState::restore(sites(), GRACE, fold, 0, parts, &PlainRows).expect("restores");
        assert_eq!(sessions(&again).await, [(400, 6), (401, 3)]);
    }
    let kept = waver_core::window::Kept { minutes_ms: 1, hours_ms: waver_core::experiment::DAY_MS };
    state.expire_windows(402 * waver_core::experiment::DAY_MS + 7, &kept);
    assert_eq!(sessions(&state).await, [(401, 3)]);
}
