//! What a shopper downloads, raw and compressed, against the budget of the recipe.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::{Build, files};
use crate::process;
use crate::recipe::Size;

/// Key of the sum in the budget.
const ALL: &str = "all";

/// Node has gzip and brotli built in; compiling them for this program would double the time it takes to compile.
const MEASURE: &str = r"
const { gzipSync, brotliCompressSync, constants: c } = require('node:zlib');
const { readFileSync } = require('node:fs');
const sizes = process.argv.slice(1).map((path) => {
  const bytes = readFileSync(path);
  const brotli = { params: { [c.BROTLI_PARAM_QUALITY]: 11, [c.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes, brotli).length };
});
console.log(JSON.stringify(sizes));
";

/// Sizes of the loader, the glue and the module, and of all three, in the order in which they are shown.
///
/// # Errors
/// The build is not there, or Node failed.
pub(super) fn measure(build: &Build) -> Result<Vec<(String, Size)>> {
    let recipe = build.recipe;
    let root = &build.workspace.root;
    let sdk = root.join(&recipe.script_tag.output);
    let mut named: Vec<(String, PathBuf)> = vec![(recipe.glue(), root.join(&recipe.script_tag.loader_output))];
    for file in [recipe.glue(), recipe.module()] {
        let path = files::tree(&sdk)?
            .into_iter()
            .find(|path| path.ends_with(&file))
            .with_context(|| format!("{} has no {file}", sdk.display()))?;
        named.push((format!("sdk/{file}"), sdk.join(path)));
    }
    let json = process::capture(
        build.environment.command("node").args(["--eval", MEASURE, "--"]).args(named.iter().map(|(_, path)| path)),
    )?;
    let sizes: Vec<Size> = serde_json::from_str(&json).context("cannot read the sizes")?;
    let mut measured: Vec<(String, Size)> = named.into_iter().map(|(name, _)| name).zip(sizes).collect();
    measured.push((ALL.to_owned(), total(&measured)));
    Ok(measured)
}

fn total(measured: &[(String, Size)]) -> Size {
    measured.iter().fold(Size::default(), |sum, (_, size)| Size {
        raw: sum.raw + size.raw,
        gzip: sum.gzip + size.gzip,
        brotli: sum.brotli + size.brotli,
    })
}

/// One line per file: size, a slash, its budget.
pub(super) fn table(measured: &[(String, Size)], budget: &BTreeMap<String, Size>) -> String {
    let mut table = format!("{:<18}{:>17}{:>17}{:>17}", "bytes / budget", "raw", "gzip -9", "brotli 11");
    for (name, size) in measured {
        let _ = write!(table, "\n{name:<18}");
        let limit = budget.get(name).copied().unwrap_or_default();
        for (bytes, limit) in [(size.raw, limit.raw), (size.gzip, limit.gzip), (size.brotli, limit.brotli)] {
            let _ = write!(table, "{:>17}", format!("{bytes} / {limit}"));
        }
    }
    table
}

/// One sentence per size that is over its budget.
///
/// # Errors
/// A file has no budget, or a budget no file.
pub(super) fn over_budget(measured: &[(String, Size)], budget: &BTreeMap<String, Size>) -> Result<Vec<String>> {
    if let Some(unknown) = budget.keys().find(|name| !measured.iter().any(|(measured, _)| measured == *name)) {
        bail!("wasm-pack.toml has a budget for {unknown}, which is not built");
    }
    let mut over = Vec::new();
    for (name, size) in measured {
        let limit = budget.get(name).with_context(|| format!("wasm-pack.toml has no budget for {name}"))?;
        for (form, bytes, limit) in
            [("raw", size.raw, limit.raw), ("gzip", size.gzip, limit.gzip), ("brotli", size.brotli, limit.brotli)]
        {
            if bytes > limit {
                over.push(format!("{name} {form}: {bytes} bytes, budget {limit}"));
            }
        }
    }
    Ok(over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(raw: u64, gzip: u64, brotli: u64) -> Size {
        Size { raw, gzip, brotli }
    }

    #[test]
    fn a_size_may_reach_its_budget_but_not_pass_it() {
        let budget = BTreeMap::from([("a".to_owned(), size(10, 5, 4))]);
        let over = |size| over_budget(&[("a".to_owned(), size)], &budget).expect("budget");
        assert_eq!(over(size(10, 5, 4)), Vec::<String>::new());
        assert_eq!(over(size(11, 5, 5)), ["a raw: 11 bytes, budget 10", "a brotli: 5 bytes, budget 4"]);
    }

    #[test]
    fn files_and_budgets_have_to_match() {
        let measured = [("a".to_owned(), size(1, 1, 1))];
        assert!(over_budget(&measured, &BTreeMap::new()).is_err());
        let budget = BTreeMap::from([("a".to_owned(), size(1, 1, 1)), ("gone".to_owned(), size(1, 1, 1))]);
        let error = over_budget(&measured, &budget).expect_err("gone");
        assert!(error.to_string().contains("gone"), "{error}");
    }

    #[test]
    fn the_table_has_every_size_beside_its_budget() {
        let measured = [("a".to_owned(), size(1, 2, 3))];
        let table = table(&measured, &BTreeMap::from([("a".to_owned(), size(7, 8, 9))]));
        for cell in ["1 / 7", "2 / 8", "3 / 9"] {
            assert!(table.contains(cell), "{table}");
        }
    }
}
