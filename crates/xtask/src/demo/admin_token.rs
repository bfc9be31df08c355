//! The token that signs a person in to the dashboard: random, one per data folder, readable by its owner alone.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::digest;

/// Random bytes in a token.
const BYTES: usize = 32;

pub(super) fn file(data: &Path) -> PathBuf {
    data.join("admin-token")
}

/// The token of a data folder; made at the first call.
///
/// # Errors
/// The file cannot be read or written, or the system has no randomness.
pub(super) fn of_folder(data: &Path) -> Result<String> {
    let path = file(data);
    match std::fs::read_to_string(&path) {
        Ok(token) if is_token(&token) => Ok(token),
        Ok(_) => Err(anyhow!("{} holds no token; remove it to get a new one", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(&path),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn create(path: &Path) -> Result<String> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no random bytes: {error}"))?;
    let token = digest::hex_of(&random);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(token.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(token)
}

fn is_token(text: &str) -> bool {
    text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_has_one_token_and_only_its_owner_can_read_it() {
        let folder = std::env::temp_dir().join(format!("xtask-token-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let token = of_folder(&folder).expect("token");
        let again = of_folder(&folder).expect("token");
        let mode = std::fs::metadata(file(&folder)).expect("file").permissions().mode();
        std::fs::write(file(&folder), "short").expect("write");
        let broken = of_folder(&folder);
        std::fs::remove_dir_all(&folder).expect("remove");

        assert!(is_token(&token), "{token}");
        assert_eq!(token, again);
        assert_eq!(mode & 0o777, 0o600);
        assert!(broken.is_err());
    }
}
