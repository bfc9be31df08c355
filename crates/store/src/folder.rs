//! Folders and files that are there after a power loss.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::StoreError;

/// Makes `folder` and its parents; readable by its owner alone where the system knows of owners.
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the names in `folder` durable. A file whose name is lost is lost.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere than on Unix folders cannot be opened as files, and their file systems keep names by themselves.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// As [`sync_folder`], and as far as the system lets us for the folder's own name too.
pub(crate) fn sync_folders(folder: &Path) -> io::Result<()> {
    sync_folder(folder)?;
    // The folder's parents may belong to somebody else, or to a file system that cannot be written.
    for parent in folder.ancestors().skip(1).take(2).filter(|parent| !parent.as_os_str().is_empty()) {
        let _ = sync_folder(parent);
    }
    Ok(())
}

/// How to make a file that is readable by its owner alone, where the system knows of owners.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Puts a file with `bytes`, its owner's alone, at `path`, in the place of what is there: a crash leaves the old one or the new one.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let aside = path.with_extension("new");
    let mut file = private_file().write(true).truncate(true).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    sync_folders(folder)
}

/// How long a lock that is taken is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_PACE: Duration = Duration::from_millis(5);

/// Opens a sled folder. sled lets go of its lock when the last of its own threads is done with the files, which may be a moment after its
/// last handle was dropped; so a lock that is taken is waited for, if not for long. Blocks meanwhile.
pub(crate) fn open_sled(config: &sled::Config) -> sled::Result<sled::Db> {
    let begun = Instant::now();
    loop {
        match config.open() {
            Err(error) if is_lock(&error) && begun.elapsed() < LOCK_PATIENCE => std::thread::sleep(LOCK_PACE),
            opened => return opened,
        }
    }
}

/// sled tells a taken lock from other errors by its text alone.
fn is_lock(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// What sled said of `folder`.
pub(crate) fn open_error(folder: &Path, error: sled::Error) -> StoreError {
    let path = folder.to_owned();
    match error {
        error if is_lock(&error) => StoreError::Locked { path },
        sled::Error::Io(source) => StoreError::Open { path, source },
        other => StoreError::Unreadable { path, reason: other.to_string() },
    }
}
