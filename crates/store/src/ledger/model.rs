//! Random histories against a model that forgets nothing and stores nothing.

use proptest::prelude::*;
use tempfile::TempDir;
use waver_schema::SiteKey;

use super::{Budget, Cap, Id, Ledger, LedgerError, MemoryLedger, REMEMBERED_MS, SledLedger};
use crate::Pseudonym;

const HOUR: u64 = 60 * 60 * 1000;
const ENDS_AT: u64 = 200 * HOUR;

/// One call, at a time after the one before. Numbers stand for ids; there are few of them, so that histories repeat themselves.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Take { who: u8, caps: Vec<u8>, idem: u8 },
    Lease { budget: u8, lease: u8, n: u64, ttl_ms: u64 },
    Settle { budget: u8, lease: u8, used: u64 },
    Rebuild { budget: u8, used: u64 },
}

pub(super) fn history(most: usize) -> impl Strategy<Value = Vec<(u64, Call)>> {
    let call = prop_oneof![
        4 => (0..3_u8, prop::collection::vec(0..4_u8, 0..3), 0..12_u8)
            .prop_map(|(who, caps, idem)| Call::Take { who, caps, idem }),
        3 => (0..2_u8, 0..12_u8, 0..8_u64, 0..3 * HOUR)
            .prop_map(|(budget, lease, n, ttl_ms)| Call::Lease { budget, lease, n, ttl_ms }),
        3 => (0..2_u8, 0..12_u8, 0..5_u64).prop_map(|(budget, lease, used)| Call::Settle { budget, lease, used }),
        1 => (0..2_u8, 0..12_u64).prop_map(|(budget, used)| Call::Rebuild { budget, used }),
    ];
    let passed = prop_oneof![6 => Just(0), 6 => 0..HOUR, 2 => 0..10 * HOUR, 1 => 0..60 * HOUR];
    prop::collection::vec((passed, call), 0..most)
}

fn site() -> SiteKey {
    SiteKey::parse("demo").expect("valid")
}

fn id(number: u8) -> Id {
    Id::from_bytes([number; 16])
}

/// Limits from 0 to 3, spans from an hour to two days.
fn cap(number: u8) -> Cap {
    Cap { id: id(number), limit: number.into(), span_ms: [1, 5, 30, 48][usize::from(number)] * HOUR }
}

fn budget(number: u8) -> Budget {
    Budget { id: id(number), limit: 10 + u64::from(number), ends_at: ENDS_AT }
}

/// What a call is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Bool(bool),
    Units(u64),
    MoreThanLeased,
}

pub(super) async fn call(ledger: &impl Ledger, call: &Call, now: u64) -> Answer {
    match call {
        Call::Take { who, caps, idem } => {
            let caps: Vec<Cap> = caps.iter().copied().map(cap).collect();
            let took = ledger.take(&site(), &Pseudonym::from_bytes([*who; 16]), &caps, &id(*idem), now).await;
            Answer::Bool(took.expect("takes"))
        }
        Call::Lease { budget: number, lease, n, ttl_ms } => {
            let leased = ledger.lease(&site(), &budget(*number), &id(*lease), *n, *ttl_ms, now).await;
            Answer::Units(leased.expect("leases"))
        }
        Call::Settle { budget, lease, used } => {
            match ledger.settle(&site(), &id(*budget), &id(*lease), *used, now).await {
                Ok(settled) => Answer::Bool(settled),
                Err(LedgerError::MoreThanLeased { .. }) => Answer::MoreThanLeased,
                Err(error) => panic!("{error}"),
            }
        }
        Call::Rebuild { budget: number, used } => {
            let used = ledger.rebuild(&site(), &budget(*number), *used, now).await;
            Answer::Units(used.expect("rebuilds"))
        }
    }
}

/// Everything that ever happened.
#[derive(Default)]
struct Model {
    takes: Vec<Take>,
    leases: Vec<Lease>,
    used: [u64; 2],
}

struct Take {
    who: u8,
    idem: u8,
    at: u64,
    /// The caps it counted under.
    counted: Option<Vec<u8>>,
}

struct Lease {
    budget: u8,
    lease: u8,
    granted: u64,
    until: u64,
    settled: bool,
}

impl Model {
    fn call(&mut self, call: &Call, now: u64) -> Answer {
        match call {
            Call::Take { who, caps, idem } => Answer::Bool(self.take(*who, caps, *idem, now)),
            Call::Lease { budget, lease, n, ttl_ms } => Answer::Units(self.lease(*budget, *lease, *n, *ttl_ms, now)),
            Call::Settle { budget, lease, used } => {
                let known = |known: &&mut Lease| (known.budget, known.lease) == (*budget, *lease) && known.until > now;
                let Some(lease) = self.leases.iter_mut().find(known) else { return Answer::Bool(false) };
                if *used > lease.granted {
                    return Answer::MoreThanLeased;
                }
                if !std::mem::replace(&mut lease.settled, true) {
                    self.used[usize::from(*budget)] += used;
                }
                Answer::Bool(true)
            }
            Call::Rebuild { budget, used } => {
                let stored = &mut self.used[usize::from(*budget)];
                *stored = (*stored).max(*used);
                Answer::Units(*stored)
            }
        }
    }

    fn take(&mut self, who: u8, caps: &[u8], idem: u8, now: u64) -> bool {
        let remembered = |take: &&Take| {
            let spans = take.counted.iter().flatten().map(|number| cap(*number).span_ms);
            (take.who, take.idem) == (who, idem) && take.at + spans.max().unwrap_or(0).max(REMEMBERED_MS) > now
        };
        if let Some(take) = self.takes.iter().find(remembered) {
            return take.counted.is_some();
        }
        let room = caps.iter().all(|number| {
            let wanted = caps.iter().filter(|other| *other == number).count();
            self.counted(who, *number, now) + wanted <= usize::from(cap(*number).limit)
        });
        self.takes.push(Take { who, idem, at: now, counted: room.then(|| caps.to_vec()) });
        room
    }

    /// How often the shopper took under a cap within its span.
    fn counted(&self, who: u8, number: u8, now: u64) -> usize {
        let within = |take: &&Take| take.who == who && take.at + cap(number).span_ms > now;
        let caps = self.takes.iter().filter(within).flat_map(|take| take.counted.iter().flatten());
        caps.filter(|counted| **counted == number).count()
    }

    fn lease(&mut self, number: u8, lease: u8, n: u64, ttl_ms: u64, now: u64) -> u64 {
        let live = |known: &&Lease| known.budget == number && known.until > now;
        if let Some(known) = self.leases.iter().filter(live).find(|known| known.lease == lease) {
            return if known.settled { 0 } else { known.granted };
        }
        let spoken_for = self.used[usize::from(number)] + self.leased(number, now);
        let granted = n.min(budget(number).limit.saturating_sub(spoken_for));
        if granted == 0 || ttl_ms == 0 || now >= budget(number).ends_at {
            return 0;
        }
        self.leases.push(Lease { budget: number, lease, granted, until: now + ttl_ms, settled: false });
        granted
    }

    fn leased(&self, number: u8, now: u64) -> u64 {
        let open = |lease: &&Lease| lease.budget == number && lease.until > now && !lease.settled;
        self.leases.iter().filter(open).map(|lease| lease.granted).sum()
    }

    /// Invariant I6. More may be used only where the log told so.
    fn assert_nothing_is_exceeded(&self, told: [u64; 2], now: u64) {
        for number in 0..4 {
            for who in 0..3 {
                assert!(self.counted(who, number, now) <= usize::from(cap(number).limit), "cap {number} of {who}");
            }
        }
        for number in [0, 1] {
            let (used, most) = (self.used[usize::from(number)], budget(number).limit + told[usize::from(number)]);
            assert!(used <= most, "budget {number}: {used} of {most}");
        }
    }
}

async fn is_as_the_model<L: Ledger>(history: Vec<(u64, Call)>, open: impl Fn() -> L, reopen_every: usize) {
    let mut model = Model::default();
    let mut ledger = Some(open());
    let mut now = 0;
    let mut told = [0, 0];
    for (number, (passed, step)) in history.iter().enumerate() {
        // Later than this, budgets are forgotten.
        now = (now + passed).min(ENDS_AT + REMEMBERED_MS - 1);
        if number % reopen_every == reopen_every - 1 {
            drop(ledger.take());
        }
        let ledger = &*ledger.get_or_insert_with(&open);
        let expected = model.call(step, now);
        assert_eq!(call(ledger, step, now).await, expected, "call {number} at {now}: {step:?}");
        if let Call::Rebuild { budget, used } = step {
            told[usize::from(*budget)] += used;
        }
        for budget in [0, 1] {
            let used = ledger.used(&site(), &id(budget)).await;
            assert_eq!(used, Ok(model.used[usize::from(budget)]), "budget {budget} after call {number}");
        }
        model.assert_nothing_is_exceeded(told, now);
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(test);
}

proptest! {
    #[test]
    fn memory_is_as_the_model(history in history(120)) {
        let ledger = MemoryLedger::new();
        run(is_as_the_model(history, || ledger.clone(), 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn sled_is_as_the_model(history in history(60), reopen_every in 5..40_usize) {
        let folder = TempDir::new().expect("a folder");
        run(is_as_the_model(history, || SledLedger::open(folder.path()).expect("opens"), reopen_every));
    }
}
