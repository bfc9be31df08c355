//! Policies as the archive has them, by versions that come from the log.

use std::fs;

use waver::decoders::{policy_path, recalled_policy};

use crate::disk::in_a_folder;

/// The first line is the version that is asked for, the rest the policy that is found under it.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (version, text) = text.split_once('\n').unwrap_or((text, ""));
    in_a_folder(|folder| {
        let path = policy_path(folder, version);
        assert_eq!(path.parent(), Some(folder.join("policies").as_path()), "`{version}` leads out of the archive");
        fs::create_dir_all(folder.join("policies")).expect("a folder");
        fs::write(&path, text).expect("a file");
        let recalled = recalled_policy(folder, version);
        fs::remove_file(&path).expect("it was written");
        assert!(recalled.is_none_or(|found| found == version), "another policy is found under `{version}`");
    });
}
