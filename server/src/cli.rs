//! The command line.

mod backtest;
mod erasure;
mod record;
mod train;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use waver_schema::SiteKey;
use waver_store::{KeyError, SledLog, StoreError};

use crate::backup::{self, BackupError};
use crate::collector::{Collector, StartError};
use crate::config::{Config, LogLevel};
use crate::consent_ledger::{self, LedgerError, Verified};
use crate::host::Host;
use crate::receipt::PublishedRoot;
use crate::release::command::CommandError;
use crate::release::{self, Asked, MOST_EPSILON_MILLI};
use crate::site::Sites;

/// Acts on a shopper's hesitation while it happens, without taking the shopper's data.
#[derive(Debug, Parser)]
#[command(name = "waver", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the collector until SIGTERM or Ctrl-C.
    Serve(ServeArguments),
    /// Says whether configuration and offers can be used, and what they mean; or verifies a consent ledger, or the receipt of an erasure.
    Check(CheckArguments),
    /// Erases a session at a running collector, and prints the signed receipt.
    Erase(erasure::EraseArguments),
    /// Proves that the state is what the log gives, and takes its decisions again. No collector may have the data folder open.
    Replay(ReplayArguments),
    /// Writes a backup without keys, or counts with noise: from the running collector, or from its data folder if none runs.
    Export(ExportArguments),
    /// Writes the record of processing activities (GDPR article 30) and a snippet for the privacy notice, as this collector is configured.
    Record(record::RecordArguments),
    /// Fits a model on rows of a file, or judges one; the browser and the collector score the artifact. See docs/models.md.
    Train(train::TrainArguments),
    /// Says what another policy would have been worth, by the log of the one that was in force; or that the log cannot tell. See docs/models.md.
    Backtest(backtest::BacktestArguments),
    /// Prints the version.
    Version,
}

#[derive(Debug, clap::Args)]
struct ServeArguments {
    #[command(flatten)]
    configured: Configured,
    /// Fills the data folder, which must be empty, from this backup before it serves.
    #[arg(long, value_name = "FILE")]
    restore: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct CheckArguments {
    #[command(flatten)]
    configured: Configured,
    /// Verifies the consent ledgers instead: those of the data folder against its log, which no collector may have open; or, without the log,
    /// the chains in a copy of the folder.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1)]
    ledger: Option<Option<PathBuf>>,
    #[command(flatten)]
    signed: erasure::SignedArguments,
}

#[derive(Debug, clap::Args)]
struct ExportArguments {
    #[command(flatten)]
    configured: Configured,
    /// The backup to write.
    #[arg(long, value_name = "FILE", required_unless_present = "aggregates")]
    to: Option<PathBuf>,
    #[command(flatten)]
    noisy: NoisyArguments,
    /// Prints what was done as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct NoisyArguments {
    /// Writes counts of sessions by the hour here instead, with noise (differential privacy). That costs what cannot be had again: see
    /// [release] of the configuration.
    #[arg(long, value_name = "FILE", requires = "epsilon", conflicts_with = "to")]
    aggregates: Option<PathBuf>,
    /// What it may cost, between 0.001 and 10. The less, the more noise.
    #[arg(long, requires = "aggregates", value_parser = thousandths)]
    epsilon: Option<u32>,
    /// The site; the first that is configured, if none is named.
    #[arg(long, requires = "aggregates", value_parser = site_key)]
    site: Option<SiteKey>,
    /// Counts of hours from this time on, such as 2026-11-21T08:00:00Z. The day before the end, if not given.
    #[arg(long, value_name = "TIME", requires = "aggregates", value_parser = humantime::parse_rfc3339_weak)]
    from: Option<SystemTime>,
    /// Counts of hours up to this time. Up to an hour ago, if not given.
    #[arg(long, value_name = "TIME", requires = "aggregates", value_parser = humantime::parse_rfc3339_weak)]
    until: Option<SystemTime>,
}

fn site_key(text: &str) -> Result<SiteKey, String> {
    SiteKey::parse(text).map_err(|error| error.to_string())
}

/// Reads a decimal number, to be kept in thousandths.
fn thousandths(text: &str) -> Result<u32, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number such as 0.5".to_owned())?;
    let thousandths = (number * 1_000.0).round();
    if !(1.0..=f64::from(MOST_EPSILON_MILLI)).contains(&thousandths) {
        return Err("expected a number between 0.001 and 10".to_owned());
    }
    // In range, as was just checked.
    Ok(thousandths as u32)
}

#[derive(Debug, clap::Args)]
struct ReplayArguments {
    #[command(flatten)]
    configured: Configured,
    /// Compares aggregates and decisions from this time on, such as 2026-11-21T08:00:00Z. From the beginning, if not given.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    from: Option<SystemTime>,
    /// Compares aggregates and decisions before this time. To the end, if not given.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    to: Option<SystemTime>,
    /// Prints what was found as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Configured {
    /// The configuration. WAVER__SECTION__KEY in the environment goes over what stands in it.
    #[arg(long, default_value = "waver.toml")]
    config: PathBuf,
}

/// How the process ends, by the numbers of `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked.
    Ok = 0,
    /// The command line is not right.
    Usage = 64,
    /// Data is not right: offers, or a damaged log.
    Data = 65,
    /// A file to read is not there.
    NoInput = 66,
    /// The address cannot be had, or another collector has the data folder.
    Unavailable = 69,
    /// The system does not work as it must.
    System = 71,
    /// The data folder cannot be made or used.
    CannotCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// The configuration is not right.
    Configuration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The whole program.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where even this cannot be printed, nobody is there to read it.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    match arguments.command {
        Command::Serve(arguments) => {
            with_config(&arguments.configured, |config| serve(config, arguments.restore.as_deref()))
        }
        Command::Export(arguments) => with_config(&arguments.configured, |config| export(&config, &arguments)),
        Command::Check(arguments) => match (arguments.signed.receipt(), &arguments.ledger) {
            (Some((receipt, key)), _) => erasure::check(receipt, key),
            (None, Some(copy)) => match arguments.signed.kept_root() {
                Ok(kept) => match copy {
                    Some(copy) => ledgers_told(consent_ledger::verify_copy(copy), kept.as_ref(), false),
                    None => with_config(&arguments.configured, |config| check_ledgers(&config, kept.as_ref())),
                },
                Err(exit) => exit,
            },
            (None, None) => with_config(&arguments.configured, check),
        },
        Command::Erase(arguments) => erasure::erase(&arguments),
        Command::Replay(arguments) => with_config(&arguments.configured, |config| replay(&config, &arguments)),
        Command::Record(arguments) => record::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Backtest(arguments) => backtest::run(&arguments),
        Command::Version => {
            println!("waver {}", env!("CARGO_PKG_VERSION"));
            Exit::Ok
        }
    }
}

fn with_config(configured: &Configured, run: impl FnOnce(Config) -> Exit) -> Exit {
    // A variable that is not Unicode is none of ours.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match Config::load(&configured.config, environment) {
        Ok(config) => run(config),
        Err(error) => {
            eprintln!("waver: {error}");
            Exit::Configuration
        }
    }
}

fn check(config: Config) -> Exit {
    match Sites::load(&config.sites) {
        Ok((sites, warnings)) => {
            for warning in &warnings {
                eprintln!("{warning}");
            }
            for (_, site) in sites.iter() {
                println!("site {}: policy {}", site.key, site.policy().version());
                for line in site.explained() {
                    println!("{line}");
                }
            }
            println!(
                "the collector would listen on {} and keep its data in {}",
                config.server.listen,
                config.server.data_dir.display()
            );
            Exit::Ok
        }
        Err(error) => {
            eprintln!("{error}");
            Exit::Data
        }
    }
}

fn check_ledgers(config: &Config, kept: Option<&PublishedRoot>) -> Exit {
    log_to_stderr(config.log.level);
    let data = &config.server.data_dir;
    let verified = block_on(async {
        let log = SledLog::open(&data.join("log"), config.retention.segment())?;
        consent_ledger::verify(&consent_ledger::folder_of(data), &log).await
    });
    verified.map_or_else(|exit| exit, |verified| ledgers_told(verified, kept, true))
}

/// Prints what a verifier found, and gives the exit code for it. `kept` is a root that somebody kept, which the ledger must still go through.
fn ledgers_told(verified: Result<Vec<Verified>, LedgerError>, kept: Option<&PublishedRoot>, with_log: bool) -> Exit {
    let error = match verified {
        Ok(verified) => {
            let of_kept = kept.map(|kept| (kept, verified.iter().find(|verified| verified.site == kept.site)));
            let found = of_kept.map(|(kept, verified)| (kept, verified.and_then(|it| it.root_at(kept.entries))));
            for Verified { site, root, entries, covered, .. } in &verified {
                println!("site {site}: {entries} entries are one chain, root {} of entry {}", root.hash, root.entries);
                if with_log {
                    println!(
                        "site {site}: {covered} batches, decisions and dead letters, each under an open consent record"
                    );
                }
            }
            return match found {
                None => Exit::Ok,
                Some((kept, Some(hash))) if hash.as_bytes() == kept.root.as_bytes() => {
                    println!(
                        "site {}: it goes through the kept root {} of entry {}",
                        kept.site, kept.root, kept.entries
                    );
                    Exit::Ok
                }
                Some((kept, Some(_))) => {
                    eprintln!(
                        "waver: site {}: entry {} has another hash than the kept root: it was altered since",
                        kept.site, kept.entries
                    );
                    Exit::Data
                }
                Some((kept, None)) => {
                    eprintln!(
                        "waver: site {}: there is no entry {} to hold the kept root against",
                        kept.site, kept.entries
                    );
                    Exit::Data
                }
            };
        }
        Err(error) => error,
    };
    eprintln!("waver: {error}");
    match error {
        LedgerError::Store(error) => exit_of(&StartError::Store(error)),
        LedgerError::None(_) => Exit::Usage,
        _ => Exit::Data,
    }
}

fn export(config: &Config, arguments: &ExportArguments) -> Exit {
    log_to_stderr(config.log.level);
    if let Some(file) = &arguments.noisy.aggregates {
        return export_noisy(config, &arguments.noisy, file, arguments.json);
    }
    // Without the one the other is required.
    let Some(to) = &arguments.to else { return Exit::Usage };
    match block_on(backup::export(config, to)) {
        Ok(Ok(copied)) if arguments.json => println!("{{\"bytes\":{},\"millis\":{}}}", copied.bytes, copied.millis),
        Ok(Ok(copied)) => {
            println!("wrote {}: {} bytes in {} ms", to.display(), copied.bytes, copied.millis);
        }
        Ok(Err(error)) => return told(&error),
        Err(exit) => return exit,
    }
    Exit::Ok
}

fn export_noisy(config: &Config, asked: &NoisyArguments, file: &Path, json: bool) -> Exit {
    let asked = Asked {
        site: asked.site.clone(),
        epsilon_milli: asked.epsilon.unwrap_or_default(),
        from: asked.from.map(unix_millis),
        to: asked.until.map(unix_millis),
    };
    match block_on(release::command::write(config, &asked, file)) {
        Ok(Ok(text)) if json => println!("{text}"),
        Ok(Ok(_)) => {
            println!("wrote {} for an epsilon of {}", file.display(), f64::from(asked.epsilon_milli) / 1_000.0)
        }
        Ok(Err(error)) => {
            eprintln!("waver: {error}");
            return match error {
                CommandError::Start(error) => exit_of(&error),
                CommandError::Export(_) | CommandError::Refused(_) => Exit::Unavailable,
                CommandError::File { .. } => Exit::CannotCreate,
            };
        }
        Err(exit) => return exit,
    }
    Exit::Ok
}

fn unix_millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Prints why, and gives the exit code for it.
fn told(error: &BackupError) -> Exit {
    eprintln!("waver: {error}");
    match error {
        BackupError::Start(error) => exit_of(error),
        BackupError::Store(StoreError::Locked { .. }) | BackupError::Refused { .. } => Exit::Unavailable,
        BackupError::Store(_) | BackupError::File { .. } => Exit::Io,
        BackupError::Export { .. } | BackupError::Unfinished(_) => Exit::Data,
        BackupError::Occupied(_) => Exit::CannotCreate,
    }
}

fn serve(config: Config, backup: Option<&Path>) -> Exit {
    log_to_stderr(config.log.level);
    if let Some(backup) = backup {
        match block_on(backup::restore(&config, backup)) {
            Ok(Ok(copied)) => eprintln!(
                "waver: restored {} records and {} sessions from {} bytes in {} ms; of {} records and rows the keys are gone",
                copied.records, copied.sessions, copied.bytes, copied.millis, copied.erased
            ),
            Ok(Err(error)) => return told(&error),
            Err(exit) => return exit,
        }
    }
    if let Err(error) = backup::expect_finished(&config.server.data_dir) {
        return told(&error);
    }
    let served = block_on(async {
        let mut told_to_stop = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => {
                eprintln!("waver: cannot listen for signals: {error}");
                return Exit::System;
            }
        };
        let started = tokio::select! {
            started = Collector::start_on(config, Host::system()) => started,
            () = told_to_stop.next() => return Exit::Ok,
        };
        let collector = match started {
            Ok(collector) => collector,
            Err(error) => {
                eprintln!("waver: {error}");
                return exit_of(&error);
            }
        };
        announce(&collector);
        told_to_stop.next().await;
        tracing::info!("stopping");
        // Who asks a second time does not want to wait.
        tokio::select! {
            () = collector.shutdown() => Exit::Ok,
            () = told_to_stop.next() => Exit::Io,
        }
    });
    served.unwrap_or_else(|exit| exit)
}

fn replay(config: &Config, arguments: &ReplayArguments) -> Exit {
    log_to_stderr(config.log.level);
    let (from, to) = (arguments.from.map_or(0, unix_millis), arguments.to.map_or(u64::MAX, unix_millis));
    let say = |done, of| eprintln!("replayed the log up to offset {done} of {of}");
    let proof = match block_on(crate::replay::prove(config, from, to, say)) {
        Ok(Ok(proof)) => proof,
        Ok(Err(error)) => {
            eprintln!("waver: {error}");
            return exit_of(&error);
        }
        Err(exit) => return exit,
    };
    if arguments.json {
        match serde_json::to_string_pretty(&proof) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("waver: {error}"),
        }
    } else {
        let upon = if proof.from_scratch { "from scratch" } else { "upon an older snapshot" };
        println!(
            "replayed {} records with {} events ({upon}, offsets {} to {}) in {} ms; of {} records the keys are gone",
            proof.records, proof.events, proof.from_offset, proof.to_offset, proof.millis, proof.erased
        );
        println!(
            "compared {} sessions, {} minutes of aggregates and {} decisions ({} decisions could not be taken again)",
            proof.sessions, proof.minutes, proof.decisions, proof.decisions_unchecked
        );
        for difference in &proof.first_differences {
            println!("{difference}");
        }
        match proof.differences {
            0 => println!("equal"),
            differences => println!("NOT equal: {differences} differences"),
        }
    }
    if proof.differences == 0 { Exit::Ok } else { Exit::Data }
}

/// Runs a command to its end.
fn block_on<T>(command: impl Future<Output = T>) -> Result<T, Exit> {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => Ok(runtime.block_on(command)),
        Err(error) => {
            eprintln!("waver: cannot start: {error}");
            Err(Exit::System)
        }
    }
}

/// The one line on standard output: whoever started this waits for it, and may have gone away.
fn announce(collector: &Collector) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "waver listening on http://{}", collector.address());
    let _ = out.flush();
}

fn exit_of(error: &StartError) -> Exit {
    match error {
        StartError::Offers(_) | StartError::IntentModel(_) | StartError::Challenger(_) => Exit::Data,
        StartError::Erasures(_) => Exit::Io,
        StartError::Listen { .. } | StartError::Store(StoreError::Locked { .. }) => Exit::Unavailable,
        StartError::Store(StoreError::Open { .. } | StoreError::Keys(KeyError::Open { .. })) => Exit::CannotCreate,
        StartError::Store(
            StoreError::Damaged { .. }
            | StoreError::Unreadable { .. }
            | StoreError::Snapshot { .. }
            | StoreError::Keys(KeyError::NotKeys { .. } | KeyError::Damaged { .. } | KeyError::Cut { .. }),
        ) => Exit::Data,
        StartError::Store(_) => Exit::Io,
    }
}

/// Only what the collector itself says: libraries may say who asked.
fn log_to_stderr(level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false);
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // A second logger in one process is no reason not to serve.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}

/// SIGTERM and Ctrl-C.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
