//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::environment::Environment;
use crate::metadata::Metadata;

/// The checked-out repository.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// # Errors
    /// The manifests of the workspace cannot be read.
    pub(crate) fn locate(environment: &Environment) -> Result<Self> {
        // Cargo sets the variable when it runs us; the built-in value serves a binary started by hand.
        let own_crate = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own_crate.ancestors().nth(2).map(Path::to_path_buf).context("xtask does not lie in crates/xtask")?;
        let metadata = Metadata::load(environment, &root)?;
        Ok(Self { root, metadata })
    }

    /// Cargo's target folder, which `CARGO_TARGET_DIR` or a config file may have moved.
    pub(crate) fn target(&self) -> &Path {
        &self.metadata.target_directory
    }

    /// A path as people see it: relative to the repository where it lies inside.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}
