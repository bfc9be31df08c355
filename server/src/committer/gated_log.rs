use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use waver_store::{Cutoffs, EventLog, MemoryLog, Position, Record, StoreError, Trimmed};

/// A log whose appends wait for a permit each, and fail while told to.
#[derive(Clone)]
pub(crate) struct Gated {
    log: MemoryLog,
    pub(crate) permits: Arc<Semaphore>,
    /// Appends at the gate.
    pub(crate) waiting: Arc<AtomicUsize>,
    pub(crate) fails: Arc<AtomicBool>,
    /// The sizes of the groups that were appended.
    pub(crate) groups: Arc<Mutex<Vec<usize>>>,
}

impl Gated {
    pub(crate) fn new(permits: usize) -> Gated {
        Gated {
            log: MemoryLog::new(),
            permits: Arc::new(Semaphore::new(permits)),
            waiting: Arc::default(),
            fails: Arc::default(),
            groups: Arc::default(),
        }
    }
}

impl EventLog for Gated {
    async fn append(&self, group: &[Record]) -> Result<Vec<Position>, StoreError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.expect("open").forget();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Write("no space left on device".to_owned()));
        }
        self.groups.lock().expect("no panic").push(group.len());
        self.log.append(group).await
    }

    async fn read(&self, from: u64, at_least: usize) -> Result<Vec<(Position, Record)>, StoreError> {
        self.log.read(from, at_least).await
    }

    async fn trim(&self, cutoffs: &Cutoffs) -> Result<Trimmed, StoreError> {
        self.log.trim(cutoffs).await
    }

    fn begin(&self) -> u64 {
        self.log.begin()
    }

    fn end(&self) -> u64 {
        self.log.end()
    }

    fn chain(&self) -> waver_store::Chain {
        self.log.chain()
    }
}
