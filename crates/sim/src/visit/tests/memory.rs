use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::ledger::Ledger;
use crate::visit::{Reply, Route, Transport, Unreachable};

/// A way to a collector in memory. Every answer takes as long as it is told to, by the clock of the test.
#[derive(Debug, Clone)]
pub(super) struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    latency: Duration,
    /// What goes wrong with a request, if something does.
    fault: fn(&Sent) -> Option<Result<Reply, Unreachable>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ledger: Ledger,
    sent: Vec<Sent>,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    /// Its number among those to the same route, from 0.
    pub(super) nth: usize,
    /// Milliseconds since the test began.
    pub(super) at: u64,
    pub(super) route: Route,
    pub(super) body: String,
}

impl Memory {
    pub(super) fn new() -> Memory {
        Memory::with(Duration::ZERO, |_| None)
    }

    pub(super) fn with(latency: Duration, fault: fn(&Sent) -> Option<Result<Reply, Unreachable>>) -> Memory {
        Memory(Arc::new(Inner { began: Instant::now(), latency, fault, state: Mutex::default() }))
    }

    /// What arrived, those in vain included.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.0.state.lock().expect("no test panicked with it").sent.clone()
    }

    pub(super) fn sent_to(&self, route: Route) -> Vec<Sent> {
        self.sent().into_iter().filter(|sent| sent.route == route).collect()
    }

    pub(super) fn with_ledger<R>(&self, look: impl FnOnce(&Ledger) -> R) -> R {
        look(&self.0.state.lock().expect("no test panicked with it").ledger)
    }
}

impl Transport for Memory {
    async fn post(&self, route: Route, body: String) -> Result<Reply, Unreachable> {
        let sent = {
            let mut state = self.0.state.lock().expect("no test panicked with it");
            let nth = state.sent.iter().filter(|sent| sent.route == route).count();
            let at = self.0.began.elapsed().as_millis() as u64;
            let sent = Sent { nth, at, route, body };
            state.sent.push(sent.clone());
            sent
        };
        tokio::time::sleep(self.0.latency).await;
        match (self.0.fault)(&sent) {
            Some(fault) => fault,
            None => Ok(self.0.state.lock().expect("no test panicked with it").ledger.answer(route, &sent.body)),
        }
    }

    fn unix_ms(&self) -> u64 {
        1_700_000_000_000 + self.0.began.elapsed().as_millis() as u64
    }
}
