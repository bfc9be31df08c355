use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::chain::{CHECKSUM_BYTES, Checksum, EarlierTail, Tail, checksum};
use crate::folder::replace_file;

const CONTEXT: &str = "waver log manifest v2";
/// That of a manifest from before there was [`crate::DataClass::Shop`].
const EARLIER_CONTEXT: &str = "waver log manifest v1";
const FILE: &str = "manifest";

/// Which segments make up the log. What is on disk beside these is left over from a crash. Replaced as a whole, so that the log
/// passes from one set of segments to the next at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The segments that are not written to any more, in the order of their offsets.
    pub(super) sealed: Vec<Sealed>,
    /// The one that is.
    pub(super) active: Place,
    /// Above the number of every folder here.
    pub(super) next_generation: u32,
}

/// Where a segment lies and begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The lowest offset that may be in it.
    pub(super) first: u64,
    /// 0 for a segment as it was first written; every rewriting has another number.
    pub(super) generation: u32,
    /// What its first value follows; `None` for a segment of the earlier layout, whose values have no checksums.
    pub(super) start: Option<Checksum>,
}

impl Place {
    /// The name of its folder.
    pub(super) fn name(&self) -> String {
        match self.generation {
            0 => format!("{:020}", self.first),
            generation => format!("{:020}.{generation}", self.first),
        }
    }
}

/// A segment that is not written to any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) place: Place,
    pub(super) tail: Tail,
}

impl Manifest {
    /// The lowest offset that may still be there.
    pub(super) fn begin(&self) -> u64 {
        self.sealed.first().map_or(self.active.first, |segment| segment.place.first)
    }

    /// The places of all segments.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.sealed.iter().map(|segment| &segment.place).chain([&self.active])
    }

    /// The manifest in `folder`, if there is one; its bytes may be damaged.
    pub(super) fn load(folder: &Path) -> io::Result<Option<Result<Manifest, &'static str>>> {
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => Ok(Some(decode(&bytes).ok_or("its manifest is damaged"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts this in the place of the manifest in `folder`; on disk when this returns.
    pub(super) fn store(&self, folder: &Path) -> io::Result<()> {
        let bytes = self.encode().map_err(io::Error::other)?;
        replace_file(&folder.join(FILE), &bytes)
    }

    pub(super) fn encode(&self) -> postcard::Result<Vec<u8>> {
        Ok(with_checksum(postcard::to_allocvec(self)?))
    }
}

pub(super) fn with_checksum(mut manifest: Vec<u8>) -> Vec<u8> {
    manifest.extend(checksum(CONTEXT, &manifest));
    manifest
}

pub(super) fn decode(bytes: &[u8]) -> Option<Manifest> {
    let (manifest, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    if *sum == checksum(CONTEXT, manifest) {
        return postcard::from_bytes(manifest).ok();
    }
    let whole = *sum == checksum(EARLIER_CONTEXT, manifest);
    whole.then(|| postcard::from_bytes::<EarlierManifest>(manifest).ok().map(Manifest::from)).flatten()
}

/// A manifest from before there was [`crate::DataClass::Shop`].
#[derive(Debug, Serialize, Deserialize)]
struct EarlierManifest {
    sealed: Vec<(Place, EarlierTail)>,
    active: Place,
    next_generation: u32,
}

impl From<EarlierManifest> for Manifest {
    fn from(EarlierManifest { sealed, active, next_generation }: EarlierManifest) -> Manifest {
        let sealed = sealed.into_iter().map(|(place, tail)| Sealed { place, tail: tail.into() });
        Manifest { sealed: sealed.collect(), active, next_generation }
    }
}

/// The folders of segments in `folder`, by name.
pub(super) fn segment_folders(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (offset, generation) = name.split_once('.').unwrap_or((&name, "0"));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if offset.len() == 20 && digits(offset) && digits(generation) {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sled_log::contents::Contents;
    use crate::{Pseudonym, Record, RecordKind};

    fn contents(kind: RecordKind) -> Contents {
        let site = waver_schema::SiteKey::parse("demo").expect("valid");
        let pseudonym = Pseudonym::from_bytes([7; 16]);
        Contents::of_group(&[Record { kind, site, pseudonym, received_at: 5, key_id: None, payload: vec![1, 2] }])
    }

    #[test]
    fn a_manifest_from_before_the_class_of_the_shop_is_read() {
        let place = Place { first: 3, generation: 1, start: Some([4; CHECKSUM_BYTES]) };
        let tail =
            EarlierTail { end: 9, checksum: [6; CHECKSUM_BYTES], contents: contents(RecordKind::Consent).into() };
        let earlier = EarlierManifest { sealed: vec![(place, tail)], active: place, next_generation: 2 };
        let mut bytes = postcard::to_allocvec(&earlier).expect("encodes");
        bytes.extend(checksum(EARLIER_CONTEXT, &bytes));
        let tail = Tail { end: 9, checksum: [6; CHECKSUM_BYTES], contents: contents(RecordKind::Consent) };
        let expected = Manifest { sealed: vec![Sealed { place, tail }], active: place, next_generation: 2 };
        assert_eq!(decode(&bytes).as_ref(), Some(&expected));
        assert_eq!(decode(&expected.encode().expect("encodes")), Some(expected));
        *bytes.last_mut().expect("a checksum") ^= 1;
        assert_eq!(decode(&bytes), None);
    }
}
