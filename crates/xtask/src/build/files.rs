//! Folders of source files: hashed, copied, replaced.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::digest;

/// Everything that decides a result, as one growing list of names and contents.
#[derive(Default)]
pub(super) struct Inputs {
    lines: Vec<String>,
}

impl Inputs {
    pub(super) fn text(&mut self, text: &str) {
        self.lines.push(format!("text {}", digest::hex(text.as_bytes())));
    }

    pub(super) fn file(&mut self, path: &Path) -> Result<()> {
        let bytes = read(path)?;
        self.lines.push(format!("{} {}", path.display(), digest::hex(&bytes)));
        Ok(())
    }

    pub(super) fn tree(&mut self, folder: &Path) -> Result<()> {
        for path in tree(folder)? {
            self.file(&folder.join(path))?;
        }
        Ok(())
    }

    pub(super) fn digest(&self) -> String {
        digest::hex(self.lines.join("\n").as_bytes())
    }
}

/// All files below a folder, sorted, relative to it.
pub(super) fn tree(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let shown = folder.join(&inner);
        let entries = fs::read_dir(&shown).with_context(|| format!("cannot list {}", shown.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                if !["node_modules", "target", "pkg"].iter().any(|skipped| name == *skipped) {
                    open.push(inner.join(name));
                }
            } else {
                found.push(inner.join(name));
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

pub(super) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, contents).with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    write(to, read(from)?)
}

/// An empty folder in place of whatever was there.
pub(super) fn empty_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder that is gone when the test ends.
    pub(crate) struct Scratch(pub(crate) PathBuf);

    impl Scratch {
        pub(crate) fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            empty_folder(&folder).expect("scratch folder");
            Self(folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_tree_is_sorted_and_leaves_out_what_is_not_source() {
        let scratch = Scratch::new("tree");
        for file in ["b.js", "a/c.css", "node_modules/x/y.js", "pkg/z.js"] {
            write(&scratch.0.join(file), file).expect("file");
        }
        assert_eq!(tree(&scratch.0).expect("tree"), [Path::new("a/c.css"), Path::new("b.js")]);
    }

    #[test]
    fn a_name_a_content_or_a_text_changes_the_digest() {
        let scratch = Scratch::new("digest");
        let digest = |name: &str, content: &str, text: &str| {
            empty_folder(&scratch.0).expect("empty");
            write(&scratch.0.join(name), content).expect("file");
            let mut inputs = Inputs::default();
            inputs.tree(&scratch.0).expect("tree");
            inputs.text(text);
            inputs.digest()
        };
        let first = digest("a", "1", "x");
        assert_eq!(first, digest("a", "1", "x"));
        assert_ne!(first, digest("b", "1", "x"));
        assert_ne!(first, digest("a", "2", "x"));
        assert_ne!(first, digest("a", "1", "y"));
    }
}
