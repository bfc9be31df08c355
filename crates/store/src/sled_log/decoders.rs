//! The decoders of the log's own files, for the fuzz targets alone.

use super::chain::{self, Stored};
use super::manifest;
use super::witness::{self, SLOT_BYTES, Seen};
use crate::record::decode_group;
use crate::{DecodeError, Record};

/// The records of a group in its chained value, as a segment of the log holds it; its checksum is not looked at.
///
/// # Errors
/// As the log refuses them.
pub fn chained_group(value: &[u8]) -> Result<Vec<Record>, DecodeError> {
    match chain::open(value)? {
        Stored::Bare(group) => decode_group(group),
        Stored::Chained(value) => decode_group(value.group),
    }
}

/// What the log writes for a manifest that it reads out of `file`; `None` if it refuses it.
pub fn rewritten_manifest(file: &[u8]) -> Option<Vec<u8>> {
    manifest::decode(file)?.encode().ok()
}

/// A manifest's file around `inside`.
pub fn manifest_around(inside: &[u8]) -> Vec<u8> {
    manifest::with_checksum(inside.to_vec())
}

/// The folders that a manifest's file names, in the order of their offsets.
pub fn manifest_folders(file: &[u8]) -> Vec<String> {
    manifest::decode(file)
        .iter()
        .flat_map(|manifest| manifest.places().map(|place| place.name()).collect::<Vec<_>>())
        .collect()
}

/// How far the log was seen to reach, and the checksum there, as a witness's file says.
pub fn witness(file: &[u8]) -> Option<(u64, [u8; 16])> {
    witness::newest(file).map(|(_, Seen { end, checksum })| (end, checksum))
}

/// A witness's file whose two slots say this.
pub fn witness_file(slots: [(u64, [u8; 16]); 2]) -> Vec<u8> {
    let mut file = vec![0; 2 * SLOT_BYTES];
    for (slot, (end, checksum)) in file.chunks_mut(SLOT_BYTES).zip(slots) {
        let bytes = witness::encode(Seen { end, checksum });
        slot[..bytes.len()].copy_from_slice(&bytes);
    }
    file
}
