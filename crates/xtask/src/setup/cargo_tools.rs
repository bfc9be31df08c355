//! Programs that cargo installs: wasm-pack, the wasm-bindgen command line, which must be exactly the version of the crate in `Cargo.lock`, and for
//! tests geckodriver.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::environment::Environment;
use crate::process;
use crate::progress::Step;
use crate::workspace::Workspace;

const WASM_PACK: &str = "0.15.1";
const GECKODRIVER: &str = "0.37.1";

struct Tool {
    /// Name of the package that cargo installs.
    package: &'static str,
    version: String,
    /// The first one answers `--version`; all of them have to be there.
    programs: &'static [&'static str],
    options: &'static [&'static str],
}

pub(super) struct Found {
    pub(super) summary: String,
    /// Folders in the cache that are now on the `PATH` of the environment.
    pub(super) private_folders: Vec<PathBuf>,
}

/// Puts both tools on the `PATH` of `environment`: as found, from the cache, or newly compiled into the cache.
///
/// # Errors
/// `Cargo.lock` does not say the version, or a tool cannot be compiled.
pub(super) fn ensure(workspace: &Workspace, environment: &mut Environment, cache: &Path, step: &Step) -> Result<Found> {
    let path = workspace.root.join("Cargo.lock");
    let lock = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let tools = [
        Tool {
            package: "wasm-bindgen-cli",
            version: locked_version(&lock, "wasm-bindgen")?,
            programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
            // Its lock may name versions that a mirror does not have yet; its defaults are TLS for a feature nobody uses here.
            options: &["--no-default-features"],
        },
        Tool { package: "wasm-pack", version: WASM_PACK.to_owned(), programs: &["wasm-pack"], options: &["--locked"] },
    ];
    let mut private_folders = Vec::new();
    for tool in &tools {
        private_folders.extend(tool.ensure(workspace, environment, cache, step)?);
    }
    let summary = tools.iter().map(|tool| format!("{} {}", tool.package, tool.version)).collect::<Vec<_>>().join(", ");
    Ok(Found { summary, private_folders })
}

/// Puts geckodriver on the `PATH` of `environment`. It is a tool of tests and no part of the product, so a machine that cannot compile it goes
/// without; gives whether it is there.
pub(super) fn ensure_geckodriver(
    workspace: &Workspace,
    environment: &mut Environment,
    cache: &Path,
    step: &Step,
) -> bool {
    let tool = Tool {
        package: "geckodriver",
        version: GECKODRIVER.to_owned(),
        programs: &["geckodriver"],
        options: &["--locked"],
    };
    // Whatever version a person has of it serves.
    if environment.find_program("geckodriver").is_some() {
        return true;
    }
    match tool.ensure(workspace, environment, cache, step) {
        Ok(_) => true,
        Err(error) => {
            println!("{error:#}");
            false
        }
    }
}

impl Tool {
    /// Puts it on the `PATH`, and gives the folder in the cache if it is there.
    fn ensure(
        &self,
        workspace: &Workspace,
        environment: &mut Environment,
        cache: &Path,
        step: &Step,
    ) -> Result<Option<PathBuf>> {
        if self.is_on_path(environment) {
            return Ok(None);
        }
        let home = cache.join(format!("{}-{}", self.package, self.version));
        let bin = home.join("bin");
        let mut extended = environment.clone();
        extended.prepend_path(&bin);
        if !self.is_on_path(&extended) {
            let objects = cache.join("tools-build");
            step.doing(&format!("compiling {} {} once, about a minute", self.package, self.version));
            self.install(workspace, environment, &home, &objects)?;
            if objects.exists() {
                std::fs::remove_dir_all(&objects).with_context(|| format!("cannot remove {}", objects.display()))?;
            }
            if !self.is_on_path(&extended) {
                bail!("{} was installed into {} but does not run", self.package, bin.display());
            }
        }
        *environment = extended;
        Ok(Some(bin))
    }

    fn is_on_path(&self, environment: &Environment) -> bool {
        let expected = format!("{} {}", self.programs[0], self.version);
        self.programs.iter().all(|program| environment.find_program(program).is_some())
            && environment
                .find_program(self.programs[0])
                .and_then(|program| process::capture(environment.command(program).arg("--version")).ok())
                .is_some_and(|version| version.lines().next().unwrap_or_default().starts_with(&expected))
    }

    /// Without optimisation: these tools run for a moment, and an optimised build takes three times as long as it ever saves.
    fn install(&self, workspace: &Workspace, environment: &Environment, home: &Path, objects: &Path) -> Result<()> {
        let install = |options: &[&str]| {
            process::run(
                environment
                    .native_cargo()
                    .args(["install", "--debug", "--force", self.package, "--version"])
                    .arg(format!("={}", self.version))
                    .args(options)
                    .arg("--root")
                    .arg(home)
                    .env("CARGO_PROFILE_DEV_DEBUG", "0")
                    .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
                    .env("CARGO_TARGET_DIR", objects)
                    .env_remove("CARGO_BUILD_TARGET")
                    .env_remove("RUSTFLAGS")
                    .current_dir(&workspace.root),
            )
        };
        install(self.options).or_else(|error| {
            // A mirror may lag behind the exact versions of a lock, but have others that serve.
            if self.options.contains(&"--locked") {
                return install(&[]);
            }
            Err(error)
        })
    }
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    name: String,
    version: String,
}

/// The one version of a package in a `Cargo.lock`.
///
/// # Errors
/// The lock cannot be understood, or has the package not at all or more than once.
fn locked_version(lock: &str, name: &str) -> Result<String> {
    let lock: Lock = toml::from_str(lock).context("cannot understand Cargo.lock")?;
    let versions: Vec<String> =
        lock.package.into_iter().filter(|package| package.name == name).map(|package| package.version).collect();
    match versions.as_slice() {
        [version] => Ok(version.clone()),
        [] => bail!("Cargo.lock has no {name}"),
        several => bail!("Cargo.lock has {name} more than once: {}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\
        [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\ndependencies = [\"cfg-if\"]\n\
        [[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.2.129\"\n\
        [[package]]\nname = \"syn\"\nversion = \"2.0.1\"\n\
        [[package]]\nname = \"syn\"\nversion = \"3.0.9\"\n";

    #[test]
    fn the_version_is_the_one_of_exactly_that_package() {
        assert_eq!(locked_version(LOCK, "wasm-bindgen").expect("version"), "0.2.130");
    }

    #[test]
    fn a_package_that_is_missing_or_ambiguous_is_an_error() {
        let error = locked_version(LOCK, "js-sys").expect_err("missing");
        assert_eq!(error.to_string(), "Cargo.lock has no js-sys");
        let error = locked_version(LOCK, "syn").expect_err("twice");
        assert!(error.to_string().contains("2.0.1, 3.0.9"), "{error}");
    }
}
