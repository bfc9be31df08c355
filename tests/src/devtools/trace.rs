//! Chromium's own trace: what each thread did, and how long.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Chromium;

/// What is traced: tasks, events and calls of scripts, and the marks that pages set.
const CATEGORIES: [&str; 5] =
    ["devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing", "v8", "v8.wasm"];

/// Something that a thread did.
#[derive(Debug, Clone, Deserialize)]
pub struct Slice {
    /// What.
    pub name: String,
    /// The phase by which the trace's format tells kinds of entries apart: `X` has a duration.
    #[serde(rename = "ph")]
    pub phase: String,
    /// When it began, microseconds.
    #[serde(rename = "ts", default)]
    pub at_us: f64,
    /// How long it took by the clock on the wall, microseconds.
    #[serde(rename = "dur", default)]
    pub wall_us: f64,
    /// What the thread's clock of processor time showed at its beginning, microseconds.
    #[serde(rename = "tts", default)]
    pub thread_at_us: Option<f64>,
    /// How long it took by that clock, microseconds.
    #[serde(rename = "tdur", default)]
    pub thread_us: Option<f64>,
    /// The process.
    pub pid: u64,
    /// The thread in it.
    pub tid: u64,
    /// What else is known.
    #[serde(default)]
    pub args: Value,
}

/// A trace that is being recorded.
pub struct Recording<'a> {
    chromium: &'a Chromium,
    events: mpsc::UnboundedReceiver<Value>,
}

impl<'a> Recording<'a> {
    /// Begins one of everything that the browser does from now on.
    ///
    /// # Errors
    /// When it is refused, as while another one is recorded.
    pub async fn begin(chromium: &'a Chromium) -> Result<Recording<'a>> {
        let events = chromium.events();
        let config = json!({ "recordMode": "recordUntilFull", "traceBufferSizeInKb": 400_000, "includedCategories": CATEGORIES });
        chromium.command("Tracing.start", json!({ "transferMode": "ReportEvents", "traceConfig": config })).await?;
        Ok(Recording { chromium, events })
    }

    /// Ends it and gives all of it.
    ///
    /// # Errors
    /// When the browser ends meanwhile, or its buffer was too small.
    pub async fn end(mut self) -> Result<Vec<Slice>> {
        self.chromium.command("Tracing.end", json!({})).await?;
        let mut slices = Vec::new();
        loop {
            let event = self.events.recv().await.context("the browser ended while it gave its trace")?;
            match event["method"].as_str() {
                Some("Tracing.dataCollected") => {
                    for entry in event["params"]["value"].as_array().into_iter().flatten() {
                        // What has none of the fields is of no use here.
                        slices.extend(Slice::deserialize(entry).ok());
                    }
                }
                Some("Tracing.tracingComplete") => {
                    let lost = event["params"]["dataLossOccurred"] == true;
                    anyhow::ensure!(!lost, "the trace has gaps: its buffer was too small");
                    return Ok(slices);
                }
                _ => {}
            }
        }
    }
}
