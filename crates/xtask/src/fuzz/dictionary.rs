//! Words that libFuzzer puts into inputs, since it would take long to come upon a keyword letter by letter.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The words of every text in these folders, one a line and in quotes, as libFuzzer reads them.
///
/// # Errors
/// A file cannot be read.
pub(super) fn of(folders: &[PathBuf]) -> Result<String> {
    let mut words = BTreeSet::new();
    for folder in folders {
        for file in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let bytes = fs::read(file?.path())?;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                words.extend(words_of(text).map(|word| format!("\"{word}\"\n")));
            }
        }
    }
    Ok(words.into_iter().collect())
}

/// Names and numbers of two characters and more; a hyphen or a point may be inside of them.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_-.".contains(letter))
        .map(|word| word.trim_matches(['-', '.']))
        .filter(|word| word.len() >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_stands_between_punctuation() {
        let words: Vec<&str> = words_of("[[offer]]\nid = \"ten-percent\" # 0.10, é {\"p_buy\":-12}").collect();
        assert_eq!(words, ["offer", "id", "ten-percent", "0.10", "p_buy", "12"]);
    }
}
