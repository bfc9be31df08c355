//! Rows from the log of the collector.

use waver_trainer::train::Input;
use waver_trainer::{Mapping, TrainError};

use super::super::{block_on, exit_of, log_to_stderr, with_config};
use super::{Stopped, TrainArguments};
use crate::cli::Exit;
use crate::config::Config;
use crate::training;

/// The sessions in the data folder of the configuration.
pub(super) fn read(arguments: &TrainArguments, mapping: Mapping) -> Result<Input, Stopped> {
    if mapping.sessions.is_none() {
        let what = format!("the rows of {} are in a file: --data FILE is missing", mapping.name);
        return Err(TrainError::Asked(what).into());
    }
    let mut read = Err(Stopped::Said(Exit::Configuration));
    let exit = with_config(&arguments.configured, |config| {
        read = of(&config, arguments, mapping);
        Exit::Ok
    });
    if exit == Exit::Ok { read } else { Err(Stopped::Said(exit)) }
}

fn of(config: &Config, TrainArguments { site, .. }: &TrainArguments, mapping: Mapping) -> Result<Input, Stopped> {
    log_to_stderr(config.log.level);
    let say = |done, of| eprintln!("read the log up to offset {done} of {of}");
    let rows = block_on(training::rows(config, mapping, site.as_ref(), say)).map_err(Stopped::Said)?;
    let (input, told) = rows
        .map_err(|error| {
            eprintln!("waver: {error}");
            Stopped::Said(exit_of(&error))
        })?
        .ok_or_else(|| TrainError::Asked("no such site is configured".to_owned()))?;
    eprintln!(
        "{} records of the log gave {} sessions; of {} records the keys are gone, {} sessions were passed over",
        told.records,
        input.data.len(),
        told.erased,
        told.passed_over
    );
    if input.data.is_empty() {
        let what = "no session in the log had three views and a score, and has ended since";
        return Err(TrainError::TooLittle(what.to_owned()).into());
    }
    Ok(input)
}
