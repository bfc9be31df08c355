use std::sync::{Arc, PoisonError, RwLock};

/// Whether the collector can do its work, and if not, why. A clone tells the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<RwLock<Condition>>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Condition {
    #[default]
    Ready,
    Stopping,
    Broken(String),
}

impl Readiness {
    /// Why it is not ready; `None` if it is.
    pub(crate) fn obstacle(&self) -> Option<String> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Condition::Ready => None,
            Condition::Stopping => Some("the collector is stopping".to_owned()),
            Condition::Broken(reason) => Some(reason.clone()),
        }
    }

    /// It is being stopped.
    pub(crate) fn stop(&self) {
        let mut condition = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if *condition == Condition::Ready {
            *condition = Condition::Stopping;
        }
    }

    /// It cannot store any more, until it is started again. Tells whether that is news.
    pub(crate) fn break_down(&self, reason: String) -> bool {
        let mut condition = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let news = !matches!(*condition, Condition::Broken(_));
        if news {
            *condition = Condition::Broken(reason);
        }
        news
    }
}
