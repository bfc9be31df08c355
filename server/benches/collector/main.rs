//! The collector's limits, measured on its release binary over HTTP: `cargo xtask bench`.
//!
//! Client and collector share the machine, so absolute figures are those of half of it, and ratios within a run are worth more.

mod client;
mod disk;
mod fill;
mod memory;
mod pipeline;
mod process;
mod report;
mod startup;
mod visit;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Parser;

use report::Report;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

#[derive(Parser)]
struct Arguments {
    /// What to be; without it, the bench.
    role: Option<String>,
    /// Live sessions whose memory is measured.
    #[arg(long, default_value_t = 1_000_000)]
    sessions: u64,
    /// Events in the log from which the collector starts.
    #[arg(long, default_value_t = 5_000_000)]
    events: u64,
    /// Seconds for each number of connections, each server and each round.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds, of which the best counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where data folders are put while it runs: what is measured is this disk.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// The program that measures appends to the log alone.
    #[arg(long)]
    group_commit: Option<PathBuf>,
    /// The file in which the figures are kept.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Prints JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.role.as_deref() {
        Some(pipeline::NOOP) => runtime.block_on(pipeline::serve_noop()),
        None | Some("collector") => runtime.block_on(bench(&arguments)),
        Some(other) => Err(format!("there is no bench of {other}").into()),
    }
}

async fn bench(arguments: &Arguments) -> Result<()> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder)?;
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let load_before = load_average()?;
    let disk = disk::measure(folder)?;
    let group_commit = arguments.group_commit.as_ref().map(|program| group_commit(program, folder)).transpose()?;
    let each = Duration::from_secs_f64(arguments.seconds);
    let pipeline = pipeline::measure(folder, arguments.rounds, each).await?;
    let startup = startup::measure(folder, arguments.events).await?;
    let memory = memory::measure(folder, arguments.sessions).await?;
    let cpus = std::thread::available_parallelism()?.get();
    let report = Report { date, cpus, load_before, disk, memory, startup, group_commit, pipeline };
    if let Some(file) = &arguments.report {
        report.keep(file)?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", report.text());
    }
    Ok(())
}

/// How many processes wanted a processor in the minute before.
fn load_average() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().next().ok_or("/proc/loadavg is empty")?.parse()?)
}

/// The table of the log's own example, as it prints it.
fn group_commit(program: &PathBuf, folder: &PathBuf) -> Result<String> {
    eprintln!("group commit: appends to the log alone");
    let output = std::process::Command::new(program).arg(folder).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", program.display(), String::from_utf8_lossy(&output.stderr)).into());
    }
    let table = String::from_utf8(output.stdout)?;
    // Its first line says where, which is nobody's business.
    Ok(table.lines().skip(1).collect::<Vec<_>>().join("\n"))
}
