use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::TrainError;

/// Rows of a file that are read; a longer one is refused, since half of a file would be judged as if it were the whole.
const MOST_ROWS: u64 = 5_000_000;
/// Unpacked bytes of a file that are read.
const MOST_BYTES: u64 = 2 << 30;

/// A CSV file, perhaps gzipped, row by row, with its columns by name.
pub(crate) struct Rows {
    file: PathBuf,
    header: csv::StringRecord,
    reader: csv::Reader<Box<dyn Read>>,
    record: csv::StringRecord,
    line: u64,
}

impl Rows {
    pub(crate) fn open(file: &Path) -> Result<Rows, TrainError> {
        let io = |error| TrainError::File(file.to_path_buf(), error);
        let mut opened = BufReader::new(File::open(file).map_err(io)?);
        let mut magic = [0; 2];
        // By its first bytes, not by its name: a renamed file is read alike.
        let gzipped = matches!(opened.read(&mut magic), Ok(2)) && magic == [0x1f, 0x8b];
        let opened = BufReader::new(File::open(file).map_err(io)?);
        let bytes: Box<dyn Read> = if gzipped {
            Box::new(MultiGzDecoder::new(opened).take(MOST_BYTES))
        } else {
            Box::new(opened.take(MOST_BYTES))
        };
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().map_err(|error| fault(file, 1, error.to_string()))?.clone();
        Ok(Rows { file: file.to_path_buf(), header, reader, record: csv::StringRecord::new(), line: 1 })
    }

    /// Where the column of that name stands.
    pub(crate) fn column(&self, name: &str) -> Result<usize, TrainError> {
        let place = self.header.iter().position(|column| column == name);
        place.ok_or_else(|| fault(&self.file, 1, format!("there is no column {name}")))
    }

    /// Goes to the next row; false behind the last.
    pub(crate) fn advance(&mut self) -> Result<bool, TrainError> {
        let more = self.reader.read_record(&mut self.record);
        let more = more.map_err(|error| fault(&self.file, self.line + 1, error.to_string()))?;
        self.line += 1;
        if self.line > MOST_ROWS {
            return Err(fault(&self.file, self.line, format!("more than {MOST_ROWS} rows")));
        }
        Ok(more)
    }

    /// The cell of this row in that column.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default().trim()
    }

    /// The same as a number; an empty cell is 0.
    pub(crate) fn number(&self, column: usize) -> Result<f64, TrainError> {
        let text = self.text(column);
        let number = if text.is_empty() { Ok(0.0) } else { text.parse::<f64>() };
        match number {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.fault(format!("{text:?} in column {} is no number", &self.header[column]))),
        }
    }

    /// The whole row, to recognise its like.
    pub(crate) fn whole(&self) -> Vec<String> {
        self.record.iter().map(str::to_owned).collect()
    }

    pub(crate) fn fault(&self, what: String) -> TrainError {
        fault(&self.file, self.line, what)
    }
}

fn fault(file: &Path, line: u64, what: String) -> TrainError {
    TrainError::Data { file: file.to_path_buf(), line, what }
}
