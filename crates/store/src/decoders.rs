//! The decoders of what lies on disk, for the fuzz targets alone.

use crate::record::{self, DecodeError, Record};
use crate::sled_log;

/// The records of a group, as they are read from the log.
///
/// # Errors
/// As the log refuses them.
pub fn group(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    record::decode_group(bytes)
}

/// The records of a group in its chained value, as a segment of the log holds it; its checksum is not looked at.
///
/// # Errors
/// As the log refuses them.
pub fn chained_group(value: &[u8]) -> Result<Vec<Record>, DecodeError> {
    sled_log::records_of(value)
}

/// The bytes of a group, as they are written to the log.
///
/// # Errors
/// None that records can have.
pub fn group_bytes(group: &[Record]) -> Result<Vec<u8>, DecodeError> {
    record::encode_group(group)
}
