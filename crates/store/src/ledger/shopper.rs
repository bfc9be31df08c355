use serde::{Deserialize, Serialize};

use super::rows::Row;
use super::{Cap, Id, LedgerError, REMEMBERED_MS};

/// Most takes that are remembered of one shopper, refused ones included.
pub const TAKES: usize = 256;

/// The takes of one shopper.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Shopper {
    takes: Vec<Take>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Take {
    idem: Id,
    /// Unix milliseconds. Remembered at least as long as it counts, so that what is repeated late is not counted twice.
    remembered_until: u64,
    /// The caps it counts under, and until when. None if it was refused.
    counts: Option<Vec<(Id, u64)>>,
}

impl Shopper {
    pub(super) fn take(&mut self, caps: &[Cap], idem: &Id, now: u64) -> Result<bool, LedgerError> {
        self.takes.retain(|take| take.remembered_until > now);
        if let Some(take) = self.takes.iter().find(|take| take.idem == *idem) {
            return Ok(take.counts.is_some());
        }
        if self.takes.len() >= TAKES {
            return Err(LedgerError::TooManyTakes);
        }
        let counts = self.counts(caps, now);
        let last_end = counts.iter().flatten().map(|(_, until)| *until).max().unwrap_or(0);
        let remembered_until = last_end.max(now.saturating_add(REMEMBERED_MS));
        let counted = counts.is_some();
        self.takes.push(Take { idem: *idem, remembered_until, counts });
        Ok(counted)
    }

    /// What a take under `caps` counts, unless one of them is full.
    fn counts(&self, caps: &[Cap], now: u64) -> Option<Vec<(Id, u64)>> {
        let mut counts: Vec<(Id, u64)> = Vec::with_capacity(caps.len());
        for cap in caps {
            let before = self.takes.iter().flat_map(|take| take.counts.iter().flatten());
            let counted = before.chain(&counts).filter(|(id, until)| *id == cap.id && *until > now).count();
            if counted >= usize::from(cap.limit) {
                return None;
            }
            counts.push((cap.id, now.saturating_add(cap.span_ms)));
        }
        Some(counts)
    }
}

impl Row for Shopper {
    const KIND: u8 = b's';

    fn needed_until(&self) -> u64 {
        self.takes.iter().map(|take| take.remembered_until).max().unwrap_or(0)
    }
}
