//! Seeing what is held: whoever holds a session's id may ask.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waver_core::session::SessionRow;
use waver_schema::{ApiError, ErrorCode, GrantId, MeRequest, OfferId};
use waver_store::{Key, Record, RecordKind, StoreError};

use super::refusal::Refusal;
use super::source::MaybeSource;
use super::{App, SharedApp, access, body, erase};
use crate::keyring::Opened;
use crate::pipeline::grant_key;
use crate::records;
use crate::shop::grant::{Grant, GrantStage};
use crate::site::SiteIndex;
use crate::state::{self, Session, Visitor};

/// Everything that is held about a session; of one that nobody knows, the same without anything in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// What is known of it now; null if it has ended or nobody knows it.
    session: Option<SessionRow>,
    /// What the shop may still redeem for it, or has redeemed, as long as that is kept.
    #[schema(max_items = 64)]
    grants: Vec<HeldGrant>,
    /// What is remembered of the browser across sessions; null if nothing is, or the request does not name it.
    visitor: Option<HeldVisitor>,
    /// Its records in the log, the oldest first.
    #[schema(max_items = 21000)]
    records: Vec<HeldRecord>,
    /// Where to read on, as `from` of the next request; null at the end. There may be more even if this answer holds no record.
    next: Option<u64>,
}

/// A grant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HeldGrant {
    /// The grant.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    grant: GrantId,
    /// The offer that it came with.
    #[schema(value_type = String, pattern = "^[a-z0-9_-]{1,32}$")]
    offer: OfferId,
    /// How far it has come.
    state: GrantStage,
    /// When it ends, Unix milliseconds.
    expires_at: u64,
}

/// What is remembered of a browser across sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HeldVisitor {
    /// What it was offered, the oldest first.
    #[schema(max_items = 64)]
    offered: Vec<MadeOffer>,
}

/// An offer that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeOffer {
    /// The offer.
    #[schema(value_type = String, pattern = "^[a-z0-9_-]{1,32}$")]
    offer: OfferId,
    /// When, Unix milliseconds.
    at: u64,
}

/// One record.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HeldRecord {
    /// What it is.
    kind: HeldKind,
    /// When it was received, Unix milliseconds.
    received_at: u64,
    /// What it holds.
    content: Value,
}

/// What a record is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HeldKind {
    /// A grant or withdrawal.
    Consent,
    /// Events.
    Batch,
    /// A decision.
    Decision,
    /// Events that were not of the schema, scrubbed.
    DeadLetter,
    /// The session's erasure.
    Erasure,
    /// An offer to a browser that is remembered across sessions.
    Visit,
    /// What became of a grant.
    Grant,
    /// An order, as the shop told it.
    Order,
    /// A part of the shop's catalogue.
    Catalog,
    /// An order as a part of the session.
    Purchase,
}

/// Everything that is held about a session. The log is looked through piece by piece: ask again from `next` on until that is null.
#[utoipa::path(
    post, path = "/v1/me", tag = "ingest",
    request_body(content((MeRequest = "application/json"), (MeRequest = "text/plain"))),
    responses(
        (status = 200, body = Me),
        (status = 400, body = ApiError), (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn post(
    State(app): State<SharedApp>,
    source: MaybeSource,
    headers: HeaderMap,
    sent: Body,
) -> Result<Json<Me>, Refusal> {
    let json = body::read(&headers, sent, erase::REQUEST_BYTES, app.limits.request_timeout).await?;
    let request = read(&json)?;
    let site = erase::admit(&app, &request.site, source, &headers)?;
    let now = app.host.now();
    let of = access::anyone(&app, site, &request.session, request.visitor.as_ref(), now);
    let visitor = of.visitor;
    let pseudonyms: Vec<_> =
        of.names.iter().map(|named| named.pseudonym).chain(visitor.map(|it| it.pseudonym)).collect();
    // One search at a time: it reads more of the disk than anything else that strangers may ask for.
    let place = tokio::time::timeout(app.limits.request_timeout, Arc::clone(&app.searches).acquire_owned());
    let _place = place.await.map_err(|_| Refusal::unavailable())?;
    let from = request.from.unwrap_or_default();
    let found = records::find(&app.records, &request.site, &pseudonyms, from).await.map_err(Refusal::unreadable)?;
    let row = pseudonyms.iter().find_map(|pseudonym| {
        let row = app.state.rows.row(Key::Session(site.number(), *pseudonym))?;
        Some((pseudonym, row))
    });
    let session = row.map(|(pseudonym, row)| Session::from_row(&row).map(|session| (pseudonym, session)));
    let session = session.transpose().map_err(Refusal::unreadable)?;
    let grants = match &session {
        Some((_, session)) => grants_of(&app, site, session, now).map_err(Refusal::unreadable)?,
        None => Vec::new(),
    };
    let session = session.map(|(pseudonym, session)| session.state.row(&pseudonym.to_string(), now));
    let visitor = visitor.and_then(|visitor| app.state.rows.row(Key::Visitor(site.number(), visitor.pseudonym)));
    let visitor = visitor.map(|row| state::read::<Visitor>(&row)).transpose().map_err(Refusal::unreadable)?;
    let visitor = visitor.filter(|visitor| !visitor.is_over(now)).map(|visitor| HeldVisitor {
        offered: visitor.offered().iter().map(|(offer, at)| MadeOffer { offer: offer.clone(), at: *at }).collect(),
    });
    let records = found.records.into_iter().filter_map(|(offset, record)| match app.keyring.open_record(record) {
        Ok(Opened::Record(record)) => Some(held(&record)),
        Ok(Opened::Erased(_)) => None,
        Err(reason) => Some(Err(Refusal::unreadable(StoreError::Damaged { offset, reason }))),
    });
    let records = records.collect::<Result<_, Refusal>>()?;
    Ok(Json(Me { session, grants, visitor, records, next: found.next }))
}

fn grants_of(app: &App, site: SiteIndex, session: &Session, now: u64) -> Result<Vec<HeldGrant>, StoreError> {
    let mut grants = Vec::new();
    for id in session.grants.iter() {
        let Some(row) = app.state.rows.row(grant_key(site, id)) else { continue };
        let grant: Grant = state::read(&row)?;
        let state = grant.stage(now);
        grants.push(HeldGrant { grant: id, offer: grant.promise.offer, state, expires_at: grant.expires_at });
    }
    Ok(grants)
}

/// Reads a request.
///
/// # Errors
/// As [`body::parse`]; [`ErrorCode::Schema`] for a version that this build does not know.
pub(super) fn read(json: &[u8]) -> Result<MeRequest, Refusal> {
    let request: MeRequest = body::parse(json)?;
    access::expect_version(request.v)?;
    Ok(request)
}

fn held(record: &Record) -> Result<HeldRecord, Refusal> {
    let kind = match record.kind {
        RecordKind::Consent => HeldKind::Consent,
        RecordKind::Batch => HeldKind::Batch,
        RecordKind::Decision => HeldKind::Decision,
        RecordKind::DeadLetter => HeldKind::DeadLetter,
        RecordKind::Erasure => HeldKind::Erasure,
        RecordKind::Visit => HeldKind::Visit,
        // Of a site, and under the pseudonym of nobody.
        RecordKind::Stop => return Err(Refusal::new(ErrorCode::Internal, "a record of no session was found for one")),
        RecordKind::Grant => HeldKind::Grant,
        RecordKind::Order => HeldKind::Order,
        RecordKind::Catalog => HeldKind::Catalog,
        RecordKind::Purchase => HeldKind::Purchase,
    };
    let content = serde_json::from_slice(&record.payload).map_err(|error| {
        tracing::error!("a record's payload is not JSON: {error}");
        Refusal::new(ErrorCode::Internal, "the collector cannot read its log; its own log has the details")
    })?;
    Ok(HeldRecord { kind, received_at: record.received_at, content })
}
