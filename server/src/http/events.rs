use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use waver_core::consent::Purpose;
use waver_schema::{ApiError, Batch, BatchAnswer, ErrorCode, Event, EventBody, Rejected, SessionId, SiteKey, limits};
use waver_store::{Key, Pseudonym};

use super::refusal::Refusal;
use super::{App, SharedApp, access, body};
use crate::committer::Command;
use crate::dead_letter::{DeadLetter, LETTERS_PER_BATCH};
use crate::entry::BatchEntry;
use crate::keyring::PurposeSet;
use crate::pipeline::ReadBatch;
use crate::site::SiteIndex;
use crate::state::Session;
use crate::tripwire::{self, Personal};
use crate::unknown_fields;

/// A [`Batch`] whose events are read one by one, so that one that is not of the schema does not take the others with it.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    v: u16,
    pub(super) site: SiteKey,
    pub(super) session: SessionId,
    pub(super) consent_epoch: u32,
    /// The sender's clock. It orders nothing and says when nothing happened.
    #[serde(rename = "sent_at")]
    _sent_at: u64,
    #[serde(borrow)]
    pub(super) events: Vec<&'a RawValue>,
}

impl Envelope<'_> {
    /// Whether `json`, which it was read from, has no other field outside of its events.
    fn is_plain(&self, json: &[u8]) -> bool {
        const FIELDS: usize = 6;
        let colons = |json| str::from_utf8(json).map_or(usize::MAX, unknown_fields::colons);
        let of_events: usize = self.events.iter().map(|event| colons(event.get().as_bytes())).sum();
        colons(json) == of_events + FIELDS
    }

    /// The same without its events, which are looked at one by one.
    fn without_events(&self, json: &[u8]) -> Vec<u8> {
        let mut body: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
        body["events"] = serde_json::Value::Null;
        body.to_string().into_bytes()
    }
}

/// Stores a batch of events. The answer comes once what it accepts would survive a crash; sending the same batch again is safe.
#[utoipa::path(
    post, path = "/v1/events", tag = "ingest",
    request_body(content((Batch = "application/json"), (Batch = "text/plain"))),
    responses(
        (status = 202, description = "durable", body = BatchAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 410, body = ApiError), (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn post(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    sent: Body,
) -> Result<(StatusCode, Json<BatchAnswer>), Refusal> {
    access::expect_no_objection(&headers)?;
    let received_at = app.host.now();
    let json = body::read(&headers, sent, limits::BATCH_BYTES, app.limits.request_timeout).await?;
    let envelope = read_envelope(&json)?;
    let site = access::find_site(&app, &envelope.site, &headers)?;
    app.rates.request_to(site).map_err(Refusal::exceeded)?;

    if !envelope.is_plain(&json) {
        access::expect_nothing_personal(&app, "batch", &envelope.without_events(&json))?;
    }
    let Readings { batch, nothing_read, unknown_fields, personal } =
        read_events(envelope.consent_epoch, &envelope.events);
    personal.into_iter().for_each(|kind| app.tripped.add(kind));
    app.unknown_fields.add(site, unknown_fields);
    let sets = PurposeSet::holding(Purpose::Measure);
    let of = access::candidates(&app, site, &envelope.session, &sets, None, received_at);
    let names: Vec<Pseudonym> = of.names.iter().map(|named| named.pseudonym).collect();
    let answer = access::submit(&app, of, envelope.events.len(), |to| Command::Batch(batch, to)).await;
    if answer.as_ref().is_ok_and(|answer| answer.accepted > 0) {
        look_in_shadow(&app, site, &names, received_at);
    }
    match (answer, nothing_read) {
        // It went through the committer all the same, for the books and for its dead letters.
        (Ok(_), Some(refusal)) => Err(refusal),
        (Err(error), Some(refusal)) if [ErrorCode::Consent, ErrorCode::Erased].contains(&error.code()) => Err(refusal),
        (answer, _) => Ok((StatusCode::ACCEPTED, Json(answer?))),
    }
}

/// Shows the session that was written to the models in the shadow.
fn look_in_shadow(app: &App, site: SiteIndex, names: &[Pseudonym], received_at: u64) {
    for pseudonym in names {
        let Some(row) = app.state.rows.row(Key::Session(site.number(), *pseudonym)) else { continue };
        // A row that cannot be read is what the committer halts at, not this.
        let Ok(session) = Session::from_row(&row) else { continue };
        app.shadow.see(site, *pseudonym, &session.state, received_at);
        // It may have been erased in between.
        if app.state.rows.row(Key::Session(site.number(), *pseudonym)).is_none() {
            app.shadow.forget(site, [*pseudonym].into_iter());
        }
    }
}

/// Reads everything but the events.
///
/// # Errors
/// As [`body::parse`]; [`ErrorCode::Schema`] for a version that this build does not know, [`ErrorCode::TooLarge`] for too many events.
pub(super) fn read_envelope(json: &[u8]) -> Result<Envelope<'_>, Refusal> {
    let envelope: Envelope<'_> = body::parse(json)?;
    access::expect_version(envelope.v)?;
    if envelope.events.len() > limits::EVENTS_PER_BATCH {
        let message = format!("more than {} events; send smaller batches", limits::EVENTS_PER_BATCH);
        return Err(Refusal::new(ErrorCode::TooLarge, message).at("events"));
    }
    Ok(envelope)
}

/// What was read of the events of a batch.
pub(super) struct Readings {
    pub(super) batch: ReadBatch,
    /// What to answer if none of them could be read: then it is the sender that is wrong, not an event.
    pub(super) nothing_read: Option<Refusal>,
    /// Fields that the schema does not have, of those that could be read.
    unknown_fields: u32,
    /// What looked like a person's in those that were refused for it.
    personal: Vec<Personal>,
}

/// Reads each event.
pub(super) fn read_events(consent_epoch: u32, sent: &[&RawValue]) -> Readings {
    let mut batch = ReadBatch {
        entry: BatchEntry { consent_epoch, events: Vec::with_capacity(sent.len()), unreadable: 0, redriven: None },
        indexes: Vec::with_capacity(sent.len()),
        rejected: Vec::new(),
        dead: Vec::new(),
    };
    let mut first_refusal = None;
    let mut unknown_fields = 0;
    let mut personal = Vec::new();
    for (index, raw) in (0_u32..).zip(sent) {
        let read = read_event(raw.get().as_bytes()).and_then(|event| match tripwire(raw.get(), &event) {
            None => Ok(event),
            Some(kind) => {
                personal.push(kind);
                Err(Refusal::personal(kind))
            }
        });
        match read {
            Ok(event) => {
                unknown_fields += unknown_fields::count(raw.get(), &event);
                batch.entry.events.push(event);
                batch.indexes.push(index);
            }
            Err(refusal) => {
                batch.entry.unreadable += 1;
                batch.rejected.push(Rejected { index, code: refusal.code().as_str().to_owned() });
                if batch.dead.len() < LETTERS_PER_BATCH {
                    let ApiError { message, field, .. } = &refusal.0;
                    batch.dead.push(DeadLetter::new(raw.get(), field.as_deref(), message, consent_epoch));
                }
                first_refusal.get_or_insert(refusal);
            }
        }
    }
    let nothing_read = first_refusal.filter(|_| batch.entry.events.is_empty());
    let nothing_read = nothing_read.map(|refusal| refusal.below("events[0]"));
    Readings { batch, nothing_read, unknown_fields, personal }
}

/// What looks like a person's in an event that could be read; hardly ever is there a place where anything could.
fn tripwire(json: &str, event: &Event) -> Option<Personal> {
    if unknown_fields::is_plain(json, event) { None } else { tripwire::of_body("batch", json.as_bytes()) }
}

/// Reads one event.
///
/// # Errors
/// As [`body::parse`]; [`ErrorCode::Schema`] for more reasons than there may be.
pub(super) fn read_event(json: &[u8]) -> Result<Event, Refusal> {
    let event: Event = body::parse(json).map_err(not_of_the_schema)?;
    match &event.body {
        EventBody::Hesitation { reasons, .. } if reasons.len() > limits::REASONS_PER_HESITATION => {
            let message = format!("more than {} reasons", limits::REASONS_PER_HESITATION);
            Err(Refusal::new(ErrorCode::Schema, message).at("reasons"))
        }
        _ => Ok(event),
    }
}

/// An event is JSON, or its batch would have been refused. What still breaks its reading is a number that nothing can hold, or nesting
/// deeper than any event has.
fn not_of_the_schema(refusal: Refusal) -> Refusal {
    if refusal.code() != ErrorCode::BadJson {
        return refusal;
    }
    Refusal::new(ErrorCode::Schema, "the event has a number or a nesting that no event has; see /openapi.json")
}
