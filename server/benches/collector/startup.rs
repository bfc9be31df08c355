//! How long a start takes after an unclean stop.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::Result;
use crate::fill::fill;
use crate::process::House;
use crate::visit::Story;

/// Events of a visit; below what no hand can make.
const BATCHES_PER_SESSION: usize = 10;
const EVENTS_PER_BATCH: usize = waver_schema::limits::EVENTS_PER_BATCH;
const EVENTS_PER_SESSION: u64 = (BATCHES_PER_SESSION * EVENTS_PER_BATCH) as u64;
/// One event of so many comes between the last snapshot and the kill.
const TAIL: u64 = 10;

/// Seconds from exec to the line that says it listens, and what was on the disk.
#[derive(Debug, Serialize)]
pub(crate) struct StartFigures {
    pub(crate) events: u64,
    pub(crate) sessions: u64,
    pub(crate) events_per_batch: usize,
    pub(crate) fill_seconds: f64,
    pub(crate) wire_bytes_per_event: f64,
    /// The data folder after the kill, without any snapshot.
    pub(crate) data_bytes: u64,
    /// That, by events.
    pub(crate) data_bytes_per_event: f64,
    /// What the process had written to the disk for each of them.
    pub(crate) written_bytes_per_event: f64,
    /// Killed before there was any snapshot: all of the log is replayed.
    pub(crate) replay_seconds: f64,
    pub(crate) replayed_bytes: u64,
    /// Stopped with a snapshot of all of it.
    pub(crate) clean_seconds: f64,
    /// Killed when so many events had come since the last snapshot.
    pub(crate) tail_events: u64,
    pub(crate) tail_seconds: f64,
}

pub(crate) async fn measure(folder: &Path, events: u64) -> Result<StartFigures> {
    let story = Arc::new(Story::new(BATCHES_PER_SESSION, EVENTS_PER_BATCH));
    let sessions = events.div_ceil(EVENTS_PER_SESSION);
    let tail = (sessions / TAIL).max(1);
    // Between a start and a clean stop nothing saves a snapshot, so that what each start has to do is known.
    let house = House::build(folder, sessions + tail, "1000h")?;
    let (collector, _) = house.start().await?;
    let events = sessions * EVENTS_PER_SESSION;
    eprintln!("start-up: {events} events of {sessions} sessions in batches of {EVENTS_PER_BATCH}");
    let took = fill(collector.address, 0, sessions, Arc::clone(&story)).await?;
    let written = collector.written_bytes()?;
    collector.kill().await?;
    let data_bytes = house.data_bytes()?;

    eprintln!("start-up: replays all of the log");
    let (collector, replay) = house.start().await?;
    let replayed = collector.memory()?;
    collector.terminate().await?;
    eprintln!("start-up: from a snapshot, then from one and a tail of {} events", tail * EVENTS_PER_SESSION);
    let (collector, clean) = house.start().await?;
    fill(collector.address, sessions, tail, Arc::clone(&story)).await?;
    collector.kill().await?;
    let (collector, after_tail) = house.start().await?;
    collector.kill().await?;
    Ok(StartFigures {
        events,
        sessions,
        events_per_batch: EVENTS_PER_BATCH,
        fill_seconds: took.as_secs_f64(),
        wire_bytes_per_event: story.bytes_per_event(),
        data_bytes,
        data_bytes_per_event: data_bytes as f64 / events as f64,
        written_bytes_per_event: written as f64 / events as f64,
        replay_seconds: replay.as_secs_f64(),
        replayed_bytes: replayed.resident,
        clean_seconds: clean.as_secs_f64(),
        tail_events: tail * EVENTS_PER_SESSION,
        tail_seconds: after_tail.as_secs_f64(),
    })
}
