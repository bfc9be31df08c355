//! The decoders of what an earlier page of the tab and earlier sessions of the browser left, for the fuzz targets alone: whatever a page puts in
//! their place, ours must not break.

use waver_core::Snapshot;
use waver_core::intent::History;

use crate::numbers;
use crate::session::HandOver;

/// The engine in a hand-over that stands as these numbers, and the numbers it is written as.
pub fn handed_over(row: &[f64]) -> Option<(Snapshot, Vec<f64>)> {
    let handed: HandOver = numbers::read(row)?;
    let rewritten = numbers::write(&handed)?;
    Some((handed.engine, rewritten))
}

/// The history that stands as these numbers, and the numbers it is written as.
pub fn remembered(row: &[f64]) -> Option<(History, Vec<f64>)> {
    let history: History = numbers::read(row)?;
    let rewritten = numbers::write(&history)?;
    Some((history, rewritten))
}

/// The numbers that a history is written as.
pub fn history_row(history: &History) -> Option<Vec<f64>> {
    numbers::write(history)
}
