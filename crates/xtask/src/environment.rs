//! How a child process is started: `cargo xtask` inherits variables from cargo and rustup that would follow it into every
//! compiler call below, above all `RUSTUP_TOOLCHAIN`, which beats the directory overrides that [`crate::setup`] relies on.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set by cargo or rustup for this process alone.
const LEAKED: [&str; 9] = [
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "RUST_RECURSION_COUNT",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_TOOLCHAIN_SOURCE",
];
const LEAKED_PREFIX: &str = "CARGO_PKG_";
/// Cargo and rustup prepend their own library folders here; another compiler must not load from them.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// What children inherit, and what is added to their `PATH`.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    removed: Vec<String>,
    library_path: Option<OsString>,
    /// The compiler asked for by name, as in `cargo +nightly xtask test`; native builds keep it.
    chosen_toolchain: Option<OsString>,
    path: OsString,
}

impl Environment {
    /// This process's own environment, without what leaked into it.
    pub(crate) fn inherited() -> Self {
        let variable = |name: &str| std::env::var_os(name);
        let rustup_home = variable("RUSTUP_HOME").map(PathBuf::from);
        Self {
            removed: std::env::vars_os()
                .filter_map(|(name, _)| name.into_string().ok())
                .filter(|name| is_leaked(name))
                .collect(),
            library_path: variable(LIBRARY_PATH)
                .and_then(|value| without_toolchain_folders(&value, rustup_home.as_deref())),
            chosen_toolchain: chosen_toolchain(
                variable("RUSTUP_TOOLCHAIN"),
                variable("RUSTUP_TOOLCHAIN_SOURCE").as_deref(),
            ),
            path: variable("PATH").unwrap_or_default(),
        }
    }

    /// A command whose compiler, if it calls one, is the one rustup has for the directory it runs in.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for name in &self.removed {
            command.env_remove(name);
        }
        match &self.library_path {
            Some(value) => command.env(LIBRARY_PATH, value),
            None => command.env_remove(LIBRARY_PATH),
        };
        command.env("PATH", &self.path);
        command
    }

    /// `cargo` for native code: it keeps the compiler that was asked for by name, if one was.
    pub(crate) fn native_cargo(&self) -> Command {
        let mut command = self.command("cargo");
        if let Some(toolchain) = &self.chosen_toolchain {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        command
    }

    /// Puts a folder in front of the children's `PATH`.
    pub(crate) fn prepend_path(&mut self, folder: &Path) {
        let rest = std::env::split_paths(&self.path).filter(|known| known != folder);
        if let Ok(path) = std::env::join_paths(std::iter::once(folder.to_path_buf()).chain(rest)) {
            self.path = path;
        }
    }

    /// Where the children's `PATH` has this program.
    pub(crate) fn find_program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
    }
}

fn is_leaked(name: &str) -> bool {
    LEAKED.contains(&name) || name.starts_with(LEAKED_PREFIX)
}

/// rustup sets `RUSTUP_TOOLCHAIN` always, and says in `RUSTUP_TOOLCHAIN_SOURCE` (since 1.29) whether a person had asked for it.
fn chosen_toolchain(toolchain: Option<OsString>, source: Option<&OsStr>) -> Option<OsString> {
    let asked_for = source.is_some_and(|source| source == "cli" || source == "env");
    toolchain.filter(|_| asked_for)
}

fn without_toolchain_folders(value: &OsStr, rustup_home: Option<&Path>) -> Option<OsString> {
    let kept: Vec<PathBuf> = std::env::split_paths(value)
        .filter(|folder| !rustup_home.is_some_and(|home| folder.starts_with(home)))
        .filter(|folder| !folder.ends_with("xtask") && !folder.ends_with("deps") && !folder.as_os_str().is_empty())
        .collect();
    if kept.is_empty() {
        return None;
    }
    std::env::join_paths(kept).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_sets_for_one_process_is_leaked_and_what_people_set_is_not() {
        for leaked in ["RUSTUP_TOOLCHAIN", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
            assert!(is_leaked(leaked), "{leaked}");
        }
        for kept in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_PROFILE_DEV_DEBUG",
            "RUSTUP_HOME",
            "RUSTUP_DIST_SERVER",
            "RUSTFLAGS",
        ] {
            assert!(!is_leaked(kept), "{kept}");
        }
    }

    #[test]
    fn only_a_compiler_that_a_person_asked_for_is_kept() {
        let nightly = || Some(OsString::from("nightly"));
        for source in ["cli", "env"] {
            assert_eq!(chosen_toolchain(nightly(), Some(source.as_ref())), nightly());
        }
        for source in ["default", "path-override", "toolchain-file"] {
            assert_eq!(chosen_toolchain(nightly(), Some(source.as_ref())), None);
        }
        assert_eq!(chosen_toolchain(nightly(), None), None);
    }

    #[test]
    fn library_folders_of_the_toolchain_and_of_this_build_go_and_others_stay() {
        let home = Path::new("/r");
        let cleaned = |value: &str| without_toolchain_folders(value.as_ref(), Some(home));
        assert_eq!(
            cleaned("/w/target/xtask:/w/target/xtask/deps:/r/toolchains/stable/lib:/opt/lib"),
            Some("/opt/lib".into())
        );
        assert_eq!(cleaned("/w/target/xtask:/r/toolchains/stable/lib"), None);
    }
}
