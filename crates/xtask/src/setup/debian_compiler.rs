//! Debian's Rust compiler as a toolchain with a wasm target. Debian packages no standard library for wasm that matches it, so it
//! is built here once, from Debian's own vendored source and without any network, into a private sysroot in the user's cache.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::system_packages::{Installer, Requirement};
use super::wasm_target::TARGET;
use crate::digest;
use crate::environment::Environment;
use crate::process;
use crate::progress::Step;

const BIN: &str = "/usr/bin";
const SOURCE: &str = "/usr/lib/rustlib/src/rust/library";

pub(super) static COMPILER: Requirement = Requirement {
    what: "Debian's Rust compiler with its source",
    without_it: "rustup could not download the wasm target, so nothing for the browser can be built",
    stops_build: true,
    packages: &["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "rustfmt-web"],
    present: |_| {
        ["rustc", "cargo", "cargo-clippy", "clippy-driver"].iter().all(|program| Path::new(BIN).join(program).is_file())
            && Path::new(SOURCE).join("vendor").is_dir()
    },
};

static LINKER: Requirement = Requirement {
    what: "the linker lld",
    without_it: "wasm cannot be linked",
    stops_build: true,
    packages: &["lld-19"],
    present: |_| system_linker().is_some(),
};

/// The sysroot, built if this version of the compiler has none yet.
///
/// # Errors
/// The standard library cannot be built, or no linker can be had.
pub(super) fn sysroot(
    environment: &Environment,
    installer: &Installer,
    root: &Path,
    cache: &Path,
    step: &Step,
) -> Result<PathBuf> {
    let version = process::capture(environment.command(program("rustc")).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    // Debian's upgrades change the version and with it the name, so that no stale library is ever linked.
    let sysroot = cache.join(format!("debian-rust-{}", &digest::hex(version.as_bytes())[..12]));
    // The linker is a link, perhaps into a toolchain that is gone by now.
    if sysroot.join(".complete").exists() && linker_in(&sysroot, host).exists() {
        return Ok(sysroot);
    }
    let linker = match rustup_linker(environment, root, host).or_else(system_linker) {
        Some(linker) => linker,
        None => {
            installer.provide(environment, step, &[&LINKER])?;
            system_linker()
                .with_context(|| format!("no linker for wasm: sudo apt-get install {}", LINKER.packages.join(" ")))?
        }
    };
    step.doing("building the standard library for wasm once, about a minute");
    // Built aside and renamed, so that an interrupted or a second run never leaves half a sysroot.
    let scratch = cache.join(format!("debian-rust-build-{}", std::process::id()));
    let _ = fs::remove_dir_all(&scratch);
    let build = scratch.join("build");
    let assembled = scratch.join("sysroot");
    build_library(environment, &build)?;
    assemble(&assembled, &sysroot, &build, host, &linker)?;
    fs::write(assembled.join(".complete"), "")?;
    let _ = fs::remove_dir_all(&sysroot);
    fs::rename(&assembled, &sysroot).with_context(|| format!("cannot create {}", sysroot.display()))?;
    fs::remove_dir_all(&scratch)?;
    Ok(sysroot)
}

/// Compiles std for wasm offline: crates-io is replaced by the vendored folder of Debian's source package.
fn build_library(environment: &Environment, folder: &Path) -> Result<()> {
    const MANIFEST: &str = "[package]\nname = \"library\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n[profile.release]\npanic = \"abort\"\n";
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), MANIFEST)?;
    fs::write(folder.join("src/lib.rs"), "#![no_std]\n")?;
    process::run(
        environment
            .command(program("cargo"))
            .args(["build", "--quiet", "--offline", "--release", "--target", TARGET])
            .args(["-Z", "build-std=std,panic_abort,test"])
            .args(["--config", "source.crates-io.replace-with=\"vendored\""])
            .args(["--config", &format!("source.vendored.directory=\"{SOURCE}/vendor\"")])
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET")
            .env_remove("RUSTC_WRAPPER")
            .env("PATH", "/usr/bin:/bin")
            .env("RUSTC", program("rustc"))
            // -Z on a release compiler, for this one build of its own library.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_HOME", folder.join("cargo-home"))
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .current_dir(folder),
    )
    .context("cannot build the standard library for wasm from Debian's source")
}

/// Lays out a sysroot that will live at `home`: the new library beside links to everything of Debian's.
fn assemble(sysroot: &Path, home: &Path, build: &Path, host: &str, linker: &Path) -> Result<()> {
    let rustlib = sysroot.join("lib/rustlib");
    let library = rustlib.join(TARGET).join("lib");
    fs::create_dir_all(&library)?;
    let built = build.join("target").join(TARGET).join("release/deps");
    for entry in fs::read_dir(&built)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".rlib") && !name.starts_with("liblibrary-") {
            fs::copy(&path, library.join(&*name))?;
        }
    }
    let link = linker_in(sysroot, host);
    fs::create_dir_all(link.parent().unwrap_or(sysroot))?;
    symlink(linker, link)?;
    symlink(format!("/usr/lib/rustlib/{host}/lib"), rustlib.join(host).join("lib"))?;
    symlink("/usr/lib/rustlib/src", rustlib.join("src"))?;

    // rustc finds its sysroot by the place of its own library, /usr, whatever link it is called by: hence scripts.
    let bin = sysroot.join("bin");
    fs::create_dir_all(&bin)?;
    let home = home.display();
    for name in ["rustc", "rustdoc"] {
        script(&bin.join(name), &format!("exec {BIN}/{name} --sysroot \"{home}\" \"$@\""))?;
    }
    for name in ["cargo-clippy", "clippy-driver"] {
        script(&bin.join(name), &format!("SYSROOT=\"{home}\" exec {BIN}/{name} \"$@\""))?;
    }
    for name in ["cargo", "cargo-fmt", "rustfmt"] {
        symlink(program(name), bin.join(name))?;
    }
    Ok(())
}

fn script(path: &Path, line: &str) -> Result<()> {
    fs::write(path, format!("#!/bin/sh\n{line}\n"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn program(name: &str) -> PathBuf {
    Path::new(BIN).join(name)
}

/// Where rustc looks for the wasm linker.
fn linker_in(sysroot: &Path, host: &str) -> PathBuf {
    sysroot.join("lib/rustlib").join(host).join("bin/rust-lld")
}

/// Every toolchain of rustup has one; its output is byte for byte that of Debian's.
fn rustup_linker(environment: &Environment, root: &Path, host: &str) -> Option<PathBuf> {
    let sysroot = process::capture(environment.command("rustc").args(["--print", "sysroot"]).current_dir(root)).ok()?;
    Some(linker_in(Path::new(sysroot.trim()), host)).filter(|linker| linker.is_file())
}

fn system_linker() -> Option<PathBuf> {
    ["rust-lld", "lld-22", "lld-19"].map(program).into_iter().find(|linker| linker.is_file())
}
