//! What the payload of a log record says, of each kind.

use waver::decoders::rewritten_payload;
use waver_schema::SiteKey;
use waver_store::{Pseudonym, Record, RecordKind};

pub(crate) fn run(bytes: &[u8]) {
    for kind in [
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
    ] {
        let record = |payload: &[u8]| Record {
            kind,
            site: SiteKey::parse("demo").expect("a key"),
            pseudonym: Pseudonym::from_bytes([7; 16]),
            received_at: 1_800_000_000_000,
            key_id: None,
            payload: payload.to_vec(),
        };
        let Some(rewritten) = rewritten_payload(&record(bytes)) else { continue };
        // Written once by us it stays as it is: replay and repair copy records, and their checksums must not change.
        assert_eq!(rewritten_payload(&record(&rewritten)).as_ref(), Some(&rewritten), "{kind:?}");
    }
}
