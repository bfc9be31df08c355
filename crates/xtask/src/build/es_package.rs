//! The typed ES package for shops with a bundler: the hand-written entry point and types around wasm-pack's output.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Build, files, wasm_pack};
use crate::process;

const MANIFEST: &str = "package.json";

/// Returns the files that were made.
///
/// # Errors
/// A tool failed, the types do not say what the test of the types expects, or a file cannot be read or written.
pub(super) fn build(build: &Build) -> Result<Vec<PathBuf>> {
    let recipe = build.recipe;
    let root = &build.workspace.root;
    let built = wasm_pack::build(build, &recipe.es_package.target)?;
    let template = root.join(&recipe.es_package.template);
    let output = root.join(&recipe.es_package.output);
    files::empty_folder(&output)?;
    let mut made = Vec::new();
    for name in files::tree(&template)? {
        // The test of the types stays here.
        if name.starts_with("test") || template.join(&name) == root.join(&recipe.script_tag.loader) {
            continue;
        }
        let mut contents = files::read(&template.join(&name))?;
        if name == Path::new(MANIFEST) {
            contents = with_version(&contents, build.package_version()?)?;
        }
        made.push(output.join(&name));
        files::write(&output.join(name), contents)?;
    }
    for name in
        [recipe.glue(), recipe.module(), format!("{}.d.ts", recipe.name), format!("{}_bg.wasm.d.ts", recipe.name)]
    {
        let path = output.join(&name);
        files::copy(&built.join(&name), &path)?;
        made.push(path);
    }
    check_types(build)?;
    Ok(made)
}

/// What a strict compiler of a shop will say to the types.
fn check_types(build: &Build) -> Result<()> {
    let project = build.workspace.root.join(&build.recipe.es_package.template).join("test");
    process::run(build.environment.command("tsc").arg("--project").arg(project))
        .context("the types of the ES package are not what www/package/test expects")
}

/// The version has one home, `Cargo.toml`.
fn with_version(manifest: &[u8], version: &str) -> Result<Vec<u8>> {
    let mut manifest: Value = serde_json::from_slice(manifest).context("the template's package.json is not JSON")?;
    manifest["version"] = version.into();
    Ok(serde_json::to_vec_pretty(&manifest)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_has_the_version_of_the_crate() {
        let manifest = with_version(br#"{"name":"waver"}"#, "0.1.0").expect("manifest");
        let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
        assert_eq!(manifest["version"], "0.1.0");
        assert_eq!(manifest["name"], "waver");
    }
}
