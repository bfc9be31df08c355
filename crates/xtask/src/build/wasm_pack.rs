//! Calls wasm-pack.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Build;
use crate::process;
use crate::recipe::Profile;

/// Builds the crate of the recipe for one target of wasm-pack and returns the folder with the result.
///
/// # Errors
/// wasm-pack failed.
pub(super) fn build(build: &Build, target: &str) -> Result<PathBuf> {
    let workspace = build.workspace;
    let folder = workspace.target().join("wasm-pack").join(target);
    super::files::empty_folder(&folder)?;
    let mut command = build.environment.command("wasm-pack");
    command
        .args(["build", "--mode", "no-install", "--no-pack"])
        .args(["--target", target, "--out-name", &build.recipe.name])
        .arg("--out-dir")
        .arg(&folder);
    match build.profile {
        Profile::Release => command.args(["--profile", build.recipe.cargo_profile(build.profile)]),
        Profile::Dev => command.arg("--dev"),
    };
    command
        .env("CARGO_TARGET_DIR", workspace.target())
        .env("CARGO_ENCODED_RUSTFLAGS", remapped_paths(build)?)
        .current_dir(workspace.root.join(&build.recipe.crate_folder));
    process::run(&mut command)?;
    Ok(folder)
}

/// Panic messages carry file names: without this the module of a shop would tell where its builder lives, and the same source
/// would give other bytes in another home.
fn remapped_paths(build: &Build) -> Result<String> {
    let cargo_home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cargo"),
    };
    Ok(format!(
        "--remap-path-prefix={}=/cargo\x1f--remap-path-prefix={}=/waver",
        cargo_home.display(),
        build.workspace.root.display()
    ))
}
