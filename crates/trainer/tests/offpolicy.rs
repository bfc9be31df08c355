//! Off-policy estimates: against the package that the field uses, where it is; against what it gave on the rows beside the repository, where they are;
//! and on rows made up here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tempfile::TempDir;
use waver_trainer::offpolicy::replay::replay;
use waver_trainer::offpolicy::{Asked, Backtest, Of, Values, backtest};
use waver_trainer::{Mapping, TrainError};

fn shared(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !file.is_file() {
        eprintln!("skipped: {} is not there", file.display());
    }
    file.is_file().then_some(file)
}

fn of_bandit(data: &Path, choices: Option<&Path>, logged_by: &str, rewards_from: Option<&Path>) -> Backtest {
    let of = choices.map_or(Of::Uniform, Of::Choices);
    let asked = Asked { data, logged_by: Some(logged_by), of, rewards_from, seed: 42 };
    backtest(&Mapping::load("openbandit").expect("built in"), asked).expect("readable")
}

/// Of each block: rows, effective sample size, IPW, SNIPW, DR.
fn figures(found: &Backtest) -> Vec<(String, usize, [f64; 4])> {
    let of = |block: &waver_trainer::offpolicy::Block| {
        let Values { ipw, snipw, dr } =
            block.found.estimates.or(block.found.unsupported_estimates).expect("one of the two");
        let values = [block.found.effective_sample_size, ipw.value, snipw.value, dr.value];
        (block.block.clone(), block.found.rows, values)
    };
    found.blocks.iter().map(of).collect()
}

/// What `obp` 0.4.1 gave on the developers' rows, expected rewards from the same rows.
#[test]
fn open_bandit_gives_the_figures_of_the_reference() {
    let (Some(data), Some(choices)) = (shared("openbandit_dev.csv.gz"), shared("openbandit_bts_pi.csv")) else {
        return;
    };
    let found = figures(&of_bandit(&data, Some(&choices), "random", Some(&data)));
    let reference = [
        (
            "all",
            5_534,
            [923.160_944_231_320_5, 0.006_322_081_676_906_397, 0.006_521_582_227_439_529, 0.006_436_851_736_411_366],
        ),
        (
            "men",
            5_653,
            [1_429.923_702_341_818, 0.005_706_923_757_297_02, 0.005_915_151_249_169_404, 0.005_827_867_142_334_252],
        ),
        (
            "women",
            5_664,
            [1_133.292_572_673_422, 0.007_019_872_881_355_934, 0.006_768_693_017_187_433, 0.006_864_485_364_006_83],
        ),
    ];
    for ((block, rows, ours), (name, count, theirs)) in found.iter().zip(&reference) {
        assert_eq!((block.as_str(), *rows), (*name, *count));
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours - theirs).abs() < 1e-8 * theirs.max(1.0), "{block}: {ours} {theirs}");
        }
    }
}

/// One choice that the logged policy made nearly never, and the other one always: it is all the weight there is.
#[test]
fn a_choice_that_was_made_nearly_never_is_no_answer() {
    let folder = TempDir::new().expect("temporary");
    let [data, _, choices] = made_up(&folder, 2_000);
    let mut text = std::fs::read_to_string(&data).expect("written");
    text.push_str("a,logger,2,1,1,0.00002\n");
    std::fs::write(&data, text).expect("written");
    let found = of_bandit(&data, Some(&choices), "logger", None);
    let told = &found.blocks[0].found;
    assert!(told.effective_sample_size < 2.5 && told.refused[0].contains("worth only 1."), "{told:?}");
    assert!(told.estimates.is_none() && found.blocks[0].relative.is_none() && found.is_refused(), "{told:?}");
    assert!(
        told.unsupported_estimates.is_some_and(|values| values.ipw.value > 10.0),
        "what the formulas say is absurd"
    );
}

/// Three arms in two places, logged by a policy that likes the first, for one that likes the last.
fn made_up(folder: &TempDir, rows: usize) -> [PathBuf; 3] {
    let mut random = ChaCha12Rng::seed_from_u64(11);
    let chances = |position: usize| if position == 1 { [0.6, 0.3, 0.1] } else { [0.2, 0.3, 0.5] };
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        file
    };
    let mut log = |rows: usize| {
        let mut text = "campaign,policy,item,position,click,pscore\n".to_owned();
        for _ in 0..rows {
            let position = random.random_range(1..3);
            let lot: f64 = random.random_range(0.0..1.0);
            let [first, second, _] = chances(position);
            let item = if lot < first { 0 } else { usize::from(lot >= first + second) + 1 };
            let click = u8::from(random.random_range(0..10) < 1 + 2 * item);
            writeln!(text, "a,logger,{item},{position},{click},{}", chances(position)[item]).expect("a string");
        }
        text
    };
    let (data, other) = (log(rows), log(rows / 2));
    let choices =
        "campaign,item,position,prob\na,0,1,0.125\na,1,1,0.25\na,2,1,0.625\na,0,2,0.25\na,1,2,0.25\na,2,2,0.5\n";
    [write("log.csv", &data), write("other.csv", &other), write("choices.csv", choices)]
}

/// The package itself, on the same rows.
#[test]
fn the_estimates_are_those_of_obp() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/obp/estimates.py");
    let python = std::env::var_os("WAVER_OBP_PYTHON")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/obp/bin/python"), PathBuf::from);
    if !python.is_file() {
        eprintln!("skipped: no obp; see tests/obp/README.md");
        return;
    }
    let folder = TempDir::new().expect("temporary");
    let [data, other, choices] = made_up(&folder, 3_000);
    let found = figures(&of_bandit(&data, Some(&choices), "logger", Some(&other)));
    let arguments = [&data, &choices, &other];
    let told = Command::new(python).arg(program).args(arguments).arg("logger").output().expect("runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    for (block, rows, [ess, ipw, snipw, dr]) in found {
        let theirs = &told[&block];
        assert_eq!(theirs["rows"], rows);
        for (ours, name) in [(ess, "ess"), (ipw, "ipw"), (snipw, "snipw"), (dr, "dr")] {
            let theirs = theirs[name].as_f64().expect("a number");
            assert!((ours - theirs).abs() < 1e-8 * theirs.abs().max(1.0), "{block} {name}: {ours} {theirs}");
        }
    }
}

/// By arithmetic: clicks of item 0, 1, 2 are .1, .3, .5.
#[test]
fn a_known_world_is_estimated_right() {
    let folder = TempDir::new().expect("temporary");
    let [data, other, choices] = made_up(&folder, 6_000);
    let truth = (0.125 * 0.1 + 0.25 * 0.3 + 0.625 * 0.5 + 0.25 * 0.1 + 0.25 * 0.3 + 0.5 * 0.5) / 2.0;
    for rewards_from in [None, Some(other.as_path())] {
        let found = of_bandit(&data, Some(&choices), "logger", rewards_from);
        let block = &found.blocks[0];
        let Values { ipw, snipw, dr } = block.found.estimates.expect("plenty");
        for figure in [Some(ipw), Some(snipw), Some(dr), block.dr_cross_fitted].into_iter().flatten() {
            assert!((figure.low..=figure.high).contains(&truth), "{truth}: {figure:?}");
        }
        assert!(dr.high - dr.low < ipw.high - ipw.low, "what is expected narrows it: {dr:?} {ipw:?}");
        assert_eq!(block.dr_cross_fitted.is_some(), rewards_from.is_some());
    }
}

#[test]
fn what_is_no_log_is_told_with_its_line() {
    let folder = TempDir::new().expect("temporary");
    let [data, _, choices] = made_up(&folder, 20);
    let text = std::fs::read_to_string(&data).expect("written");
    let ask = |data: &Path, choices: &Path, logged_by| {
        let asked = Asked { data, logged_by: Some(logged_by), of: Of::Choices(choices), rewards_from: None, seed: 1 };
        backtest(&Mapping::load("openbandit").expect("built in"), asked)
    };
    assert!(matches!(ask(&data, &choices, "nobody"), Err(TrainError::TooLittle(_))));
    let wrong = folder.path().join("wrong.csv");
    let line = text.lines().nth(1).expect("a row");
    let (most, _) = line.rsplit_once(',').expect("columns");
    std::fs::write(&wrong, text.replacen(line, &format!("{most},0"), 1)).expect("written");
    assert!(matches!(ask(&wrong, &choices, "logger"), Err(TrainError::Data { line: 2, .. })));
    for table in ["campaign,item,position,prob\na,0,1,0.5\n", "campaign,item,position,prob\na,0,1,1.5\n"] {
        std::fs::write(&wrong, table).expect("written");
        assert!(matches!(ask(&data, &wrong, "logger"), Err(TrainError::Data { .. })));
    }
    std::fs::write(&wrong, "campaign,item,position,prob\na,0,1,1\n").expect("written");
    assert!(matches!(ask(&data, &wrong, "logger"), Err(TrainError::Asked(_))), "it says nothing of position 2");
}

/// Chosen alike: the learner gets nearly what the best arm does, and more from the start where it has seen other rows.
#[test]
fn a_learner_finds_the_best_arm_of_a_made_up_log() {
    let folder = TempDir::new().expect("temporary");
    let mut random = ChaCha12Rng::seed_from_u64(2);
    let mut log = |name: &str| {
        let mut text = "segment,womens,newbie,visit\n".to_owned();
        for _ in 0..6_000 {
            let arm = random.random_range(0..3);
            let visit = u8::from(random.random_range(0..100) < [10, 15, 25][arm]);
            writeln!(text, "{arm},0,0,{visit}").expect("a string");
        }
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        file
    };
    let (data, other) = (log("log.csv"), log("other.csv"));
    let mapping = Mapping::load("hillstrom").expect("built in");
    let found = replay(&mapping, &data, Some(&other), 4, 7, |_, _| ()).expect("chosen alike");
    let best = found.arms.iter().map(|arm| arm.mean).fold(0.0, f64::max);
    let warm = found.warm.expect("asked for");
    assert!(found.random < 0.18 && found.cold.mean > 0.22 && warm.mean > found.cold.mean, "{found:?}");
    assert!((warm.mean - best).abs() < 0.01, "{found:?}");
    let bandit = Mapping::load("openbandit").expect("built in");
    assert!(matches!(replay(&bandit, &data, None, 1, 7, |_, _| ()), Err(TrainError::Asked(_))));
}

/// On the rows beside the repository: nine tenths of the way from chance to the best arm from nothing, all of it from what another half showed.
#[test]
fn the_learner_gets_its_visits_from_hillstrom() {
    let Some(data) = shared("hillstrom_dev.csv.gz") else { return };
    let mapping = Mapping::load("hillstrom").expect("built in");
    let found = replay(&mapping, &data, None, 4, 42, |_, _| ()).expect("chosen at random");
    let best = found.arms.iter().map(|arm| arm.mean).fold(0.0, f64::max);
    assert!(found.cold.mean >= found.random + 0.9 * (best - found.random), "{found:?}");
}
