//! How much memory live sessions take.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::Result;
use crate::fill::fill;
use crate::process::House;
use crate::visit::Story;

/// Bytes and seconds of a collector with so many live sessions.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryFigures {
    pub(crate) sessions: u64,
    pub(crate) events_per_session: usize,
    pub(crate) fill_seconds: f64,
    /// Resident when nobody had come yet.
    pub(crate) empty_bytes: u64,
    /// Resident when all had come.
    pub(crate) full_bytes: u64,
    /// The most it was until then.
    pub(crate) peak_bytes: u64,
    /// What each session added.
    pub(crate) bytes_per_session: f64,
    /// The most while it stopped and saved a snapshot.
    pub(crate) snapshot_peak_bytes: u64,
    /// From SIGTERM to the end, the snapshot included.
    pub(crate) stop_seconds: f64,
    /// The data folder after that.
    pub(crate) data_bytes: u64,
    /// The start from that snapshot.
    pub(crate) start_seconds: f64,
    /// Resident, and the most, after that start.
    pub(crate) started_bytes: u64,
    pub(crate) started_peak_bytes: u64,
}

pub(crate) async fn measure(folder: &Path, sessions: u64) -> Result<MemoryFigures> {
    let story = Arc::new(Story::new(1, 5));
    let house = House::build(folder, sessions + sessions / 10 + 1, "1000h")?;
    let (collector, _) = house.start().await?;
    let empty = collector.memory()?;
    eprintln!("memory: {sessions} sessions, a grant and a batch of {} events each", story.events_per_batch);
    let took = fill(collector.address, 0, sessions, Arc::clone(&story)).await?;
    let full = collector.memory()?;
    eprintln!("memory: stops, saves a snapshot, and starts from it");
    let (stop, saving) = collector.terminate().await?;
    let data_bytes = house.data_bytes()?;
    let (collector, start) = house.start().await?;
    let started = collector.memory()?;
    collector.kill().await?;
    Ok(MemoryFigures {
        sessions,
        events_per_session: story.events_per_batch,
        fill_seconds: took.as_secs_f64(),
        empty_bytes: empty.resident,
        full_bytes: full.resident,
        peak_bytes: full.peak,
        bytes_per_session: full.resident.saturating_sub(empty.resident) as f64 / sessions as f64,
        snapshot_peak_bytes: saving.peak,
        stop_seconds: stop.as_secs_f64(),
        data_bytes,
        start_seconds: start.as_secs_f64(),
        started_bytes: started.resident,
        started_peak_bytes: started.peak,
    })
}
