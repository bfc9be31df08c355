//! The native programs: the collector, and the simulator with the demo shop's web server.

use std::path::PathBuf;

use anyhow::Result;

use crate::environment::Environment;
use crate::process;
use crate::workspace::Workspace;

/// Builds both and returns the folder they are in. The tests across crates ask cargo for the same and then find it done.
///
/// # Errors
/// They do not compile.
pub(crate) fn build(workspace: &Workspace, environment: &Environment, release: bool) -> Result<PathBuf> {
    let mut command = environment.native_cargo();
    command.args(["build", "--package", "waver", "--package", "waver-sim", "--bins"]);
    if release {
        command.arg("--release");
    }
    process::run(command.current_dir(&workspace.root))?;
    Ok(workspace.target().join(if release { "release" } else { "debug" }))
}
