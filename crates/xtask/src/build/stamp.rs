//! Remembers from which inputs a part of the build was made, and what it made, so that it need not be made again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::files::{self, Inputs};
use crate::digest;

pub(super) struct Stamps {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Stamp {
    inputs: String,
    /// Digests of the files that were made.
    outputs: BTreeMap<PathBuf, String>,
}

impl Stamps {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Whether the part was made from the same inputs, and its outputs are as they were made.
    pub(super) fn is_fresh(&self, part: &str, inputs: &Inputs) -> bool {
        let Some(stamp) =
            std::fs::read(self.path(part)).ok().and_then(|json| serde_json::from_slice::<Stamp>(&json).ok())
        else {
            return false;
        };
        stamp.inputs == inputs.digest()
            && stamp
                .outputs
                .iter()
                .all(|(path, expected)| std::fs::read(path).is_ok_and(|bytes| digest::hex(&bytes) == *expected))
    }

    pub(super) fn record(&self, part: &str, inputs: &Inputs, outputs: &[PathBuf]) -> Result<()> {
        let outputs =
            outputs.iter().map(|path| Ok((path.clone(), digest::hex(&files::read(path)?)))).collect::<Result<_>>()?;
        let stamp = Stamp { inputs: inputs.digest(), outputs };
        files::write(&self.path(part), serde_json::to_vec_pretty(&stamp)?)
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::tests::Scratch;
    use super::*;

    #[test]
    fn a_part_is_fresh_until_an_input_or_an_output_changes() {
        let scratch = Scratch::new("stamp");
        let stamps = Stamps::in_folder(scratch.0.join("stamps"));
        let output = scratch.0.join("out.js");
        files::write(&output, "made").expect("output");
        let inputs = |text: &str| {
            let mut inputs = Inputs::default();
            inputs.text(text);
            inputs
        };

        assert!(!stamps.is_fresh("part", &inputs("one")), "never made");
        stamps.record("part", &inputs("one"), std::slice::from_ref(&output)).expect("record");
        assert!(stamps.is_fresh("part", &inputs("one")));
        assert!(!stamps.is_fresh("other", &inputs("one")));
        assert!(!stamps.is_fresh("part", &inputs("two")));
        files::write(&output, "edited by hand").expect("output");
        assert!(!stamps.is_fresh("part", &inputs("one")));
        std::fs::remove_file(&output).expect("remove");
        assert!(!stamps.is_fresh("part", &inputs("one")));
    }
}
