//! `wasm-pack.toml`, the build recipe of everything that a browser loads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

pub(crate) const FILE: &str = "wasm-pack.toml";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Profile {
    #[default]
    Release,
    Dev,
}

/// All paths are relative to the repository.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Recipe {
    /// Folder of the crate that becomes the wasm module.
    #[serde(rename = "crate")]
    pub(crate) crate_folder: PathBuf,
    /// Name of the files: `{name}.js` and `{name}_bg.wasm`.
    pub(crate) name: String,
    pub(crate) cargo_profiles: CargoProfiles,
    pub(crate) script_tag: ScriptTag,
    pub(crate) es_package: EsPackage,
    pub(crate) pages: BTreeMap<String, Pages>,
    #[serde(default)]
    pub(crate) wasm_tests: Vec<WasmTest>,
    pub(crate) budget: BTreeMap<String, Size>,
}

/// What `cargo xtask build --profile` means to cargo.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CargoProfiles {
    pub(crate) release: String,
    pub(crate) dev: String,
}

/// The classic script behind the one-line tag of a shop.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ScriptTag {
    /// Target of wasm-pack.
    pub(crate) target: String,
    /// The one global name that the glue leaves on the page.
    pub(crate) global: String,
    /// Parent of the versioned, immutable folders.
    pub(crate) output: PathBuf,
    pub(crate) loader: PathBuf,
    pub(crate) loader_output: PathBuf,
    /// Oldest JavaScript that has to understand it, in esbuild's words.
    pub(crate) language: String,
}

/// The typed package for bundlers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EsPackage {
    pub(crate) target: String,
    pub(crate) template: PathBuf,
    pub(crate) output: PathBuf,
}

/// A folder of pages that is bundled and copied.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pages {
    pub(crate) source: PathBuf,
    pub(crate) output: PathBuf,
    /// Bundles by name, each from one entry point of `source`; pages and pictures are copied.
    pub(crate) bundles: BTreeMap<PathBuf, PathBuf>,
    /// Whether the collector serves it, and so wants a `.br` beside each file.
    #[serde(default)]
    pub(crate) packed: bool,
}

/// A test that also has to pass as wasm.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WasmTest {
    #[serde(rename = "crate")]
    pub(crate) crate_folder: PathBuf,
    pub(crate) test: String,
    pub(crate) run: Vec<WasmHost>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WasmHost {
    Node,
    Chrome,
}

/// Bytes of a file as it is, after `gzip -9`, and after brotli at quality 11.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Size {
    pub(crate) raw: u64,
    pub(crate) gzip: u64,
    pub(crate) brotli: u64,
}

impl Recipe {
    /// # Errors
    /// The file is missing, or says something that is not understood.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).with_context(|| format!("cannot understand {FILE}"))
    }

    pub(crate) fn cargo_profile(&self, profile: Profile) -> &str {
        match profile {
            Profile::Release => &self.cargo_profiles.release,
            Profile::Dev => &self.cargo_profiles.dev,
        }
    }

    /// Name of the JavaScript glue.
    pub(crate) fn glue(&self) -> String {
        format!("{}.js", self.name)
    }

    /// Name of the module.
    pub(crate) fn module(&self) -> String {
        format!("{}_bg.wasm", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../../../wasm-pack.toml");

    #[test]
    fn the_recipe_of_the_repository_is_understood() {
        let recipe = Recipe::parse(OURS).expect("recipe");
        assert_eq!(recipe.crate_folder, Path::new("crates/runtime"));
        assert_eq!(recipe.cargo_profile(Profile::Release), "wasm-release");
        assert_eq!((recipe.glue(), recipe.module()), ("waver.js".into(), "waver_bg.wasm".into()));
    }

    #[test]
    fn its_first_line_says_whose_file_it_is() {
        let first = OURS.lines().next().unwrap_or_default();
        assert!(first.starts_with('#'), "{first}");
        for needed in ["cargo xtask build", "[package.metadata.wasm-pack]"] {
            assert!(first.contains(needed), "{first}");
        }
    }

    #[test]
    fn a_key_that_nobody_reads_is_an_error() {
        let error = Recipe::parse(&format!("optimise = true\n{OURS}")).expect_err("unknown key");
        assert!(format!("{error:#}").contains("optimise"), "{error:#}");
    }
}
