//! `cargo xtask bench`: builds the collector as it is released and measures its limits; `cargo xtask bench browser` does so for the browser module.
//!
//! The bench of the collector is `server/benches/collector`, which cargo gives the release binary; the example of `waver-store` measures the log
//! alone. That of the module is an example of the tests, which have the browser and the hands.

use anyhow::{Result, bail};

use crate::arguments::{BenchOptions, BrowserBenchOptions, Purpose, SetupOptions};
use crate::build;
use crate::environment::Environment;
use crate::process;
use crate::recipe::Profile;
use crate::setup;
use crate::workspace::Workspace;

/// Where the figures of the last run are kept, in the repository.
const REPORT: &str = "docs/benchmarks.md";

/// # Errors
/// It cannot be built, or a measurement failed.
pub(crate) fn command(workspace: &Workspace, environment: &Environment, options: &BenchOptions) -> Result<()> {
    let mut example = environment.native_cargo();
    example.args(["build", "--release", "--package", "waver-store", "--example", "group_commit"]);
    process::run(example.current_dir(&workspace.root))?;

    let mut bench = environment.native_cargo();
    bench.args(["bench", "--package", "waver", "--bench", "collector", "--", "collector"]);
    bench.arg("--group-commit").arg(workspace.target().join("release/examples/group_commit"));
    bench.arg("--folder").arg(workspace.target().join("bench"));
    // A small run is for looking whether it works, and its figures are not kept.
    if options.sessions.is_none() && options.events.is_none() {
        bench.arg("--report").arg(workspace.root.join(REPORT));
    }
    for (option, value) in [("--sessions", options.sessions), ("--events", options.events)] {
        if let Some(value) = value {
            bench.arg(option).arg(value.to_string());
        }
    }
    if options.json {
        bench.arg("--json");
    }
    process::run(bench.current_dir(&workspace.root))
}

/// # Errors
/// There is no browser, something cannot be built, or a measurement failed.
pub(crate) fn browser(workspace: &Workspace, environment: Environment, options: &BrowserBenchOptions) -> Result<()> {
    let machine = setup::ensure(workspace, environment, &SetupOptions { purpose: Purpose::Test, yes: options.yes })?;
    machine.require_build_tools()?;
    if !machine.has_browser() {
        bail!("there is no browser to measure in\n{}", machine.missing_report());
    }
    build::run(workspace, &machine.environment, Profile::Release)?;

    let mut bench = machine.environment.native_cargo();
    bench.args(["run", "--quiet", "--package", "waver-tests", "--example", "browser_bench", "--"]);
    match options.callbacks {
        // A small run is for looking whether it works, and its figures are not kept.
        Some(callbacks) => bench.arg("--callbacks").arg(callbacks.to_string()),
        None => bench.arg("--report").arg(workspace.root.join(REPORT)),
    };
    if options.json {
        bench.arg("--json");
    }
    process::run(bench.current_dir(&workspace.root))
}
