use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{KeyError, KeyName, KeyStore, SecretKey};

/// Keys in memory, for tests. Clones share them, so that a clone kept aside is what a restart would find.
#[derive(Debug, Clone, Default)]
pub struct MemoryKeys(Arc<Mutex<BTreeMap<KeyName, SecretKey>>>);

impl MemoryKeys {
    /// No keys.
    pub fn new() -> MemoryKeys {
        MemoryKeys::default()
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<KeyName, SecretKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyStore for MemoryKeys {
    async fn get(&self, name: &KeyName) -> Result<Option<SecretKey>, KeyError> {
        Ok(self.keys().get(name).cloned())
    }

    async fn get_or_create(&self, name: &KeyName, fresh: SecretKey) -> Result<SecretKey, KeyError> {
        Ok(self.keys().entry(name.clone()).or_insert(fresh).clone())
    }

    async fn destroy(&self, name: &KeyName) -> Result<bool, KeyError> {
        Ok(self.keys().remove(name).is_some())
    }

    async fn list(&self) -> Result<Vec<KeyName>, KeyError> {
        Ok(self.keys().keys().cloned().collect())
    }
}
