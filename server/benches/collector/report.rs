//! The figures as JSON, and as the text that people read.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use crate::Result;
use crate::disk::DiskFigures;
use crate::memory::MemoryFigures;
use crate::pipeline::PipelineFigures;
use crate::startup::StartFigures;

/// From here on the file is written by people, about the run above, and kept.
const BY_HAND: &str = "## What stands out";

/// A run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) date: String,
    pub(crate) cpus: usize,
    /// Processes that wanted a processor in the minute before the run.
    pub(crate) load_before: f64,
    pub(crate) disk: DiskFigures,
    pub(crate) memory: MemoryFigures,
    pub(crate) startup: StartFigures,
    pub(crate) group_commit: Option<String>,
    pub(crate) pipeline: Vec<PipelineFigures>,
}

impl Report {
    /// Writes the figures into `file`, and leaves what people wrote below them.
    pub(crate) fn keep(&self, file: &Path) -> Result<()> {
        let before = std::fs::read_to_string(file).unwrap_or_default();
        let by_hand = before.find(BY_HAND).map(|place| format!("\n{}", &before[place..])).unwrap_or_default();
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(file, format!("{}{by_hand}", self.text()))?)
    }

    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# Benchmarks of the collector\n")?;
        writeln!(
            out,
            "By `cargo xtask bench`, {}: {} processors shared by client and collector, load {:.1} before the run.",
            self.date, self.cpus, self.load_before
        )?;
        writeln!(
            out,
            "4 KiB behind a file with fdatasync: p50 {:.2} ms, p99 {:.2} ms.\n",
            self.disk.p50_ms, self.disk.p99_ms
        )?;
        self.write_memory(out)?;
        self.write_startup(out)?;
        if let Some(table) = &self.group_commit {
            writeln!(out, "## Group commit: appends to the log alone\n\n```text\n{table}\n```\n")?;
        }
        self.write_pipeline(out)
    }

    fn write_memory(&self, out: &mut String) -> std::fmt::Result {
        let memory = &self.memory;
        writeln!(
            out,
            "## Memory: {} live sessions of a grant and {} events\n",
            thousands(memory.sessions),
            memory.events_per_session
        )?;
        let rows = [
            ("empty, resident", mib(memory.empty_bytes)),
            ("full, resident", mib(memory.full_bytes)),
            ("**each session, over the empty process**", format!("{:.0} bytes", memory.bytes_per_session)),
            ("most until then", mib(memory.peak_bytes)),
            ("most while a snapshot was saved", mib(memory.snapshot_peak_bytes)),
            ("filled in", seconds(memory.fill_seconds)),
            ("stopped, snapshot included, in", seconds(memory.stop_seconds)),
            ("data folder after that", mib(memory.data_bytes)),
            ("started from the snapshot in", seconds(memory.start_seconds)),
            ("after that start, resident", mib(memory.started_bytes)),
            ("most during that start", mib(memory.started_peak_bytes)),
        ];
        table(out, &rows)
    }

    fn write_startup(&self, out: &mut String) -> std::fmt::Result {
        let start = &self.startup;
        writeln!(
            out,
            "## Start-up: {} events in the log, {} a batch, {} sessions\n",
            thousands(start.events),
            start.events_per_batch,
            thousands(start.sessions)
        )?;
        let rate = start.events as f64 / start.replay_seconds;
        let tail = format!("killed {} events after a snapshot: **start**", thousands(start.tail_events));
        let rows = [
            ("killed, no snapshot, all of the log replayed: **start**", seconds(start.replay_seconds)),
            ("events replayed a second", thousands(rate as u64)),
            ("resident after that", mib(start.replayed_bytes)),
            (tail.as_str(), seconds(start.tail_seconds)),
            ("stopped, snapshot of everything: start", seconds(start.clean_seconds)),
            ("data folder", mib(start.data_bytes)),
            ("data folder, by event", format!("{:.0} bytes", start.data_bytes_per_event)),
            ("written to the disk, by event", format!("{:.0} bytes", start.written_bytes_per_event)),
            ("JSON, by event", format!("{:.0} bytes", start.wire_bytes_per_event)),
            ("filled in", seconds(start.fill_seconds)),
        ];
        table(out, &rows)
    }

    fn write_pipeline(&self, out: &mut String) -> std::fmt::Result {
        let events = self.pipeline.first().map_or(0, |figures| figures.events_per_batch);
        writeln!(out, "## Pipeline: durable answers to batches of {events} events\n")?;
        writeln!(
            out,
            "The no-op is an axum server that reads the same bodies from the same client and answers 204. Latencies are those of a closed loop.\n"
        )?;
        writeln!(
            out,
            "| connections | no-op events/s | durable events/s | ratio | durable p50 / p99 | no-op p50 / p99 | CPU per request, no-op / durable | ratio |"
        )?;
        writeln!(out, "|---:|---:|---:|---:|---:|---:|---:|---:|")?;
        for figures in &self.pipeline {
            let (noop, collector) = (&figures.noop, &figures.collector);
            writeln!(
                out,
                "| {} | {} | {} | **{:.2}** | {:.2} / {:.2} ms | {:.2} / {:.2} ms | {:.0} / {:.0} us | {:.1} |",
                figures.connections,
                thousands(noop.events_per_second as u64),
                thousands(collector.events_per_second as u64),
                figures.throughput_ratio,
                collector.p50_ms,
                collector.p99_ms,
                noop.p50_ms,
                noop.p99_ms,
                noop.cpu_us_per_request,
                collector.cpu_us_per_request,
                figures.cpu_ratio,
            )?;
        }
        Ok(())
    }
}

fn table(out: &mut String, rows: &[(&str, String)]) -> std::fmt::Result {
    writeln!(out, "| | |\n|---|---:|")?;
    for (name, value) in rows {
        writeln!(out, "| {name} | {value} |")?;
    }
    writeln!(out)
}

fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
