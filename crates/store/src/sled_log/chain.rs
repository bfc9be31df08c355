//! The chain of checksums: each value's covers its bytes, its place and the checksum before it, so that nothing can be changed or
//! missing in between without notice.

use serde::{Deserialize, Serialize};

use super::contents::{Contents, EarlierContents};
use crate::DecodeError;

/// Bytes of a checksum. They guard against chance, not against whoever can write the data folder.
pub(super) const CHECKSUM_BYTES: usize = 16;

/// A checksum: of everything up to a point of the log, or of a file.
pub(super) type Checksum = [u8; CHECKSUM_BYTES];

/// The first byte of a value with a checksum. Earlier values begin with their number of records, which is never 0.
const MARK: u8 = 0;

/// Version of the values that are written. Every version ever written stays readable.
///
/// 1: contents without [`crate::DataClass::Shop`].
const VERSION: u8 = 2;
/// The last version without that class.
const WITHOUT_SHOP: u8 = 1;

/// A value as it lies in a segment: mark, version, checksum, then what the checksum covers: contents (postcard) and group.
#[derive(Debug)]
pub(super) struct Value<'a> {
    pub(super) checksum: Checksum,
    /// What the segment holds up to here, this group included.
    pub(super) contents: Contents,
    /// The bytes of the group.
    pub(super) group: &'a [u8],
    covered: &'a [u8],
}

/// What a value of either format holds.
#[derive(Debug)]
pub(super) enum Stored<'a> {
    Chained(Value<'a>),
    /// A group as version 0.1.0 wrote it first: without a checksum.
    Bare(&'a [u8]),
}

/// The value of a group at offset `first`, and its checksum.
pub(super) fn seal(
    before: &Checksum,
    first: u64,
    contents: &Contents,
    group: &[u8],
) -> Result<(Checksum, Vec<u8>), DecodeError> {
    let head = [MARK, VERSION].into_iter().chain([0; CHECKSUM_BYTES]).collect::<Vec<u8>>();
    let covered = head.len();
    let mut value = postcard::to_extend(contents, head).map_err(|_| DecodeError::Damaged)?;
    value.extend_from_slice(group);
    let checksum = link(before, first, &value[covered..]);
    value[covered - CHECKSUM_BYTES..covered].copy_from_slice(&checksum);
    Ok((checksum, value))
}

/// Takes a value apart. Its checksum is not looked at yet.
pub(super) fn open(value: &[u8]) -> Result<Stored<'_>, DecodeError> {
    let Some((&MARK, rest)) = value.split_first() else { return Ok(Stored::Bare(value)) };
    let (&version, rest) = rest.split_first().ok_or(DecodeError::Damaged)?;
    if !(WITHOUT_SHOP..=VERSION).contains(&version) {
        return Err(DecodeError::Version(version));
    }
    let (checksum, covered) = rest.split_first_chunk().ok_or(DecodeError::Damaged)?;
    let (contents, group) = match version {
        WITHOUT_SHOP => {
            let taken = postcard::take_from_bytes::<EarlierContents>(covered);
            taken.map(|(contents, group)| (contents.into(), group))
        }
        _ => postcard::take_from_bytes(covered),
    }
    .map_err(|_| DecodeError::Damaged)?;
    Ok(Stored::Chained(Value { checksum: *checksum, contents, group, covered }))
}

impl Value<'_> {
    /// Whether this is what was written at `first` after a value with the checksum `before`.
    pub(super) fn follows(&self, before: &Checksum, first: u64) -> bool {
        link(before, first, self.covered) == self.checksum
    }
}

fn link(before: &Checksum, first: u64, covered: &[u8]) -> Checksum {
    let mut hasher = blake3::Hasher::new_derive_key("waver log group v1");
    hasher.update(before).update(&first.to_be_bytes()).update(covered);
    shortened(&hasher)
}

/// The checksum of a file's bytes; `context` tells files apart.
pub(super) fn checksum(context: &str, bytes: &[u8]) -> Checksum {
    shortened(blake3::Hasher::new_derive_key(context).update(bytes))
}

fn shortened(hasher: &blake3::Hasher) -> Checksum {
    let mut checksum = [0; CHECKSUM_BYTES];
    hasher.finalize_xof().fill(&mut checksum);
    checksum
}

/// Where a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    /// The offset behind its last record.
    pub(super) end: u64,
    /// The checksum of its last value; of a segment without any, what its first one follows.
    pub(super) checksum: Checksum,
    /// What it holds.
    pub(super) contents: Contents,
}

/// The same as it was written before there was [`crate::DataClass::Shop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EarlierTail {
    pub(super) end: u64,
    pub(super) checksum: Checksum,
    pub(super) contents: EarlierContents,
}

impl From<EarlierTail> for Tail {
    fn from(EarlierTail { end, checksum, contents }: EarlierTail) -> Tail {
        Tail { end, checksum, contents: contents.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_from_before_the_class_of_the_shop_is_read() {
        let earlier: EarlierContents = Contents::default().into();
        let covered = [postcard::to_allocvec(&earlier).expect("encodes"), b"group".to_vec()].concat();
        let checksum = link(&[3; CHECKSUM_BYTES], 7, &covered);
        let value = [&[MARK, WITHOUT_SHOP][..], &checksum, &covered].concat();
        let Ok(Stored::Chained(read)) = open(&value) else { panic!("a value") };
        assert_eq!((read.group, read.contents), (&b"group"[..], Contents::default()));
        assert!(read.follows(&[3; CHECKSUM_BYTES], 7) && !read.follows(&[3; CHECKSUM_BYTES], 8));
        assert!(matches!(open(&[&[MARK, VERSION + 1][..], &value[2..]].concat()), Err(DecodeError::Version(3))));
    }
}
