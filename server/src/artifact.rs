//! A fitted model in a file that the configuration names.

use std::path::{Path, PathBuf};

use waver_core::model::{MAX_BYTES, Model, Summary};

/// An artifact that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    /// It is no artifact, or estimates something else, or from what is not measured where it is to be used.
    #[error("{0}: {1}")]
    Unusable(PathBuf, String),
}

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) bytes: Vec<u8>,
    pub(crate) model: Model,
    pub(crate) summary: Summary,
}

impl Artifact {
    /// # Errors
    /// [`ArtifactError`].
    pub(crate) fn load(path: &Path) -> Result<Artifact, ArtifactError> {
        let read = |error| ArtifactError::Read(path.to_owned(), error);
        let unusable = |why: String| ArtifactError::Unusable(path.to_owned(), why);
        if std::fs::metadata(path).map_err(read)?.len() > MAX_BYTES as u64 {
            return Err(unusable(format!("an artifact has at most {MAX_BYTES} bytes")));
        }
        let bytes = std::fs::read(path).map_err(read)?;
        let (model, summary) = Summary::decode(&bytes).map_err(|error| unusable(error.to_string()))?;
        Ok(Artifact { bytes, model, summary })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use waver_core::model::{Origin, Parts};

    /// A model that estimates `task` from nothing, in a file.
    pub(crate) fn written(task: &str, origin: Origin) -> tempfile::NamedTempFile {
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
    fn what_is_no_artifact_is_refused_with_its_path() {
        let file = written("p_buy", Origin::Own);
        assert_eq!(Artifact::load(file.path()).expect("sound").model.parts().name, "shop-1");
        std::fs::write(file.path(), vec![0; MAX_BYTES + 1]).expect("written");
        let large = Artifact::load(file.path()).expect_err("too large").to_string();
        assert!(large.contains("at most") && large.contains(&*file.path().to_string_lossy()), "{large}");
        std::fs::write(file.path(), b"WVMD").expect("written");
        assert!(matches!(Artifact::load(file.path()), Err(ArtifactError::Unusable(..))));
        assert!(matches!(Artifact::load(Path::new("nowhere")), Err(ArtifactError::Read(..))));
    }
}
