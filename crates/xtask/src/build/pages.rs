//! Folders of pages: scripts and styles bundled by esbuild, everything else copied.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Build, files};
use crate::process;
use crate::recipe::Pages;

/// Files beside the pages that no browser gets to see.
const NOT_SERVED: [&str; 2] = ["toml", "md"];
const CODE: [&str; 4] = ["js", "mjs", "ts", "css"];
/// Assets that scripts and styles may name; they become files of their own.
const ASSETS: [&str; 6] = ["svg", "png", "jpg", "webp", "woff2", "ico"];

/// The part of esbuild's report that says what went into the bundles.
#[derive(Deserialize)]
struct Report {
    inputs: std::collections::BTreeMap<PathBuf, serde_json::Value>,
}

/// Returns the files that were made.
///
/// # Errors
/// esbuild failed, or a file cannot be read or written.
pub(super) fn build(build: &Build, pages: &Pages) -> Result<Vec<PathBuf>> {
    let root = &build.workspace.root;
    let source = root.join(&pages.source);
    let output = root.join(&pages.output);
    files::empty_folder(&output)?;
    let bundled = bundle(build, pages)?;
    for name in files::tree(&source)? {
        match treatment(&name, bundled.contains(&pages.source.join(&name))) {
            Treatment::Copied => files::copy(&source.join(&name), &output.join(&name))?,
            Treatment::LeftOut => {}
            Treatment::Forgotten => bail!(
                "{} is in no bundle: list it in wasm-pack.toml, import it, or delete it",
                pages.source.join(&name).display()
            ),
        }
    }
    Ok(files::tree(&output)?.into_iter().map(|name| output.join(name)).collect())
}

/// Bundles the entry points and returns every source file that went in, relative to the repository.
fn bundle(build: &Build, pages: &Pages) -> Result<BTreeSet<PathBuf>> {
    let root = &build.workspace.root;
    let report = build.workspace.target().join("xtask-stamps").join("esbuild.json");
    files::write(&report, "")?;
    let mut command = build.environment.command("esbuild");
    command
        .args(pages.bundles.iter().map(|(bundle, entry)| entry_point(bundle, &pages.source.join(entry))))
        .args(["--bundle", "--minify", "--format=iife", "--target=es2022"])
        .args(["--log-level=warning", "--legal-comments=linked"])
        .args(ASSETS.map(|extension| format!("--loader:.{extension}=file")))
        .arg(format!("--outdir={}", pages.output.display()))
        .arg(format!("--metafile={}", report.display()))
        .current_dir(root);
    process::run(&mut command)?;
    let report: Report =
        serde_json::from_slice(&files::read(&report)?).context("cannot understand esbuild's report")?;
    Ok(report.inputs.into_keys().collect())
}

/// esbuild adds the extension itself.
fn entry_point(bundle: &Path, entry: &Path) -> String {
    format!("{}=./{}", bundle.with_extension("").display(), entry.display())
}

#[derive(Debug, PartialEq)]
enum Treatment {
    Copied,
    LeftOut,
    /// Code that no page would ever load, or that would load without being minified.
    Forgotten,
}

fn treatment(name: &Path, bundled: bool) -> Treatment {
    let has = |extensions: &[&str]| {
        name.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known))
    };
    match (has(&CODE), bundled) {
        _ if has(&NOT_SERVED) => Treatment::LeftOut,
        (true, true) => Treatment::LeftOut,
        (true, false) => Treatment::Forgotten,
        // A picture may be named by a style and by a page, so it is copied although a bundle has it.
        (false, _) => Treatment::Copied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_pictures_are_copied_but_not_settings_and_bundled_sources() {
        let treatment = |name: &str, bundled| treatment(Path::new(name), bundled);
        for (name, bundled) in [("index.html", false), ("bag.svg", true), ("img/cup.webp", false)] {
            assert_eq!(treatment(name, bundled), Treatment::Copied, "{name}");
        }
        for (name, bundled) in [("waver.toml", false), ("README.md", false), ("main.js", true), ("cart.js", true)] {
            assert_eq!(treatment(name, bundled), Treatment::LeftOut, "{name}");
        }
    }

    #[test]
    fn a_bundle_may_have_another_name_than_its_entry_point() {
        assert_eq!(entry_point(Path::new("shop.js"), Path::new("www/shop/main.js")), "shop=./www/shop/main.js");
    }

    #[test]
    fn code_that_is_in_no_bundle_is_noticed() {
        for name in ["old.js", "print.css"] {
            assert_eq!(treatment(Path::new(name), false), Treatment::Forgotten, "{name}");
        }
    }
}
