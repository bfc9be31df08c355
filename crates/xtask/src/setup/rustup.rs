//! The few things asked of rustup.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::environment::Environment;
use crate::process;

/// A machine without network must not wait for long.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(180);

pub(crate) struct Rustup<'a> {
    environment: &'a Environment,
}

impl<'a> Rustup<'a> {
    /// `None` where the compiler came another way.
    pub(crate) fn find(environment: &'a Environment) -> Option<Self> {
        environment.find_program("rustup")?;
        Some(Self { environment })
    }

    /// Adds a target to the compiler that `folder` uses.
    ///
    /// # Errors
    /// It cannot be downloaded, or not in time.
    pub(crate) fn add_target(&self, folder: &Path, target: &str) -> Result<()> {
        process::run_within(
            self.environment.command("rustup").args(["target", "add", target]).current_dir(folder),
            DOWNLOAD_LIMIT,
        )
    }

    /// Adds a component to the compiler that `folder` uses.
    ///
    /// # Errors
    /// It cannot be downloaded, or not in time.
    pub(crate) fn add_component(&self, folder: &Path, component: &str) -> Result<()> {
        process::run_within(
            self.environment.command("rustup").args(["component", "add", component]).current_dir(folder),
            DOWNLOAD_LIMIT,
        )
    }

    /// Makes the compiler in `sysroot` known under `name`, in place of an older one of that name.
    ///
    /// # Errors
    /// rustup refuses it.
    pub(crate) fn link(&self, name: &str, sysroot: &Path) -> Result<()> {
        process::capture(self.environment.command("rustup").args(["toolchain", "link", name]).arg(sysroot)).map(drop)
    }

    /// The compiler that a person or this program set for exactly this folder.
    ///
    /// # Errors
    /// rustup cannot say.
    pub(crate) fn override_of(&self, folder: &Path) -> Result<Option<String>> {
        let list = process::capture(self.environment.command("rustup").args(["override", "list"]))?;
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        Ok(override_in(&list, &folder.to_string_lossy()))
    }

    /// # Errors
    /// rustup refuses it.
    pub(crate) fn set_override(&self, folder: &Path, name: &str) -> Result<()> {
        process::capture(self.environment.command("rustup").args(["override", "set", name, "--path"]).arg(folder))
            .map(drop)
    }

    /// # Errors
    /// rustup refuses it.
    pub(crate) fn unset_override(&self, folder: &Path) -> Result<()> {
        process::capture(self.environment.command("rustup").args(["override", "unset", "--path"]).arg(folder)).map(drop)
    }
}

/// `rustup override list` prints `folder`, blanks, a tab, `toolchain`, blanks.
fn override_in(list: &str, folder: &str) -> Option<String> {
    list.lines()
        .filter_map(|line| line.split_once('\t'))
        .find(|(overridden, _)| overridden.trim_end() == folder)
        .map(|(_, toolchain)| toolchain.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_belongs_to_exactly_its_folder() {
        let list = "/w/crates/runtime        \twaver-wasm          \n/w/my clone/tests\tnightly-x86_64\n";
        assert_eq!(override_in(list, "/w/crates/runtime").as_deref(), Some("waver-wasm"));
        assert_eq!(override_in(list, "/w/my clone/tests").as_deref(), Some("nightly-x86_64"));
        for other in ["/w", "/w/crates", "/w/crates/runtime/src", "/w/my"] {
            assert_eq!(override_in(list, other), None, "{other}");
        }
        assert_eq!(override_in("no overrides\n", "/w"), None);
    }
}
