//! What `cargo metadata` says about the members of the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::environment::Environment;
use crate::process;

#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package's own name, also where the manifest renames it.
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) features: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

impl Metadata {
    /// The members only, without their dependencies: no network, a tenth of a second.
    ///
    /// # Errors
    /// A manifest that cargo cannot read.
    pub(crate) fn load(environment: &Environment, root: &Path) -> Result<Self> {
        let json = process::capture(
            environment.native_cargo().args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(root),
        )?;
        Self::parse(&json)
    }

    pub(crate) fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).context("cannot read the answer of `cargo metadata`")
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The member in this folder.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn package_in(&self, folder: &Path) -> Result<&Package> {
        self.packages
            .iter()
            .find(|package| package.folder() == folder)
            .with_context(|| format!("no member of the workspace is in {}", folder.display()))
    }

    /// A member and the members it is built from, however indirectly; dev-dependencies are no part of that.
    pub(crate) fn built_from<'a>(&'a self, package: &'a Package) -> Vec<&'a Package> {
        let mut names = BTreeSet::new();
        let mut open = vec![package];
        while let Some(package) = open.pop() {
            if names.insert(package.name.as_str()) {
                open.extend(
                    package
                        .dependencies
                        .iter()
                        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
                        .filter_map(|dependency| self.package(&dependency.name)),
                );
            }
        }
        names.into_iter().filter_map(|name| self.package(name)).collect()
    }
}

impl Package {
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new("/"))
    }

    /// The names of its integration tests.
    pub(crate) fn test_targets(&self) -> impl Iterator<Item = &str> {
        self.targets
            .iter()
            .filter(|target| target.kind.iter().any(|kind| kind == "test"))
            .map(|target| target.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"target_directory":"/w/target","packages":[
        {"name":"shell","version":"0.1.0","manifest_path":"/w/crates/shell/Cargo.toml",
         "dependencies":[{"name":"brain","kind":null},{"name":"probe","kind":"dev"}],
         "targets":[{"name":"shell","kind":["cdylib"]},{"name":"dom","kind":["test"]}]},
        {"name":"brain","version":"0.1.0","manifest_path":"/w/crates/brain/Cargo.toml",
         "dependencies":[{"name":"words","kind":null},{"name":"serde","kind":null}]},
        {"name":"words","version":"0.1.0","manifest_path":"/w/crates/words/Cargo.toml","dependencies":[]},
        {"name":"probe","version":"0.1.0","manifest_path":"/w/crates/probe/Cargo.toml","dependencies":[]}]}"#;

    #[test]
    fn a_member_is_built_from_its_dependencies_and_not_from_its_tests() {
        let metadata = Metadata::parse(JSON).expect("metadata");
        let shell = metadata.package_in(Path::new("/w/crates/shell")).expect("shell");
        let names: Vec<_> = metadata.built_from(shell).iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["brain", "shell", "words"]);
        assert_eq!(shell.test_targets().collect::<Vec<_>>(), ["dom"]);
    }
}
