//! Every policy that was ever in force, by its version, so that a decision can be taken again later. Policies hold nothing of anybody.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use waver_policy::Policy;

/// Characters of a version that make up the name of its file; no policy has as many.
const VERSION_CHARS: usize = 64;

/// The folder of the policies.
#[derive(Debug, Clone)]
pub(crate) struct PolicyArchive(PathBuf);

impl PolicyArchive {
    /// The archive in a data folder.
    pub(crate) fn of(data_dir: &Path) -> PolicyArchive {
        PolicyArchive(data_dir.join("policies"))
    }

    /// Keeps `text`, the policy of this version.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn keep(&self, version: &str, text: &str) -> io::Result<()> {
        let path = self.path(version);
        if path.exists() {
            return Ok(());
        }
        fs::create_dir_all(&self.0)?;
        let coming = path.with_extension("next");
        let mut file = fs::File::create(&coming)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(coming, path)
    }

    /// The policy of this version, if it was kept.
    pub(crate) fn recall(&self, version: &str) -> Option<Policy> {
        let text = fs::read_to_string(self.path(version)).ok()?;
        let (policy, _) = Policy::parse(&text).ok()?;
        (policy.version() == version).then_some(policy)
    }

    /// The texts of all of them. One that cannot be read is left out.
    pub(crate) fn texts(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.path());
        let kept = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        kept.filter_map(|path| fs::read_to_string(path).ok()).collect()
    }

    pub(crate) fn path(&self, version: &str) -> PathBuf {
        // A version is hexadecimal; what comes from a log is not trusted to be.
        let plain: String = version.chars().filter(char::is_ascii_alphanumeric).take(VERSION_CHARS).collect();
        self.0.join(format!("{plain}.toml"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[policy]\nholdout = 0.0\nkill_switch = false\ndefault_locale = \"en\"\n";

    #[test]
    fn a_policy_is_found_by_its_version_and_only_if_it_is_that_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = PolicyArchive::of(folder.path());
        let version = Policy::parse(TEXT).expect("a policy").0.version().to_owned();
        assert!(archive.recall(&version).is_none());
        for _ in 0..2 {
            archive.keep(&version, TEXT).expect("keeps");
        }
        assert_eq!(archive.recall(&version).expect("kept").version(), version);
        archive.keep("0123", TEXT).expect("keeps");
        assert!(archive.recall("0123").is_none() && archive.recall("../policies/0123").is_none());
    }
}
