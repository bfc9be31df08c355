use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use zeroize::{Zeroize, Zeroizing};

use crate::StoreError;
use crate::folder::{create_private, sync_folders};

const KEY_BYTES: usize = 32;
/// Names the check among all other uses of BLAKE3.
const CHECK_CONTEXT: &str = "waver 2026-11-21 check of a secret key in its file";

/// 32 secret bytes. Never printed, never in a log, never in sled; wiped from memory when dropped.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// Takes 32 bytes as they are; the caller answers for their randomness.
    pub const fn from_bytes(bytes: [u8; 32]) -> SecretKey {
        SecretKey(bytes)
    }

    /// Reads the key at `path`, or makes one of what `fill_random` gives. The file is its owner's alone, and on disk before this
    /// returns. It holds the key and a check of it: under a key of which one bit is another, every session would be a stranger, and
    /// nobody would notice. A file of the key alone, as they were written at first, gets its check. Tells whether the key is new.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the file or its folder cannot be read or made, [`StoreError::BadKey`] if it does not hold a key.
    pub fn load_or_create(path: &Path, fill_random: impl FnOnce(&mut [u8])) -> Result<(SecretKey, bool), StoreError> {
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        match read(path) {
            Ok(Some(key)) => Ok((SecretKey(key), false)),
            Ok(None) => Err(StoreError::BadKey { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; 32];
                fill_random(&mut key);
                create(path, &key).map_err(failed)?;
                Ok((SecretKey(key), true))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Destroys the key in the file at `path`: overwritten in place, synced, and removed. `false` if there is no such file.
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
        file.write_all(&[0; 2 * KEY_BYTES]).and_then(|()| file.sync_all()).map_err(failed)?;
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

/// `None` if the file holds anything but a key.
fn read(path: &Path) -> io::Result<Option<[u8; KEY_BYTES]>> {
    const MOST: usize = 2 * KEY_BYTES + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST));
    File::open(path)?.take(MOST as u64).read_to_end(&mut bytes)?;
    let Some((key, checked)) = bytes.split_first_chunk::<KEY_BYTES>() else { return Ok(None) };
    if checked.is_empty() {
        create(path, key)?;
        return Ok(Some(*key));
    }
    Ok((checked == check(key)).then_some(*key))
}

fn check(key: &[u8; KEY_BYTES]) -> [u8; KEY_BYTES] {
    blake3::derive_key(CHECK_CONTEXT, key)
}

/// Writes aside and renames, so that a crash leaves either no key or a whole one.
fn create(path: &Path, key: &[u8; KEY_BYTES]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_private(folder)?;
    let aside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&aside)?;
    file.write_all(key)?;
    file.write_all(&check(key))?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    // The rename is on disk only once the folder is.
    sync_folders(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_ever_after() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys/pseudonym.key");
        let (made, is_new) = SecretKey::load_or_create(&path, |bytes| bytes.fill(7)).expect("makes");
        assert!(is_new);
        let (read, is_new) = SecretKey::load_or_create(&path, |_| panic!("the key exists")).expect("reads");
        assert!(!is_new);
        assert_eq!(made.as_bytes(), read.as_bytes());
        assert_eq!(format!("{made:?}"), "SecretKey(..)");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys/pseudonym.key");
        SecretKey::load_or_create(&path, |bytes| bytes.fill(7)).expect("makes");
        let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
    }

    #[test]
    fn a_key_of_which_a_bit_changed_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pseudonym.key");
        SecretKey::load_or_create(&path, |bytes| bytes.fill(7)).expect("makes");
        let whole = fs::read(&path).expect("reads");
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            fs::write(&path, &changed).expect("writes");
            let error = SecretKey::load_or_create(&path, |_| ()).expect_err("refused");
            assert!(matches!(error, StoreError::BadKey { .. }), "{place}: {error}");
        }
    }

    #[test]
    fn a_destroyed_key_is_gone_and_a_second_link_to_its_file_holds_zeros() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("pseudonym.key"), folder.path().join("link"));
        SecretKey::load_or_create(&path, |bytes| bytes.fill(7)).expect("makes");
        fs::hard_link(&path, &link).expect("links");
        assert!(SecretKey::destroy(&path).expect("destroys"));
        assert!(!SecretKey::destroy(&path).expect("nothing is left"));
        assert_eq!((path.exists(), fs::read(&link).expect("reads")), (false, vec![0; 64]));
    }

    #[test]
    fn a_key_without_a_check_gets_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pseudonym.key");
        fs::write(&path, [7; 32]).expect("writes");
        for _ in 0..2 {
            let (key, is_new) = SecretKey::load_or_create(&path, |_| panic!("the key exists")).expect("reads");
            assert_eq!((key.as_bytes(), is_new), (&[7; 32], false));
            assert_eq!(fs::metadata(&path).expect("exists").len(), 64);
        }
    }

    #[test]
    fn a_file_of_another_length_is_not_a_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pseudonym.key");
        for wrong in [vec![], vec![7; 31], vec![7; 33], vec![7; 63], vec![7; 64], vec![7; 65]] {
            fs::write(&path, &wrong).expect("writes");
            let error = SecretKey::load_or_create(&path, |_| ()).expect_err("refused");
            assert!(matches!(error, StoreError::BadKey { .. }), "{error}");
        }
    }
}
