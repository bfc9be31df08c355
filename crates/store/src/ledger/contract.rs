//! What every ledger must do, whatever is behind it: one suite, run on each backend, and on each again while everything goes wrong
//! that a caller may repeat.

use std::collections::BTreeSet;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::task::JoinSet;
use waver_schema::SiteKey;

use super::{Budget, Cap, Id, LEASES, Ledger, LedgerError, MemoryLedger, REMEMBERED_MS, SledLedger, TAKES};
use crate::Pseudonym;
use crate::faulty::{Faulty, Odds};

/// A backend under test: opens the same ledger again and again.
trait Backend: Default {
    type Ledger: Ledger;
    fn open(&self) -> Self::Ledger;
}

#[derive(Default)]
struct Memory(MemoryLedger);

impl Backend for Memory {
    type Ledger = MemoryLedger;
    fn open(&self) -> MemoryLedger {
        self.0.clone()
    }
}

struct Sled(TempDir);

impl Default for Sled {
    fn default() -> Sled {
        Sled(TempDir::new().expect("a folder"))
    }
}

impl Backend for Sled {
    type Ledger = SledLedger;
    fn open(&self) -> SledLedger {
        SledLedger::open(self.0.path()).expect("opens")
    }
}

/// Another backend through faults, and a caller who repeats with the same ids until there is an answer.
#[derive(Default)]
struct Through<B>(B);

impl<B: Backend> Backend for Through<B> {
    type Ledger = Persistent<Faulty<B::Ledger>>;
    fn open(&self) -> Self::Ledger {
        Persistent(Faulty::new(self.0.open(), 7, Odds { before: 25, after: 25, twice: 25, yields: 3 }))
    }
}

struct Persistent<L>(L);

macro_rules! until_answered {
    ($call:expr) => {
        loop {
            match $call.await {
                Err(LedgerError::Write(_)) => {}
                answer => return answer,
            }
        }
    };
}

impl<L: Ledger> Ledger for Persistent<L> {
    async fn take(
        &self,
        site: &SiteKey,
        who: &Pseudonym,
        caps: &[Cap],
        idem: &Id,
        now: u64,
    ) -> Result<bool, LedgerError> {
        until_answered!(self.0.take(site, who, caps, idem, now))
    }

    async fn lease(
        &self,
        site: &SiteKey,
        budget: &Budget,
        lease: &Id,
        n: u64,
        ttl_ms: u64,
        now: u64,
    ) -> Result<u64, LedgerError> {
        until_answered!(self.0.lease(site, budget, lease, n, ttl_ms, now))
    }

    async fn settle(&self, site: &SiteKey, budget: &Id, lease: &Id, used: u64, now: u64) -> Result<bool, LedgerError> {
        until_answered!(self.0.settle(site, budget, lease, used, now))
    }

    async fn used(&self, site: &SiteKey, budget: &Id) -> Result<u64, LedgerError> {
        until_answered!(self.0.used(site, budget))
    }

    async fn rebuild(&self, site: &SiteKey, budget: &Budget, used: u64, now: u64) -> Result<u64, LedgerError> {
        until_answered!(self.0.rebuild(site, budget, used, now))
    }
}

fn site(name: &str) -> SiteKey {
    SiteKey::parse(name).expect("valid")
}

fn id(number: u16) -> Id {
    let [high, low] = number.to_be_bytes();
    Id::from_bytes([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

const WHO: Pseudonym = Pseudonym::from_bytes([1; 16]);
const HOUR: u64 = 60 * 60 * 1000;

fn cap(number: u16, limit: u16) -> Cap {
    Cap { id: id(number), limit, span_ms: HOUR }
}

fn budget(limit: u64) -> Budget {
    Budget { id: id(500), limit, ends_at: 1000 * HOUR }
}

async fn suite<B: Backend>() {
    takes_are_all_or_none(B::default().open()).await;
    takes_count_once(B::default().open()).await;
    takes_end(B::default().open()).await;
    takes_of_others_do_not_count(B::default().open()).await;
    takes_are_bounded(B::default().open()).await;
    leases_never_exceed_the_budget(B::default().open()).await;
    leases_come_back(B::default().open()).await;
    leases_count_once(B::default().open()).await;
    leases_are_bounded(B::default().open()).await;
    budgets_end(B::default().open()).await;
    what_the_log_tells_counts(B::default()).await;
    caps_come_back_from_the_log(B::default(), B::default()).await;
    everything_is_there_again(B::default()).await;
    crowds_get_no_more_than_there_is(B::default().open()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_the_contract() {
    suite::<Memory>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sled_keeps_the_contract() {
    suite::<Sled>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_the_contract_through_faults() {
    suite::<Through<Memory>>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sled_keeps_the_contract_through_faults() {
    suite::<Through<Sled>>().await;
}

async fn takes_are_all_or_none(ledger: impl Ledger) {
    let demo = site("demo");
    let both = [cap(1, 2), cap(2, 1)];
    assert_eq!(ledger.take(&demo, &WHO, &both, &id(10), 0).await, Ok(true));
    assert_eq!(ledger.take(&demo, &WHO, &both, &id(11), 0).await, Ok(false), "the second cap is full");
    // The refused take did not count under the first cap, which still has room for one.
    assert_eq!(ledger.take(&demo, &WHO, &both[..1], &id(12), 0).await, Ok(true));
    assert_eq!(ledger.take(&demo, &WHO, &both[..1], &id(13), 0).await, Ok(false));
    assert_eq!(ledger.take(&demo, &WHO, &[cap(3, 1), cap(3, 1)], &id(14), 0).await, Ok(false), "named twice");
    assert_eq!(ledger.take(&demo, &WHO, &[cap(3, 2), cap(3, 2)], &id(15), 0).await, Ok(true), "named twice");
    assert_eq!(ledger.take(&demo, &WHO, &[], &id(16), 0).await, Ok(true), "no cap");
    assert_eq!(ledger.take(&demo, &WHO, &[cap(4, 0)], &id(17), 0).await, Ok(false), "a cap of 0");
}

async fn takes_count_once(ledger: impl Ledger) {
    let demo = site("demo");
    for now in [0, 1, HOUR - 1] {
        assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 2)], &id(10), now).await, Ok(true));
    }
    assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 2)], &id(11), 0).await, Ok(true));
    assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 2)], &id(12), 0).await, Ok(false));
    // Who was refused stays refused, with room again and with another limit.
    assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 9)], &id(12), 2 * HOUR).await, Ok(false));
    assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 9)], &id(13), 2 * HOUR).await, Ok(true));
}

async fn takes_end(ledger: impl Ledger) {
    let demo = site("demo");
    let two = [cap(1, 2)];
    assert_eq!(ledger.take(&demo, &WHO, &two, &id(10), 0).await, Ok(true));
    assert_eq!(ledger.take(&demo, &WHO, &two, &id(11), HOUR / 2).await, Ok(true));
    assert_eq!(ledger.take(&demo, &WHO, &two, &id(12), HOUR - 1).await, Ok(false));
    assert_eq!(ledger.take(&demo, &WHO, &two, &id(13), HOUR).await, Ok(true), "the first one's hour is over");
    assert_eq!(
        ledger.take(&demo, &WHO, &two, &id(14), HOUR + HOUR / 2 - 1).await,
        Ok(false),
        "the second one's is not"
    );
    // What counts for days is remembered for days.
    let long = [Cap { span_ms: 100 * HOUR, ..cap(2, 2) }];
    assert_eq!(ledger.take(&demo, &WHO, &long, &id(20), 2 * HOUR).await, Ok(true));
    assert_eq!(ledger.take(&demo, &WHO, &long, &id(21), 40 * HOUR).await, Ok(true));
    assert_eq!(ledger.take(&demo, &WHO, &long, &id(22), 40 * HOUR).await, Ok(false));
    assert_eq!(ledger.take(&demo, &WHO, &long, &id(20), 90 * HOUR).await, Ok(true), "the same");
    assert_eq!(ledger.take(&demo, &WHO, &long, &id(23), 102 * HOUR).await, Ok(true), "the first one is over");
    assert_eq!(ledger.take(&demo, &WHO, &long, &id(24), 102 * HOUR).await, Ok(false));
}

async fn takes_of_others_do_not_count(ledger: impl Ledger) {
    let one = [cap(1, 1)];
    for (site, who) in [(site("demo"), WHO), (site("demo2"), WHO), (site("demo"), Pseudonym::from_bytes([2; 16]))] {
        assert_eq!(ledger.take(&site, &who, &one, &id(10), 0).await, Ok(true), "{site} {who}");
        assert_eq!(ledger.take(&site, &who, &one, &id(11), 0).await, Ok(false), "{site} {who}");
    }
    let budget = budget(5);
    for site in [site("demo"), site("demo2")] {
        assert_eq!(ledger.lease(&site, &budget, &id(10), 5, HOUR, 0).await, Ok(5), "{site}");
        assert_eq!(ledger.settle(&site, &budget.id, &id(10), 4, 0).await, Ok(true), "{site}");
        assert_eq!(ledger.used(&site, &budget.id).await, Ok(4), "{site}");
    }
    assert_eq!(ledger.used(&site("demo3"), &budget.id).await, Ok(0));
}

async fn takes_are_bounded(ledger: impl Ledger) {
    let demo = site("demo");
    let many = u16::try_from(TAKES).expect("few");
    for number in 0..many {
        assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 1)], &id(number), 0).await, Ok(number == 0));
    }
    assert_eq!(ledger.take(&demo, &WHO, &[cap(2, 1)], &id(many), 1).await, Err(LedgerError::TooManyTakes));
    assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 1)], &id(0), 1).await, Ok(true), "known ones still have their answer");
    assert_eq!(ledger.take(&demo, &WHO, &[cap(2, 1)], &id(many), REMEMBERED_MS).await, Ok(true));
}

async fn leases_never_exceed_the_budget(ledger: impl Ledger) {
    let demo = site("demo");
    let budget = budget(10);
    assert_eq!(ledger.lease(&demo, &budget, &id(1), 6, HOUR, 0).await, Ok(6));
    assert_eq!(ledger.lease(&demo, &budget, &id(2), 6, HOUR, 0).await, Ok(4), "what is left");
    assert_eq!(ledger.lease(&demo, &budget, &id(3), 1, HOUR, 0).await, Ok(0));
    let refused = ledger.settle(&demo, &budget.id, &id(1), 7, 0).await;
    assert_eq!(refused, Err(LedgerError::MoreThanLeased { granted: 6, used: 7 }));
    assert_eq!(ledger.settle(&demo, &budget.id, &id(1), 5, 0).await, Ok(true));
    assert_eq!(ledger.used(&demo, &budget.id).await, Ok(5));
    assert_eq!(ledger.lease(&demo, &budget, &id(4), 6, HOUR, 0).await, Ok(1), "4 of 10 are leased and 5 used");
    let less = Budget { limit: 3, ..budget };
    assert_eq!(ledger.lease(&demo, &less, &id(5), 1, HOUR, 0).await, Ok(0), "a lower limit holds at once");
    let more = Budget { limit: 12, ..budget };
    assert_eq!(ledger.lease(&demo, &more, &id(6), 9, HOUR, 0).await, Ok(2), "and so does a higher one");
}

async fn leases_come_back(ledger: impl Ledger) {
    let demo = site("demo");
    let budget = budget(10);
    assert_eq!(ledger.lease(&demo, &budget, &id(1), 10, 1000, 0).await, Ok(10));
    assert_eq!(ledger.settle(&demo, &budget.id, &id(1), 2, 500).await, Ok(true));
    assert_eq!(ledger.lease(&demo, &budget, &id(2), 10, 1000, 500).await, Ok(8), "what was not used");
    assert_eq!(ledger.lease(&demo, &budget, &id(3), 10, 1000, 1499).await, Ok(0));
    assert_eq!(ledger.lease(&demo, &budget, &id(3), 10, 1000, 1500).await, Ok(8), "what was never settled");
    // It is the new holder's now, even if a clock goes back.
    for now in [1500, 1000] {
        assert_eq!(ledger.settle(&demo, &budget.id, &id(2), 8, now).await, Ok(false));
    }
    assert_eq!(ledger.used(&demo, &budget.id).await, Ok(2));
    assert_eq!(ledger.settle(&demo, &budget.id, &id(3), 8, 2000).await, Ok(true));
    assert_eq!(ledger.used(&demo, &budget.id).await, Ok(10));
}

async fn leases_count_once(ledger: impl Ledger) {
    let demo = site("demo");
    let budget = budget(10);
    for n in [4, 4, 9] {
        assert_eq!(ledger.lease(&demo, &budget, &id(1), n, 1000, 0).await, Ok(4));
    }
    for used in [3, 3, 0] {
        assert_eq!(ledger.settle(&demo, &budget.id, &id(1), used, 1).await, Ok(true));
        assert_eq!(ledger.used(&demo, &budget.id).await, Ok(3));
    }
    assert_eq!(ledger.lease(&demo, &budget, &id(1), 4, 1000, 2).await, Ok(0), "a lease is not given again");
    assert_eq!(ledger.settle(&demo, &budget.id, &id(9), 1, 2).await, Ok(false), "never given");
}

async fn leases_are_bounded(ledger: impl Ledger) {
    let demo = site("demo");
    let budget = budget(u64::MAX);
    let many = u16::try_from(LEASES).expect("few");
    for number in 0..many {
        assert_eq!(ledger.lease(&demo, &budget, &id(number), 1, 1000, 0).await, Ok(1));
    }
    assert_eq!(ledger.settle(&demo, &budget.id, &id(0), 1, 0).await, Ok(true));
    assert_eq!(ledger.lease(&demo, &budget, &id(many), 1, 1000, 0).await, Ok(0));
    assert_eq!(ledger.lease(&demo, &budget, &id(many), 1, 1000, 1000).await, Ok(1));
    assert_eq!(ledger.used(&demo, &budget.id).await, Ok(1));
}

async fn budgets_end(ledger: impl Ledger) {
    let demo = site("demo");
    let budget = Budget { ends_at: 10, ..budget(10) };
    assert_eq!(ledger.lease(&demo, &budget, &id(1), 4, 1000, 9).await, Ok(4));
    assert_eq!(ledger.lease(&demo, &budget, &id(2), 4, 1000, 10).await, Ok(0));
    assert_eq!(ledger.settle(&demo, &budget.id, &id(1), 4, 11).await, Ok(true), "spent before, settled after");
    assert_eq!(ledger.used(&demo, &budget.id).await, Ok(4));
}

/// A holder spends 7, settles none of it, and dies; the log has the 7.
async fn what_the_log_tells_counts(backend: impl Backend) {
    let demo = site("demo");
    let budget = budget(10);
    {
        let ledger = backend.open();
        assert_eq!(ledger.lease(&demo, &budget, &id(1), 8, 1000, 0).await, Ok(8));
    }
    let ledger = backend.open();
    for _ in 0..2 {
        assert_eq!(ledger.rebuild(&demo, &budget, 7, 100).await, Ok(7));
    }
    assert_eq!(ledger.lease(&demo, &budget, &id(2), 10, 1000, 100).await, Ok(0), "the dead one's lease is not over");
    assert_eq!(ledger.lease(&demo, &budget, &id(3), 10, 1000, 1000).await, Ok(3));
    assert_eq!(ledger.settle(&demo, &budget.id, &id(3), 3, 1001).await, Ok(true));
    assert_eq!(ledger.rebuild(&demo, &budget, 7, 1002).await, Ok(10), "never less than before");
    // More than there is can only be told, not undone: nothing more is leased.
    assert_eq!(ledger.rebuild(&demo, &budget, 12, 1003).await, Ok(12));
    assert_eq!(ledger.lease(&demo, &budget, &id(4), 1, 1000, 5000).await, Ok(0));
}

/// The takes that counted, each with its id and time, are what the log tells of.
async fn caps_come_back_from_the_log(backend: impl Backend, lost: impl Backend) {
    let demo = site("demo");
    let log = [(id(1), 0), (id(2), HOUR / 4), (id(3), HOUR), (id(4), HOUR + HOUR / 4)];
    for _ in 0..2 {
        let ledger = backend.open();
        for (idem, now) in &log {
            assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 2)], idem, *now).await, Ok(true), "{idem:?}");
        }
    }
    let rebuilt = lost.open();
    for (idem, now) in &log {
        assert_eq!(rebuilt.take(&demo, &WHO, &[cap(1, 2)], idem, *now).await, Ok(true), "{idem:?}");
    }
    assert_eq!(rebuilt.take(&demo, &WHO, &[cap(1, 2)], &id(5), 2 * HOUR - 1).await, Ok(false));
    assert_eq!(rebuilt.take(&demo, &WHO, &[cap(1, 2)], &id(6), 2 * HOUR).await, Ok(true));
}

async fn everything_is_there_again(backend: impl Backend) {
    let demo = site("demo");
    let budget = budget(10);
    {
        let ledger = backend.open();
        assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 1)], &id(1), 0).await, Ok(true));
        assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 1)], &id(2), 0).await, Ok(false));
        assert_eq!(ledger.lease(&demo, &budget, &id(1), 4, 1000, 0).await, Ok(4));
        assert_eq!(ledger.lease(&demo, &budget, &id(2), 4, 1000, 0).await, Ok(4));
        assert_eq!(ledger.settle(&demo, &budget.id, &id(1), 3, 0).await, Ok(true));
    }
    let ledger = backend.open();
    assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 1)], &id(1), 1).await, Ok(true));
    assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 1)], &id(2), 1).await, Ok(false));
    assert_eq!(ledger.take(&demo, &WHO, &[cap(1, 1)], &id(3), 1).await, Ok(false));
    assert_eq!(ledger.settle(&demo, &budget.id, &id(1), 3, 1).await, Ok(true));
    assert_eq!(ledger.used(&demo, &budget.id).await, Ok(3));
    assert_eq!(ledger.lease(&demo, &budget, &id(3), 9, 1000, 1).await, Ok(3));
}

async fn crowds_get_no_more_than_there_is(ledger: impl Ledger) {
    let ledger = Arc::new(ledger);
    // 200 takes under 40 ids against a cap of 15, and each id five times.
    let mut crowd = JoinSet::new();
    for number in 0..200 {
        let ledger = Arc::clone(&ledger);
        let idem = id(number % 40);
        crowd.spawn(async move { (idem, ledger.take(&site("demo"), &WHO, &[cap(1, 15)], &idem, 0).await) });
    }
    let answers = crowd.join_all().await;
    let answered = |wanted| answers.iter().filter(|(_, took)| *took == Ok(wanted)).map(|(id, _)| *id).collect();
    let (taken, refused): (BTreeSet<Id>, BTreeSet<Id>) = (answered(true), answered(false));
    assert_eq!((taken.len(), refused.len()), (15, 25), "each id has one answer, and 15 of 40 are true");

    // 200 leases of up to 3 units against a budget of 100; whoever got some uses one less and gives it back.
    let mut crowd = JoinSet::new();
    for number in 0..200 {
        let ledger = Arc::clone(&ledger);
        crowd.spawn(async move {
            let granted = ledger.lease(&site("demo"), &budget(100), &id(number), 3, HOUR, 0).await.expect("leases");
            let used = granted.saturating_sub(1);
            let settled = ledger.settle(&site("demo"), &budget(100).id, &id(number), used, 1).await.expect("settles");
            assert_eq!(settled, granted > 0);
            used
        });
    }
    let used: u64 = crowd.join_all().await.iter().sum();
    assert_eq!(ledger.used(&site("demo"), &budget(100).id).await, Ok(used));
    let left = ledger.lease(&site("demo"), &budget(100), &id(1000), 1000, HOUR, 1).await;
    assert_eq!(left, Ok(100_u64.checked_sub(used).expect("no more than there is")));
}
