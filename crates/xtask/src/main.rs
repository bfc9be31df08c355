//! `cargo xtask`: one typed program instead of shell scripts. It takes a bare machine to a running demo and a passed test suite.
//!
//! Each command is a module: [`setup`], [`build`], [`demo`], [`test`], [`consent`], [`fuzz`], [`bench`], [`ci`]. They share a [`workspace::Workspace`] (where
//! things are), an [`environment::Environment`] (how a child process is started) and [`progress`] (what is printed meanwhile).

mod arguments;
mod arrows;
mod bench;
mod build;
mod ci;
mod consent;
mod demo;
mod digest;
mod environment;
mod fuzz;
mod metadata;
mod process;
mod progress;
mod readme;
mod recipe;
mod setup;
mod test;
mod workspace;

use std::process::ExitCode;

use arguments::Invocation;
use environment::Environment;
use workspace::Workspace;

/// `EX_USAGE` of `sysexits`.
const USAGE_ERROR: u8 = 64;

fn main() -> ExitCode {
    let invocation = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(invocation) => invocation,
        Err(error) => {
            eprintln!("xtask: {error}\n\n{}", arguments::HELP);
            return ExitCode::from(USAGE_ERROR);
        }
    };
    match run(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(invocation: Invocation) -> anyhow::Result<()> {
    if let Invocation::Help = invocation {
        println!("{}", arguments::HELP);
        return Ok(());
    }
    let environment = Environment::inherited();
    let workspace = Workspace::locate(&environment)?;
    match invocation {
        Invocation::Help => Ok(()),
        Invocation::Setup(options) => setup::command(&workspace, environment, &options),
        Invocation::Build(options) => build::command(&workspace, environment, &options),
        Invocation::Demo(options) => demo::command(&workspace, environment, &options),
        Invocation::Test(options) => test::command(&workspace, environment, &options),
        Invocation::Consent(options) => consent::command(&workspace, environment, &options),
        Invocation::Fuzz(options) => fuzz::command(&workspace, &environment, &options),
        Invocation::Bench(options) => bench::command(&workspace, &environment, &options),
        Invocation::BrowserBench(options) => bench::browser(&workspace, environment, &options),
        Invocation::Ci(options) => ci::command(&workspace, environment, &options),
    }
}
