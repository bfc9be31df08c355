//! Every decoder with its seeds, with what it was once found to fail on, and with random changes to both. `cargo xtask fuzz` searches for more.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use waver_fuzz::{TARGETS, Target};

/// Changed inputs for each target.
const CHANGED: u32 = 100;

#[derive(Debug, Clone)]
enum Change {
    Replace(Index, u8),
    Insert(Index, u8),
    Cut(Index),
    Repeat(Index, Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        // One place more than there are bytes: the end is a place too.
        let places = bytes.len() + 1;
        match self {
            Change::Replace(at, byte) => {
                bytes.splice(at.index(places)..(at.index(places) + 1).min(places - 1), [*byte]).for_each(drop)
            }
            Change::Insert(at, byte) => bytes.insert(at.index(places), *byte),
            Change::Cut(at) => bytes.truncate(at.index(places)),
            Change::Repeat(from, to) => {
                let (from, to) = (from.index(places), to.index(places));
                bytes.extend_from_within(from.min(to)..from.max(to));
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
    ];
    vec(change, 1..8)
}

fn holds(target: &Target) {
    let inputs = target.inputs().expect("readable");
    for (path, bytes) in &inputs {
        // Shown only if it fails.
        eprintln!("{}", path.display());
        (target.run)(bytes);
    }
    let mut runner = TestRunner::new(Config { cases: CHANGED, failure_persistence: None, ..Config::default() });
    let changed = runner.run(&(any::<Index>(), changes()), |(input, changes)| {
        let mut bytes = inputs[input.index(inputs.len())].1.clone();
        changes.iter().for_each(|change| change.apply(&mut bytes));
        (target.run)(&bytes);
        Ok(())
    });
    changed.unwrap_or_else(|failure| panic!("{}: {failure}", target.name));
}

#[test]
fn every_decoder_holds_on_its_inputs_and_near_them() {
    for target in TARGETS {
        eprintln!("target {}", target.name);
        holds(target);
    }
}

#[test]
fn every_decoder_has_seeds_and_every_seed_a_decoder() {
    let folders = std::fs::read_dir(waver_fuzz::seeds()).expect("readable");
    let seeds: BTreeSet<String> =
        folders.map(|folder| folder.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(seeds, targets);
}
