use super::decode::{MAGIC, VERSION, checksum};
use super::{MAX_BYTES, Model, ModelError, Node, Summary};

impl Model {
    /// The artifact: this model and how it came about.
    ///
    /// # Errors
    /// [`ModelError::Limit`] when it would be larger than [`MAX_BYTES`], or what the summary's own limits refuse.
    pub fn encode(&self, summary: &Summary) -> Result<Vec<u8>, ModelError> {
        let parts = self.parts();
        let mut body = Writer::default();
        body.text(&parts.task);
        body.text(&parts.name);
        // No count is cut off: they were checked when the model was made.
        body.bytes(&[parts.features.len() as u8]);
        for name in &parts.features {
            body.text(name);
        }
        body.f32(parts.bias);
        body.u16(parts.terms.len());
        for term in &parts.terms {
            body.bytes(&[term.feature, term.transform as u8]);
            body.f32(term.centre);
            body.f32(term.weight);
        }
        body.u16(parts.trees.len());
        for tree in &parts.trees {
            body.u16(tree.len());
            for node in tree {
                match *node {
                    Node::Leaf { value } => {
                        body.u16(0);
                        body.f32(value);
                    }
                    Node::Split { feature, threshold, value, right } => {
                        body.u16(usize::from(feature) + 1);
                        body.f32(threshold);
                        body.f32(value);
                        body.u16(usize::from(right));
                    }
                }
            }
        }
        body.bytes(&[parts.calibration.len() as u8]);
        for &(x, y) in &parts.calibration {
            body.f32(x);
            body.f32(y);
        }
        body.bytes(&[parts.thresholds.len() as u8]);
        for (name, value) in &parts.thresholds {
            body.text(name);
            body.f32(*value);
        }
        summary.write(&mut body)?;
        let mut artifact = [&MAGIC[..], &[VERSION], &checksum(&body.0).to_le_bytes()].concat();
        artifact.extend(body.0);
        if artifact.len() > MAX_BYTES { Err(ModelError::Limit) } else { Ok(artifact) }
    }
}

#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn u16(&mut self, number: usize) {
        self.bytes(&(number as u16).to_le_bytes());
    }

    fn f32(&mut self, number: f32) {
        self.bytes(&number.to_le_bytes());
    }

    /// A text that was checked before.
    pub(super) fn text(&mut self, text: &str) {
        self.bytes(&[text.len() as u8]);
        self.bytes(text.as_bytes());
    }
}
