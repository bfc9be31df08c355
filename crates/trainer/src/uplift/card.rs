use std::fmt::Write;

use waver_core::model::Summary;
use waver_core::model::uplift::Uplift;

use super::UpliftReport;
use crate::card::{learner, terms};
use crate::{Mapping, metrics::Figure};

/// The model card, after Mitchell et al. (2019).
pub(super) fn write(
    uplift: &Uplift,
    summary: &Summary,
    mapping: &Mapping,
    report: &UpliftReport,
    bytes: usize,
) -> String {
    let parts = uplift.models()[0].parts();
    let is = format!("the difference of two models, of the treated and of the others, each {}", learner(mapping));
    let mut card = format!("# Model card: {}-1\n\n", mapping.name);
    // Writing into a string cannot fail.
    let _ = write!(
        card,
        "| | |\n|---|---|\n\
         | estimates | `{}`: what treating somebody gains |\n\
         | is | {is}; {} features, {bytes} bytes |\n\
         | was fitted on | mapping `{}`, {} rows of {} groups, {} treated; data {:016x}, seed {} |\n\
         | may be used | {} |\n\n\
         ## How good it is\n\n\
         **{}**\n\n\
         {} folds, no group on both sides; 95 % intervals by resampling groups.\n\n\
         | | all rows |\n|---|---|\n",
        parts.task,
        parts.features.len(),
        summary.data,
        summary.rows,
        summary.groups,
        report.treated,
        summary.data_hash,
        summary.seed,
        terms(summary.origin),
        report.verdict,
        mapping.validation.folds,
    );
    let figures = &report.figures;
    for (name, Figure { value, low, high }) in [
        ("area: gain over a random ranking, per treated row", figures.area),
        ("gain of treating everybody, each", figures.uplift),
        ("gain among the 30 % that come first, each", figures.top),
        ("gain among the 30 % that come last, each", figures.bottom),
    ] {
        let _ = writeln!(card, "| {name} | {value:.4} [{low:.4}, {high:.4}] |");
    }
    card.push_str(
        "\n## Where not to use it\n\n\
         Chance must have decided who was treated; of anybody else these figures say nothing. What treatment costs is in none of them. People and offers \
         change: hold it against a random share of the shoppers, always.\n",
    );
    card
}
