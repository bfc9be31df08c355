//! What the disk itself takes for a durable write.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Result;

const WRITES: usize = 300;
const BYTES: usize = 4096;

/// Milliseconds of `fdatasync` behind 4 KiB that were added to a file.
#[derive(Debug, Serialize)]
pub(crate) struct DiskFigures {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

pub(crate) fn measure(folder: &Path) -> Result<DiskFigures> {
    let folder = tempfile::tempdir_in(folder)?;
    let mut file = File::create(folder.path().join("file"))?;
    let mut times = Vec::new();
    for _ in 0..WRITES {
        file.write_all(&[7; BYTES])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(DiskFigures { p50_ms: quantile_ms(&times, 0.5), p99_ms: quantile_ms(&times, 0.99) })
}

/// 0 of nothing.
pub(crate) fn quantile_ms(times: &[Duration], part: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
