//! `cargo xtask fuzz`: searches with libFuzzer for bytes on which a decoder fails.
//!
//! The targets are plain functions in `fuzz/`, which `cargo test` gives their seeds. Here they are built with the instrumentation that
//! cargo-fuzz would ask for, all of it known to a stable compiler, so neither cargo-fuzz nor a nightly compiler is needed; only one for C++,
//! for libFuzzer itself. There is no address sanitizer in it, which needs a nightly one: our code has no `unsafe`.

mod dictionary;
mod report;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::arguments::FuzzOptions;
use crate::environment::Environment;
use crate::process;
use crate::progress::human;
use crate::workspace::Workspace;
use report::Report;

/// What libFuzzer learns from: which edges of the code were taken, and what was compared with what.
const INSTRUMENTATION: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Bounds that no input may pass: its own length, the seconds it takes, and the megabytes of the process.
const BOUNDS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"];
const POLL: Duration = Duration::from_millis(100);

/// # Errors
/// A target failed on an input, or the fuzzer cannot be built.
pub(crate) fn command(workspace: &Workspace, environment: &Environment, options: &FuzzOptions) -> Result<()> {
    let folders = Folders { root: workspace.root.join("fuzz"), work: workspace.target().join("fuzz") };
    let targets = chosen(&folders.targets()?, &options.targets)?;
    let fuzzer = build(environment, &folders)?;

    let seconds = options.seconds;
    println!("\n{} targets, {seconds} s each, {} at a time", targets.len(), options.jobs);
    let mut waiting = targets.iter();
    let mut running: Vec<Run> = Vec::new();
    let mut reports = Vec::new();
    while reports.len() < targets.len() {
        while running.len() < options.jobs
            && let Some(target) = waiting.next()
        {
            println!("{target} ...");
            running.push(Run::start(environment, &folders, &fuzzer, target, seconds)?);
        }
        for mut run in std::mem::take(&mut running) {
            match run.child.try_wait()? {
                None => running.push(run),
                Some(status) => {
                    let report = Report::read(&run.target, run.begun.elapsed(), &run.log, status.success())?;
                    println!("{} ({})", report.line(), human(run.begun.elapsed()));
                    reports.push(report);
                }
            }
        }
        std::thread::sleep(POLL);
    }

    println!("\n{}", report::table(&reports));
    let failed: Vec<String> = reports.iter().filter_map(Report::failure).collect();
    if !failed.is_empty() {
        bail!(
            "{}\nMove each file to fuzz/regressions/TARGET/, and `cargo test -p waver-tests --test decoders` shows the failure",
            failed.join("\n")
        );
    }
    Ok(())
}

struct Folders {
    /// Targets, seeds, and what was found once.
    root: PathBuf,
    /// What the search makes: programs, inputs, logs, findings.
    work: PathBuf,
}

impl Folders {
    /// Each target has its seeds in a folder of its name.
    fn targets(&self) -> Result<Vec<String>> {
        let seeds = self.root.join("seeds");
        let folders = fs::read_dir(&seeds).with_context(|| format!("cannot read {}", seeds.display()))?;
        let mut names = Vec::new();
        for folder in folders {
            names.push(folder?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

fn chosen(all: &[String], asked: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = asked.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    Ok(if asked.is_empty() { all } else { asked }.to_vec())
}

/// Builds the fuzzer, which holds all targets.
fn build(environment: &Environment, folders: &Folders) -> Result<PathBuf> {
    // With a target named, the flags do not reach build scripts and macros.
    let host = process::capture(environment.command("rustc").arg("-vV").current_dir(&folders.root))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
    process::run(
        environment
            .native_cargo()
            .args(["build", "--release", "--features", "fuzzer", "--bin", "fuzzer", "--target", host])
            .env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\x1f"))
            .env("CARGO_TARGET_DIR", &folders.work)
            .current_dir(&folders.root),
    )?;
    Ok(folders.work.join(host).join("release/fuzzer"))
}

/// The search on one target, under way.
struct Run {
    target: String,
    begun: Instant,
    log: PathBuf,
    child: Child,
}

impl Run {
    fn start(environment: &Environment, folders: &Folders, fuzzer: &Path, target: &str, seconds: u64) -> Result<Run> {
        let work = |folder: &str| folders.work.join(folder).join(target);
        let [corpus, findings] = [work("corpus"), work("findings")];
        let committed: Vec<PathBuf> = ["seeds", "regressions"]
            .map(|folder| folders.root.join(folder).join(target))
            .into_iter()
            .filter(|folder| folder.exists())
            .collect();
        for folder in [&corpus, &findings] {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let words = dictionary::of(&committed)?;
        let log = folders.work.join(format!("{target}.log"));
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command: Command = environment.command(fuzzer);
        command
            .env("WAVER_FUZZ_TARGET", target)
            .args(BOUNDS)
            .arg(format!("-max_total_time={seconds}"))
            // The slash at the end makes it a folder.
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .arg("-print_final_stats=1")
            .arg(&corpus)
            .args(&committed)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        // libFuzzer refuses a dictionary without a word.
        if !words.is_empty() {
            let path = folders.work.join(format!("{target}.dict"));
            fs::write(&path, words).with_context(|| format!("cannot write {}", path.display()))?;
            command.arg(format!("-dict={}", path.display()));
        }
        let child = command.spawn().with_context(|| format!("cannot start `{}`", process::line(&command)))?;
        Ok(Run { target: target.to_owned(), begun: Instant::now(), log, child })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_chosen_by_name_and_all_of_them_by_default() {
        let all = ["batch".to_owned(), "group".to_owned()];
        assert_eq!(chosen(&all, &[]).expect("all"), all);
        assert_eq!(chosen(&all, &["group".to_owned()]).expect("one"), ["group"]);
        let error = chosen(&all, &["grope".to_owned()]).expect_err("unknown").to_string();
        assert!(error.contains("grope") && error.contains("batch, group"), "{error}");
    }
}
