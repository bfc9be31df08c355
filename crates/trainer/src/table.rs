//! Tables: a row is what is judged, with its features in columns.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use crate::rows::Rows;
use crate::{Dataset, TrainError};

/// What the columns of a table mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What is predicted.
    pub label: Label,
    /// The column that says whose row it is. Without it equal rows are of one group, so that no copy of a row is judged by a model that was
    /// fitted on the other.
    #[serde(default)]
    pub group: Option<String>,
    /// The column that says when it was, for splits by time.
    #[serde(default)]
    pub time: Option<String>,
    /// Columns that are features as they are.
    #[serde(default)]
    pub numbers: Vec<String>,
    /// Columns of words whose order means something: their place in it is the feature.
    #[serde(default)]
    pub ordered: Vec<Words>,
    /// Columns of words: one feature for each word, 1 where it stands.
    #[serde(default)]
    pub words: Vec<Words>,
    /// Sums of columns.
    #[serde(default)]
    pub sums: Vec<Several>,
    /// A column divided by another, which counts as 1 where it is less.
    #[serde(default)]
    pub ratios: Vec<Several>,
}

/// What is predicted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The column.
    pub column: String,
    /// What stands there if it came about; in any case of letters.
    pub is: Vec<String>,
    /// What stands there if not.
    pub is_not: Vec<String>,
}

impl Label {
    /// Whether it came about in this row, where the label stands in that column.
    pub(crate) fn read(&self, rows: &Rows, column: usize) -> Result<bool, TrainError> {
        let told = rows.text(column);
        match (stands(told, &self.is), stands(told, &self.is_not)) {
            (true, false) => Ok(true),
            (false, true) => Ok(false),
            _ => Err(rows.fault(format!("{told:?} is no label"))),
        }
    }
}

/// Whether what was told is one of these words, in any case of letters.
pub(crate) fn stands(told: &str, words: &[String]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(told))
}

/// A column of words.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The column.
    pub column: String,
    /// The words; any other is nobody's: 0 everywhere.
    pub words: Vec<String>,
}

/// A feature of several columns.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Several {
    /// The feature.
    pub name: String,
    /// The columns.
    pub columns: Vec<String>,
}

/// How a feature follows from a row.
enum Reading {
    Number(usize),
    Place(usize, Vec<String>),
    Is(usize, String),
    Sum(Vec<usize>),
    Ratio(usize, usize),
}

impl Table {
    /// Names of the features, in order.
    pub fn features(&self) -> Vec<String> {
        let word = |column: &str, word: &str| format!("{}={}", tame(column), tame(word));
        let mut names: Vec<String> = self.numbers.iter().map(|column| tame(column)).collect();
        names.extend(self.ordered.iter().map(|ordered| tame(&ordered.column)));
        for Words { column, words } in &self.words {
            names.extend(words.iter().map(|name| word(column, name)));
        }
        names.extend(self.sums.iter().chain(&self.ratios).map(|several| tame(&several.name)));
        names
    }

    fn readings(&self, rows: &Rows) -> Result<Vec<Reading>, TrainError> {
        let mut readings = Vec::new();
        for column in &self.numbers {
            readings.push(Reading::Number(rows.column(column)?));
        }
        for Words { column, words } in &self.ordered {
            readings.push(Reading::Place(rows.column(column)?, words.clone()));
        }
        for Words { column, words } in &self.words {
            let column = rows.column(column)?;
            readings.extend(words.iter().map(|word| Reading::Is(column, word.clone())));
        }
        for Several { columns, .. } in &self.sums {
            readings.push(Reading::Sum(columns.iter().map(|column| rows.column(column)).collect::<Result<_, _>>()?));
        }
        for Several { name, columns } in &self.ratios {
            let [above, below] = columns.as_slice() else {
                return Err(TrainError::Asked(format!("the ratio {name} needs two columns")));
            };
            readings.push(Reading::Ratio(rows.column(above)?, rows.column(below)?));
        }
        Ok(readings)
    }

    pub(crate) fn read(&self, file: &Path) -> Result<Dataset, TrainError> {
        self.read_those(file, |_| Ok(()), |_, (), _| Ok(true))
    }

    /// Those rows that `keep` keeps, which sees the columns that it asked for and the label.
    pub(crate) fn read_those<C>(
        &self,
        file: &Path,
        columns: impl FnOnce(&Rows) -> Result<C, TrainError>,
        mut keep: impl FnMut(&Rows, &C, bool) -> Result<bool, TrainError>,
    ) -> Result<Dataset, TrainError> {
        let mut rows = Rows::open(file)?;
        let readings = self.readings(&rows)?;
        let label = rows.column(&self.label.column)?;
        let group = self.group.as_deref().map(|column| rows.column(column)).transpose()?;
        let time = self.time.as_deref().map(|column| rows.column(column)).transpose()?;
        let columns = columns(&rows)?;
        let mut data = Dataset::of(self.features());
        let mut groups: HashMap<Vec<String>, u32> = HashMap::new();
        while rows.advance()? {
            let came_about = self.label.read(&rows, label)?;
            if !keep(&rows, &columns, came_about)? {
                continue;
            }
            let values: Vec<f64> =
                readings.iter().map(|reading| reading.value(&rows)).collect::<Result<_, TrainError>>()?;
            let whose = group.map_or_else(|| rows.whole(), |column| vec![rows.text(column).to_owned()]);
            let next = groups.len() as u32;
            let group = *groups.entry(whose).or_insert(next);
            let time = time.map_or(Ok(0.0), |column| rows.number(column))?;
            data.push(&values, came_about, group, 0, time);
        }
        Ok(data)
    }
}

impl Reading {
    fn value(&self, rows: &Rows) -> Result<f64, TrainError> {
        let truth = |told: bool| f64::from(u8::from(told));
        Ok(match self {
            Reading::Number(column) => rows.number(*column)?,
            Reading::Place(column, words) => {
                let place = words.iter().position(|word| word.eq_ignore_ascii_case(rows.text(*column)));
                place.map_or(0.0, |place| place as f64 + 1.0)
            }
            Reading::Is(column, word) => truth(word.eq_ignore_ascii_case(rows.text(*column))),
            Reading::Sum(columns) => {
                let mut sum = 0.0;
                for column in columns {
                    sum += rows.number(*column)?;
                }
                sum
            }
            Reading::Ratio(above, below) => rows.number(*above)? / rows.number(*below)?.max(1.0),
        })
    }
}

/// A name as artifacts take it: small letters, digits and `_`.
fn tame(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn table() -> Table {
        toml::from_str(
            r#"
            numbers = ["Time On Page"]
            label = { column = "Bought", is = ["TRUE", "1"], is_not = ["FALSE", "0"] }
            ordered = [{ column = "Month", words = ["Feb", "Mar"] }]
            words = [{ column = "Kind", words = ["New", "Old"] }]
            sums = [{ name = "all", columns = ["a", "b"] }]
            ratios = [{ name = "each", columns = ["a", "b"] }]
            "#,
        )
        .expect("right")
    }

    fn read(text: &[u8]) -> Result<Dataset, TrainError> {
        let mut file = tempfile::NamedTempFile::new().expect("temporary");
        file.write_all(text).expect("written");
        table().read(file.path())
    }

    const SMALL: &str = "Month,Kind,a,b,Time On Page,Bought\nMar,New,6,4,1.5,true\nFeb,Old,6,0,,FALSE\nFeb,Old,6,0,,FALSE\nJan,x,0,0,2,0\n";

    #[test]
    fn columns_become_features_and_copies_one_group() {
        let data = read(SMALL.as_bytes()).expect("right");
        assert_eq!(data.features, ["time_on_page", "month", "kind=new", "kind=old", "all", "each"]);
        assert_eq!(data.row(0), [1.5, 2.0, 1.0, 0.0, 10.0, 1.5]);
        assert_eq!(data.row(1), [0.0, 1.0, 0.0, 1.0, 6.0, 6.0]);
        assert_eq!(data.labels, [true, false, false, false]);
        assert_eq!(data.groups, [0, 1, 1, 2]);
    }

    #[test]
    fn packed_files_are_read_by_their_first_bytes() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(SMALL.as_bytes()).expect("packed");
        assert_eq!(read(&packed.finish().expect("packed")).expect("right").len(), 4);
    }

    #[test]
    fn what_the_mapping_does_not_say_is_told_with_its_line() {
        for (text, line, what) in [
            (SMALL.replace("Month", "Moon"), 1, "no column Month"),
            (SMALL.replace("1.5", "soon"), 2, "no number"),
            (SMALL.replace("2,0\n", "2,perhaps\n"), 5, "no label"),
            (SMALL.replace("Jan,x,0", "Jan,x"), 5, "field"),
        ] {
            match read(text.as_bytes()) {
                Err(TrainError::Data { line: told, what: why, .. }) => {
                    assert!(told == line && why.contains(what), "line {told}: {why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
