//! What networks and disks do to callers, at will: a wrapper for the tests of whoever uses a store.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use waver_schema::SiteKey;

use crate::{
    Budget, Cap, Chain, Cutoffs, EventLog, Id, Ledger, LedgerError, Position, Pseudonym, Record, StoreError, Trimmed,
};

/// How often in a hundred calls each fault happens; together at most 100.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odds {
    /// An error instead of the effect.
    pub before: u8,
    /// An error although there was the effect.
    pub after: u8,
    /// The call arrives twice, and the second answer comes back.
    pub twice: u8,
    /// Most times that others get to run before the call and again before its answer. Not a fault, so not part of the hundred.
    pub yields: u8,
}

/// A store that fails as often as it is told. Which call meets which fault follows from the seed and from the order of the calls alone.
///
/// What is read never fails, and neither does trimming.
#[derive(Debug)]
pub struct Faulty<T> {
    inner: T,
    seed: u64,
    odds: Odds,
    calls: AtomicU64,
    /// Whether a log gave an error that leaves its end unknown.
    broken: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Before,
    After,
    Twice,
}

impl<T> Faulty<T> {
    /// Wraps a store.
    pub const fn new(inner: T, seed: u64, odds: Odds) -> Faulty<T> {
        Faulty { inner, seed, odds, calls: AtomicU64::new(0), broken: AtomicBool::new(false) }
    }

    /// The store within.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// The fault of the next call, and how often it waits before and after.
    fn draw(&self) -> (Fault, [u8; 2]) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let hash = blake3::hash(&[self.seed.to_be_bytes(), call.to_be_bytes()].concat());
        let [percent, early, late, ..] = hash.as_bytes().map(u16::from);
        let odds =
            [(Fault::Before, self.odds.before), (Fault::After, self.odds.after), (Fault::Twice, self.odds.twice)];
        let mut drawn = percent * 100 / 256;
        let fault = odds.into_iter().find_map(|(fault, odds)| {
            let hit = drawn < u16::from(odds);
            drawn = drawn.saturating_sub(u16::from(odds));
            hit.then_some(fault)
        });
        let yields = u16::from(self.odds.yields) + 1;
        let waits = [early % yields, late % yields].map(|wait| u8::try_from(wait).unwrap_or_default());
        (fault.unwrap_or(Fault::None), waits)
    }

    async fn call<A, E, F: Future<Output = Result<A, E>>>(
        &self,
        fault: Fault,
        waits: [u8; 2],
        error: impl Fn(&str) -> E,
        call: impl Fn() -> F,
    ) -> Result<A, E> {
        let [early, late] = waits;
        wait(early).await;
        let answer = match fault {
            Fault::Before => Err(error("nothing was done (as the test asked)")),
            Fault::Twice => {
                let _ = call().await;
                call().await
            }
            Fault::None | Fault::After => call().await,
        };
        wait(late).await;
        match (fault, answer) {
            (Fault::After, Ok(_)) => Err(error("it was done, and nobody was told (as the test asked)")),
            (_, answer) => answer,
        }
    }

    async fn ledger_call<A, F: Future<Output = Result<A, LedgerError>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<A, LedgerError> {
        let (fault, waits) = self.draw();
        self.call(fault, waits, |text| LedgerError::Write(text.to_owned()), call).await
    }
}

async fn wait(times: u8) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

impl<L: Ledger> Ledger for Faulty<L> {
    async fn take(
        &self,
        site: &SiteKey,
        who: &Pseudonym,
        caps: &[Cap],
        idem: &Id,
        now: u64,
    ) -> Result<bool, LedgerError> {
        self.ledger_call(|| self.inner.take(site, who, caps, idem, now)).await
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
        self.ledger_call(|| self.inner.lease(site, budget, lease, n, ttl_ms, now)).await
    }

    async fn settle(&self, site: &SiteKey, budget: &Id, lease: &Id, used: u64, now: u64) -> Result<bool, LedgerError> {
        self.ledger_call(|| self.inner.settle(site, budget, lease, used, now)).await
    }

    async fn used(&self, site: &SiteKey, budget: &Id) -> Result<u64, LedgerError> {
        self.inner.used(site, budget).await
    }

    async fn rebuild(&self, site: &SiteKey, budget: &Budget, used: u64, now: u64) -> Result<u64, LedgerError> {
        self.ledger_call(|| self.inner.rebuild(site, budget, used, now)).await
    }
}

/// A fault leaves the log broken, as its contract says: what came of it is known to who opens and reads again. A group that arrives twice is
/// in the log twice, as with a producer that repeats.
impl<L: EventLog> EventLog for Faulty<L> {
    async fn append(&self, group: &[Record]) -> Result<Vec<Position>, StoreError> {
        if self.broken.load(Ordering::Acquire) {
            return Err(StoreError::Broken);
        }
        let (fault, waits) = self.draw();
        let broken = |text: &str| {
            self.broken.store(true, Ordering::Release);
            StoreError::Write(text.to_owned())
        };
        self.call(fault, waits, broken, || self.inner.append(group)).await
    }

    async fn read(&self, from: u64, at_least: usize) -> Result<Vec<(Position, Record)>, StoreError> {
        self.inner.read(from, at_least).await
    }

    async fn trim(&self, cutoffs: &Cutoffs) -> Result<Trimmed, StoreError> {
        self.inner.trim(cutoffs).await
    }

    fn begin(&self) -> u64 {
        self.inner.begin()
    }

    fn end(&self) -> u64 {
        self.inner.end()
    }

    fn chain(&self) -> Chain {
        self.inner.chain()
    }
}

#[cfg(test)]
mod tests;
