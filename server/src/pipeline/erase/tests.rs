//! C26: erasing is exact, against a run in which the session never was.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use waver_core::window::Windows;
use waver_schema::{ConsentChoice, ConsentSource, DecisionId, DecisionRequest, Event, GrantId, LogChain};
use waver_store::{EmbeddedState, EventLog, Key, MemoryLog, StateStore};

use super::*;
use crate::committer::replay;
use crate::dead_letter::DeadLetter;
use crate::entry::{BatchEntry, ConsentEntry};
use crate::keyring::Keyring;
use crate::pipeline::{DecisionIds, ReadBatch, Room, letter_keys, letters_key};
use crate::site::{SiteIndex, Sites};
use crate::state::GRACE_MS;

const SITE: SiteIndex = SiteIndex(0);
const NOW: u64 = 1_800_000_000_000;

/// What one session does at a time.
#[derive(Debug, Clone)]
enum Act {
    Grant,
    Withdraw,
    /// Events of these numbers and kinds, and so many that are not of the schema.
    Batch(Vec<(u64, u8)>, u8),
    Decide(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Grant),
        1 => Just(Act::Withdraw),
        8 => (proptest::collection::vec((1..40_u64, 0..6_u8), 1..8), 0..3_u8)
            .prop_map(|(events, junk)| Act::Batch(events, junk)),
        2 => any::<u8>().prop_map(Act::Decide),
    ]
}

fn event(seq: u64, kind: u8) -> Event {
    let mut event = match kind {
        0 => {
            json!({"type": "page_view", "page": "product", "navigation": "load", "referrer": "direct", "device": "mouse"})
        }
        1 => json!({"type": "frustration", "kind": "rage_click", "page": "cart"}),
        2 => json!({"type": "intent", "p_buy_milli": 400, "p_leave_milli": 100, "stage": "high", "trend": "up"}),
        3 => {
            json!({"type": "commerce", "action": "purchase", "quantity": 1, "value_minor": 900, "currency": "EUR", "order": seq % 4})
        }
        4 => json!({"type": "dropped", "cause": "refused", "count": 2}),
        _ => json!({"type": "engagement", "engaged_ms": 1, "scroll_milli": 0, "clicks": 0}),
    };
    event["seq"] = json!(seq);
    event["t"] = json!(seq * 20_000);
    serde_json::from_value(event).expect("an event")
}

fn shopper(number: u8, received_at: u64) -> Sender {
    Sender { site: SITE, pseudonym: Pseudonym::from_bytes([number + 1; 16]), epoch: None, received_at }
}

/// Every row that has to do with a session, but for the books: what became of events stays on them.
fn rows_of(number: u8) -> Vec<Key> {
    let from = shopper(number, 0);
    [from.key(), from.tombstone_key(), letters_key(SITE)].into_iter().chain(letter_keys(SITE)).collect()
}

/// A collector's insides, one command after the other.
struct Bench {
    sites: Arc<Sites>,
    state: EmbeddedState,
    log: MemoryLog,
    keyring: Keyring,
}

impl Bench {
    fn new() -> Bench {
        let sites = crate::committer::tests::sites();
        let keys: Vec<SiteKey> = sites.iter().map(|(_, site)| site.key.clone()).collect();
        let keyring = crate::keyring::tests::in_memory(&keys, NOW);
        Bench { sites, state: EmbeddedState::new(keys, GRACE_MS), log: MemoryLog::new(), keyring }
    }

    fn site(&self) -> &SiteKey {
        &self.sites.get(SITE).key
    }

    async fn run<T>(&self, from: Sender, step: impl FnOnce(&mut Group<'_>, &Candidates) -> T) -> T {
        let of = Candidates::from(Sender { epoch: self.keyring.current(self.site()), ..from });
        let keys: BTreeSet<Key> = of.keys().into_iter().chain([letters_key(SITE)]).chain(letter_keys(SITE)).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let rows = self.state.load(&keys).await.expect("reads");
        let room = Room { sessions: 100, tombstones: 100, shop_rows: 100 };
        let mut group =
            Group::new(&self.sites, keys.into_iter().zip(rows), self.state.clock(), room).expect("readable rows");
        let done = step(&mut group, &of);
        let mut plan = group.finish().expect("writes");
        let records = self.keyring.seal(std::mem::take(&mut plan.records)).await.expect("seals");
        let positions = self.log.append(&records).await.expect("appends");
        if let Some(first) = positions.first() {
            let commit = plan.commit(first.offset, self.log.end(), &positions).expect("writes");
            assert!(self.state.commit(commit).await.expect("commits"));
        }
        done
    }

    async fn act(&self, from: Sender, act: &Act) -> Result<(), ErrorCode> {
        let epoch = self.state.row(from.key()).map_or(0, |row| {
            let session: crate::state::Session = crate::state::read(&row).expect("a session");
            session.state.consent().consent_epoch
        });
        self.run(from, |group, of| match act {
            Act::Grant | Act::Withdraw => {
                let choice =
                    if matches!(act, Act::Grant) { ConsentChoice::Granted } else { ConsentChoice::Denied };
                let entry = ConsentEntry {
                    measure: choice,
                    personalize: choice,
                    source: ConsentSource::Tag,
                    client: Default::default(),
                    evidence: Default::default(),
                };
                group.consent(of, entry).map(drop)
            }
            Act::Batch(events, junk) => {
                let events: Vec<Event> = events.iter().map(|(seq, kind)| event(*seq, *kind)).collect();
                let dead = (0..*junk).map(|_| DeadLetter::new("{\"seq\":1}", None, "a type", epoch)).collect();
                let entry = BatchEntry { consent_epoch: epoch, events, unreadable: (*junk).into(), redriven: None };
                let indexes = (0..).take(entry.events.len()).collect();
                group.batch(of, ReadBatch { entry, indexes, rejected: Vec::new(), dead }).map(drop)
            }
            Act::Decide(id) => {
                let request = json!({"site": "demo", "session": "00112233445566778899aabbccddeeff", "consent_epoch": epoch, "slot": "cart", "page": "cart"});
                let request: DecisionRequest = serde_json::from_value(request).expect("a request");
                let ids =
                    DecisionIds { decision: DecisionId::from_bytes([*id; 16]), grant: GrantId::from_bytes([*id; 16]) };
                group.decide(of, &request, ids).map(drop)
            }
        })
        .await
    }

    async fn erase(&self, from: Sender) -> EraseAnswer {
        let before = LogPoint { chain: LogChain::from_bytes(self.log.chain()), offset: self.log.end() };
        let erase = Erase { erasure: ErasureId::from_bytes([9; 16]), nonce: None, keyed: Vec::new() };
        self.run(from, |group, of| group.erase(of, &erase, before)).await.expect("room")
    }

    fn windows(&self) -> Windows {
        self.state.with_windows(SITE.number(), Windows::without_distinct)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_left_is_what_a_run_without_the_session_gives(
        acts in proptest::collection::vec((0..3_u8, act(), 0..40_000_u64), 1..60),
        erased in 0..3_u8,
        at in 0..60_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (with, without) = (Bench::new(), Bench::new());
            let at = at.min(acts.len());
            let mut now = NOW;
            let mut erased_at = NOW;
            for (index, (number, act, later)) in acts.iter().enumerate() {
                now += later;
                if index == at {
                    with.erase(shopper(erased, now)).await;
                    erased_at = now;
                }
                let answer = with.act(shopper(*number, now), act).await;
                if *number == erased {
                    let is_refused = answer == Err(ErrorCode::Erased) || matches!(act, Act::Withdraw);
                    assert!(index < at || is_refused, "{answer:?} to {act:?}");
                } else {
                    assert_eq!(answer, without.act(shopper(*number, now), act).await);
                }
            }
            if at == acts.len() {
                with.erase(shopper(erased, now)).await;
                erased_at = now;
            }
            let (left, expected) = (with.windows(), without.windows());
            assert!(left.counts_alike(&expected), "{left:?} is not {expected:?}");
            for number in 0..3 {
                let key = shopper(number, 0).key();
                let rows = [&with, &without].map(|bench| bench.state.row(key).map(|row| row.bytes));
                assert_eq!(rows[0], rows[1], "session {number}");
                assert!(number != erased || rows[0].is_none());
            }
            let tombstone = with.state.row(shopper(erased, 0).tombstone_key()).expect("a tombstone");
            assert_eq!(crate::state::read::<Tombstone>(&tombstone).expect("one").erased_at, erased_at);
            for place in from_letters(&with) {
                assert_ne!(place, shopper(erased, 0).pseudonym, "a dead letter of it is there");
            }

            // And all of it is a function of the log (I4), before the keys are gone, after a crash in between, and after that.
            for keys_are_gone in [false, true] {
                if keys_are_gone {
                    let session = (with.site().clone(), shopper(erased, 0).pseudonym);
                    with.keyring.destroy(vec![session]).await.expect("destroys");
                }
                let again = Bench::new();
                let all = (0, u64::MAX);
                replay(&with.log, &again.state, &with.sites, &with.keyring, all, &mut |_| {}).await.expect("replays");
                assert!(again.windows().counts_alike(&left), "with the keys gone: {keys_are_gone}");
                for key in (0..3).flat_map(rows_of) {
                    let rows = [&with, &again].map(|bench| bench.state.row(key).map(|row| row.bytes));
                    assert_eq!(rows[0], rows[1], "{key:?}, with the keys gone: {keys_are_gone}");
                }
            }
        });
    }
}

/// Whose the dead letters are that are kept.
fn from_letters(bench: &Bench) -> Vec<Pseudonym> {
    let letters = letter_keys(SITE).filter_map(|key| bench.state.row(key));
    letters.map(|row| crate::state::read::<crate::dead_letter::KeptLetter>(&row).expect("a letter").pseudonym).collect()
}

#[tokio::test]
async fn without_room_for_a_tombstone_known_and_unknown_are_refused_alike() {
    let bench = Bench::new();
    bench.act(shopper(1, NOW), &Act::Grant).await.expect("room");
    for number in [1, 2] {
        let from = shopper(number, NOW);
        let keys = rows_of(number);
        let rows = bench.state.load(&keys).await.expect("reads");
        let room = Room { sessions: 1, tombstones: 0, shop_rows: 0 };
        let mut group = Group::new(&bench.sites, keys.into_iter().zip(rows), NOW, room).expect("readable");
        let erase = Erase { erasure: ErasureId::from_bytes([9; 16]), nonce: None, keyed: Vec::new() };
        let before = LogPoint { chain: LogChain::from_bytes([0; 16]), offset: 0 };
        assert_eq!(group.erase(&Candidates::from(from), &erase, before), Err(ErrorCode::Unavailable));
        assert!(group.finish().expect("writes").records.is_empty());
    }
}
