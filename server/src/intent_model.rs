//! The artifact by which browsers score intent, as the configuration names it.

use std::path::{Path, PathBuf};

use waver_core::Engine;
use waver_core::model::{MAX_BYTES, Origin, Summary};

/// An artifact that browsers could not use.
#[derive(Debug, thiserror::Error)]
pub enum IntentModelError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    /// It is no artifact, or estimates something else, or from what a browser does not measure.
    #[error("{0}: {1}")]
    Unusable(PathBuf, String),
}

/// The bytes of the artifact at `path`, after the engine of the browsers has taken them here, and what an operator has to be told of it.
///
/// # Errors
/// [`IntentModelError`].
pub(crate) fn load(path: &Path) -> Result<(Vec<u8>, Option<String>), IntentModelError> {
    let read = |error| IntentModelError::Read(path.to_owned(), error);
    let unusable = |why: String| IntentModelError::Unusable(path.to_owned(), why);
    if std::fs::metadata(path).map_err(read)?.len() > MAX_BYTES as u64 {
        return Err(unusable(format!("an artifact has at most {MAX_BYTES} bytes")));
    }
    let artifact = std::fs::read(path).map_err(read)?;
    Engine::new().predict_by(&artifact).map_err(|error| unusable(error.to_string()))?;
    let (_, summary) = Summary::decode(&artifact).map_err(|error| unusable(error.to_string()))?;
    let warning = (summary.origin == Origin::Research)
        .then(|| format!("{}: it was fitted on {}, whose terms do not allow to ship it", path.display(), summary.data));
    Ok((artifact, warning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waver_core::model::{Model, Parts};

    fn written(task: &str, origin: Origin) -> tempfile::NamedTempFile {
        let parts = Parts { task: task.to_owned(), name: "shop-1".to_owned(), ..Parts::default() };
        let summary = Summary {
            origin,
            data: "test".to_owned(),
            data_hash: 0,
            seed: 0,
            rows: 1,
            positives: 1,
            groups: 1,
            figures: Vec::new(),
        };
        let artifact = Model::new(parts).expect("sound").encode(&summary).expect("small");
        let file = tempfile::NamedTempFile::new().expect("temporary");
        std::fs::write(file.path(), artifact).expect("written");
        file
    }

    #[test]
    fn only_what_a_browser_can_use_is_served() {
        let (bytes, warning) = load(written("p_buy", Origin::Own).path()).expect("usable");
        assert!(Model::decode(&bytes).is_ok() && warning.is_none());
        assert!(load(written("p_buy", Origin::Research).path()).expect("usable").1.is_some());
        assert!(matches!(load(written("p_switch", Origin::Own).path()), Err(IntentModelError::Unusable(..))));
        assert!(matches!(load(Path::new("nowhere")), Err(IntentModelError::Read(..))));
    }
}
