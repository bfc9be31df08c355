//! A fitted model as data: read from an artifact that may come from anywhere, scored and explained in the browser, in the collector and in the
//! trainer by this code alone (invariant I5).
//!
//! A model is a sum in log-odds: a bias, linear terms of (transformed) features, and regression trees. A table of calibration moves the sum,
//! and the logistic function makes a probability of it. Every number of an artifact is a finite `f32` of at most [`MAX_NUMBER`], every sum is
//! taken in `f64` in the order of the artifact, and the only functions beside `+ - * /` are those of `libm`: the same bits everywhere.
//!
//! The form of an artifact (all numbers little-endian, a *text* is a byte of length and that much of `[a-z0-9_.=-]`):
//!
//! | what | bytes |
//! |---|---|
//! | magic `WVMD`, version 1 | 4 + 1 |
//! | FNV-1a, 32 bits, of everything after it | 4 |
//! | task, name: texts | |
//! | features: count, then texts | 1 + |
//! | bias | 4 |
//! | linear terms: count, then feature, transform, centre, weight | 2 + 10 each |
//! | trees: count, then for each its count of nodes and the nodes | 2 + |
//! | - a split: feature + 1, threshold, value, right child | 12 each (the first is 2 bytes; so is the child) |
//! | - a leaf: 0, value | 6 each |
//! | calibration: count, then sum, calibrated log-odds | 1 + 8 each |
//! | thresholds: count, then text and probability | 1 + |
//! | summary of the training, which the browser does not read | rest |

mod decode;
#[cfg(feature = "trainer")]
mod encode;
#[cfg(feature = "trainer")]
mod summary;
#[cfg(feature = "trainer")]
pub mod uplift;

#[cfg(feature = "trainer")]
pub use summary::{Origin, Summary};

/// Features a model may name.
pub const MAX_FEATURES: usize = 255;
/// Linear terms a model may have.
pub const MAX_TERMS: usize = 512;
/// Nodes, leaves included, that all trees of a model may have together: what a browser scores in a few microseconds.
pub const MAX_NODES: usize = 1_000;
/// Points of the calibration table.
pub const MAX_CALIBRATION: usize = 64;
/// Named thresholds.
pub const MAX_THRESHOLDS: usize = 16;
/// Bytes of a whole artifact.
pub const MAX_BYTES: usize = 64 * 1024;
/// Magnitude of every number of an artifact, and of every feature value that is scored: products and sums of them stay finite.
pub const MAX_NUMBER: f32 = 1e9;

/// Why an artifact cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelError {
    /// It is no artifact of ours, or of a version that this code does not know.
    Unknown,
    /// It ends early, goes on after its end, or was changed.
    Damaged,
    /// It has more of something than the limits of this module allow.
    Limit,
    /// A number is not finite, too large or out of order; a text is not of its letters; or an index leads nowhere.
    Value,
}

impl std::fmt::Display for ModelError {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            ModelError::Unknown => "not a model artifact of a known version",
            ModelError::Damaged => "the model artifact is damaged",
            ModelError::Limit => "the model artifact is larger than allowed",
            ModelError::Value => "the model artifact holds a value that is not allowed",
        })
    }
}

impl std::error::Error for ModelError {}

/// What happens to a feature before it is weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// Nothing.
    Identity = 0,
    /// `sign(x) * ln(1 + |x|)`: counts and durations, of which the tenth says less than the second.
    Log = 1,
}

impl Transform {
    /// The transformed value.
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Transform::Identity => value,
            Transform::Log => {
                let log = libm::log1p(value.abs());
                if value < 0.0 { -log } else { log }
            }
        }
    }
}

/// One addend: `weight * (transform(feature) - centre)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// Index into the features.
    pub feature: u8,
    /// What is done to it first.
    pub transform: Transform,
    /// Mean of the transformed feature where the model was fitted: there the term says nothing.
    pub centre: f32,
    /// Log-odds per unit.
    pub weight: f32,
}

/// A node of a tree. The left child of a split is the node after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    /// `feature <= threshold` goes left.
    Split {
        /// Index into the features.
        feature: u8,
        /// Largest value that goes left.
        threshold: f32,
        /// Log-odds this node stands for, if one stopped here: only to explain.
        value: f32,
        /// Index of the right child in this tree, behind the left child.
        right: u16,
    },
    /// Adds its log-odds.
    Leaf {
        /// Log-odds.
        value: f32,
    },
}

impl Node {
    fn value(&self) -> f64 {
        match *self {
            Node::Split { value, .. } | Node::Leaf { value } => f64::from(value),
        }
    }
}

/// What a model is made of. Only what [`Model::new`] or [`Model::decode`] has checked can be scored.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parts {
    /// What it estimates, such as `p_buy`.
    pub task: String,
    /// Its own name, which scores carry.
    pub name: String,
    /// Names of the features, in the order of the values to score.
    pub features: Vec<String>,
    /// Log-odds where no term and no tree says anything.
    pub bias: f32,
    /// Linear part.
    pub terms: Vec<Term>,
    /// Trees, each from its root.
    pub trees: Vec<Vec<Node>>,
    /// Points of a line from sums to calibrated log-odds, both strictly rising; beyond its ends it goes on in steps of one. Empty: as it is.
    pub calibration: Vec<(f32, f32)>,
    /// Probabilities that mean something, by name.
    pub thresholds: Vec<(String, f32)>,
}

/// A model that can be scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Model(Parts);

/// What a feature added to a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contribution {
    /// Index into the features.
    pub feature: usize,
    /// Log-odds it added, before calibration, compared with the place where the model was fitted.
    pub weight: f64,
}

impl Model {
    /// A model of these parts.
    ///
    /// # Errors
    /// [`ModelError::Limit`] or [`ModelError::Value`] where they break a rule that this module states.
    pub fn new(parts: Parts) -> Result<Model, ModelError> {
        decode::check(&parts)?;
        Ok(Model(parts))
    }

    /// Reads an artifact; bytes from anywhere.
    ///
    /// # Errors
    /// When it is not whole, not of a known version or breaks a rule that this module states.
    pub fn decode(bytes: &[u8]) -> Result<Model, ModelError> {
        Ok(decode::read(bytes)?.0)
    }

    /// What it is made of.
    pub fn parts(&self) -> &Parts {
        &self.0
    }

    /// The threshold of that name, a probability.
    pub fn threshold(&self, name: &str) -> Option<f64> {
        self.0.thresholds.iter().find(|(known, _)| known == name).map(|(_, value)| f64::from(*value))
    }

    /// The probability, 0..=1, for `values` in the order of the features. A value that is missing or not finite counts as 0.
    pub fn score(&self, values: &[f64]) -> f64 {
        logistic(self.log_odds(values))
    }

    /// The same as log-odds, which tell apart what is all but certain.
    pub fn log_odds(&self, values: &[f64]) -> f64 {
        self.calibrate(self.sum(values, |_, _| ()))
    }

    /// The `most` features that moved the score furthest, furthest first; those that did not move it are left out. Of trees the method of
    /// Saabas (2014): what each split on the way changed belongs to its feature.
    pub fn explain(&self, values: &[f64], most: usize) -> Vec<Contribution> {
        let mut weights = vec![0.0; self.0.features.len()];
        self.sum(values, |feature, weight| weights[feature] += weight);
        let mut top: Vec<Contribution> = Vec::with_capacity(most + 1);
        for (feature, weight) in weights.into_iter().enumerate() {
            if weight != 0.0 {
                let place = top.iter().position(|other| other.weight.abs() < weight.abs()).unwrap_or(top.len());
                top.insert(place, Contribution { feature, weight });
                top.truncate(most);
            }
        }
        top
    }

    /// The sum in log-odds before calibration; tells `add` what each feature added on the way.
    fn sum(&self, values: &[f64], mut add: impl FnMut(usize, f64)) -> f64 {
        let parts = &self.0;
        let value = |feature: u8| clean(values.get(usize::from(feature)).copied().unwrap_or(0.0));
        let mut sum = f64::from(parts.bias);
        for term in &parts.terms {
            let weight = f64::from(term.weight) * (term.transform.apply(value(term.feature)) - f64::from(term.centre));
            sum += weight;
            add(usize::from(term.feature), weight);
        }
        for tree in &parts.trees {
            let mut at = 0;
            // Children stand behind their parent, as was checked, so that every walk ends.
            while let Node::Split { feature, threshold, right, .. } = tree[at] {
                let next = if value(feature) <= f64::from(threshold) { at + 1 } else { usize::from(right) };
                add(usize::from(feature), tree[next].value() - tree[at].value());
                at = next;
            }
            sum += tree[at].value();
        }
        sum
    }

    fn calibrate(&self, sum: f64) -> f64 {
        let points = &self.0.calibration;
        let point = |index: usize| (f64::from(points[index].0), f64::from(points[index].1));
        // The first point at or above the sum.
        match points.iter().position(|(x, _)| sum <= f64::from(*x)) {
            None if points.is_empty() => sum,
            Some(0) => point(0).1 + (sum - point(0).0),
            None => point(points.len() - 1).1 + (sum - point(points.len() - 1).0),
            Some(above) => {
                let ((x0, y0), (x1, y1)) = (point(above - 1), point(above));
                y0 + (y1 - y0) * ((sum - x0) / (x1 - x0))
            }
        }
    }
}

fn clean(value: f64) -> f64 {
    if value.is_finite() { value.clamp(-f64::from(MAX_NUMBER), f64::from(MAX_NUMBER)) } else { 0.0 }
}

/// The probability of log-odds.
pub fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-log_odds))
}

#[cfg(test)]
mod tests;
