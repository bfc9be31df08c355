//! `cargo xtask consent`: real consent tools in real browsers, and what Waver does beside them.
//!
//! The rows are in `tests/src/consent`; the program that runs them is the example of that package.

use anyhow::{Result, bail};

use crate::arguments::{ConsentOptions, Purpose, SetupOptions};
use crate::build;
use crate::environment::Environment;
use crate::process;
use crate::recipe::Profile;
use crate::setup;
use crate::workspace::Workspace;

/// Where the tables of the last whole run are kept, in the repository.
const REPORT: &str = "docs/consent-conformance.md";

/// # Errors
/// A row failed, or something cannot be built.
pub(crate) fn command(workspace: &Workspace, environment: Environment, options: &ConsentOptions) -> Result<()> {
    let machine = setup::ensure(workspace, environment, &SetupOptions { purpose: Purpose::Test, yes: options.yes })?;
    machine.require_build_tools()?;
    if !machine.has_browser() {
        bail!("there is no browser to try it in\n{}", machine.missing_report());
    }
    build::run(workspace, &machine.environment, Profile::Release)?;

    let mut run = machine.environment.native_cargo();
    run.args(["run", "--quiet", "--package", "waver-tests", "--example", "consent", "--"]);
    for (option, value) in &options.chosen {
        run.arg(option).arg(value);
    }
    if options.peers {
        run.arg("--peers");
    }
    if !machine.has_firefox() {
        println!("SKIPPED: Firefox\n{}", machine.missing_report());
        run.args(["--browser", "chromium"]);
    }
    if options.again {
        run.arg("--again");
    }
    // A part is for looking at that part, and is not kept unless that is asked for.
    if options.chosen.is_empty() || options.again {
        run.arg("--report").arg(workspace.root.join(REPORT));
    }
    process::run(run.current_dir(&workspace.root))
}
