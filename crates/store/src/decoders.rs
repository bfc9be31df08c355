//! The decoders of what lies on disk, for the fuzz targets alone.

use crate::record::{self, DecodeError, Record};

pub use crate::consent_ledger::decoders::*;
pub use crate::journal::{JournalLines, journal_lines};
pub use crate::key_store::decoders::*;
pub use crate::ledger::decoders::*;
pub use crate::sled_log::decoders::*;

/// The records of a group, as they are read from the log.
///
/// # Errors
/// As the log refuses them.
pub fn group(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    record::decode_group(bytes)
}

/// The bytes of a group, as they are written to the log.
///
/// # Errors
/// None that records can have.
pub fn group_bytes(group: &[Record]) -> Result<Vec<u8>, DecodeError> {
    record::encode_group(group)
}
