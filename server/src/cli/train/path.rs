//! Models of the task `path`.

use std::path::Path;

use waver_trainer::path::{self, Input, PathReport, WorkReport};
use waver_trainer::{Mapping, TrainError};

use super::{TrainArguments, progress, tell_evaluation, tell_judged, tell_trained};

pub(super) fn told(arguments: &TrainArguments, mapping: Mapping, data: &Path) -> Result<(), TrainError> {
    let TrainArguments { trials, evaluate, seed, json, .. } = arguments;
    if mapping.work.is_some() {
        let Some(model) = evaluate else {
            let what = "this mapping is only to judge with: --evaluate MODEL is missing";
            return Err(TrainError::Asked(what.to_owned()));
        };
        tell_evaluation(&path::evaluate_on_work(model, &mapping, data)?, *json, print_work);
        return Ok(());
    }
    let Some(trials) = trials else {
        return Err(TrainError::Asked("this mapping needs --trials FILE beside --data".to_owned()));
    };
    let name = &mapping.name.clone();
    let input = Input::read(mapping, data, trials)?;
    if let Some(model) = evaluate {
        tell_evaluation(&path::evaluate_file(model, &input, *seed)?, *json, print_path);
    } else if let Some(out) = &arguments.out {
        tell_trained(&path::train(&input, *seed, progress("fold"))?, name, out, arguments, print_path)?;
    } else {
        tell_judged(&path::cross_validate(&input, *seed, progress("fold"))?, name, *json, print_path);
    }
    Ok(())
}

fn print_path(report: &PathReport) {
    super::print_report(&report.report);
    for at in &report.latency {
        println!("{:4} ms after the change: ROC-AUC {:.4}", at.after_ms, at.roc_auc);
    }
    for at in &report.sampling {
        let shares = at.thresholds.iter().map(|of| format!("; {}: TPR {:.3}, FPR {:.3}", of.name, of.tpr, of.fpr));
        println!(
            "sampled at {:3} ms (0: as it was): ROC-AUC {:.4}{}",
            at.sample_ms,
            at.roc_auc,
            shares.collect::<String>()
        );
    }
}

fn print_work(report: &WorkReport) {
    let WorkReport { sessions, reaches, judged, active_minutes, thresholds } = report;
    println!(
        "{sessions} sessions, {active_minutes:.1} active minutes, {reaches} reaches that ended with a click, {judged} of them judged"
    );
    for at in thresholds {
        println!(
            "{} ({:.4}): {} alarms, {:.3} per active minute, {:.4} of the reaches",
            at.name, at.threshold, at.alarms, at.per_active_minute, at.share
        );
        let share = |share: Option<f64>| share.map_or("none".to_owned(), |share| format!("{share:.4}"));
        println!(
            "  sampled each frame {}, these thinned to 110 ms {}, sampled slowly {}",
            share(at.share_fast),
            share(at.share_fast_thinned),
            share(at.share_slow)
        );
    }
}
