use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::LedgerError;
use super::embedded::Embedded;
use super::rows::{Rows, Write};

/// A ledger in memory, for tests. Clones share it, so that a clone kept aside is what a restart would find.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger(Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl MemoryLedger {
    /// An empty ledger.
    pub fn new() -> MemoryLedger {
        MemoryLedger::default()
    }

    pub(super) fn of(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> MemoryLedger {
        MemoryLedger(Arc::new(Mutex::new(rows.into_iter().collect())))
    }

    /// All it holds, as bytes.
    #[cfg(test)]
    pub(super) fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter().collect()
    }
}

impl Embedded for MemoryLedger {
    async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut dyn Rows) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        step(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Rows for BTreeMap<Vec<u8>, Vec<u8>> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(BTreeMap::get(self, key).cloned())
    }

    fn keys(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<Vec<u8>>, LedgerError> {
        Ok(self.range(from.to_vec()..to.to_vec()).take(most).map(|(key, _)| key.clone()).collect())
    }

    fn write(&mut self, writes: Vec<Write>) {
        for (key, row) in writes {
            match row {
                Some(row) => drop(self.insert(key, row)),
                None => drop(self.remove(&key)),
            }
        }
    }
}
