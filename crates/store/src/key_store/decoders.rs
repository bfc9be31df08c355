//! The decoders of the key file, for the fuzz targets alone.

use std::path::Path;

use super::file::{KeyFile, header};
use super::slot::{self, Contents, SLOT_BYTES};
use super::{KeyError, KeyName};
use crate::SecretKey;

/// Bytes of a slot.
pub const KEY_SLOT_BYTES: usize = SLOT_BYTES;

/// What is in a slot.
#[derive(Debug)]
pub enum KeySlot {
    /// Nothing.
    Free,
    /// A key, and the slot as it is written for it.
    Key(KeyName, SecretKey, [u8; SLOT_BYTES]),
    /// A write or a clearing that did not come to its end.
    Torn,
    /// Anything else.
    Damaged,
}

/// Reads the slot of that number.
pub fn key_slot(number: usize, bytes: &[u8; SLOT_BYTES]) -> KeySlot {
    match slot::contents(number, bytes) {
        Contents::Free => KeySlot::Free,
        Contents::Torn => KeySlot::Torn,
        Contents::Damaged => KeySlot::Damaged,
        Contents::Key(name, key) => {
            let written = *slot::bytes(number, &name, &key);
            KeySlot::Key(name, key, written)
        }
    }
}

/// Puts the right checksum into the slot of that number.
pub fn mend_key_slot(number: usize, bytes: &mut [u8; SLOT_BYTES]) {
    slot::put_checksum(number, bytes);
}

/// Opens a key file in `folder` that holds `slots` behind its header, gives the names in it, and opens it once more.
///
/// # Errors
/// As the key file refuses it.
pub fn key_file(folder: &Path, slots: &[u8]) -> Result<[Vec<KeyName>; 2], KeyError> {
    let path = folder.join("fuzzed.keys");
    let failed = |error: std::io::Error| KeyError::Open { path: path.clone(), reason: error.to_string() };
    std::fs::write(&path, [&header()[..], slots].concat()).map_err(failed)?;
    let names = || KeyFile::open(&path).map(|file| file.names());
    Ok([names()?, names()?])
}
