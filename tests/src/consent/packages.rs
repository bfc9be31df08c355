//! The packages from npm that stand on the pages: in `tests/cmp/`, with a lock, and part of the tests alone.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::workspace::root;

/// The folder of pages and packages.
pub(crate) fn folder() -> PathBuf {
    root().join("tests/cmp")
}

/// The version of a package as locked.
///
/// # Errors
/// When the lock does not name it.
pub fn version(package: &str) -> Result<String> {
    let path = folder().join("package-lock.json");
    let lock: Value = serde_json::from_slice(&std::fs::read(&path).with_context(|| path.display().to_string())?)?;
    let version = lock["packages"][format!("node_modules/{package}")]["version"].as_str();
    Ok(version.with_context(|| format!("{package} is not in {}", path.display()))?.to_owned())
}

/// Bundles the pages' scripts that import packages, into a folder of this run alone.
///
/// # Errors
/// When the packages are not installed, or do not bundle.
pub async fn bundle() -> Result<TempDir> {
    let modules = folder().join("node_modules");
    ensure!(modules.exists(), "{} is missing: run `cargo xtask setup --for test`", modules.display());
    let into = tempfile::tempdir()?;
    let mut esbuild = tokio::process::Command::new(root().join("www/node_modules/.bin/esbuild"));
    for page in std::fs::read_dir(folder().join("pages"))? {
        let page = page?.path();
        if std::fs::read_to_string(&page)?.contains("\nimport ") {
            esbuild.arg(page);
        }
    }
    esbuild.args(["--bundle", "--format=iife", "--log-level=error", "--define:process.env.NODE_ENV=\"production\""]);
    esbuild.arg(format!("--outdir={}", into.path().display())).stdin(Stdio::null());
    let bundled = esbuild.status().await.context("starting esbuild; `cargo xtask setup` installs it")?;
    ensure!(bundled.success(), "esbuild could not bundle the pages");
    Ok(into)
}
