//! A whole training of the task `path`, on reaches made up here.

use std::fmt::Write as _;
use std::path::PathBuf;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use waver_core::model::{Origin, Summary};
use waver_trainer::path::{Input, cross_validate, evaluate_file, evaluate_on_work, train};
use waver_trainer::{Mapping, TrainError};

const MAPPING: &str = r#"
name = "made-up"
task = "path"
terms = "simulated"
learner = { trees = { trees = 12, leaves = 4, rate = 0.3, leaf_rows = 20, ridge = 1.0, rows = 0.8, columns = 0.5 } }
validation = { folds = 3 }
[reaches]
samples = { trial = "trial", time_ms = "t", x = "x", y = "y" }
[reaches.trials]
trial = "trial"
group = ["who"]
label = { column = "turned", is = ["1"], is_not = ["0"] }
only = [{ column = "used", words = ["yes"] }]
change_ms = "change"
change_shares = [0.5]
"#;

/// Reaches up to one of two boxes, of which a third turn to the other one; the rest wobble. A trial that is not to be used has no samples.
struct MadeUp {
    folder: tempfile::TempDir,
}

impl MadeUp {
    fn new(people: u32, seed: u64) -> MadeUp {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let (mut samples, mut trials) = ("trial,t,x,y\n".to_owned(), "trial,who,turned,change,used\n".to_owned());
        writeln!(trials, "unused,0,perhaps,,no").expect("a string");
        for trial in 0..people * 12 {
            let (turned, side) = (trial % 3 == 0, if random.random_range(0..2) == 0 { 1.0 } else { -1.0 });
            let wobble = random.random_range(-150.0..150.0);
            let steps = random.random_range(30..50);
            for step in 0..=steps * 2 {
                let share = f64::from(step) / f64::from(steps * 2);
                let to_other = (share * 2.0 - 1.0).max(0.0) * 2.0;
                let x = match turned {
                    true => side * 350.0 * ((share * 2.0).min(1.0) - to_other),
                    false => side * 350.0 * share + wobble * (std::f64::consts::PI * share).sin(),
                };
                let y = -600.0 * if turned { (share * 2.0).min(1.0) } else { share };
                writeln!(samples, "{trial},{},{x:.0},{y:.0}", step * 16).expect("a string");
            }
            let change = if turned { (steps * 16 - 300).to_string() } else { String::new() };
            writeln!(trials, "{trial},{},{},{change},yes", trial / 12, u8::from(turned)).expect("a string");
        }
        let folder = tempfile::tempdir().expect("temporary");
        std::fs::write(folder.path().join("samples"), samples).expect("written");
        std::fs::write(folder.path().join("trials"), trials).expect("written");
        MadeUp { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn input(&self) -> Result<Input, TrainError> {
        let mapping = Mapping::parse("test", MAPPING).expect("right");
        Input::read(mapping, &self.file("samples"), &self.file("trials"))
    }
}

#[test]
fn a_model_of_reaches_keeps_its_promise_to_people_it_does_not_know() {
    let (seen, unseen) = (MadeUp::new(24, 1), MadeUp::new(24, 2));
    let input = seen.input().expect("readable");
    let trained = train(&input, 7, |_, _| ()).expect("enough");
    assert_eq!(train(&input, 7, |_, _| ()).expect("enough").artifact, trained.artifact);
    let (_, summary) = Summary::decode(&trained.artifact).expect("whole");
    assert_eq!((summary.rows, summary.groups, summary.origin), (288, 24, Origin::Simulated));
    assert_eq!(cross_validate(&input, 7, |_, _| ()).expect("enough"), trained.report);

    let model = unseen.file("model");
    std::fs::write(&model, &trained.artifact).expect("written");
    let told = evaluate_file(&model, &unseen.input().expect("readable"), 7).expect("same features").report;
    assert!(told.report.figures.roc_auc.value > 0.9, "{:?}", told.report.figures.roc_auc);
    let [change, sure] = told.report.thresholds.as_slice() else { panic!("two thresholds") };
    assert!(change.fpr <= 0.06 && change.tpr > 0.5, "{change:?}");
    assert!(sure.threshold >= change.threshold && sure.tpr > 0.1, "{sure:?}");
    // What was not to be seen yet could not be told.
    let at = |ms: u64| told.latency.iter().find(|at| at.after_ms == ms).expect("judged").roc_auc;
    assert!(at(900) > at(300) && at(900) > 0.9, "{:?}", told.latency);
    assert!(told.sampling.iter().all(|at| at.roc_auc > 0.85), "{:?}", told.sampling);
}

#[test]
fn alarms_are_counted_by_active_minutes() {
    let made_up = MadeUp::new(24, 3);
    let trained = train(&made_up.input().expect("readable"), 7, |_, _| ()).expect("enough");
    let model = made_up.file("model");
    std::fs::write(&model, &trained.artifact).expect("written");
    // Two minutes of straight reaches with a press every second at 16 ms; the pause of ten seconds is not active, the dragging no reach.
    let mut text = "session,t_ms,x,y,state,button\n".to_owned();
    for reach in 0..120 {
        let begin = reach * 1_000 + if reach < 60 { 0 } else { 10_000 };
        for step in 0..40 {
            let x = if reach % 2 == 0 { step * 15 } else { 600 - step * 15 };
            writeln!(text, "a,{},{x},{},m,N", begin + step * 16, 300 + step % 2).expect("a string");
        }
        let state = if reach % 10 == 9 { "d" } else { "p" };
        let x = if reach % 2 == 0 { 585 } else { 15 };
        writeln!(text, "a,{},{x},301,{state},L", begin + 700).expect("a string");
    }
    let file = made_up.file("work");
    std::fs::write(&file, text).expect("written");
    let mapping = Mapping::load("background").expect("built in");
    let told = evaluate_on_work(&model, &mapping, &file).expect("readable").report;
    assert_eq!((told.sessions, told.reaches, told.judged), (1, 108, 108));
    assert!((told.active_minutes - 2.0).abs() < 0.02, "{}", told.active_minutes);
    for at in &told.thresholds {
        assert_eq!(at.per_active_minute, at.alarms as f64 / told.active_minutes);
        assert!(at.share_slow.is_none() && at.share_fast_thinned.is_some(), "{at:?}");
    }
    // Straight reaches at an even speed: none of them is surely a change of mind.
    assert_eq!(told.thresholds[1].alarms, 0, "{:?}", told.thresholds);
}

#[test]
fn what_does_not_go_together_is_told() {
    let made_up = MadeUp::new(4, 4);
    let trials = std::fs::read_to_string(made_up.file("trials")).expect("there");
    std::fs::write(made_up.file("trials"), trials.replace("unused,0,perhaps,,no", "unused,0,1,,yes")).expect("written");
    assert!(matches!(made_up.input(), Err(TrainError::Data { line: 2, .. })), "a trial without samples");
    let samples = std::fs::read_to_string(made_up.file("samples")).expect("there");
    std::fs::write(made_up.file("samples"), samples.replacen("0,32,", "0,8,", 1)).expect("written");
    assert!(matches!(made_up.input(), Err(TrainError::Data { line: 4, .. })), "time runs backwards");
    let table = Mapping::load("ospi").expect("built in");
    let read = Input::read(table, &made_up.file("samples"), &made_up.file("trials"));
    assert!(matches!(read, Err(TrainError::Asked(_))));
}
