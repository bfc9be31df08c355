//! `cargo xtask ci`: what has to hold before a merge. All of it runs even if something fails, so that one run tells everything.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::arguments::{BuildOptions, CiOptions};
use crate::arrows;
use crate::build;
use crate::environment::Environment;
use crate::process;
use crate::progress::human;
use crate::readme;
use crate::recipe::Recipe;
use crate::setup;
use crate::workspace::Workspace;

/// # Errors
/// A check failed.
pub(crate) fn command(workspace: &Workspace, environment: Environment, options: &CiOptions) -> Result<()> {
    let root = &workspace.root;
    let mut checks = Checks::default();

    checks.run("the README's test command", || {
        let path = root.join("README.md");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let words = readme::test_command(&text)?;
        let mut command = environment.command(&words[0]);
        command.args(&words[1..]);
        if options.yes {
            command.arg("--yes");
        }
        process::run(command.current_dir(root))
    });
    checks.run("formatting", || {
        setup::ensure_component(&environment, root, "rustfmt")?;
        cargo(workspace, &environment, "fmt --all --check")
    });
    checks.run("clippy", || {
        setup::ensure_component(&environment, root, "clippy")?;
        cargo(workspace, &environment, "clippy --workspace --all-targets -- -D warnings")
    });
    checks.run("clippy for wasm", || {
        let folder = root.join(Recipe::load(root)?.crate_folder);
        setup::ensure_component(&environment, &folder, "clippy")?;
        process::run(
            environment
                .command("cargo")
                .args(["clippy", "--target", setup::WASM_TARGET, "--", "-D", "warnings"])
                .env("CARGO_TARGET_DIR", workspace.target())
                .current_dir(folder),
        )
    });
    checks.run("arrows between crates", || {
        let violations = arrows::violations(&workspace.metadata);
        if !violations.is_empty() {
            bail!("\n  {}", violations.join("\n  "));
        }
        Ok(())
    });
    checks.run("size budget", || build::command(workspace, environment.clone(), &BuildOptions::default()));

    println!("\n{}", checks.summary());
    let failed = checks.failed();
    if failed > 0 {
        bail!("{failed} of {} checks failed", checks.results.len());
    }
    Ok(())
}

fn cargo(workspace: &Workspace, environment: &Environment, line: &str) -> Result<()> {
    process::run(environment.native_cargo().args(line.split(' ')).current_dir(&workspace.root))
}

#[derive(Default)]
struct Checks {
    results: Vec<(&'static str, Duration, Result<()>)>,
}

impl Checks {
    fn run(&mut self, name: &'static str, check: impl FnOnce() -> Result<()>) {
        println!("\n[ci] {name}");
        let begun = Instant::now();
        let result = check();
        let verdict = match &result {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("FAILED: {error:#}"),
        };
        println!("[ci] {name}: {verdict} ({})", human(begun.elapsed()));
        self.results.push((name, begun.elapsed(), result));
    }

    fn failed(&self) -> usize {
        self.results.iter().filter(|(.., result)| result.is_err()).count()
    }

    /// One line per check.
    fn summary(&self) -> String {
        self.results
            .iter()
            .map(|(name, duration, result)| {
                let verdict = if result.is_ok() { "ok" } else { "FAILED" };
                format!("{verdict:<8}{:>14}  {name}", human(*duration))
            })
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_does_not_hide_the_next_and_is_counted() {
        let mut checks = Checks::default();
        checks.run("one", || bail!("broken"));
        checks.run("two", || Ok(()));
        assert_eq!(checks.failed(), 1);
        let summary = checks.summary();
        let lines: Vec<&str> = summary.lines().collect();
        assert!(lines[0].starts_with("FAILED") && lines[0].ends_with("one"), "{summary}");
        assert!(lines[1].starts_with("ok") && lines[1].ends_with("two"), "{summary}");
    }
}
