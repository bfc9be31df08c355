//! Rows by tools, one after the other in each browser, and the browsers beside each other.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::rows::{ROWS, Row};
use super::stage::{Effort, Stage};
use super::table::{Outcome, Outcomes};
use super::tool::Tool;
use crate::browser::Engine;

/// Longest that one row may take with one tool beyond what it watches.
const LONGEST: Duration = Duration::from_secs(420);

/// What is run.
#[derive(Debug, Clone)]
pub struct Selection {
    /// In which browsers.
    pub engines: Vec<Engine>,
    /// Only these rows; all if empty.
    pub rows: Vec<String>,
    /// Only these tools; all if empty.
    pub tools: Vec<String>,
    /// Only these pairs of a row and a tool; all if empty.
    pub pairs: &'static [(&'static str, Tool)],
}

impl Selection {
    fn has(&self, engine: Engine, row: &Row, tool: Tool) -> bool {
        let is_of =
            |list: &[String], name: &str| list.is_empty() || list.iter().any(|known| known.eq_ignore_ascii_case(name));
        (engine == Engine::Chromium || row.in_firefox)
            && row.tools.contains(&tool)
            && is_of(&self.rows, row.number)
            && is_of(&self.tools, tool.name())
            && (self.pairs.is_empty() || self.pairs.contains(&(row.number, tool)))
    }
}

/// Runs what is selected, and prints a line for each.
///
/// # Errors
/// When a browser or what stands around it does not come up.
pub async fn run(selection: &Selection, effort: Effort) -> Result<Outcomes> {
    let of = |engine: Engine| async move {
        if selection.engines.contains(&engine) {
            in_browser(engine, selection, effort).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let (chromium, firefox) = tokio::join!(of(Engine::Chromium), of(Engine::Firefox));
    let mut outcomes = Outcomes::default();
    for (version, all) in [chromium?, firefox?].into_iter().flatten() {
        outcomes.browsers.push(version);
        outcomes.all.extend(all);
    }
    Ok(outcomes)
}

/// Runs pairs of rows and tools in one browser with little effort, as a test of everyday does.
///
/// # Errors
/// When one of them fails or is not in the table.
pub async fn run_pairs(engine: Engine, pairs: &'static [(&'static str, Tool)]) -> Result<()> {
    let effort = Effort { watched: Duration::from_secs(2), phases: 4, pairs: 1 };
    let outcomes =
        run(&Selection { engines: vec![engine], rows: Vec::new(), tools: Vec::new(), pairs }, effort).await?;
    ensure!(outcomes.failed().count() == 0, "{}", outcomes.text());
    ensure!(outcomes.all.len() == pairs.len(), "{} pairs, but {} were run", pairs.len(), outcomes.all.len());
    Ok(())
}

async fn in_browser(engine: Engine, selection: &Selection, effort: Effort) -> Result<(String, Vec<Outcome>)> {
    let mut stage = Stage::open(engine, effort).await?;
    let version = stage.browser.version().await?;
    let mut outcomes = Vec::new();
    for row in ROWS {
        for &tool in row.tools {
            if !selection.has(engine, row, tool) {
                continue;
            }
            let begun = Instant::now();
            let tried = tokio::time::timeout(LONGEST + effort.watched * 2, (row.try_it)(&stage, tool)).await;
            let result = match tried {
                Ok(result) => result.map_err(|error| format!("{error:#}")),
                Err(_) => Err("it took too long".to_owned()),
            };
            let verdict = match &result {
                Ok(remark) => format!("pass {remark}"),
                Err(why) => format!("FAIL {why}"),
            };
            println!(
                "{:<9} {:<4} {:<14} {:>5.1} s  {verdict}",
                engine.name(),
                row.number,
                tool.name(),
                begun.elapsed().as_secs_f64()
            );
            if result.is_err() {
                println!("          the page says {}", told_by_page(&stage).await);
            }
            outcomes.push(Outcome { engine, row: row.number, tool, result });
            if stage.tidy().await.is_err() {
                // Whatever a row did to the browser, the next one gets a working one.
                stage = Stage::open(engine, effort).await?;
            }
        }
    }
    stage.browser.close().await?;
    Ok((version, outcomes))
}

/// What the module in the window says of consent, and what it sent: for whoever looks for the reason of a failure.
async fn told_by_page(stage: &Stage) -> String {
    let script = "const state = await Promise.race([driver.consent(), driver.pause(1000)]); return JSON.stringify({ state, errors: recorder.errors, \
                  sent: driver.about().map(({ url, status, body }) => `${new URL(url).pathname} ${status} ${body}`) });";
    match tokio::time::timeout(Duration::from_secs(5), stage.page(script)).await {
        Ok(Ok(told)) => told.as_str().unwrap_or_default().to_owned(),
        _ => "nothing".to_owned(),
    }
}
