//! Uplift: on rows made up here, and on the Hillstrom rows beside the repository where they are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tempfile::TempDir;
use waver_core::model::uplift::Uplift;
use waver_trainer::uplift::{Input, Treat, cross_validate, evaluate_file, train};
use waver_trainer::{Mapping, TrainError};

const MAPPING: &str = r#"
name = "made-up"
task = "uplift_bought"
terms = "simulated"
learner = { linear = { strength = 0.1, log = false } }
[table]
label = { column = "bought", is = ["1"], is_not = ["0"] }
group = "who"
numbers = ["new", "seconds"]
[treatment]
column = "arm"
treated = ["offer"]
control = ["nothing"]
"#;

/// Half are new. What the offer gains, in hundredths, of those who are not and of those who are; a third arm is nobody's.
fn made_up(folder: &TempDir, name: &str, seed: u64, gains: [u32; 2]) -> PathBuf {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut text = "who,new,seconds,arm,bought,spent\n".to_owned();
    for who in 0..6_000 {
        let (new, seconds, arm) = (random.random_range(0..2), random.random_range(0..900), random.random_range(0..3));
        let chance = 20 + if arm == 0 { gains[new] } else { 0 };
        let bought = random.random_range(0..100) < chance;
        let (arm, bought, spent) = (["offer", "nothing", "else"][arm], u8::from(bought), u32::from(bought) * 40);
        writeln!(text, "{who},{new},{seconds},{arm},{bought},{spent}").expect("a string");
    }
    let file = folder.path().join(name);
    std::fs::write(&file, text).expect("written");
    file
}

#[test]
fn whom_an_offer_moves_is_found_and_holds_on_others() {
    let folder = TempDir::new().expect("temporary");
    let (seen, unseen) = (made_up(&folder, "seen", 3, [0, 20]), made_up(&folder, "unseen", 2, [0, 20]));
    for (text, scale) in [(MAPPING.to_owned(), 1.0), (format!("{MAPPING}outcome = \"spent\"\n"), 40.0)] {
        let mapping = Mapping::parse("test", &text).expect("right");
        let trained = train(&mapping, &seen, 7, |_, _| ()).expect("enough");
        assert_eq!(train(&mapping, &seen, 7, |_, _| ()).expect("enough").artifact, trained.artifact);
        assert_eq!(trained.report.treat, Treat::Some, "{}", trained.report.verdict);
        let model = folder.path().join("model");
        std::fs::write(&model, &trained.artifact).expect("written");
        let (told, input, scores) = evaluate_file(&model, &mapping, &unseen, 7).expect("same features");
        let figures = told.report.figures;
        // As in the test of the figures: a quarter of .1, what half of them gain on average.
        assert!((figures.area.low..=figures.area.high).contains(&(0.025 * scale)), "{figures:?}");
        assert!((figures.top.low..=figures.top.high).contains(&(0.2 * scale)), "{figures:?}");
        assert!(!told.seen && evaluate_file(&model, &mapping, &seen, 7).expect("same").0.seen);
        let of_new = |new: f64| {
            let of = (0..scores.len()).filter(|row| input.data.row(*row)[0] == new);
            of.clone().map(|row| scores[row]).sum::<f64>() / of.count() as f64
        };
        assert!((of_new(1.0) - 0.2 * scale).abs() < 0.05 * scale && of_new(0.0).abs() < 0.05 * scale);
        assert!(trained.card.contains("targetable") && trained.card.contains("simulated"));
    }
}

/// Everybody gains alike, or nobody does: a ranking by what noise says would lose.
#[test]
fn where_nothing_is_targetable_that_is_said() {
    let folder = TempDir::new().expect("temporary");
    let mapping = Mapping::parse("test", MAPPING).expect("right");
    for (gains, treat, word) in [([10, 10], Treat::All, "Treat all"), ([0, 0], Treat::None, "Treat none")] {
        let file = made_up(&folder, "alike", 5, gains);
        let trained = train(&mapping, &file, 7, |_, _| ()).expect("enough");
        let report = &trained.report;
        assert_eq!(report.treat, treat, "{}", report.verdict);
        assert!(report.verdict.starts_with("nothing is targetable") && report.verdict.contains(word));
        let (_, summary) = Uplift::decode(&trained.artifact).expect("as written");
        assert!(summary.figures.contains(&("cv_target".to_owned(), 0.0)) && trained.card.contains(&report.verdict));
    }
}

/// Some gain more than others, and all gain much: leaving anybody out only loses.
#[test]
fn who_gains_less_is_not_left_out_where_all_gain() {
    let folder = TempDir::new().expect("temporary");
    let file = made_up(&folder, "all", 5, [15, 40]);
    let mapping = Mapping::parse("test", MAPPING).expect("right");
    let input = Input::read(&mapping, &file).expect("readable");
    let report = cross_validate(&mapping, &input, 7, |_, _| ()).expect("enough");
    assert!(report.figures.area.low > 0.0 && report.treat == Treat::All, "{}", report.verdict);
    assert!(report.verdict.contains("even the 30 %"), "{}", report.verdict);
}

#[test]
fn what_is_no_trial_is_refused() {
    let folder = TempDir::new().expect("temporary");
    let file = made_up(&folder, "rows", 1, [0, 0]);
    let of = |text: &str| Input::read(&Mapping::parse("test", text).expect("right"), &file);
    assert!(matches!(of(&MAPPING.replace("\"nothing\"", "\"nobody\"")), Err(TrainError::TooLittle(_))));
    assert!(matches!(of(&MAPPING.replace("\"nothing\"", "\"offer\"")), Err(TrainError::Data { .. })));
    let trees =
        format!("{MAPPING}outcome = \"spent\"\n").replace("linear = { strength = 0.1, log = false }", "trees = {}");
    let trees = trees.replace(
        "trees = {}",
        "trees = { trees = 9, leaves = 2, rate = 0.1, leaf_rows = 9, ridge = 1.0, rows = 1.0, columns = 1.0 }",
    );
    assert!(matches!(Mapping::parse("test", &trees), Err(TrainError::Mapping(_, why)) if why.contains("linear")));
}

fn of_hillstrom(name: &str) -> Option<waver_trainer::uplift::UpliftReport> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hillstrom_dev.csv.gz");
    if !file.is_file() {
        eprintln!("skipped: {} is not there", file.display());
        return None;
    }
    let mapping = Mapping::load(name).expect("built in");
    let input = Input::read(&mapping, &file).expect("readable");
    Some(cross_validate(&mapping, &input, 42, |_, _| ()).expect("enough"))
}

/// On folds of the rows beside the repository: the floors of the published reference, which was judged on other rows.
#[test]
fn the_womens_mail_has_targets_and_the_mens_has_none() {
    let Some(women) = of_hillstrom("hillstrom-women") else { return };
    assert!(women.figures.area.value >= 0.0066 && women.figures.top.value >= 0.065, "{women:?}");
    assert_eq!(women.treat, Treat::Some, "{}", women.verdict);
    let men = of_hillstrom("hillstrom-men").expect("just read");
    assert_eq!(men.treat, Treat::All, "{}", men.verdict);
    assert!(men.verdict.starts_with("nothing is targetable"));
    let spend = of_hillstrom("hillstrom-women-spend").expect("just read");
    assert!(spend.figures.area.value >= 0.086, "{spend:?}");
}
