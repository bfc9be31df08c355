//! The form of a backup: one stream of frames, the state first, then the log, closed by a hash over all of it.
//!
//! Secrets are in neither, so a backup carries no keys: what was sealed with a key that is destroyed stays unreadable in every backup.

use std::io::{self, Read};

use crate::record::{decode_group, encode_group};
use crate::{DecodeError, Part, Record, StoreError};

const MAGIC: &[u8; 16] = b"waver export  1\n";
/// Largest frame that is read. What is written is far below.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes of the records of one frame, roughly.
const GROUP_BYTES: usize = 64 * 1024;
/// Most bytes of a record beside its payload.
const ENVELOPE_BYTES: usize = 128;

const STATE: u8 = 0;
const LOG: u8 = 1;
const POLICY: u8 = 2;
const END: u8 = 255;

/// A piece of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A part of a snapshot of the state. All of them in order are one.
    State(Part),
    /// Records of the log that follow one another; the first has this offset.
    Log(u64, Vec<Record>),
    /// The text of a policy.
    Policy(String),
}

/// Writes frames one after the other.
#[derive(Debug, Default)]
pub struct ExportWriter {
    hash: blake3::Hasher,
}

impl ExportWriter {
    /// A writer, and the beginning of the stream.
    pub fn begin() -> (ExportWriter, Vec<u8>) {
        let mut writer = ExportWriter::default();
        writer.hash.update(MAGIC);
        (writer, MAGIC.to_vec())
    }

    /// The bytes of a frame.
    ///
    /// # Errors
    /// [`StoreError::Write`] for records that have no form in bytes.
    pub fn frame(&mut self, frame: &Frame) -> Result<Vec<u8>, StoreError> {
        let (kind, payload) = match frame {
            Frame::State(part) => (STATE, part.clone()),
            Frame::Log(first, group) => {
                let group = encode_group(group).map_err(|reason| StoreError::Write(reason.to_string()))?;
                (LOG, [&first.to_le_bytes()[..], &group].concat())
            }
            Frame::Policy(text) => (POLICY, text.clone().into_bytes()),
        };
        Ok(self.raw(kind, &payload))
    }

    /// The end of the stream.
    pub fn end(mut self) -> Vec<u8> {
        let hash = *self.hash.finalize().as_bytes();
        self.raw(END, &hash)
    }

    fn raw(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        // Frames are far below 4 GiB; one that were not would be refused when it is read.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let bytes = [&[kind][..], &length.to_le_bytes(), payload].concat();
        self.hash.update(&bytes);
        bytes
    }
}

/// `records` with their offsets, cut into frames of records that follow one another.
pub fn log_frames(records: Vec<(u64, Record)>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut group: Vec<Record> = Vec::new();
    let (mut first, mut bytes) = (0, 0);
    for (offset, record) in records {
        if !group.is_empty() && (offset != first + group.len() as u64 || bytes >= GROUP_BYTES) {
            frames.push(Frame::Log(first, std::mem::take(&mut group)));
        }
        if group.is_empty() {
            (first, bytes) = (offset, 0);
        }
        bytes += record.payload.len() + ENVELOPE_BYTES;
        group.push(record);
    }
    if !group.is_empty() {
        frames.push(Frame::Log(first, group));
    }
    frames
}

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It is something else.
    #[error("this is not an export of Waver, or of a later version")]
    Foreign,
    /// It ends too early, or is not what was written.
    #[error("the export is cut short or damaged; nothing of it should be used")]
    Damaged,
    /// It cannot be read.
    #[error("cannot read the export: {0}")]
    Read(#[from] io::Error),
}

impl From<DecodeError> for ExportError {
    fn from(_: DecodeError) -> ExportError {
        ExportError::Damaged
    }
}

/// Reads frames one after the other, and checks the hash at the end.
#[derive(Debug)]
pub struct ExportReader<R> {
    from: R,
    hash: blake3::Hasher,
    done: bool,
}

impl<R: Read> ExportReader<R> {
    /// A reader of what [`ExportWriter`] wrote.
    ///
    /// # Errors
    /// [`ExportError::Foreign`].
    pub fn begin(mut from: R) -> Result<ExportReader<R>, ExportError> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic).map_err(|_| ExportError::Foreign)?;
        if magic != *MAGIC {
            return Err(ExportError::Foreign);
        }
        let mut hash = blake3::Hasher::new();
        hash.update(MAGIC);
        Ok(ExportReader { from, hash, done: false })
    }

    /// The next frame; `None` at the end of a whole export.
    ///
    /// # Errors
    /// [`ExportError`]. What was read before is of no use then either.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ExportError> {
        if self.done {
            return Ok(None);
        }
        let mut head = [0; 5];
        self.fill(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        if length > MOST_BYTES {
            return Err(ExportError::Damaged);
        }
        // As it comes, so that a length alone costs nothing.
        let mut payload = Vec::new();
        (&mut self.from).take(length as u64).read_to_end(&mut payload)?;
        if payload.len() != length {
            return Err(ExportError::Damaged);
        }
        if kind == END {
            let mut rest = [0; 1];
            self.done = payload == self.hash.finalize().as_bytes() && self.from.read(&mut rest)? == 0;
            return if self.done { Ok(None) } else { Err(ExportError::Damaged) };
        }
        self.hash.update(&head);
        self.hash.update(&payload);
        let frame = match kind {
            STATE => Frame::State(payload),
            LOG => {
                let (first, group) = payload.split_first_chunk().ok_or(ExportError::Damaged)?;
                Frame::Log(u64::from_le_bytes(*first), decode_group(group)?)
            }
            POLICY => Frame::Policy(String::from_utf8(payload).map_err(|_| ExportError::Damaged)?),
            _ => return Err(ExportError::Damaged),
        };
        Ok(Some(frame))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ExportError> {
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ExportError::Damaged,
            _ => ExportError::Read(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waver_schema::SiteKey;

    use super::*;
    use crate::{Pseudonym, RecordKind};

    fn record(number: u8) -> Record {
        Record {
            kind: RecordKind::Batch,
            site: SiteKey::parse("demo").expect("valid"),
            pseudonym: Pseudonym::from_bytes([number; 16]),
            received_at: u64::from(number),
            key_id: None,
            payload: vec![number; usize::from(number)],
        }
    }

    fn written() -> (Vec<Frame>, Vec<u8>) {
        let mut frames =
            vec![Frame::State(vec![1, 2, 3]), Frame::State(Vec::new()), Frame::Policy("[policy]".to_owned())];
        frames.extend(log_frames(vec![(3, record(1)), (4, record(2)), (9, record(3))]));
        let (mut writer, mut bytes) = ExportWriter::begin();
        for frame in &frames {
            bytes.extend(writer.frame(frame).expect("encodes"));
        }
        bytes.extend(writer.end());
        (frames, bytes)
    }

    fn read(bytes: &[u8]) -> Result<Vec<Frame>, ExportError> {
        let mut reader = ExportReader::begin(bytes)?;
        let mut frames = Vec::new();
        while let Some(frame) = reader.next_frame()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn what_is_written_is_read_and_records_that_follow_one_another_are_together() {
        let (frames, bytes) = written();
        assert_eq!(read(&bytes).expect("whole"), frames);
        assert_eq!(frames[3..], [Frame::Log(3, vec![record(1), record(2)]), Frame::Log(9, vec![record(3)])]);
        let large: Vec<(u64, Record)> =
            (0..100).map(|offset| (offset, Record { payload: vec![0; 4000], ..record(0) })).collect();
        assert_eq!(log_frames(large).len(), 7, "in frames of a bounded size");
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_noticed() {
        let (_, bytes) = written();
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(read(&flipped).is_err(), "flipped at {at}");
        }
        assert!(read(&[&bytes[..], &[0]].concat()).is_err(), "lengthened");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&[MAGIC, &bytes[..]].concat()).is_err());
        }
    }
}
