//! A compiler that can link wasm. On most machines rustup brings it. Where rustup cannot download, Debian's compiler stands in
//! for the wasm crates alone, by rustup's directory overrides; everything native stays on the person's own compiler.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::debian_compiler;
use super::rustup::Rustup;
use super::system_packages::{Installer, Requirement};
use crate::environment::Environment;
use crate::process;
use crate::progress::Step;
use crate::recipe::Recipe;
use crate::workspace::Workspace;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// Name under which rustup knows Debian's compiler.
const STAND_IN: &str = "waver-wasm";

static RUST_TARGET: Requirement = Requirement {
    what: "a Rust compiler with the target wasm32-unknown-unknown",
    without_it: "nothing for the browser can be built; rustup from https://rustup.rs can add it",
    stops_build: true,
    packages: &[],
    present: |_| false,
};

/// The compiler that will be used, in words; or what has to be installed first.
///
/// # Errors
/// Something that should work failed.
pub(super) fn ensure(
    workspace: &Workspace,
    environment: &Environment,
    installer: &Installer,
    cache: &Path,
    step: &Step,
) -> Result<Result<String, &'static Requirement>> {
    let root = &workspace.root;
    let folders = wasm_folders(workspace)?;
    let rustup = Rustup::find(environment);

    if links(environment, root) {
        remove_stand_in(rustup.as_ref(), &folders)?;
        return in_every_folder(environment, &folders).map(Ok);
    }
    let Some(rustup) = rustup else {
        return Ok(Err(&RUST_TARGET));
    };
    if has_stand_in(&rustup, &folders)? && folders.iter().all(|folder| links(environment, folder)) {
        return in_every_folder(environment, &folders).map(Ok);
    }

    step.doing(&format!("rustup target add {TARGET}"));
    let added = rustup.add_target(root, TARGET);
    if added.is_ok() && links(environment, root) {
        remove_stand_in(Some(&rustup), &folders)?;
        return in_every_folder(environment, &folders).map(Ok);
    }

    step.doing("rustup cannot provide the target here, so Debian's compiler stands in for the wasm crates");
    let missing = installer.provide(environment, step, &[&debian_compiler::COMPILER])?;
    if let Some(requirement) = missing.first() {
        return Ok(Err(requirement));
    }
    let sysroot = debian_compiler::sysroot(environment, installer, root, cache, step)?;
    rustup.link(STAND_IN, &sysroot)?;
    for folder in &folders {
        if may_stand_in(rustup.override_of(folder)?.as_deref()) {
            rustup.set_override(folder, STAND_IN)?;
        }
    }
    in_every_folder(environment, &folders).map(Ok)
}

/// The folders of the crates that are compiled to wasm.
fn wasm_folders(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let recipe = Recipe::load(&workspace.root)?;
    let mut folders = vec![recipe.crate_folder];
    folders.extend(recipe.wasm_tests.into_iter().map(|test| test.crate_folder));
    folders.sort();
    folders.dedup();
    Ok(folders.into_iter().map(|folder| workspace.root.join(folder)).collect())
}

/// The last word: the compiler of each folder links, whatever was done before.
fn in_every_folder(environment: &Environment, folders: &[PathBuf]) -> Result<String> {
    let mut compiler = String::new();
    for folder in folders {
        link(environment, folder).with_context(|| {
            format!(
                "the compiler that rustup has for {} cannot link {TARGET}; see `rustup override list`",
                folder.display()
            )
        })?;
        compiler = process::capture(environment.command("rustc").arg("--version").current_dir(folder))?;
    }
    Ok(format!("{} links it", compiler.trim()))
}

fn has_stand_in(rustup: &Rustup, folders: &[PathBuf]) -> Result<bool> {
    for folder in folders {
        if is_stand_in(rustup.override_of(folder)?.as_deref()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The stand-in goes as soon as it is not needed; what a person set stays.
fn remove_stand_in(rustup: Option<&Rustup>, folders: &[PathBuf]) -> Result<()> {
    let Some(rustup) = rustup else { return Ok(()) };
    for folder in folders {
        if is_stand_in(rustup.override_of(folder)?.as_deref()) {
            rustup.unset_override(folder)?;
        }
    }
    Ok(())
}

fn is_stand_in(current: Option<&str>) -> bool {
    current == Some(STAND_IN)
}

/// Only where nobody else has decided.
fn may_stand_in(current: Option<&str>) -> bool {
    current.is_none() || is_stand_in(current)
}

fn links(environment: &Environment, folder: &Path) -> bool {
    link(environment, folder).is_ok()
}

/// Links a small module with the compiler of this folder: a target that is listed may still lack its standard library or linker.
fn link(environment: &Environment, folder: &Path) -> Result<()> {
    const SOURCE: &str =
        "#[unsafe(no_mangle)] pub extern \"C\" fn digits(n: u32) -> u32 { n.to_string().len() as u32 }";
    let scratch = std::env::temp_dir().join(format!("waver-link-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let source = scratch.join("link.rs");
    std::fs::write(&source, SOURCE)?;
    let result = process::capture(
        environment
            .command("rustc")
            .args(["--target", TARGET, "--crate-type", "cdylib", "--edition", "2024"])
            .args(["-C", "panic=abort", "-o"])
            .arg(scratch.join("link.wasm"))
            .arg(&source)
            .current_dir(folder),
    );
    std::fs::remove_dir_all(&scratch)?;
    result.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_never_displaces_a_persons_own_override() {
        assert!(may_stand_in(None));
        assert!(may_stand_in(Some(STAND_IN)));
        assert!(!may_stand_in(Some("nightly-x86_64-unknown-linux-gnu")));
        assert!(!is_stand_in(Some("nightly-x86_64-unknown-linux-gnu")));
    }
}
