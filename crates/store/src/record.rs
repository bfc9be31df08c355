//! What one entry of the log holds, and its bytes.

use core::fmt;

use serde::{Deserialize, Serialize};
use waver_schema::SiteKey;

use crate::DataClass;

/// Version of the envelope that is written. Every version ever written stays readable.
pub const RECORD_VERSION: u8 = 1;

/// A slice of all sessions; sessions never change theirs.
pub type Shard = u16;

/// Number of shards of the embedded log, fixed when a data folder is created.
pub const SHARDS: Shard = 16;

/// A session as the collector knows it: 128 bits of a keyed hash of the browser's id. Evenly spread, so that parts of it serve
/// as shard and as lot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pseudonym([u8; 16]);

impl Pseudonym {
    /// Takes 128 bits as they are; the caller answers for their being evenly spread.
    pub const fn from_bytes(bytes: [u8; 16]) -> Pseudonym {
        Pseudonym(bytes)
    }

    /// The 128 bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The shard of this session, below [`SHARDS`].
    pub const fn shard(&self) -> Shard {
        u16::from_be_bytes([self.0[0], self.0[1]]) % SHARDS
    }

    /// A number spread evenly over all `u64`, the same for a session at every decision. Independent of [`Pseudonym::shard`].
    pub const fn lot(&self) -> u64 {
        let [_, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pseudonym({self})")
    }
}

/// What a payload holds. The order is that of the envelope's bytes: new kinds go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordKind {
    /// A grant or withdrawal.
    Consent,
    /// Events of one session.
    Batch,
    /// A decision.
    Decision,
    /// An event that is not of the schema, scrubbed.
    DeadLetter,
    /// The erasure of a session.
    Erasure,
    /// An offer that was made to a browser which is remembered across sessions.
    Visit,
    /// An offer that was stopped because it does harm.
    Stop,
    /// What became of a grant. Holds nothing of the session.
    Grant,
    /// An order, or a refund of one, as the shop's backend told it. Holds nothing of the session.
    Order,
    /// What the shop's catalogue says of some items.
    Catalog,
    /// The same order as a part of its session.
    Purchase,
}

impl RecordKind {
    /// How long records of this kind are kept.
    pub const fn class(self) -> DataClass {
        match self {
            RecordKind::Consent | RecordKind::Erasure => DataClass::Consent,
            RecordKind::Batch | RecordKind::Decision | RecordKind::Visit | RecordKind::Stop | RecordKind::Purchase => {
                DataClass::Events
            }
            RecordKind::DeadLetter => DataClass::DeadLetters,
            RecordKind::Grant | RecordKind::Order | RecordKind::Catalog => DataClass::Shop,
        }
    }
}

/// One entry of the log: an envelope that anyone who runs the log may read, around a payload that only its kind explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the payload holds.
    pub kind: RecordKind,
    /// The shop's site.
    pub site: SiteKey,
    /// The session.
    pub pseudonym: Pseudonym,
    /// When the collector received it, Unix milliseconds of its own clock.
    pub received_at: u64,
    /// The key that the payload is sealed with; `None` for a payload that is not sealed.
    pub key_id: Option<u32>,
    /// The payload's bytes.
    pub payload: Vec<u8>,
}

impl Record {
    /// The shard of the record's session.
    pub const fn shard(&self) -> Shard {
        self.pseudonym.shard()
    }
}

/// Bytes that are not a group of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A later version of Waver wrote this.
    #[error("it has version {0}, and this build reads up to version {RECORD_VERSION}")]
    Version(u8),
    /// The bytes end early, go on too long, or hold what no version writes.
    #[error("its bytes are damaged")]
    Damaged,
    /// Something was written there and is gone.
    #[error("records are missing")]
    Missing,
}

/// The envelope of version 1, in the order of its bytes.
#[derive(Serialize, Deserialize)]
struct EnvelopeV1<'a> {
    shard: Shard,
    kind: RecordKind,
    site: SiteKey,
    pseudonym: Pseudonym,
    received_at: u64,
    key_id: Option<u32>,
    #[serde(borrow, with = "serde_bytes")]
    payload: &'a [u8],
}

/// The bytes of a group: the number of records, then each as its length, its version, and the envelope of that version (postcard).
pub(crate) fn encode_group(group: &[Record]) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = postcard::to_allocvec(&group.len()).map_err(|_| DecodeError::Damaged)?;
    for record in group {
        let envelope = EnvelopeV1 {
            shard: record.shard(),
            kind: record.kind,
            site: record.site.clone(),
            pseudonym: record.pseudonym,
            received_at: record.received_at,
            key_id: record.key_id,
            payload: &record.payload,
        };
        let envelope = postcard::to_extend(&envelope, vec![RECORD_VERSION]).map_err(|_| DecodeError::Damaged)?;
        bytes = postcard::to_extend(serde_bytes::Bytes::new(&envelope), bytes).map_err(|_| DecodeError::Damaged)?;
    }
    Ok(bytes)
}

/// Reads what [`encode_group`] of this or an earlier version wrote.
pub(crate) fn decode_group(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let (count, mut rest) = postcard::take_from_bytes::<usize>(bytes).map_err(|_| DecodeError::Damaged)?;
    // A record takes more than one byte, so a count above the number of bytes is a lie, not a reason to allocate.
    let mut group = Vec::with_capacity(count.min(rest.len()));
    for _ in 0..count {
        let (record, after) =
            postcard::take_from_bytes::<&serde_bytes::Bytes>(rest).map_err(|_| DecodeError::Damaged)?;
        group.push(decode_record(record)?);
        rest = after;
    }
    if rest.is_empty() { Ok(group) } else { Err(DecodeError::Damaged) }
}

fn decode_record(bytes: &[u8]) -> Result<Record, DecodeError> {
    let (version, envelope) = bytes.split_first().ok_or(DecodeError::Damaged)?;
    match *version {
        1 => {
            let (envelope, rest) =
                postcard::take_from_bytes::<EnvelopeV1<'_>>(envelope).map_err(|_| DecodeError::Damaged)?;
            let record = Record {
                kind: envelope.kind,
                site: envelope.site,
                pseudonym: envelope.pseudonym,
                received_at: envelope.received_at,
                key_id: envelope.key_id,
                payload: envelope.payload.to_vec(),
            };
            let whole = rest.is_empty() && envelope.shard == record.shard();
            if whole { Ok(record) } else { Err(DecodeError::Damaged) }
        }
        version => Err(DecodeError::Version(version)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> Record {
        Record {
            kind: RecordKind::Batch,
            site: SiteKey::parse("demo").expect("valid"),
            pseudonym: Pseudonym::from_bytes([7; 16]),
            received_at: 1_800_000_000_000,
            key_id: None,
            payload: br#"{"events":[]}"#.to_vec(),
        }
    }

    /// What version 1 once wrote, every later version must read.
    const GROUP_V1: &[u8] = &[
        1, 45, 1, 7, 1, 4, b'd', b'e', b'm', b'o', 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 128, 160, 241, 194,
        177, 52, 0, 13, b'{', b'"', b'e', b'v', b'e', b'n', b't', b's', b'"', b':', b'[', b']', b'}',
    ];

    #[test]
    fn the_bytes_of_version_1_are_fixed() {
        assert_eq!(encode_group(&[record()]).expect("encodes"), GROUP_V1);
        assert_eq!(decode_group(GROUP_V1), Ok(vec![record()]));
    }

    #[test]
    fn the_bytes_of_every_kind_are_fixed() {
        let kinds = [
            RecordKind::Consent,
            RecordKind::Batch,
            RecordKind::Decision,
            RecordKind::DeadLetter,
            RecordKind::Erasure,
            RecordKind::Visit,
            RecordKind::Stop,
            RecordKind::Grant,
            RecordKind::Order,
            RecordKind::Catalog,
            RecordKind::Purchase,
        ];
        for (byte, kind) in (0..).zip(kinds) {
            let bytes = encode_group(&[Record { kind, ..record() }]).expect("encodes");
            assert_eq!(bytes[4], byte, "{kind:?}");
        }
    }

    #[test]
    fn a_later_version_is_named() {
        let mut later = GROUP_V1.to_vec();
        later[2] = 9;
        assert_eq!(decode_group(&later), Err(DecodeError::Version(9)));
    }

    #[test]
    fn a_cut_or_lengthened_group_is_damaged() {
        for end in 0..GROUP_V1.len() {
            assert_eq!(decode_group(&GROUP_V1[..end]), Err(DecodeError::Damaged), "cut at {end}");
        }
        let longer = [GROUP_V1, &[0]].concat();
        assert_eq!(decode_group(&longer), Err(DecodeError::Damaged));
    }

    #[test]
    fn shard_and_lot_come_from_different_bits() {
        let mut bytes = [0_u8; 16];
        bytes[1] = 5;
        bytes[15] = 9;
        let pseudonym = Pseudonym::from_bytes(bytes);
        assert_eq!((pseudonym.shard(), pseudonym.lot()), (5, 9));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode_group(&bytes);
        }

        #[test]
        fn a_flipped_byte_never_panics(at in 0..GROUP_V1.len(), flip in 1..=255_u8) {
            let mut bytes = GROUP_V1.to_vec();
            bytes[at] ^= flip;
            let _ = decode_group(&bytes);
        }

        #[test]
        fn groups_survive_a_round_trip(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            pseudonym in any::<[u8; 16]>(),
            key_id in any::<Option<u32>>(),
        ) {
            let group: Vec<Record> = payloads
                .into_iter()
                .map(|payload| Record { pseudonym: Pseudonym::from_bytes(pseudonym), key_id, payload, ..record() })
                .collect();
            prop_assert_eq!(decode_group(&encode_group(&group).expect("encodes")), Ok(group));
        }
    }
}
