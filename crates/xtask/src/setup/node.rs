//! Node.js, which only builds: esbuild, wasm-opt and the size measurements run in it.

use std::path::Path;

use anyhow::{Context, Result};

use super::system_packages::Requirement;
use crate::digest;
use crate::environment::Environment;
use crate::process;
use crate::progress::Step;
use crate::workspace::Workspace;

/// Oldest major version that esbuild runs on.
const OLDEST: u32 = 18;
/// In `node_modules`: the digest of the manifest and the lock that it was installed from.
const STAMP: &str = ".waver-installed-from";

pub(crate) static NODE: Requirement = Requirement {
    what: "Node.js 18 or newer with npm",
    without_it: "nothing for the browser can be built",
    stops_build: true,
    packages: &["nodejs", "npm"],
    present,
};

fn present(environment: &Environment) -> bool {
    environment.find_program("npm").is_some()
        && process::capture(environment.command("node").arg("--version"))
            .is_ok_and(|version| major(&version).is_some_and(|major| major >= OLDEST))
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Installs exactly what `www/package-lock.json` names, and puts its programs on the `PATH`.
///
/// # Errors
/// The lock is missing or npm failed.
pub(crate) fn install_packages(workspace: &Workspace, environment: &mut Environment, step: &Step) -> Result<String> {
    let www = workspace.root.join("www");
    environment.prepend_path(&www.join("node_modules/.bin"));
    install_into(&www, environment, step)
}

/// The same for the consent tools and trackers that stand on pages of tests.
///
/// # Errors
/// As [`install_packages`].
pub(crate) fn install_test_packages(workspace: &Workspace, environment: &Environment, step: &Step) -> Result<String> {
    install_into(&workspace.root.join("tests/cmp"), environment, step)
}

fn install_into(folder: &Path, environment: &Environment, step: &Step) -> Result<String> {
    let modules = folder.join("node_modules");
    let wanted = digest_of_lock(folder)?;
    let stamp = modules.join(STAMP);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok("as locked".to_owned());
    }
    step.doing("npm ci");
    // No package of ours needs an install script, so that none of theirs gets to run.
    process::run(
        environment
            .command("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder),
    )?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok("installed".to_owned())
}

fn digest_of_lock(folder: &Path) -> Result<String> {
    let mut contents = Vec::new();
    for name in ["package.json", "package-lock.json"] {
        let path = folder.join(name);
        contents.extend(std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    Ok(digest::hex(&contents))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20.20.2"), None);
    }
}
