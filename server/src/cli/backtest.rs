//! `waver backtest`.

mod log;

use std::path::{Path, PathBuf};

use waver_trainer::metrics::Figure;
use waver_trainer::offpolicy::replay::{self, Rate, Replayed};
use waver_trainer::offpolicy::{self, Asked, Backtest, Estimates, Of, Values};
use waver_trainer::{Mapping, TrainError};

use super::{Configured, Exit, train};

#[derive(Debug, clap::Args)]
pub(super) struct BacktestArguments {
    /// The offers.toml in question, judged by the collector's own log, which no collector may have open.
    #[arg(value_name = "POLICY", required_unless_present = "mapping", conflicts_with = "mapping")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
    #[command(flatten)]
    log: log::LogArguments,
    /// Instead of the collector's log one in a file, and what its columns mean: a built-in mapping (openbandit) or a file.
    #[arg(long, value_name = "NAME|FILE", requires = "data")]
    mapping: Option<String>,
    /// The log of choices: CSV, perhaps gzipped. With POLICY: the collector's data folder, if not that of the configuration.
    #[arg(long, value_name = "FILE|FOLDER")]
    data: Option<PathBuf>,
    /// The policy in question: CSV of places, arms and the probability of each.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["uniform", "replay", "policy"], requires = "mapping")]
    choices: Option<PathBuf>,
    /// The policy in question chooses every arm of the log alike.
    #[arg(long, conflicts_with = "choices", requires = "mapping")]
    uniform: bool,
    /// Runs the collector's own learner on the log, whose choices must all have been made alike.
    #[arg(long, conflicts_with_all = ["choices", "uniform", "logged_by", "rewards_from"], requires = "mapping")]
    replay: bool,
    /// With --replay: the learner has seen these rows before.
    #[arg(long, value_name = "FILE", requires = "replay")]
    warm: Option<PathBuf>,
    /// With --replay: how many shuffles of the log, each a world of its own.
    #[arg(long, default_value_t = 20, requires = "replay", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    shuffles: u16,
    /// Which rows are the log, by the policy that made the choices. All, if not given.
    #[arg(long, value_name = "POLICY", requires = "mapping")]
    logged_by: Option<String>,
    /// Other rows of the same policy, whose mean rewards the doubly robust estimate expects. Without them each fifth of the log expects what the
    /// others had.
    #[arg(long, value_name = "FILE", requires = "mapping")]
    rewards_from: Option<PathBuf>,
    /// What everything random follows from.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Prints what was found as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &BacktestArguments) -> Exit {
    match (&arguments.policy, &arguments.mapping, &arguments.data) {
        (Some(policy), _, _) => log::run(arguments, policy),
        (None, Some(mapping), Some(data)) if arguments.replay => run_replay(arguments, mapping, data),
        (None, Some(mapping), Some(data)) => run_file(arguments, mapping, data),
        // Clap has refused it already.
        _ => Exit::Usage,
    }
}

fn run_file(arguments: &BacktestArguments, mapping: &str, data: &Path) -> Exit {
    match of_file(arguments, mapping, data) {
        Ok(found) => {
            if arguments.json {
                train::print_json(&found);
            } else {
                print(&found);
            }
            // Whoever asks in a script must not take a refusal for an answer.
            if found.is_refused() { Exit::Data } else { Exit::Ok }
        }
        Err(error) => {
            eprintln!("waver: {error}");
            train::exit_of(&error)
        }
    }
}

fn run_replay(arguments: &BacktestArguments, mapping: &str, data: &Path) -> Exit {
    let BacktestArguments { warm, shuffles, seed, json, .. } = arguments;
    let found = Mapping::load(mapping).and_then(|mapping| {
        let progress = train::progress("shuffle");
        replay::replay(&mapping, data, warm.as_deref(), usize::from(*shuffles), *seed, progress)
    });
    match found {
        Ok(found) if *json => train::print_json(&found),
        Ok(found) => print_replay(&found),
        Err(error) => {
            eprintln!("waver: {error}");
            return train::exit_of(&error);
        }
    }
    Exit::Ok
}

fn print_replay(found: &Replayed) {
    let Replayed { rows, shuffles, arms, random, cold, warm, .. } = found;
    println!("{rows} choices, {shuffles} shuffles");
    for arm in arms {
        println!("  always {}: {:.4}", arm.arm, arm.mean);
    }
    println!("  at random: {random:.4}");
    for (name, rate) in [("from nothing", Some(cold)), ("from other rows", warm.as_ref())] {
        if let Some(Rate { mean, sd, decisions }) = rate {
            println!("  learning {name}: {mean:.4} (sd {sd:.4}), {decisions:.0} choices kept");
        }
    }
}

fn of_file(arguments: &BacktestArguments, mapping: &str, data: &Path) -> Result<Backtest, TrainError> {
    let BacktestArguments { choices, logged_by, rewards_from, seed, .. } = arguments;
    let asked = Asked {
        data,
        logged_by: logged_by.as_deref(),
        of: choices.as_deref().map_or(Of::Uniform, Of::Choices),
        rewards_from: rewards_from.as_deref(),
        seed: *seed,
    };
    offpolicy::backtest(&Mapping::load(mapping)?, asked)
}

fn print(found: &Backtest) {
    for block in &found.blocks {
        println!("{}, logged by {}, judged for {}:", block.block, found.logged_by, found.of);
        print_estimates(&block.found);
        if let Some(relative) = block.relative {
            println!("  {relative:.3} times what was logged, by IPW");
        }
    }
}

/// Prints what was found; of what is refused no figure.
fn print_estimates(found: &Estimates) {
    let Estimates { rows, rewarded, effective_sample_size, logged, refused, estimates, .. } = found;
    println!(
        "  {rows} choices, {rewarded} rewarded ones to judge by, effective sample size {effective_sample_size:.1}"
    );
    println!("  logged {}", figure(logged));
    for why in refused {
        println!("  refused: {why}");
    }
    if let Some(Values { ipw, snipw, dr }) = estimates {
        println!("  IPW    {}\n  SNIPW  {}\n  DR     {}", figure(ipw), figure(snipw), figure(dr));
    }
}

fn figure(Figure { value, low, high }: &Figure) -> String {
    format!("{value:.6} [{low:.6}, {high:.6}]")
}
