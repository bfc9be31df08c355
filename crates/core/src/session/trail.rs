use serde::{Deserialize, Serialize};

/// Most steps that wait for a gap before them. A gap that outlasts them is taken for a loss.
const MOST_AHEAD: usize = 64;

/// Steps whose effect depends on their order, held back while a gap in the sequence numbers before them may still fill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trail<T> {
    /// Everything up to this sequence number is settled.
    settled: u64,
    /// What lies ahead of it, in order.
    ahead: Vec<(u64, T)>,
}

impl<T> Default for Trail<T> {
    fn default() -> Trail<T> {
        Trail { settled: 0, ahead: Vec::new() }
    }
}

impl<T> Trail<T> {
    /// Puts a step in its place and tells which place; `None` if later steps were settled without it.
    pub(crate) fn insert(&mut self, seq: u64, step: T) -> Option<usize> {
        if seq <= self.settled {
            return None;
        }
        let place = self.ahead.partition_point(|(other, _)| *other < seq);
        self.ahead.insert(place, (seq, step));
        Some(place)
    }

    /// Gives up what is settled now that everything up to `through` has arrived, in order.
    pub(crate) fn settle(&mut self, through: u64) -> Vec<T> {
        let complete = self.ahead.partition_point(|(seq, _)| *seq <= through);
        let count = complete.max(self.ahead.len().saturating_sub(MOST_AHEAD));
        // What is left is mostly nothing, and then takes no memory.
        let rest = self.ahead.split_off(count);
        let settled = std::mem::replace(&mut self.ahead, rest);
        self.settled = settled.last().map_or(self.settled, |(seq, _)| *seq);
        settled.into_iter().map(|(_, step)| step).collect()
    }

    /// The step at `place`.
    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.ahead.get(place).map(|(_, step)| step)
    }

    /// What is not settled, in order.
    pub(crate) fn ahead(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.ahead.iter().map(|(_, step)| step)
    }
}
