use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::folder::{create_private, private_file, replace_file, sync_folders};

/// A file of lines that only grows: each is JSON and on disk before anybody hears of what it says. For what must be known for good and is
/// too little for a log.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// A write failed: what the file ends with is not known until it is opened again.
    broken: bool,
}

/// What a journal's file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct JournalLines<T> {
    /// The lines.
    pub lines: Vec<T>,
    /// Bytes of them. What is behind is a line without its end, which was never acknowledged.
    pub bytes: usize,
}

/// Reads what a journal's file holds.
///
/// # Errors
/// The number of the first line that is not what was written.
pub fn journal_lines<T: DeserializeOwned>(file: &[u8]) -> Result<JournalLines<T>, u64> {
    let bytes = file.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let numbered = (1_u64..).zip(file[..bytes].split_inclusive(|byte| *byte == b'\n'));
    let lines = numbered.map(|(number, line)| serde_json::from_slice(line).map_err(|_| number));
    Ok(JournalLines { lines: lines.collect::<Result<_, u64>>()?, bytes })
}

impl Journal {
    /// Opens the file at `path`, which is made with its folder if it is missing, and reads its lines. A last line without its end was never
    /// acknowledged and is cut off.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it cannot be read or written, [`StoreError::Unreadable`] if a line is not what was written.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Journal, Vec<T>), StoreError> {
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        let folder = path.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        create_private(folder).map_err(failed)?;
        let file = private_file().append(true).read(true).open(path).map_err(failed)?;
        let text = fs::read(path).map_err(failed)?;
        let JournalLines { lines, bytes } = journal_lines(&text).map_err(|line| StoreError::Unreadable {
            path: path.to_owned(),
            reason: format!("line {line} is not what was written"),
        })?;
        if bytes < text.len() {
            file.set_len(bytes as u64).map_err(failed)?;
        }
        file.sync_all().and_then(|()| sync_folders(folder)).map_err(failed)?;
        Ok((Journal { path: path.to_owned(), file, broken: false }, lines))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `lines`. They are on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::Write`]; nothing is appended any more then until the file is opened again.
    pub fn append<T: Serialize>(&mut self, lines: &[T]) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        let text = text_of(lines).map_err(write_error)?;
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        self.broken = written.is_err();
        written.map_err(write_error)
    }

    /// Writes the file anew with `lines` alone. A crash leaves the old one or the new one.
    ///
    /// # Errors
    /// [`StoreError::Write`]; as after [`Journal::append`].
    pub fn rewrite<T: Serialize>(&mut self, lines: &[T]) -> Result<(), StoreError> {
        let replace = || {
            replace_file(&self.path, &text_of(lines)?)?;
            private_file().append(true).open(&self.path)
        };
        let replaced = replace();
        self.broken |= replaced.is_err();
        self.file = replaced.map_err(write_error)?;
        Ok(())
    }
}

fn text_of<T: Serialize>(lines: &[T]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn write_error(error: io::Error) -> StoreError {
    StoreError::Write(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_a_line_without_its_end_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("released/lines");
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

    #[cfg(unix)]
    #[test]
    fn a_journal_is_its_owners_alone_also_when_it_was_written_anew() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("released/lines");
        let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        let (mut journal, _) = Journal::open::<u32>(&path).expect("opens");
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
        journal.rewrite(&[1]).expect("writes");
        assert_eq!(mode(&path), 0o600);
    }
}
