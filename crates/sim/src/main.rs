//! `waver-sim`: the demo shop's web server, and shoppers for it.

mod status;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use waver_schema::SiteKey;
use waver_sim::crowd::{self, Options};
use waver_sim::shop::{self, ShopError};
use waver_sim::shopper::Recorded;
use waver_sim::visit::{Http, Tally};
use waver_sim::{Origin, Stop, clickstream, reaches};

/// Exit codes of `sysexits.h`.
mod exit {
    pub(super) const USAGE: u8 = 64;
    pub(super) const BAD_DATA: u8 = 65;
    pub(super) const NO_INPUT: u8 = 66;
    pub(super) const UNAVAILABLE: u8 = 69;
    pub(super) const OS_ERROR: u8 = 71;
    pub(super) const CANNOT_CREATE: u8 = 73;
    pub(super) const BAD_CONFIGURATION: u8 = 78;
}

/// How long a collector that is there but not ready is waited for: an old one replays its log first.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The simulated world around a Waver collector.
#[derive(Parser)]
#[command(name = "waver-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the demo storefront
    Shop(ShopArguments),
    /// Let seeded shoppers shop
    Shoppers(ShoppersArguments),
    /// Write simulated reaches, with and without a change of mind, for `waver train --mapping reaches`
    Reaches(ReachesArguments),
}

#[derive(Args)]
struct ReachesArguments {
    /// Folder for `reaches.csv` and `trials.csv`
    #[arg(long)]
    to: PathBuf,
    /// Everything random follows from it
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many people reach
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    people: u64,
    /// How many reaches each of them makes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    each: u16,
}

#[derive(Args)]
struct ShopArguments {
    /// Folder of the built storefront
    #[arg(long, default_value = "dist/shop")]
    dir: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The collector that the pages talk to
    #[arg(long, default_value = "http://127.0.0.1:7070")]
    collector: Origin,
}

#[derive(Args)]
struct ShoppersArguments {
    /// The collector that the shoppers' browsers talk to
    #[arg(long, default_value = "http://127.0.0.1:7070")]
    collector: Origin,
    /// The site they shop at
    #[arg(long, default_value = "demo", value_parser = site_key)]
    site: SiteKey,
    /// Everything random follows from it
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Shoppers who come per minute, on average; each stays for about a minute
    #[arg(long, default_value_t = 40.0, value_parser = per_minute)]
    rate: f64,
    /// Stop after so many shoppers
    #[arg(long)]
    sessions: Option<u64>,
    /// The most shoppers at one time; who comes to a full shop goes away
    #[arg(long, default_value_t = 200, value_parser = concurrent)]
    concurrent: usize,
    /// Recorded sessions that some shoppers follow, as CSV, perhaps gzipped
    #[arg(long)]
    clickstream: Option<PathBuf>,
    /// How many times as fast as people the shoppers live
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
}

fn site_key(text: &str) -> Result<SiteKey, String> {
    SiteKey::parse(text).map_err(|_| "expected 1 to 32 characters out of a-z, 0-9, '-' and '_'".to_owned())
}

fn per_minute(text: &str) -> Result<f64, String> {
    number_within(text, 0.1, 60_000.0)
}

fn speed(text: &str) -> Result<f64, String> {
    number_within(text, 0.1, 100.0)
}

fn number_within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected a number from {least} to {most}"))
}

fn concurrent(text: &str) -> Result<usize, String> {
    let number: Option<usize> = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| "expected a whole number from 1 to 10000".to_owned())
}

/// A message for people, and an exit code for programs.
struct Failure(u8, String);

#[tokio::main]
async fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => {
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(exit::USAGE) };
        }
    };
    let ended = match command {
        Command::Shop(arguments) => keep_shop(arguments).await,
        Command::Shoppers(arguments) => send_shoppers(arguments).await,
        Command::Reaches(arguments) => write_reaches(&arguments),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, message)) => {
            eprintln!("waver-sim: {message}");
            ExitCode::from(code)
        }
    }
}

async fn keep_shop(ShopArguments { dir, listen, collector }: ShopArguments) -> Result<(), Failure> {
    let mut stop = stop_signal()?;
    let until = async move { stop.told().await };
    let failure = |error: ShopError| {
        let code = match error {
            ShopError::NoStorefront(_) => exit::NO_INPUT,
            ShopError::Taken(_) | ShopError::Listen(..) => exit::UNAVAILABLE,
            ShopError::Broken(_) => exit::OS_ERROR,
        };
        Failure(code, error.to_string())
    };
    let shop = shop::serve(shop::Options { dir, listen, collector }, until).await.map_err(failure)?;
    println!("shop listening on http://{}", shop.address());
    shop.closed().await.map_err(failure)
}

fn write_reaches(ReachesArguments { to, seed, people, each }: &ReachesArguments) -> Result<(), Failure> {
    let written = reaches::write(to, *seed, *people, usize::from(*each));
    let count = written.map_err(|error| Failure(exit::CANNOT_CREATE, format!("{}: {error}", to.display())))?;
    println!("wrote {count} reaches of {people} people to {}, seed {seed}", to.display());
    Ok(())
}

async fn send_shoppers(arguments: ShoppersArguments) -> Result<(), Failure> {
    let mut stop = stop_signal()?;
    let recorded = recorded(arguments.clickstream)?;
    let ShoppersArguments { collector, site, seed, rate, sessions, concurrent, speed, .. } = arguments;
    let unavailable = |error| {
        let what_to_do = "start one with `waver serve`, or name another with --collector";
        Failure(exit::UNAVAILABLE, format!("no collector answers at {collector} ({error}): {what_to_do}"))
    };
    let http = Http::to(collector.clone()).map_err(unavailable)?;
    let ready = tokio::select! {
        ready = tokio::time::timeout(READY_WITHIN, until_ready(&http)) => ready,
        () = stop.told() => return Ok(()),
    };
    match ready {
        Ok(ready) => ready.map_err(unavailable)?,
        Err(_) => {
            let message = format!("the collector at {collector} was not ready after {} s", READY_WITHIN.as_secs());
            return Err(Failure(exit::UNAVAILABLE, message));
        }
    }
    println!("shoppers of site {site} come to {collector}, {rate} a minute, seed {seed}");
    let tally = Arc::new(Tally::default());
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let run = u64::try_from(since_1970.as_millis()).unwrap_or_default();
    let options = Options { site: site.clone(), seed, run, per_minute: rate, sessions, concurrent, speed, recorded };
    let ended = tokio::select! {
        ended = crowd::run(options, http, tally.clone(), stop) => ended,
        () = status::tell(&tally) => Ok(()),
    };
    status::tell_end(&tally);
    ended.map_err(|refused| {
        let message = format!("the collector at {collector} refuses shoppers of site {site}: {refused}");
        Failure(exit::BAD_CONFIGURATION, message)
    })
}

/// Waits until the collector says that it is ready.
async fn until_ready(http: &Http) -> Result<(), waver_sim::visit::Unreachable> {
    while !http.is_ready().await? {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}

/// The recorded sessions, said to be there or not in one line.
fn recorded(named: Option<PathBuf>) -> Result<Arc<[Recorded]>, Failure> {
    let Some(file) = named.or_else(clickstream::find) else {
        println!("no recorded clickstream ({} is not there): all shoppers are synthetic", clickstream::USUAL_PLACE);
        return Ok(Arc::new([]));
    };
    let sessions = clickstream::read(&file).map_err(|error| {
        let code =
            if matches!(error, clickstream::ClickstreamError::Read(..)) { exit::NO_INPUT } else { exit::BAD_DATA };
        Failure(code, error.to_string())
    })?;
    println!("some shoppers follow one of {} recorded sessions in {}", sessions.len(), file.display());
    Ok(sessions.into())
}

/// Comes at Ctrl-C or SIGTERM.
fn stop_signal() -> Result<Stop, Failure> {
    let failure = |error: std::io::Error| Failure(exit::OS_ERROR, format!("cannot listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failure)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failure)?;
    Ok(Stop::when(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }))
}
