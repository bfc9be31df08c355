use serde::{Deserialize, Serialize};

use super::change::{Ledger, Measured};

/// Something that counts once however often it is told: the telling with the smallest sequence number counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct First<T> {
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) value: T,
}

impl<T: Copy> First<T> {
    /// Takes a telling into `known` and books it as `measured`, instead of the one that counted before, if any.
    pub(crate) fn tell(self, known: &mut Option<First<T>>, ledger: &mut Ledger, measured: impl Fn(T) -> Measured) {
        if known.as_ref().is_some_and(|known| known.seq <= self.seq) {
            return;
        }
        if let Some(superseded) = known.replace(self) {
            ledger.take_back(superseded.at, measured(superseded.value));
        }
        ledger.count(self.at, measured(self.value));
    }

    /// Takes a telling into `known` that no aggregate counts.
    pub(crate) fn keep(self, known: &mut Option<First<T>>) {
        if known.as_ref().is_none_or(|known| self.seq < known.seq) {
            *known = Some(self);
        }
    }
}
