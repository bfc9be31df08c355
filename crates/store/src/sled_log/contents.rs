use serde::{Deserialize, Serialize};

use crate::{Cutoffs, DataClass, PerClass, Record, Removed, Trimmed};

/// What a segment holds of each class. Kept with every group, so that no segment must be read to know what to trim.
pub(super) type Contents = PerClass<OfClass>;

/// What a segment holds of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfClass {
    records: u64,
    /// Of the payloads.
    bytes: u64,
    /// When the first and the last one were received, Unix milliseconds; 0 without any.
    oldest: u64,
    newest: u64,
}

impl OfClass {
    fn add(&mut self, more: &OfClass) {
        if self.records == 0 {
            *self = *more;
        } else if more.records > 0 {
            self.records += more.records;
            self.bytes += more.bytes;
            self.oldest = self.oldest.min(more.oldest);
            self.newest = self.newest.max(more.newest);
        }
    }
}

impl Contents {
    /// What `group` holds.
    pub(super) fn of_group(group: &[Record]) -> Contents {
        let mut contents = Contents::default();
        for record in group {
            let one = OfClass {
                records: 1,
                bytes: record.payload.len() as u64,
                oldest: record.received_at,
                newest: record.received_at,
            };
            contents.of_mut(record.kind.class()).add(&one);
        }
        contents
    }

    pub(super) fn add(&mut self, more: &Contents) {
        DataClass::ALL.into_iter().for_each(|class| self.of_mut(class).add(more.of(class)));
    }

    /// The classes that are there.
    fn present(&self) -> impl Iterator<Item = (DataClass, &OfClass)> {
        DataClass::ALL.into_iter().map(|class| (class, self.of(class))).filter(|(_, found)| found.records > 0)
    }

    /// When the first record was received.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.present().map(|(_, found)| found.oldest).min()
    }

    /// Whether `cutoffs` remove anything.
    pub(super) fn loses(&self, cutoffs: &Cutoffs) -> bool {
        self.present().any(|(class, found)| found.oldest < *cutoffs.of(class))
    }

    /// Whether `cutoffs` leave anything.
    pub(super) fn keeps(&self, cutoffs: &Cutoffs) -> bool {
        self.present().any(|(class, found)| found.newest >= *cutoffs.of(class))
    }

    /// How many records there are.
    pub(super) fn records(&self) -> u64 {
        self.present().map(|(_, found)| found.records).sum()
    }

    /// Bytes of all payloads.
    pub(super) fn bytes(&self) -> u64 {
        self.present().map(|(_, found)| found.bytes).sum()
    }

    /// Adds what is here to `trimmed`.
    pub(super) fn removed(&self, trimmed: &mut Trimmed) {
        self.count(trimmed, |total, here| *total += here);
    }

    /// Takes what is here off `trimmed`.
    pub(super) fn kept(&self, trimmed: &mut Trimmed) {
        self.count(trimmed, |total, here| *total -= here);
    }

    fn count(&self, trimmed: &mut Trimmed, change: impl Fn(&mut u64, u64)) {
        for (class, found) in self.present() {
            let Removed { records, bytes } = trimmed.of_mut(class);
            change(records, found.records);
            change(bytes, found.bytes);
        }
    }
}

/// The same as it was written before there was [`DataClass::Shop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EarlierContents {
    events: OfClass,
    consent: OfClass,
    dead_letters: OfClass,
}

impl From<EarlierContents> for Contents {
    fn from(EarlierContents { events, consent, dead_letters }: EarlierContents) -> Contents {
        Contents { events, consent, dead_letters, shop: OfClass::default() }
    }
}

#[cfg(test)]
impl From<Contents> for EarlierContents {
    fn from(Contents { events, consent, dead_letters, .. }: Contents) -> EarlierContents {
        EarlierContents { events, consent, dead_letters }
    }
}
