//! The body of `POST /v1/events`.

use waver::decoders;
use waver_schema::{ApiError, Batch, ErrorCode, Event, EventBody, WIRE_VERSION, limits};

/// What the seeds say where no text belongs. An answer never repeats it.
const CANARY: &str = "jane";

pub(crate) fn run(json: &[u8]) {
    let read = decoders::batch(json);
    let whole = serde_json::from_slice::<Batch>(json).ok().filter(is_within_limits);
    match read {
        Ok(read) => {
            assert!(read.sent <= limits::EVENTS_PER_BATCH);
            assert_eq!(read.events.len(), read.indexes.len());
            let mut indexes: Vec<u32> = read.indexes.clone();
            indexes.extend(read.rejected.iter().map(|rejected| rejected.index));
            indexes.sort_unstable();
            assert!(indexes.into_iter().eq(0..read.sent as u32), "each event is read or rejected, once");
            assert!(read.indexes.is_sorted());
            for rejected in &read.rejected {
                assert!(rejected.code == "schema", "{rejected:?}");
            }
            // What was read is what the schema's own type reads, and is read the same once more.
            let again = Batch {
                v: WIRE_VERSION,
                site: read.site.clone(),
                session: read.session,
                consent_epoch: read.consent_epoch,
                sent_at: 0,
                events: read.events.clone(),
            };
            let rewritten = serde_json::to_vec(&again).expect("closed types are JSON");
            assert_eq!(serde_json::from_slice::<Batch>(&rewritten).expect("it was written by us"), again);
            match whole {
                Some(whole) => assert_eq!((whole.events, whole.site), (read.events, read.site)),
                None => assert!(
                    !read.rejected.is_empty(),
                    "the schema's own type refuses it, and the handler nothing of it"
                ),
            }
        }
        Err(error) => {
            assert!(whole.is_none(), "refused with {error:?}, and it is of the schema");
            check_refusal(&error);
        }
    }
}

fn is_within_limits(batch: &Batch) -> bool {
    let reasons = |event: &Event| match &event.body {
        EventBody::Hesitation { reasons, .. } => reasons.len() <= limits::REASONS_PER_HESITATION,
        _ => true,
    };
    (1..=WIRE_VERSION).contains(&batch.v)
        && batch.events.len() <= limits::EVENTS_PER_BATCH
        && batch.events.iter().all(reasons)
}

/// A refusal of a body says what was expected and where, and never what was found.
pub(crate) fn check_refusal(error: &ApiError) {
    assert!(matches!(error.code, ErrorCode::BadJson | ErrorCode::Schema | ErrorCode::TooLarge), "{error:?}");
    assert!(error.message.len() <= 1000 && error.field.as_ref().is_none_or(|field| field.len() <= 200), "{error:?}");
    assert!(!error.message.contains(CANARY), "{error:?}");
    assert!(error.field.as_ref().is_none_or(|field| !field.contains(CANARY)), "{error:?}");
}
