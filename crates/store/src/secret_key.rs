use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use zeroize::Zeroize;

use crate::StoreError;
use crate::folder::sync_folders;

/// Bytes of a file with a single key, as earlier versions wrote it: the key and a check of it.
const FILE_BYTES: usize = 64;

/// 32 secret bytes. Never printed, never in a log, never in sled; wiped from memory when dropped.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// Takes 32 bytes as they are; the caller answers for their randomness.
    pub const fn from_bytes(bytes: [u8; 32]) -> SecretKey {
        SecretKey(bytes)
    }

    /// Destroys the key in a file of its own at `path`, as earlier versions kept it: overwritten in place, synced, and removed. `false` if there is no such file.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it is there and cannot be overwritten or removed.
    pub fn destroy(path: &Path) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        let mut file = match OpenOptions::new().write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        file.write_all(&[0; FILE_BYTES]).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::remove_file(path).map_err(failed)?;
        sync_folders(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        Ok(true)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destroyed_key_is_gone_and_a_second_link_to_its_file_holds_zeros() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("pseudonym.key"), folder.path().join("link"));
        fs::write(&path, [7; FILE_BYTES]).expect("writes");
        fs::hard_link(&path, &link).expect("links");
        assert!(SecretKey::destroy(&path).expect("destroys"));
        assert!(!SecretKey::destroy(&path).expect("nothing is left"));
        assert_eq!((path.exists(), fs::read(&link).expect("reads")), (false, vec![0; FILE_BYTES]));
        assert_eq!(format!("{:?}", SecretKey::from_bytes([7; 32])), "SecretKey(..)");
    }
}
