//! `cargo xtask setup`: from a bare machine to one that can build, show and test Waver. Every step looks first and acts only
//! if it must, so that a second run takes a second.

mod browser;
mod cargo_tools;
mod debian_compiler;
mod node;
mod rustup;
mod schemathesis;
mod system_packages;
mod wasm_target;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::arguments::{Purpose, SetupOptions};
use crate::environment::Environment;
use crate::process;
use crate::progress::Progress;
use crate::workspace::Workspace;
use rustup::Rustup;
use system_packages::{Installer, Requirement};
pub(crate) use wasm_target::TARGET as WASM_TARGET;

/// A machine that was looked at: what it has is on the `PATH` of `environment`, what it lacks is in `missing`.
pub(crate) struct Machine {
    pub(crate) environment: Environment,
    missing: Vec<&'static Requirement>,
    has_schemathesis: bool,
    has_geckodriver: bool,
    /// Folders in the user's cache that hold wasm-pack or wasm-bindgen, because the person's own `PATH` does not.
    private_tools: Vec<PathBuf>,
}

impl Machine {
    /// # Errors
    /// Something that the build cannot do without is missing.
    pub(crate) fn require_build_tools(&self) -> Result<()> {
        if self.missing.iter().any(|missing| missing.stops_build) {
            bail!("cannot build here yet\n{}", self.missing_report());
        }
        Ok(())
    }

    /// Whether a browser can be driven.
    pub(crate) fn has_browser(&self) -> bool {
        (browser::BROWSER.present)(&self.environment)
    }

    /// Whether Firefox can be driven.
    pub(crate) fn has_firefox(&self) -> bool {
        self.has_geckodriver && (browser::FIREFOX.present)(&self.environment)
    }

    /// Whether the HTTP API can be checked against its own document.
    pub(crate) fn has_schemathesis(&self) -> bool {
        self.has_schemathesis
    }

    /// What is missing, why that matters, and the one line that installs all of it.
    pub(crate) fn missing_report(&self) -> String {
        system_packages::report(&self.missing)
    }
}

/// # Errors
/// A step failed, or something is missing that this program may not install.
pub(crate) fn command(workspace: &Workspace, environment: Environment, options: &SetupOptions) -> Result<()> {
    let machine = ensure(workspace, environment, options)?;
    if !machine.missing.is_empty() {
        bail!("set-up is not complete\n{}", machine.missing_report());
    }
    if let Ok(path) = std::env::join_paths(&machine.private_tools)
        && !path.is_empty()
    {
        println!("To call wasm-pack by hand: export PATH=\"{}:$PATH\"", path.display());
    }
    Ok(())
}

/// Brings the machine as far as this program may.
///
/// # Errors
/// A step failed. Something that is only missing is no error here.
pub(crate) fn ensure(workspace: &Workspace, mut environment: Environment, options: &SetupOptions) -> Result<Machine> {
    let mut progress = Progress::new("setup", if options.purpose == Purpose::Test { 6 } else { 4 });
    let installer = Installer::new(&environment, options.yes);
    let cache = cache_folder()?;

    let step = progress.step("system packages");
    let needed: &[&'static Requirement] = match options.purpose {
        Purpose::Demo => &[&node::NODE],
        Purpose::Test => &[&node::NODE, &browser::BROWSER, &browser::FIREFOX],
    };
    let mut missing = installer.provide(&environment, &step, needed)?;
    step.done(&system_packages::summary(needed, &missing));

    let step = progress.step("wasm target");
    match wasm_target::ensure(workspace, &environment, &installer, &cache, &step)? {
        Ok(compiler) => step.done(&compiler),
        Err(requirement) => {
            step.done("missing");
            missing.push(requirement);
        }
    }

    let step = progress.step("wasm-pack");
    let tools = cargo_tools::ensure(workspace, &mut environment, &cache, &step)?;
    step.done(&tools.summary);

    let step = progress.step("npm packages");
    if missing.contains(&&node::NODE) {
        step.done("skipped, since Node.js is missing");
    } else {
        let mut packages = node::install_packages(workspace, &mut environment, &step)?;
        if options.purpose == Purpose::Test {
            packages =
                format!("{packages}; for tests {}", node::install_test_packages(workspace, &environment, &step)?);
        }
        step.done(&packages);
    }

    let (mut has_schemathesis, mut has_geckodriver) = (false, false);
    if options.purpose == Purpose::Test {
        let step = progress.step("geckodriver");
        has_geckodriver = cargo_tools::ensure_geckodriver(workspace, &mut environment, &cache, &step);
        step.done(if has_geckodriver { "found" } else { "missing, so Firefox is not driven" });

        let step = progress.step("schemathesis");
        has_schemathesis = schemathesis::ensure(workspace, &environment, &cache, &step)?;
        step.done(if has_schemathesis {
            "found"
        } else {
            "missing, so the HTTP API is not checked against its document"
        });
    }

    Ok(Machine { environment, missing, has_schemathesis, has_geckodriver, private_tools: tools.private_folders })
}

/// `${XDG_CACHE_HOME:-~/.cache}/waver`: what several clones share.
fn cache_folder() -> Result<PathBuf> {
    let folder = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let folder = folder.join("waver");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// A component of the folder's compiler, such as rustfmt: added with rustup where it is missing.
///
/// # Errors
/// It is not there and cannot be added.
pub(crate) fn ensure_component(environment: &Environment, folder: &Path, component: &str) -> Result<()> {
    let present = |component: &str| {
        let command = if component == "rustfmt" { "fmt" } else { component };
        process::capture(environment.command("cargo").args([command, "--version"]).current_dir(folder)).is_ok()
    };
    if present(component) {
        return Ok(());
    }
    if let Some(rustup) = Rustup::find(environment) {
        rustup.add_component(folder, component)?;
    }
    if !present(component) {
        bail!("{component} is missing; install it beside the compiler");
    }
    Ok(())
}
