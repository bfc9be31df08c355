//! `cargo xtask test`: from a bare machine to a passed suite.

use std::process::Command;

use anyhow::{Result, bail};

use crate::arguments::{Purpose, SetupOptions, TestOptions};
use crate::build;
use crate::environment::Environment;
use crate::process;
use crate::progress::Progress;
use crate::recipe::{Profile, Recipe, WasmHost, WasmTest};
use crate::setup;
use crate::workspace::Workspace;

/// Test targets with this beginning drive a real browser.
const BROWSER_TARGETS: &str = "browser";
/// Test targets with this beginning drive Firefox.
const FIREFOX_TARGETS: &str = "firefox";
/// The test target that calls schemathesis.
const API_TARGET: &str = "api_document";

/// # Errors
/// A test failed, or something cannot be built.
pub(crate) fn command(workspace: &Workspace, environment: Environment, options: &TestOptions) -> Result<()> {
    let machine = setup::ensure(workspace, environment, &SetupOptions { purpose: Purpose::Test, yes: options.yes })?;
    machine.require_build_tools()?;
    let environment = &machine.environment;
    let has_browser = machine.has_browser();
    build::run(workspace, environment, Profile::Release)?;

    let recipe = Recipe::load(&workspace.root)?;
    let mut outcome = Outcome::default();
    let mut progress = Progress::new("test", 2 + recipe.wasm_tests.iter().map(|test| test.run.len()).sum::<usize>());

    let step = progress.step("programs under test");
    step.doing("cargo build");
    build::binaries::build(workspace, environment, false)?;
    step.done("built");

    let step = progress.step("native");
    let mut passed = true;
    let mut left_out = Vec::new();
    if !has_browser {
        left_out.push(BROWSER_TARGETS);
    }
    if !machine.has_firefox() {
        left_out.push(FIREFOX_TARGETS);
    }
    if !machine.has_schemathesis() {
        left_out.push(API_TARGET);
    }
    for arguments in native_runs(workspace, &left_out, &mut outcome.skipped) {
        step.doing(&format!("cargo {}", arguments.join(" ")));
        let mut cargo = environment.native_cargo();
        cargo.args(&arguments).arg("--");
        if options.soak {
            // Long tests tell what they saw, and that is half of why they are run.
            cargo.args(["--include-ignored", "--show-output"]);
        }
        passed &= outcome.passes(cargo.args(&options.filter).current_dir(&workspace.root));
    }
    step.done(verdict(passed));

    for test in &recipe.wasm_tests {
        for host in &test.run {
            let step = progress.step(match host {
                WasmHost::Node => "wasm in Node",
                WasmHost::Chrome => "wasm in Chromium",
            });
            if *host == WasmHost::Chrome && !has_browser {
                outcome.skipped.push(format!("{} as wasm in Chromium", test.test));
                step.done("SKIPPED, since there is no browser");
                continue;
            }
            step.doing(&format!("wasm-bindgen-test-runner on {}", test.test));
            step.done(verdict(outcome.passes(&mut wasm_run(workspace, environment, test, *host, options))));
        }
    }

    println!("\nTo run one test: cargo xtask test -- NAME (or cargo test -p PACKAGE NAME, once dist/ is built)");
    if !outcome.skipped.is_empty() {
        println!(
            "\nSKIPPED, so this is not the whole suite:\n  {}\n{}",
            outcome.skipped.join("\n  "),
            machine.missing_report()
        );
    }
    if !outcome.failed.is_empty() {
        bail!("tests failed\n  {}", outcome.failed.join("\n  "));
    }
    Ok(())
}

/// What is told at the end. A failure does not stop the rest, so that one run tells everything.
#[derive(Default)]
struct Outcome {
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Outcome {
    fn passes(&mut self, command: &mut Command) -> bool {
        let result = process::run(command);
        self.failed.extend(result.as_ref().err().map(ToString::to_string));
        result.is_ok()
    }
}

fn verdict(passed: bool) -> &'static str {
    if passed { "passed" } else { "FAILED" }
}

/// One `cargo test` for everything; the targets with these beginnings, for which something is missing, are left out and listed as skipped.
fn native_runs(workspace: &Workspace, left_out: &[&str], skipped: &mut Vec<String>) -> Vec<Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut everything = words("test --workspace --no-fail-fast");
    if left_out.is_empty() {
        return vec![everything];
    }
    let mut runs = Vec::new();
    for package in &workspace.metadata.packages {
        let (lacking, others): (Vec<&str>, Vec<&str>) =
            package.test_targets().partition(|target| left_out.iter().any(|beginning| target.starts_with(beginning)));
        if lacking.is_empty() {
            continue;
        }
        everything.extend(words(&format!("--exclude {}", package.name)));
        let mut rest = words(&format!("test --package {} --no-fail-fast --lib --bins", package.name));
        rest.extend(others.iter().flat_map(|target| words(&format!("--test {target}"))));
        runs.push(rest);
        skipped.extend(lacking.iter().map(|target| format!("{} of {}", target, package.name)));
    }
    runs.insert(0, everything);
    runs
}

/// What `wasm-pack test` does, for one test target: wasm-pack compiles every target of the package for wasm first, also those that
/// only exist natively.
fn wasm_run(
    workspace: &Workspace,
    environment: &Environment,
    test: &WasmTest,
    host: WasmHost,
    options: &TestOptions,
) -> Command {
    let mut command = environment.command("cargo");
    command
        .args(["test", "--target", setup::WASM_TARGET, "--test", &test.test, "--"])
        .args(&options.filter)
        .env("CARGO_TARGET_DIR", workspace.target())
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
        .current_dir(workspace.root.join(&test.crate_folder));
    // Not WASM_BINDGEN_TEST_ONLY_NODE or _WEB, with which the runner skips, and succeeds, where a test names no host or another.
    if host == WasmHost::Chrome {
        command.env("WASM_BINDGEN_USE_BROWSER", "1").env("CHROMEDRIVER", "chromedriver");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Metadata, Package, Target};

    fn package(name: &str, tests: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            manifest_path: format!("/w/{name}/Cargo.toml").into(),
            dependencies: Vec::new(),
            targets: tests
                .iter()
                .map(|name| Target { name: (*name).to_owned(), kind: vec!["test".to_owned()] })
                .collect(),
        }
    }

    fn runs(left_out: &[&str]) -> (Vec<String>, Vec<String>) {
        let workspace = Workspace {
            root: "/w".into(),
            metadata: Metadata {
                packages: vec![
                    package("waver-core", &["vectors"]),
                    package("waver-tests", &["browser_shop", "conformance", "crash"]),
                ],
                target_directory: "/w/target".into(),
            },
        };
        let mut skipped = Vec::new();
        let runs = native_runs(&workspace, left_out, &mut skipped);
        (runs.iter().map(|run| run.join(" ")).collect(), skipped)
    }

    #[test]
    fn a_failed_command_is_told_and_the_next_still_runs() {
        let mut outcome = Outcome::default();
        assert!(!outcome.passes(&mut Command::new("false")));
        assert!(outcome.passes(&mut Command::new("true")));
        assert_eq!(outcome.failed, ["`false` failed (exit status: 1)"]);
    }

    #[test]
    fn with_everything_there_it_is_plain_cargo_test() {
        assert_eq!(runs(&[]), (vec!["test --workspace --no-fail-fast".to_owned()], Vec::new()));
    }

    #[test]
    fn without_a_browser_everything_else_runs_and_what_does_not_is_named() {
        let (runs, skipped) = runs(&[BROWSER_TARGETS]);
        assert_eq!(
            runs,
            [
                "test --workspace --no-fail-fast --exclude waver-tests",
                "test --package waver-tests --no-fail-fast --lib --bins --test conformance --test crash"
            ]
        );
        assert_eq!(skipped, ["browser_shop of waver-tests"]);
    }
}
