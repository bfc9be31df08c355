//! Uplift: mappings that say who was treated.

use std::fmt::Write;
use std::path::Path;

use waver_trainer::uplift::{self, Input, UpliftReport};
use waver_trainer::{Mapping, TrainError};

use super::{TrainArguments, progress, tell_evaluation, tell_judged, tell_trained, write};

pub(super) fn told(arguments: &TrainArguments, mapping: &Mapping, data: &Path) -> Result<(), TrainError> {
    let TrainArguments { evaluate, out, scores: to, seed, json, .. } = arguments;
    let name = mapping.name.as_str();
    if let Some(model) = evaluate {
        let (evaluation, input, scores) = uplift::evaluate_file(model, mapping, data, *seed)?;
        if let Some(to) = to {
            write(to, table(&input, &scores).as_bytes())?;
        }
        tell_evaluation(&evaluation, *json, print);
    } else if let Some(out) = out {
        tell_trained(&uplift::train(mapping, data, *seed, progress("fold"))?, name, out, arguments, print)?;
    } else {
        let input = Input::read(mapping, data)?;
        tell_judged(&uplift::cross_validate(mapping, &input, *seed, progress("fold"))?, name, *json, print);
    }
    Ok(())
}

/// The score of each row that was judged, in the order of the file.
fn table(input: &Input, scores: &[f64]) -> String {
    let mut table = "treated,outcome,uplift\n".to_owned();
    for (row, score) in scores.iter().enumerate() {
        let (treated, outcome) = (u8::from(input.trials.treated[row]), input.trials.outcomes[row]);
        // Writing into a string cannot fail.
        let _ = writeln!(table, "{treated},{outcome},{score}");
    }
    table
}

fn print(report: &UpliftReport) {
    let UpliftReport { rows, treated, figures, verdict, .. } = report;
    println!("{rows} rows, {treated} of them treated");
    for (name, figure) in [
        ("area over a random ranking", figures.area),
        ("uplift of all", figures.uplift),
        ("uplift of the first 30 %", figures.top),
        ("uplift of the last 30 %", figures.bottom),
    ] {
        println!("{name:26} {:.4} [{:.4}, {:.4}]", figure.value, figure.low, figure.high);
    }
    println!("{verdict}");
}
