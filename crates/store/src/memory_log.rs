use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::record::{decode_group, encode_group};
use crate::{Chain, Cutoffs, EventLog, GROUP_BYTES, Position, Record, StoreError, Trimmed};

/// A log in memory, for tests. Clones share it, so that a clone kept aside is what a restart would find.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog(Arc<Mutex<Groups>>);

#[derive(Debug, Default)]
struct Groups {
    /// Each group's first offset and its bytes: encoded, so that tests meet what a disk would hold.
    written: Vec<(u64, Vec<u8>)>,
    begin: u64,
    end: u64,
    chain: Chain,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> MemoryLog {
        MemoryLog::default()
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventLog for MemoryLog {
    async fn append(&self, group: &[Record]) -> Result<Vec<Position>, StoreError> {
        let bytes = encode_group(group).map_err(|reason| StoreError::Write(reason.to_string()))?;
        if bytes.len() > GROUP_BYTES {
            return Err(StoreError::TooLarge { bytes: bytes.len() });
        }
        let mut groups = self.groups();
        let first = groups.end;
        if !group.is_empty() {
            let chained = *blake3::Hasher::new().update(&groups.chain).update(&bytes).finalize().as_bytes();
            groups.chain.copy_from_slice(&chained[..16]);
            groups.written.push((first, bytes));
            groups.end += group.len() as u64;
        }
        Ok(positions(first, group))
    }

    async fn read(&self, from: u64, at_least: usize) -> Result<Vec<(Position, Record)>, StoreError> {
        let groups = self.groups();
        // The group that holds `from` may begin before it.
        let start = groups.written.partition_point(|(first, _)| *first <= from).saturating_sub(1);
        let mut page = Vec::new();
        for (first, bytes) in &groups.written[start..] {
            if page.len() >= at_least.max(1) {
                break;
            }
            let group = decode_group(bytes).map_err(|reason| StoreError::Damaged { offset: *first, reason })?;
            page.extend(positions(*first, &group).into_iter().zip(group).filter(|(at, _)| at.offset >= from));
        }
        Ok(page)
    }

    async fn trim(&self, cutoffs: &Cutoffs) -> Result<Trimmed, StoreError> {
        let mut groups = self.groups();
        let mut trimmed = Trimmed::default();
        let mut written = Vec::new();
        for (first, bytes) in &groups.written {
            let group = decode_group(bytes).map_err(|reason| StoreError::Damaged { offset: *first, reason })?;
            for (first, run) in kept_runs(*first, group, cutoffs, &mut trimmed) {
                written.push((first, encode_group(&run).map_err(|reason| StoreError::Write(reason.to_string()))?));
            }
        }
        groups.begin = written.first().map_or(groups.end, |(first, _)| *first);
        groups.written = written;
        Ok(trimmed)
    }

    fn begin(&self) -> u64 {
        self.groups().begin
    }

    fn end(&self) -> u64 {
        self.groups().end
    }

    fn chain(&self) -> Chain {
        self.groups().chain
    }
}

/// What `cutoffs` leave of a group whose first record stands at `first`: groups without gaps. Adds to `trimmed` what goes.
pub(crate) fn kept_runs(
    first: u64,
    group: Vec<Record>,
    cutoffs: &Cutoffs,
    trimmed: &mut Trimmed,
) -> Vec<(u64, Vec<Record>)> {
    let mut runs: Vec<(u64, Vec<Record>)> = Vec::new();
    for (offset, record) in (first..).zip(group) {
        let class = record.kind.class();
        if record.received_at < *cutoffs.of(class) {
            let removed = trimmed.of_mut(class);
            removed.records += 1;
            removed.bytes += record.payload.len() as u64;
            continue;
        }
        match runs.last_mut() {
            Some((start, run)) if *start + run.len() as u64 == offset => run.push(record),
            _ => runs.push((offset, vec![record])),
        }
    }
    runs
}

/// The positions of a group whose first record stands at `first`.
pub(crate) fn positions(first: u64, group: &[Record]) -> Vec<Position> {
    (first..).zip(group).map(|(offset, record)| Position { shard: record.shard(), offset }).collect()
}
