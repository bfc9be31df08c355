//! The decoders of what arrives, for the fuzz targets alone: what they give is what the handlers work with.

use std::net::IpAddr;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde::de::DeserializeOwned;
use waver_core::session::Client;
use waver_schema::{
    ApiError, ConsentRecord, DecisionId, DecisionRequest, EraseRequest, Event, GrantId, MeRequest, OfferId, OfferKind,
    PublicKey, Receipt, Rejected, SessionId, SignedReceipt, SiteKey, WIRE_VERSION,
};
use waver_store::{Record, SecretKey};

use super::refusal::Refusal;
use super::source::Proxies;
use super::{
    access, aggregates, body, catalog, client, consents, dead_letters, decisions, erase, events, grants, ledger, me,
    ofrep, orders, sessions, stream,
};
use crate::config::ProxyHeader;
use crate::dead_letter::{self, LetterId};
use crate::entry::Entry;
use crate::receipt::{self, Signer};
use crate::shop::token::Token;
use crate::{tripwire, unknown_fields};

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

/// The body of `POST /ofrep/v1/evaluate/flags`, and of the same for one slot.
///
/// # Errors
/// As the handler refuses it.
pub fn evaluation(json: &[u8]) -> Result<(), ApiError> {
    ofrep::read(json).map(drop).map_err(|fault| answer(fault.refusal()))
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

/// The body of `POST /v1/dead-letters/redrive`.
///
/// # Errors
/// As the handler refuses it.
pub fn redrive(json: &[u8]) -> Result<(), ApiError> {
    body::parse::<dead_letters::Redrive>(json).map(drop).map_err(answer)
}

/// The body of `POST /v1/export/aggregates`.
///
/// # Errors
/// As the handler refuses it.
pub fn noisy_export(json: &[u8]) -> Result<(), ApiError> {
    body::parse::<crate::release::Asked>(json).map(drop).map_err(answer)
}

/// The body of what may be asked for with a grant: for how many seconds it is to be reserved.
///
/// # Errors
/// As the handlers refuse it.
pub fn grant_request(json: &[u8]) -> Result<Option<u32>, ApiError> {
    grants::read(json).map(|request| request.ttl_s).map_err(answer)
}

/// The body of `POST /v1/orders`: whether it is a refund.
///
/// # Errors
/// As the handler refuses it.
pub fn order(json: &[u8]) -> Result<bool, ApiError> {
    orders::read(json).map(|request| request.refund.is_some()).map_err(answer)
}

/// The body of `PUT /v1/catalog/items`: how many items are in it.
///
/// # Errors
/// As the handler refuses it.
pub fn catalog(json: &[u8]) -> Result<usize, ApiError> {
    catalog::read(json).map(|request| request.items.len()).map_err(answer)
}

/// The token of a grant as the holder of `key` signs it, and that key's public half.
///
/// # Errors
/// None that tokens can have.
pub fn signed_token(
    decision: DecisionId,
    offer: OfferId,
    key: &SecretKey,
) -> Result<(String, PublicKey), serde_json::Error> {
    let signer = Signer::new(key);
    let ours = signer.key();
    let token = Token {
        v: WIRE_VERSION,
        site: SiteKey::parse("demo").map_err(serde::de::Error::custom)?,
        grant: GrantId::from_bytes([7; 16]),
        offer,
        kind: OfferKind::Percent,
        value: 10,
        currency: None,
        decision,
        expires_at: 1_800_000_000_000,
        key: ours.key,
    };
    Ok((token.signed(&signer)?, ours.public_key))
}

/// The decision of a token that the holder of `key` signed.
pub fn verified_token(text: &str, key: &PublicKey) -> Option<DecisionId> {
    Token::verified(text, key).map(|token| token.decision)
}

/// The query of `GET /v1/aggregates`, at that time: the length of a window, if one is asked for.
///
/// # Errors
/// As the handler refuses it.
pub fn aggregates_query(query: &str, now: u64) -> Result<Option<u64>, ApiError> {
    let stretch: aggregates::Stretch = read_query(query).ok_or_else(|| answer(aggregates::not_understood()))?;
    stretch.window_ms(now).map_err(answer)
}

/// For each other handler that takes a query, whether it understands this one.
pub fn queries(query: &str) -> [bool; 4] {
    [
        read_query::<sessions::Asked>(query).is_some(),
        read_query::<stream::Asked>(query).is_some(),
        read_query::<ledger::Asked>(query).is_some(),
        read_query::<dead_letters::Asked>(query).is_some(),
    ]
}

fn read_query<T: DeserializeOwned>(query: &str) -> Option<T> {
    let uri: Uri = format!("/?{query}").parse().ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(asked)| asked)
}

/// The id of a dead letter, as it is written.
pub fn letter_id(text: &str) -> Option<String> {
    text.parse::<LetterId>().ok().map(|id| id.to_string())
}

/// Headers of a request, for the decoders of headers.
#[derive(Debug)]
pub struct Headers(HeaderMap);

impl Headers {
    /// Those of `lines` that can be names and values of headers.
    pub fn new<'a>(lines: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Headers {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                headers.append(name, value);
            }
        }
        Headers(headers)
    }

    /// What they say of the sender.
    pub fn client(&self) -> Client {
        client::of(&self.0)
    }

    /// Whether the browser asks not to be tracked.
    pub fn objects(&self) -> bool {
        access::expect_no_objection(&self.0).is_err()
    }

    /// The address that the request comes from, `peer` being at the other end of the connection, where proxies in `trusted` set
    /// `X-Forwarded-For`, or `Forwarded`.
    pub fn origin(&self, peer: IpAddr, trusted: &[&str], is_standard: bool) -> Option<IpAddr> {
        let header = if is_standard { ProxyHeader::Forwarded } else { ProxyHeader::XForwardedFor };
        let trusted = trusted.iter().filter_map(|network| network.parse().ok()).collect();
        Proxies { trusted, header }.origin(peer, &self.0)
    }
}

/// What a body of the schema called `name` holds that looks like a person's: its kind.
pub fn personal(name: &'static str, json: &[u8]) -> Option<&'static str> {
    tripwire::of_body(name, json).map(tripwire::Personal::as_str)
}

/// What a text looks like, if it looks like a person's.
pub fn personal_text(text: &str) -> Option<&'static str> {
    tripwire::of_text(text).map(tripwire::Personal::as_str)
}

/// Whether the tripwire does not look at `json` because it can be nothing but `event`, and how many fields in it the schema does not have.
pub fn unknown_fields(json: &str, event: &Event) -> (bool, u32) {
    (unknown_fields::is_plain(json, event), unknown_fields::count(json, event))
}

/// A receipt as the holder of `key` signs it, and that key's public half.
///
/// # Errors
/// None that receipts can have.
pub fn signed_receipt(receipt: Receipt, key: &SecretKey) -> Result<(SignedReceipt, PublicKey), serde_json::Error> {
    let signer = Signer::new(key);
    let ours = signer.key();
    Ok((signer.sign(Receipt { key: ours.key, ..receipt })?, ours.public_key))
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
