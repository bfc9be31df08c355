//! A file of lines that only grows: each is JSON and on disk before anybody hears of what it says.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use waver_store::StoreError;

/// The file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// A write failed: what the file ends with is not known until it is opened again.
    broken: bool,
}

impl Journal {
    /// Opens the file at `path`, which is made if it is missing, and reads its lines. A last line without its end was never acknowledged
    /// and is cut off.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it cannot be read or written, [`StoreError::Unreadable`] if a line is not what was written.
    pub(super) fn open<T: DeserializeOwned>(path: &Path) -> Result<(Journal, Vec<T>), StoreError> {
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        let mut options = File::options();
        options.create(true).append(true).read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(failed)?;
        let text = fs::read(path).map_err(failed)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed)?;
        }
        file.sync_all().and_then(|()| sync_folder_of(path)).map_err(failed)?;
        let mut lines = Vec::new();
        for (number, line) in (1_u64..).zip(text[..whole].split_inclusive(|byte| *byte == b'\n')) {
            let line = serde_json::from_slice(line);
            lines.push(line.map_err(|_| StoreError::Unreadable {
                path: path.to_owned(),
                reason: format!("line {number} is not what was written"),
            })?);
        }
        Ok((Journal { path: path.to_owned(), file, broken: false }, lines))
    }

    /// Appends `lines`. They are on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::Write`]; nothing is appended any more then until the file is opened again.
    pub(super) fn append<T: Serialize>(&mut self, lines: &[T]) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        let text = text_of(lines)?;
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        self.broken = written.is_err();
        written.map_err(write_error)
    }

    /// Writes the file anew with `lines` alone. A crash leaves the old one or the new one.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub(super) fn rewrite<T: Serialize>(&mut self, lines: &[T]) -> Result<(), StoreError> {
        let aside = self.path.with_extension("new");
        let replace = || {
            let mut options = File::options();
            options.create(true).write(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&aside)?;
            file.write_all(&text_of(lines).map_err(io::Error::other)?)?;
            file.sync_all()?;
            fs::rename(&aside, &self.path)?;
            sync_folder_of(&self.path)?;
            File::options().append(true).open(&self.path)
        };
        let replaced = replace();
        self.broken |= replaced.is_err();
        self.file = replaced.map_err(write_error)?;
        Ok(())
    }
}

fn text_of<T: Serialize>(lines: &[T]) -> Result<Vec<u8>, StoreError> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line).map_err(|error| StoreError::Write(error.to_string()))?;
        text.push(b'\n');
    }
    Ok(text)
}

fn write_error(error: io::Error) -> StoreError {
    StoreError::Write(error.to_string())
}

/// Makes the file's name durable.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_a_line_without_its_end_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines");
        let (mut journal, none) = Journal::open::<u32>(&path).expect("opens");
        assert!(none.is_empty());
        journal.append(&[1, 2]).expect("writes");
        journal.append(&[3]).expect("writes");
        drop(journal);
        let mut bytes = fs::read(&path).expect("reads");
        bytes.extend(b"44");
        fs::write(&path, &bytes).expect("writes");
        let (mut journal, lines) = Journal::open::<u32>(&path).expect("opens");
        assert_eq!(lines, [1, 2, 3]);
        journal.append(&[5]).expect("writes");
        journal.rewrite(&[3, 5]).expect("writes");
        journal.append(&[6]).expect("writes");
        assert_eq!(Journal::open::<u32>(&path).expect("opens").1, [3, 5, 6]);
        fs::write(&path, b"1\nx\n2\n").expect("writes");
        assert!(matches!(Journal::open::<u32>(&path), Err(StoreError::Unreadable { .. })));
    }
}
