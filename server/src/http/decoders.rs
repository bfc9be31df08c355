//! The decoders of what arrives, for the fuzz targets alone: what they give is what the handlers work with.

use axum::body::Bytes;
use waver_schema::{
    ApiError, ConsentRecord, DecisionRequest, EraseRequest, Event, MeRequest, PublicKey, Rejected, SessionId, SiteKey,
};
use waver_store::Record;

use super::refusal::Refusal;
use super::{body, consents, decisions, erase, events, me};
use crate::dead_letter;
use crate::entry::Entry;
use crate::receipt;

/// Most bytes that are kept of an event that is not of the schema.
pub const MOST_LETTER_BYTES: usize = dead_letter::LETTER_BYTES;

/// A batch as the pipeline gets it.
#[derive(Debug, PartialEq)]
pub struct DecodedBatch {
    /// The shop's site.
    pub site: SiteKey,
    /// The session, named by the browser.
    pub session: SessionId,
    /// The grant under which the events were seen.
    pub consent_epoch: u32,
    /// How many events were sent.
    pub sent: usize,
    /// Those that could be read.
    pub events: Vec<Event>,
    /// For each of these, its index in the batch.
    pub indexes: Vec<u32>,
    /// Those that could not.
    pub rejected: Vec<Rejected>,
}

/// The bytes of a body that was sent with this `Content-Encoding`.
///
/// # Errors
/// As the handlers refuse it.
pub fn unpack(encoding: &str, bytes: &[u8], limit: usize) -> Result<Bytes, ApiError> {
    body::unpack_as(encoding, Bytes::copy_from_slice(bytes), limit).map_err(answer)
}

/// The body of `POST /v1/events`.
///
/// # Errors
/// As the handler refuses it.
pub fn batch(json: &[u8]) -> Result<DecodedBatch, ApiError> {
    let envelope = events::read_envelope(json).map_err(answer)?;
    let events::Readings { batch: read, nothing_read, .. } =
        events::read_events(envelope.consent_epoch, &envelope.events);
    if let Some(refusal) = nothing_read {
        return Err(answer(refusal));
    }
    Ok(DecodedBatch {
        site: envelope.site,
        session: envelope.session,
        consent_epoch: read.entry.consent_epoch,
        sent: envelope.events.len(),
        events: read.entry.events,
        indexes: read.indexes,
        rejected: read.rejected,
    })
}

/// The body of `POST /v1/consents`.
///
/// # Errors
/// As the handler refuses it.
pub fn consent(json: &[u8]) -> Result<ConsentRecord, ApiError> {
    consents::read(json).map_err(answer)
}

/// The body of `POST /v1/decisions`.
///
/// # Errors
/// As the handler refuses it.
pub fn decision(json: &[u8]) -> Result<DecisionRequest, ApiError> {
    decisions::read(json).map_err(answer)
}

/// The body of `POST /v1/erase`.
///
/// # Errors
/// As the handler refuses it.
pub fn erase(json: &[u8]) -> Result<EraseRequest, ApiError> {
    erase::read(json).map_err(answer)
}

/// The body of `POST /v1/me`.
///
/// # Errors
/// As the handler refuses it.
pub fn me(json: &[u8]) -> Result<MeRequest, ApiError> {
    me::read(json).map_err(answer)
}

/// Whether `json` is the receipt of an erasure that the holder of `key` signed.
pub fn is_signed_receipt(json: &[u8], key: &PublicKey) -> bool {
    std::str::from_utf8(json).is_ok_and(|json| receipt::verify(json, key).is_ok())
}

/// What is kept of an event that is not of the schema.
pub fn scrubbed(event: &str) -> String {
    dead_letter::scrub(event)
}

/// What is written for the payload that `record` holds; `None` if it holds none of its kind.
pub fn rewritten_payload(record: &Record) -> Option<Vec<u8>> {
    let entry = Entry::from_record(record).ok()?;
    let rewritten = entry.to_record(record.site.clone(), record.pseudonym, record.received_at).ok()?;
    Some(rewritten.payload)
}

fn answer(refusal: Refusal) -> ApiError {
    refusal.0
}
