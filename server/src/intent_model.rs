//! The artifact by which browsers score intent, as the configuration names it.

use std::path::Path;

use waver_core::Engine;
use waver_core::model::Origin;

use crate::artifact::{Artifact, ArtifactError};

/// The bytes of the artifact at `path`, after the engine of the browsers has taken them here, and what an operator has to be told of it.
///
/// # Errors
/// [`ArtifactError`].
pub(crate) fn load(path: &Path) -> Result<(Vec<u8>, Option<String>), ArtifactError> {
    let Artifact { bytes, summary, .. } = Artifact::load(path)?;
    let unusable = |error| ArtifactError::Unusable(path.to_owned(), format!("{error}"));
    Engine::new().predict_by(&bytes).map_err(unusable)?;
    let warning = (summary.origin == Origin::Research)
        .then(|| format!("{}: it was fitted on {}, whose terms do not allow to ship it", path.display(), summary.data));
    Ok((bytes, warning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::tests::written;
    use waver_core::model::Model;

    #[test]
    fn only_what_a_browser_can_use_is_served() {
        let (bytes, warning) = load(written("p_buy", Origin::Own).path()).expect("usable");
        assert!(Model::decode(&bytes).is_ok() && warning.is_none());
        assert!(load(written("p_buy", Origin::Research).path()).expect("usable").1.is_some());
        assert!(matches!(load(written("p_switch", Origin::Own).path()), Err(ArtifactError::Unusable(..))));
    }
}
