//! What the browser module costs the main thread of a page, as a command: `cargo xtask bench browser`.
//!
//! Seeded shoppers play the scenes of `waver_tests::scripted` on a machine four times slower than this one, and the browser's own trace says how long
//! the module held the main thread.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use waver_tests::devtools::Recording;
use waver_tests::scripted::cost::{Cost, Quantiles};
use waver_tests::scripted::run::Stage;
use waver_tests::scripted::scene::{Claim, Scene, all};
use waver_tests::scripted::shopper::Conditions;

/// How many times slower the shopper's machine is: what browsers' own tools take for a phone of the middle class.
const SLOWER: u32 = 4;
/// Callbacks measured, so that ten are above the 99th percentile.
const CALLBACKS: usize = 1_000;
/// Shoppers at once. Times are of the thread's own clock, and more would only wait for each other.
const AT_ONCE: usize = 4;
/// Rounds without a callback after which there will be none.
const MOST_ROUNDS: u64 = 500;
/// From here to its end the report is ours.
const HEADING: &str = "# Benchmarks of the browser module";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let (mut callbacks, mut as_json, mut report) = (CALLBACKS, false, None::<PathBuf>);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} takes a value"));
        match argument.as_str() {
            "--callbacks" => callbacks = value()?.parse()?,
            "--report" => report = Some(value()?.into()),
            "--json" => as_json = true,
            other => bail!("unknown argument {other}"),
        }
    }
    let cost = measure(callbacks).await?;
    let text = text(&cost)?;
    if let Some(path) = report {
        put(&path, &text)?;
    }
    if as_json {
        println!("{}", serde_json::to_string_pretty(&figures(&cost))?);
    } else {
        println!("{text}");
    }
    ensure!(cost.long_tasks() == 0, "{} tasks have more than 50 ms of ours in them", cost.long_tasks());
    let p99 = Quantiles::of(&cost.to_callback).p99;
    ensure!(p99 < 1_000.0, "signal to callback takes {p99:.0} us at the 99th percentile, and the goal is 1,000");
    Ok(())
}

/// Scenes in which the page is told something, but for those that mostly wait.
fn scenes() -> Vec<Scene> {
    let waits = ["idle_return", "checkout_stall", "tab_compare", "product_return"];
    let told = |scene: &Scene| matches!(scene.claim, Claim::Fires(sign) if !waits.contains(&sign.to_string().as_str()));
    all().into_iter().filter(told).collect()
}

async fn measure(callbacks: usize) -> Result<Cost> {
    let stage = Stage::set(Conditions { slower: SLOWER, marked: true }).await?;
    let scenes = scenes();
    let mut cost = Cost::default();
    for round in 0..MOST_ROUNDS {
        let recording = Recording::begin(&stage.chromium).await?;
        let outcomes = stage.play(&scenes, round..round + 1, AT_ONCE, false).await?;
        cost.add(&recording.end().await?, &stage.collector.url);
        for broken in outcomes.iter().filter_map(|outcome| outcome.broken.as_ref()) {
            // A shopper who got lost has still been measured until then.
            eprintln!("{broken:#}");
        }
        eprintln!("round {}: {} of {callbacks} callbacks", round + 1, cost.to_callback.len());
        if cost.to_callback.len() >= callbacks {
            return Ok(cost);
        }
    }
    bail!("{} callbacks in {MOST_ROUNDS} rounds", cost.to_callback.len())
}

fn figures(cost: &Cost) -> serde_json::Value {
    let calls: serde_json::Map<_, _> =
        cost.calls.iter().map(|(kind, times)| (kind.clone(), json!(Quantiles::of(times)))).collect();
    json!({
        "slower": SLOWER,
        "to_callback_us": Quantiles::of(&cost.to_callback),
        "callbacks_within_other_scripts": cost.within_others,
        "calls_us": calls,
        "tasks_us": Quantiles::of(&cost.tasks),
        "long_tasks": cost.long_tasks(),
    })
}

fn text(cost: &Cost) -> Result<String> {
    let date = std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output().context("date")?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut out = format!(
        "{HEADING}\n\nBy `cargo xtask bench browser`, {}, load {}: the demo shop in Chromium, its processor slowed {SLOWER} times, and seeded shoppers by mouse\n\
         and touch. Microseconds of the main thread's own time, from the browser's trace.\n\n| | count | p50 | p99 | most |\n|---|---:|---:|---:|---:|\n",
        String::from_utf8_lossy(&date.stdout).trim(),
        load.split(' ').next().unwrap_or("unknown"),
    );
    let mut row = |name: &str, times: &[f64]| {
        let Quantiles { count, p50, p99, max } = Quantiles::of(times);
        writeln!(out, "| {name} | {count} | {p50:.0} | {p99:.0} | {max:.0} |")
    };
    row("**signal to the page's callback**", &cost.to_callback)?;
    row("all of ours in one task, loading included", &cost.tasks)?;
    for (kind, times) in &cost.calls {
        row(&format!("a call for `{kind}`"), times)?;
    }
    let others = cost.within_others;
    writeln!(
        out,
        "\nTasks with more than 50 ms of ours: **{}**. Calls are whole handlers with what they send and store. {others} more callbacks came inside of the\n\
         shop's own calls, which push to the data layer, and are not counted: their part cannot be told from the shop's.",
        cost.long_tasks()
    )?;
    Ok(out)
}

/// Puts the text in the place of the last one, behind what others wrote.
fn put(path: &Path, text: &str) -> Result<()> {
    let known = std::fs::read_to_string(path).unwrap_or_default();
    let others = known.find(HEADING).map_or(known.as_str(), |place| &known[..place]).trim_end();
    std::fs::write(path, format!("{others}\n\n{text}")).with_context(|| path.display().to_string())
}
