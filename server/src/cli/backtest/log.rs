//! By the collector's own log.

use std::path::Path;
use std::time::SystemTime;

use waver_policy::Policy;
use waver_schema::SiteKey;

use super::super::{block_on, exit_of, log_to_stderr, site_key, train, unix_millis, with_config};
use super::{BacktestArguments, Exit, print_estimates};
use crate::backtest::{self, Asked, Backtested};
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub(super) struct LogArguments {
    /// With POLICY: the site. The first that is configured, if none is named.
    #[arg(long, requires = "policy", value_parser = site_key)]
    site: Option<SiteKey>,
    /// With POLICY: judges decisions from this time on, such as 2026-11-21T08:00:00Z. From the beginning, if not given.
    #[arg(long, value_name = "TIME", requires = "policy", value_parser = humantime::parse_rfc3339_weak)]
    from: Option<SystemTime>,
    /// With POLICY: judges decisions before this time. To the end, if not given.
    #[arg(long, value_name = "TIME", requires = "policy", value_parser = humantime::parse_rfc3339_weak)]
    to: Option<SystemTime>,
    /// With POLICY: counts sessions that are not over too, with what they have bought so far.
    #[arg(long, requires = "policy")]
    with_open: bool,
}

pub(super) fn run(arguments: &BacktestArguments, policy: &Path) -> Exit {
    let text = match std::fs::read_to_string(policy) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("waver: {}: {error}", policy.display());
            return if error.kind() == std::io::ErrorKind::NotFound { Exit::NoInput } else { Exit::Io };
        }
    };
    let (parsed, warnings) = match Policy::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("waver: {}: {error}", policy.display());
            return Exit::Data;
        }
    };
    for warning in warnings {
        eprintln!("{}: {warning}", policy.display());
    }
    with_config(&arguments.configured, |config| judge(config, arguments, &parsed))
}

fn judge(mut config: Config, arguments: &BacktestArguments, policy: &Policy) -> Exit {
    log_to_stderr(config.log.level);
    if let Some(data) = &arguments.data {
        if !data.is_dir() {
            eprintln!(
                "waver: {} is no data folder; restore a backup with `waver serve --restore` first",
                data.display()
            );
            return Exit::NoInput;
        }
        config.server.data_dir.clone_from(data);
    }
    let LogArguments { site, from, to, with_open } = &arguments.log;
    let asked = Asked {
        policy,
        site: site.as_ref(),
        from: from.map_or(0, unix_millis),
        to: to.map_or(u64::MAX, unix_millis),
        with_open: *with_open,
        seed: arguments.seed,
    };
    let say = |done, of| eprintln!("replayed the log up to offset {done} of {of}");
    match block_on(backtest::backtest(&config, &asked, say)) {
        Ok(Ok(Some(found))) => {
            if arguments.json {
                train::print_json(&found);
            } else {
                print(&found);
            }
            // Whoever asks in a script must not take a refusal for an answer.
            if found.is_refused() { Exit::Data } else { Exit::Ok }
        }
        Ok(Ok(None)) => {
            eprintln!("waver: no such site is configured");
            Exit::Usage
        }
        Ok(Err(error)) => {
            eprintln!("waver: {error}");
            exit_of(&error)
        }
        Err(exit) => exit,
    }
}

fn print(found: &Backtested) {
    let Backtested { site, policy, records, sessions, same, open, unreadable, judged, conversion, revenue, .. } = found;
    println!(
        "site {site}, policy {policy}: {records} records, {sessions} sessions that either policy may offer something; in {same} both do the same, {open} \
         are not over, {unreadable} cannot be judged"
    );
    let Some(conversion) = conversion else {
        println!("there is no session in which the policies differ: nothing to estimate");
        return;
    };
    println!("of the {judged} sessions in which they differ, that buy afterwards:");
    print_estimates(conversion);
    for (currency, spent) in revenue {
        println!("that spend, in minor units of {}:", currency.as_str());
        print_estimates(spent);
    }
}
