//! The decoder of what an earlier page of the tab left, for the fuzz target alone: whatever a page puts in its place, ours must not break.

use waver_core::Snapshot;

use crate::numbers;
use crate::session::HandOver;

/// The engine in a hand-over that stands as these numbers, and the numbers it is written as.
pub fn handed_over(row: &[f64]) -> Option<(Snapshot, Vec<f64>)> {
    let handed: HandOver = numbers::read(row)?;
    let rewritten = numbers::write(&handed)?;
    Some((handed.engine, rewritten))
}
