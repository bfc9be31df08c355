use std::fmt::Write;

use waver_core::model::uplift::Outcome;
use waver_core::model::{Model, Origin, Summary};

use crate::Mapping;
use crate::fit::Learner;
use crate::metrics::{Figure, Figures};
use crate::validate::Report;

/// What learned.
pub(crate) fn learner(mapping: &Mapping) -> String {
    let counts_numbers = mapping.treatment.as_ref().is_some_and(|treatment| treatment.outcome() == Outcome::Number);
    match mapping.learner {
        Learner::Trees(how) => format!("{} boosted trees of at most {} leaves", how.trees, how.leaves),
        Learner::Linear(how) if counts_numbers => format!("ridge regression (strength {})", how.strength),
        Learner::Linear(how) => format!("logistic regression (strength {})", how.strength),
    }
}

/// Whether it may be used.
pub(crate) fn terms(origin: Origin) -> &'static str {
    match origin {
        Origin::Free => "the terms of the data allow to ship it",
        Origin::Simulated => "fitted on simulated shoppers: a default until a site has data of its own",
        Origin::Research => "**for measuring only: the terms of the data do not allow to ship it**",
        Origin::Own => "fitted on the site's own log",
    }
}

/// The model card, after Mitchell et al. (2019): what it is for, what it was fitted on, how good it is and where it is not to be used.
pub(crate) fn write(model: &Model, summary: &Summary, mapping: &Mapping, report: &Report, bytes: usize) -> String {
    let parts = model.parts();
    let nodes: usize = parts.trees.iter().map(Vec::len).sum();
    let mut card = format!("# Model card: {}\n\n", parts.name);
    let (learner, terms) = (learner(mapping), terms(summary.origin));
    // Writing into a string cannot fail.
    let _ = write!(
        card,
        "| | |\n|---|---|\n\
         | estimates | `{}` |\n\
         | is | {learner}: {} features, {} terms, {nodes} nodes, {bytes} bytes |\n\
         | was fitted on | mapping `{}`, {} rows of {} groups, {} positive; data {:016x}, seed {} |\n\
         | may be used | {terms} |\n\n\
         ## How good it is\n\n\
         {} folds, no group on both sides, calibration and thresholds fitted without the fold that judges; 95 % intervals by resampling groups.\n\n\
         | | all rows | mean of folds (sd) |\n|---|---|---|\n",
        parts.task,
        parts.features.len(),
        parts.terms.len(),
        summary.data,
        summary.rows,
        summary.groups,
        summary.positives,
        summary.data_hash,
        summary.seed,
        mapping.validation.folds,
    );
    let figures = &report.figures;
    type Pick = fn(&Figures<f64>) -> f64;
    let rows: [(&str, Figure, Pick); 5] = [
        ("ROC-AUC", figures.roc_auc, |of| of.roc_auc),
        ("PR-AUC", figures.pr_auc, |of| of.pr_auc),
        ("Brier", figures.brier, |of| of.brier),
        ("ECE10", figures.ece10, |of| of.ece10),
        ("C-AUC (within blocks)", figures.c_auc, |of| of.c_auc),
    ];
    for (name, Figure { value, low, high }, of) in rows {
        let folds = report
            .folds
            .as_ref()
            .map_or(String::new(), |folds| format!("{:.4} ({:.4})", of(&folds.mean), of(&folds.sd)));
        let _ = writeln!(card, "| {name} | {value:.4} [{low:.4}, {high:.4}] | {folds} |");
    }
    for at in &report.thresholds {
        let _ = writeln!(
            card,
            "\nAt the threshold `{}` ({:.4}): TPR {:.3}, FPR {:.3}.",
            at.name, at.threshold, at.tpr, at.fpr
        );
    }
    let _ = write!(
        card,
        "\n## Where not to use it\n\n\
         Its probabilities hold for shops and times like those of the data. It says nothing of why, and must not decide anything that a shopper \
         could not undo. A drift of its features or of its calibration (`/metrics`) is a reason to fit it anew.\n"
    );
    card
}
