//! Reads the test command out of the README, so that `cargo xtask ci` runs what newcomers are told to run.

use anyhow::{Context, Result};

const PREFIX: &str = "cargo xtask test";

/// The words of the first line in a fenced block that starts with `cargo xtask test`.
///
/// # Errors
/// There is no such line.
pub(crate) fn test_command(readme: &str) -> Result<Vec<String>> {
    fenced_lines(readme)
        .map(|line| line.strip_prefix("$ ").unwrap_or(line))
        .map(|line| line.split(" #").next().unwrap_or(line).trim())
        .find(|line| *line == PREFIX || line.starts_with(&format!("{PREFIX} ")))
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .with_context(|| format!("README.md has no fenced block with a line `{PREFIX}`"))
}

fn fenced_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().map(str::trim).filter(move |line| {
        if line.starts_with("```") {
            inside = !inside;
            return false;
        }
        inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_in_a_fenced_block_is_found_with_its_options_and_without_its_comment() {
        let readme =
            "Run `cargo xtask test --nope`.\n```sh\ncargo xtask demo\n$ cargo xtask test --yes  # all of them\n```\n";
        assert_eq!(test_command(readme).expect("command"), ["cargo", "xtask", "test", "--yes"]);
    }

    #[test]
    fn text_outside_of_a_fenced_block_does_not_count() {
        for readme in ["", "cargo xtask test\n", "```\ncargo xtask tests\n```\ncargo xtask test"] {
            assert!(test_command(readme).is_err(), "{readme:?}");
        }
    }
}
