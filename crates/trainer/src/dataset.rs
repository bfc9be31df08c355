use waver_core::model::Model;

use crate::TrainError;

/// Rows to fit on or to judge with: one value per feature, and whether what is predicted came about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dataset {
    /// Names of the features.
    pub features: Vec<String>,
    /// The values, row by row.
    pub values: Vec<f64>,
    /// Whether it came about.
    pub labels: Vec<bool>,
    /// Whose row it is: rows of one group never stand on both sides of a split. Numbers from 0 on, without gaps.
    pub groups: Vec<u32>,
    /// Rows of one block are compared with each other and with no others, such as the prefixes of one length; 0 where there are no blocks.
    pub blocks: Vec<u32>,
    /// When it was, in any unit, for splits by time; 0 where nothing is known.
    pub times: Vec<f64>,
}

impl Dataset {
    /// No rows of these features.
    pub fn of(features: Vec<String>) -> Dataset {
        Dataset { features, ..Dataset::default() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When `values` are not as many as the features: a mistake of the caller.
    pub fn push(&mut self, values: &[f64], label: bool, group: u32, block: u32, time: f64) {
        assert_eq!(values.len(), self.features.len(), "one value per feature");
        self.values.extend_from_slice(values);
        self.labels.push(label);
        self.groups.push(group);
        self.blocks.push(block);
        self.times.push(time);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The values of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        let width = self.features.len();
        &self.values[row * width..(row + 1) * width]
    }

    /// How many of `rows` came about.
    pub fn positives(&self, rows: &[usize]) -> usize {
        rows.iter().filter(|row| self.labels[**row]).count()
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.groups.iter().max().map_or(0, |most| *most as usize + 1)
    }

    /// What `model` says of each row, by the code that the browser runs.
    ///
    /// # Errors
    /// [`TrainError::Model`] when its features are not these.
    pub fn scores(&self, model: &Model) -> Result<Vec<f64>, TrainError> {
        if model.parts().features != self.features {
            return Err(TrainError::Model("its features are not those of the mapping".to_owned()));
        }
        Ok((0..self.len()).map(|row| model.score(self.row(row))).collect())
    }
}
