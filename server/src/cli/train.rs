//! `waver train`.

mod log;
mod path;
mod uplift;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use waver_schema::SiteKey;
use waver_trainer::train::{self, Evaluation, Input, Trained};
use waver_trainer::validate::Report;
use waver_trainer::{Mapping, TrainError};

use super::{Configured, Exit};

#[derive(Debug, clap::Args)]
pub(super) struct TrainArguments {
    /// What the columns mean: a built-in mapping (ospi, ospi-client, ...) or a file. For --evaluate that of the model, if not given.
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "evaluate")]
    mapping: Option<String>,
    /// The rows: CSV, perhaps gzipped.
    #[arg(long, value_name = "FILE", required_unless_present = "log")]
    data: Option<PathBuf>,
    /// The rows are the sessions in the data folder of the configuration, for mappings with `[sessions]`. No collector may have it open.
    #[arg(long, conflicts_with_all = ["data", "trials"])]
    log: bool,
    /// Sessions of this site; the first that is configured, if none is named.
    #[arg(long, requires = "log", value_parser = super::site_key)]
    site: Option<SiteKey>,
    #[command(flatten)]
    configured: Configured,
    /// What is known of each reach, for mappings with `[reaches]`: CSV, perhaps gzipped.
    #[arg(long, value_name = "FILE")]
    trials: Option<PathBuf>,
    /// The artifact to write.
    #[arg(long, value_name = "MODEL", required_unless_present_any = ["evaluate", "cross_validate"])]
    out: Option<PathBuf>,
    /// The model card to write, Markdown.
    #[arg(long, value_name = "FILE", requires = "out")]
    card: Option<PathBuf>,
    /// Judges this model on the rows; nothing is fitted.
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["out", "cross_validate"])]
    evaluate: Option<PathBuf>,
    /// Judges the mapping's recipe on folds of the rows; nothing is written.
    #[arg(long, conflicts_with = "out")]
    cross_validate: bool,
    /// With --evaluate: writes the score of each row here, CSV, for mappings that say who was treated.
    #[arg(long, value_name = "FILE", requires = "evaluate")]
    scores: Option<PathBuf>,
    /// What everything random follows from.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Prints what was found as JSON.
    #[arg(long)]
    json: bool,
}

/// What is told of a training.
#[derive(Serialize)]
struct Written<'a, R> {
    mapping: &'a str,
    out: &'a Path,
    bytes: usize,
    #[serde(flatten)]
    report: &'a R,
}

/// What is told of a cross-validation.
#[derive(Serialize)]
struct CrossValidated<'a, R> {
    mapping: &'a str,
    #[serde(flatten)]
    report: &'a R,
}

/// Why nothing came of it.
enum Stopped {
    /// It has still to be said.
    Because(TrainError),
    /// It was said.
    Said(Exit),
}

impl From<TrainError> for Stopped {
    fn from(error: TrainError) -> Stopped {
        Stopped::Because(error)
    }
}

pub(super) fn run(arguments: &TrainArguments) -> Exit {
    match told(arguments) {
        Ok(()) => Exit::Ok,
        Err(Stopped::Said(exit)) => exit,
        Err(Stopped::Because(error)) => {
            eprintln!("waver: {error}");
            exit_of(&error)
        }
    }
}

/// The exit code for what went wrong.
pub(super) fn exit_of(error: &TrainError) -> Exit {
    match error {
        TrainError::NoMapping(..) | TrainError::Asked(_) => Exit::Usage,
        TrainError::Mapping(..) => Exit::Configuration,
        TrainError::Data { .. } | TrainError::TooLittle(_) | TrainError::Model(_) => Exit::Data,
        TrainError::File(_, error) if error.kind() == std::io::ErrorKind::NotFound => Exit::NoInput,
        TrainError::File(..) => Exit::Io,
    }
}

fn told(arguments: &TrainArguments) -> Result<(), Stopped> {
    let TrainArguments { seed, json, .. } = arguments;
    let mapping = match (&arguments.mapping, &arguments.evaluate) {
        (Some(name), _) => Mapping::load(name)?,
        (None, Some(model)) => Mapping::load(&train::mapping_of(model)?)?,
        (None, None) => {
            return Err(TrainError::Asked("--mapping is missing".to_owned()).into());
        }
    };
    if arguments.scores.is_some() && mapping.treatment.is_none() {
        return Err(TrainError::Asked("--scores is for mappings that say who was treated".to_owned()).into());
    }
    let input = match &arguments.data {
        Some(data) if mapping.work.is_some() || mapping.reaches.is_some() => {
            return Ok(path::told(arguments, mapping, data)?);
        }
        Some(data) if mapping.treatment.is_some() => return Ok(uplift::told(arguments, &mapping, data)?),
        Some(data) => Input::read(mapping, data)?,
        None => log::read(arguments, mapping)?,
    };
    let mapping = input.mapping.name.as_str();
    if let Some(model) = &arguments.evaluate {
        tell_evaluation(&train::evaluate_file(model, &input, *seed)?, *json, print_report);
    } else if let Some(out) = &arguments.out {
        tell_trained(&train::train(&input, *seed, progress("fold"))?, mapping, out, arguments, print_report)?;
    } else {
        tell_judged(&train::judge(&input, *seed, progress("fold"))?, mapping, *json, print_report);
    }
    Ok(())
}

fn tell_evaluation<R: Serialize>(evaluation: &Evaluation<R>, json: bool, print: fn(&R)) {
    if json {
        return print_json(evaluation);
    }
    let Evaluation { model, task, nodes, bytes, seen, report, .. } = evaluation;
    println!("{model} ({task}, {nodes} nodes, {bytes} bytes)");
    if *seen {
        println!("these are the rows it was fitted on: the figures say nothing of others");
    }
    print(report);
}

fn tell_trained<R: Serialize>(
    Trained { artifact, card, report }: &Trained<R>,
    mapping: &str,
    out: &Path,
    TrainArguments { card: to, json, .. }: &TrainArguments,
    print: fn(&R),
) -> Result<(), TrainError> {
    write(out, artifact)?;
    if let Some(to) = to {
        write(to, card.as_bytes())?;
    }
    let bytes = artifact.len();
    if *json {
        print_json(&Written { mapping, out, bytes, report });
    } else {
        println!("wrote {}: {bytes} bytes; by cross-validation:", out.display());
        print(report);
    }
    Ok(())
}

fn tell_judged<R: Serialize>(report: &R, mapping: &str, json: bool, print: fn(&R)) {
    if json { print_json(&CrossValidated { mapping, report }) } else { print(report) }
}

/// Says how far it is: on a terminal in one line that is written over, elsewhere line by line.
pub(super) fn progress(of_what: &str) -> impl FnMut(usize, usize) {
    let terminal = std::io::stderr().is_terminal();
    move |done, of| {
        let mut out = std::io::stderr().lock();
        // Where nobody can be told, the work goes on.
        let _ = match (terminal, done == of) {
            (true, true) => write!(out, "\r\x1b[K"),
            (true, false) => write!(out, "\r{of_what} {} of {of}", done + 1),
            (false, true) => Ok(()),
            (false, false) => writeln!(out, "{of_what} {} of {of}", done + 1),
        };
        let _ = out.flush();
    }
}

pub(super) fn print_json(told: &impl Serialize) {
    match serde_json::to_string_pretty(told) {
        // Who reads only its beginning may close it.
        Ok(text) => drop(writeln!(std::io::stdout(), "{text}")),
        Err(error) => eprintln!("waver: {error}"),
    }
}

fn print_report(report: &Report) {
    println!("{} rows of {} groups, {} positive", report.rows, report.groups, report.positives);
    let figures = &report.figures;
    for (name, figure) in [
        ("ROC-AUC", figures.roc_auc),
        ("PR-AUC", figures.pr_auc),
        ("Brier", figures.brier),
        ("ECE10", figures.ece10),
        ("log loss", figures.log_loss),
        ("C-AUC", figures.c_auc),
    ] {
        println!("{name:8} {:.4} [{:.4}, {:.4}]", figure.value, figure.low, figure.high);
    }
    if let Some(folds) = &report.folds {
        let (mean, sd) = (&folds.mean, &folds.sd);
        println!(
            "mean of {} folds (sd): ROC-AUC {:.4} ({:.4}), PR-AUC {:.4} ({:.4}), Brier {:.4} ({:.4})",
            folds.count, mean.roc_auc, sd.roc_auc, mean.pr_auc, sd.pr_auc, mean.brier, sd.brier
        );
    }
    for block in &report.blocks {
        let (rows, positives) = (block.rows, block.positives);
        println!(
            "block {:2}: ROC-AUC {:.4}, PR-AUC {:.4} ({positives} of {rows})",
            block.block, block.roc_auc, block.pr_auc
        );
    }
    for at in &report.thresholds {
        println!("{} at {:.4}: TPR {:.4}, FPR {:.4}", at.name, at.threshold, at.tpr, at.fpr);
    }
}

/// Writes beside the file and moves it into place, so that whoever reads it meanwhile never sees a half.
fn write(file: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, file))
        .map_err(|error| TrainError::File(file.to_path_buf(), error))
}
