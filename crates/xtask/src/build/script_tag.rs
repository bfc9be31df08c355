//! The script-tag bundle: immutable files under a version that names their content, and the small loader that points to them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::{Build, files, wasm_pack};
use crate::digest;
use crate::process;

/// Returns the files that were made.
///
/// # Errors
/// A tool failed, or a file cannot be written.
pub(super) fn build(build: &Build) -> Result<Vec<PathBuf>> {
    let recipe = build.recipe;
    let built = wasm_pack::build(build, &recipe.script_tag.target)?;
    let glue = wrapped_glue(build, &built.join(recipe.glue()))?;
    let module = files::read(&built.join(recipe.module()))?;
    let version = version(build.package_version()?, &[&glue, &module]);

    let sdk = build.workspace.root.join(&recipe.script_tag.output);
    files::empty_folder(&sdk)?;
    let folder = sdk.join(&version);
    let integrity =
        BTreeMap::from([(recipe.glue(), digest::integrity(&glue)), (recipe.module(), digest::integrity(&module))]);
    let mut made = Vec::new();
    for (name, contents) in [
        (recipe.glue(), glue),
        (recipe.module(), module),
        ("integrity.json".to_owned(), serde_json::to_vec_pretty(&integrity)?),
    ] {
        let path = folder.join(name);
        files::write(&path, contents)?;
        made.push(path);
    }
    made.push(loader(build, &version, &integrity)?);
    Ok(made)
}

/// The crate's version and eight hex digits of the content: one name never stands for two contents, so caches may keep it for ever.
fn version(package_version: &str, contents: &[&[u8]]) -> String {
    let digest = digest::hex(&contents.concat());
    format!("{package_version}-{}", &digest[..8])
}

/// wasm-pack's script declares `wasm_bindgen` for the whole page, where the shop may have a module of its own under that name.
/// A function around it keeps the name inside, and one assignment lets out the name of the recipe.
fn wrapped_glue(build: &Build, path: &std::path::Path) -> Result<Vec<u8>> {
    let mut script = files::read(path)?;
    let global = &build.recipe.script_tag.global;
    writeln!(script, "\nglobalThis.{global} = wasm_bindgen;")?;
    let mut command = esbuild(build);
    command.args(["--format=iife", "--loader=js"]);
    filter(&mut command, &script)
}

fn loader(build: &Build, version: &str, integrity: &BTreeMap<String, String>) -> Result<PathBuf> {
    let recipe = build.recipe;
    let root = &build.workspace.root;
    let output = root.join(&recipe.script_tag.loader_output);
    let mut command = esbuild(build);
    command
        .arg(root.join(&recipe.script_tag.loader))
        .args(["--bundle", "--format=iife"])
        .arg(define("__WAVER_VERSION__", version))
        .arg(define("__WAVER_JS_SRI__", &integrity[&recipe.glue()]))
        .arg(define("__WAVER_WASM_SRI__", &integrity[&recipe.module()]))
        .arg(format!("--define:wasm_bindgen={}", recipe.script_tag.global))
        .arg(format!("--outfile={}", output.display()));
    process::run(&mut command)?;
    Ok(output)
}

fn define(name: &str, value: &str) -> String {
    format!("--define:{name}=\"{value}\"")
}

fn esbuild(build: &Build) -> Command {
    let mut command = build.environment.command("esbuild");
    command
        .args(["--minify", "--log-level=warning", "--legal-comments=none"])
        .arg(format!("--target={}", build.recipe.script_tag.language))
        .current_dir(&build.workspace.root);
    command
}

/// What a program makes of its input.
fn filter(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", process::line(command)))?;
    // esbuild reads all of its input before it writes, so this cannot block.
    child.stdin.take().context("no pipe to esbuild")?.write_all(input)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("`{}` failed ({})", process::line(command), output.status);
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_names_the_content() {
        let first = version("0.1.0", &[b"glue", b"module"]);
        assert!(first.starts_with("0.1.0-") && first.len() == "0.1.0-".len() + 8, "{first}");
        assert_eq!(first, version("0.1.0", &[b"glue", b"module"]));
        assert_ne!(first, version("0.1.0", &[b"glue", b"other"]));
    }
}
