//! `waver backtest`.

use std::path::PathBuf;

use waver_trainer::metrics::Figure;
use waver_trainer::offpolicy::replay::{self, Rate, Replayed};
use waver_trainer::offpolicy::{self, Asked, Backtest, Estimates, Of, Values};
use waver_trainer::{Mapping, TrainError};

use super::{Exit, train};

#[derive(Debug, clap::Args)]
pub(super) struct BacktestArguments {
    /// What the columns of a log of choices mean: a built-in mapping (openbandit) or a file.
    #[arg(long, value_name = "NAME|FILE")]
    mapping: String,
    /// The log of choices: CSV, perhaps gzipped.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The policy in question: CSV of places, arms and the probability of each.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["uniform", "replay"])]
    choices: Option<PathBuf>,
    /// The policy in question chooses every arm of the log alike.
    #[arg(long, conflicts_with = "choices")]
    uniform: bool,
    /// Runs the collector's own learner on the log, whose choices must all have been made alike.
    #[arg(long, conflicts_with_all = ["choices", "uniform", "logged_by", "rewards_from"])]
    replay: bool,
    /// With --replay: the learner has seen these rows before.
    #[arg(long, value_name = "FILE", requires = "replay")]
    warm: Option<PathBuf>,
    /// With --replay: how many shuffles of the log, each a world of its own.
    #[arg(long, default_value_t = 20, requires = "replay", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    shuffles: u16,
    /// Which rows are the log, by the policy that made the choices. All, if not given.
    #[arg(long, value_name = "POLICY")]
    logged_by: Option<String>,
    /// Other rows of the same policy, whose mean rewards the doubly robust estimate expects. Without them each fifth of the log expects what the
    /// others had.
    #[arg(long, value_name = "FILE")]
    rewards_from: Option<PathBuf>,
    /// What everything random follows from.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Prints what was found as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &BacktestArguments) -> Exit {
    if arguments.replay {
        return run_replay(arguments);
    }
    match of_file(arguments) {
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

fn run_replay(arguments: &BacktestArguments) -> Exit {
    let BacktestArguments { mapping, data, warm, shuffles, seed, json, .. } = arguments;
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

fn of_file(arguments: &BacktestArguments) -> Result<Backtest, TrainError> {
    let BacktestArguments { mapping, data, choices, logged_by, rewards_from, seed, .. } = arguments;
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
pub(super) fn print_estimates(found: &Estimates) {
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
