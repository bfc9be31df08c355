use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A copy of the files as they lie while they are open: what a start after `kill -9` finds.
pub(crate) fn files_as_they_lie(folder: &Path) -> TempDir {
    fn copy(from: &Path, to: PathBuf) {
        if from.is_dir() {
            std::fs::create_dir_all(&to).expect("makes");
            for entry in std::fs::read_dir(from).expect("lists") {
                let entry = entry.expect("lists");
                copy(&entry.path(), to.join(entry.file_name()));
            }
        } else {
            std::fs::copy(from, to).expect("copies");
        }
    }
    let target = TempDir::new().expect("a folder");
    copy(folder, target.path().to_owned());
    target
}
