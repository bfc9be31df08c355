//! What has to hold of every decoder of bytes from outside, whatever bytes it is given: not only that it does not panic, take long or take
//! much memory, but that what it lets through is what it should be.
//!
//! Each [`Target`] is a plain function that panics where something does not hold. `cargo test` gives it its seeds, everything that it was
//! ever found to fail on (`regressions/`), and random changes to both; `cargo xtask fuzz` searches for more with libFuzzer.

mod batch;
mod carried;
mod config;
mod consent_ledger;
mod dead_letter;
mod disk;
mod encodings;
mod entry;
mod export;
mod group;
mod headers;
mod history;
mod ids;
mod journal;
mod key_slots;
mod ledger_rows;
mod manifest;
mod model;
mod offers;
mod policy_archive;
mod queries;
mod receipt;
mod requests;
mod sealed;
mod session;
mod snapshot;
mod tc_string;
mod token;
mod tripwire;
mod values;

use std::path::{Path, PathBuf};
use std::{fs, io};

/// One decoder, or a few that read the same kind of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its folders below `seeds/` and `regressions/`.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "batch", run: batch::run },
    Target { name: "carried", run: carried::run },
    Target { name: "config", run: config::run },
    Target { name: "consent_ledger", run: consent_ledger::run },
    Target { name: "dead_letter", run: dead_letter::run },
    Target { name: "encodings", run: encodings::run },
    Target { name: "entry", run: entry::run },
    Target { name: "export", run: export::run },
    Target { name: "group", run: group::run },
    Target { name: "headers", run: headers::run },
    Target { name: "history", run: history::run },
    Target { name: "ids", run: ids::run },
    Target { name: "journal", run: journal::run },
    Target { name: "key_slots", run: key_slots::run },
    Target { name: "ledger_rows", run: ledger_rows::run },
    Target { name: "manifest", run: manifest::run },
    Target { name: "model", run: model::run },
    Target { name: "offers", run: offers::run },
    Target { name: "policy_archive", run: policy_archive::run },
    Target { name: "queries", run: queries::run },
    Target { name: "receipt", run: receipt::run },
    Target { name: "requests", run: requests::run },
    Target { name: "sealed", run: sealed::run },
    Target { name: "session", run: session::run },
    Target { name: "snapshot", run: snapshot::run },
    Target { name: "tc_string", run: tc_string::run },
    Target { name: "token", run: token::run },
    Target { name: "tripwire", run: tripwire::run },
];

/// The target of that name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Where the seeds of all targets are: one folder for each.
pub fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

impl Target {
    /// Its seeds, and what it was once found to fail on; each with its file.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn inputs(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
        let mut inputs = Vec::new();
        for folder in [seeds().join(self.name), regressions.join(self.name)] {
            if !folder.exists() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                let path = file?.path();
                let bytes = fs::read(&path)?;
                inputs.push((path, bytes));
            }
        }
        inputs.sort();
        Ok(inputs)
    }
}
