use super::decode::{self, Reader};
use super::encode::Writer;
use super::{Model, ModelError};

/// Figures a summary may tell.
const MAX_FIGURES: usize = 64;

/// Where the weights of a model come from, and so whether it may be shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Fitted on data whose terms allow to ship what was fitted on it.
    Free = 0,
    /// Fitted on what the project's own simulator produced: a default, until a site has data of its own.
    Simulated = 1,
    /// Fitted on data that may be used to measure and not to ship.
    Research = 2,
    /// Fitted on a site's own log.
    Own = 3,
}

/// How a model came about. It stands at the end of the artifact, for people and for the collector.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Where the weights come from.
    pub origin: Origin,
    /// Name of the mapping that read the data.
    pub data: String,
    /// First eight bytes of the hash (BLAKE3) of the data, so that one can tell whether a file is that file.
    pub data_hash: u64,
    /// The seed of everything random.
    pub seed: u64,
    /// Rows it was fitted on.
    pub rows: u32,
    /// How many of them were positive.
    pub positives: u32,
    /// How many shoppers or people (groups) they came from.
    pub groups: u32,
    /// Figures by name, such as `cv_roc_auc`.
    pub figures: Vec<(String, f64)>,
}

impl Summary {
    /// Reads model and summary.
    ///
    /// # Errors
    /// As [`Model::decode`], and when the summary is not whole.
    pub fn decode(bytes: &[u8]) -> Result<(Model, Summary), ModelError> {
        let (model, rest) = decode::read(bytes)?;
        let mut reader = Reader(rest);
        let origin = match reader.u8()? {
            0 => Origin::Free,
            1 => Origin::Simulated,
            2 => Origin::Research,
            3 => Origin::Own,
            _ => return Err(ModelError::Value),
        };
        let data = reader.text()?;
        let [data_hash, seed] = [u64::from_le_bytes(reader.take()?), u64::from_le_bytes(reader.take()?)];
        let [rows, positives, groups] = [
            u32::from_le_bytes(reader.take()?),
            u32::from_le_bytes(reader.take()?),
            u32::from_le_bytes(reader.take()?),
        ];
        let mut figures = Vec::new();
        for _ in 0..reader.u8()? {
            figures.push((reader.text()?, f64::from_le_bytes(reader.take()?)));
        }
        if !reader.0.is_empty() {
            return Err(ModelError::Damaged);
        }
        let summary = Summary { origin, data, data_hash, seed, rows, positives, groups, figures };
        summary.check()?;
        Ok((model, summary))
    }

    fn check(&self) -> Result<(), ModelError> {
        if self.figures.len() > MAX_FIGURES {
            return Err(ModelError::Limit);
        }
        let figures = self.figures.iter().all(|(name, figure)| decode::text(name) && figure.is_finite());
        if decode::text(&self.data) && figures { Ok(()) } else { Err(ModelError::Value) }
    }

    pub(super) fn write(&self, to: &mut Writer) -> Result<(), ModelError> {
        self.check()?;
        to.bytes(&[self.origin as u8]);
        to.text(&self.data);
        to.bytes(&self.data_hash.to_le_bytes());
        to.bytes(&self.seed.to_le_bytes());
        for number in [self.rows, self.positives, self.groups] {
            to.bytes(&number.to_le_bytes());
        }
        to.bytes(&[self.figures.len() as u8]);
        for (name, figure) in &self.figures {
            to.text(name);
            to.bytes(&figure.to_le_bytes());
        }
        Ok(())
    }
}
