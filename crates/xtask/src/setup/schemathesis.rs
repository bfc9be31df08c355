//! schemathesis, which checks the HTTP API against its own document: in a Python environment of its own, where there is a Python to make one.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::environment::Environment;
use crate::process;
use crate::progress::Step;
use crate::workspace::Workspace;

/// Every package with its version. A copy of it in the folder says that the folder is complete.
const REQUIREMENTS: &str = "requirements.txt";

/// Whether schemathesis is in the cache, where the tests look for it, now. It is a check and no part of the product, so a machine without
/// Python, its `venv`, or a way to PyPI goes without, and the tests say so.
///
/// # Errors
/// The list of packages cannot be read, or the cache cannot be written.
pub(super) fn ensure(workspace: &Workspace, environment: &Environment, cache: &Path, step: &Step) -> Result<bool> {
    let required = workspace.root.join("tests/api").join(REQUIREMENTS);
    let list = fs::read_to_string(&required).with_context(|| format!("cannot read {}", required.display()))?;
    let folder = cache.join("schemathesis");
    let complete = folder.join(REQUIREMENTS);
    if fs::read_to_string(&complete).is_ok_and(|installed| installed == list) {
        return Ok(true);
    }
    let Some(python) = environment.find_program("python3") else { return Ok(false) };
    step.doing("fetching it into a Python environment of its own, once");
    remove(&folder)?;
    let made = process::capture(environment.command(python).args(["-m", "venv"]).arg(&folder)).and_then(|_| {
        let mut pip = environment.command(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&required);
        process::capture(&mut pip)
    });
    if let Err(error) = made {
        println!("{error:#}");
        remove(&folder)?;
        return Ok(false);
    }
    fs::write(&complete, list).with_context(|| format!("cannot write {}", complete.display()))?;
    Ok(true)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
