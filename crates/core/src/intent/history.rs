use serde::{Deserialize, Serialize};
use waver_schema::ItemRef;

/// Products and categories that are remembered, each; the last first.
const REMEMBERED: usize = 64;

/// What earlier sessions in this browser left for the intent of the next: counts, and products and categories as numbers. It never leaves the
/// browser, is kept only under [`crate::consent::Purpose::Personalize`] and goes with its withdrawal; the shell keeps it
/// ([`crate::Engine::history`]) with the time, and hands it to the next session's engine ([`crate::Engine::remember`]).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    /// Sessions so far.
    pub sessions: u32,
    /// Items put into the cart in them.
    pub cart_adds: u32,
    /// Items put on a wish list.
    pub wishes: u32,
    /// Orders placed.
    pub purchases: u32,
    pub(super) items: Recall,
    pub(super) categories: Recall,
    /// In the cart once, and not bought since.
    pub(super) carted: Recall,
    pub(super) wished: Recall,
}

/// A few references, the last one first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Recall(Vec<ItemRef>);

impl Recall {
    pub(super) fn holds(&self, what: ItemRef) -> bool {
        self.0.contains(&what)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Puts it first, and forgets the one longest ago where there is no room.
    pub(super) fn add(&mut self, what: ItemRef) {
        self.remove(what);
        // What an earlier page handed over may be longer.
        self.0.truncate(REMEMBERED - 1);
        self.0.insert(0, what);
    }

    pub(super) fn remove(&mut self, what: ItemRef) {
        self.0.retain(|known| *known != what);
    }

    /// Adds all of a later recall, in its order.
    pub(super) fn add_all(&mut self, later: &Recall) {
        for what in later.0.iter().rev() {
            self.add(*what);
        }
    }
}
