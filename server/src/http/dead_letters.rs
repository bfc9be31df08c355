use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use waver_schema::{ApiError, BatchAnswer, ErrorCode, SiteKey};
use waver_store::Key;

use super::admin::Operator;
use super::aggregates::{find_site, not_understood};
use super::refusal::Refusal;
use super::{App, SharedApp, access, body, events};
use crate::committer::Command;
use crate::dead_letter::{DeadLetters, KeptLetter, LETTERS_PER_SITE, LetterId};
use crate::entry::BatchEntry;
use crate::pipeline::{ReadBatch, Sender};
use crate::site::SiteIndex;
use crate::state::read;

const DEFAULT_LETTERS: u32 = 50;
/// Letters that are read again in one request.
const MOST_AT_ONCE: usize = 100;
/// Bytes of a request; room for the ids of a whole ring.
const REDRIVE_BYTES: usize = 64 * 1024;

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
    /// How many letters, at most 1000; 50 if not given.
    limit: Option<u32>,
}

/// The dead letters of a site, the latest first: events that were not of the schema, and are kept for a while without anything that
/// could be a person's.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Letters {
    #[schema(max_items = 1000)]
    letters: Vec<Letter>,
    /// How many made room for later ones.
    overwritten: u64,
}

/// A dead letter.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Letter {
    /// Its id.
    id: LetterId,
    /// The session that sent it, under the collector's own name for it.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    session: String,
    /// When it was received, Unix milliseconds.
    received_at: u64,
    /// The grant under which it was seen.
    consent_epoch: u32,
    /// Where it went wrong, where that is known.
    #[schema(max_length = 200)]
    field: Option<String>,
    /// What was expected there.
    #[schema(max_length = 640)]
    expectation: String,
    /// The event: keys that the schema does not have are `?1`, `?2`, ..., and values that could be anything are their type, such as `?text`.
    event: Value,
}

impl From<KeptLetter> for Letter {
    fn from(kept: KeptLetter) -> Letter {
        let KeptLetter { id, pseudonym, received_at, letter } = kept;
        Letter {
            id,
            session: pseudonym.to_string(),
            received_at,
            consent_epoch: letter.consent_epoch,
            field: letter.field,
            expectation: letter.expectation,
            event: serde_json::from_str(&letter.event).unwrap_or_default(), // it was written as JSON
        }
    }
}

/// Which dead letters are to be read again.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Redrive {
    /// The site.
    site: SiteKey,
    /// Their ids; all that are kept, the oldest first, if none are named.
    #[schema(max_items = 1000)]
    ids: Option<Vec<LetterId>>,
}

/// What became of dead letters that were read again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Redriven {
    #[schema(max_items = 100)]
    outcomes: Vec<Outcome>,
    /// How many were left for the next request; at most 100 are read again in one.
    left: usize,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Outcome {
    /// Its id.
    #[schema(value_type = String, pattern = "^[0-9]{1,19}-[0-9]{1,9}$")]
    id: LetterId,
    /// `stored`; `duplicate`, when that number of the session was stored before; `schema`, when it still cannot be read, or lacks what was
    /// left out of it; `consent`, when its grant is not open any more; `not_found`; or the reason for which the session discards it.
    #[schema(max_length = 32)]
    outcome: String,
}

/// The dead letters of a site.
#[utoipa::path(
    get, path = "/v1/dead-letters", tag = "operators", params(Asked), security(("token" = []), ("cookie" = [])),
    responses((status = 200, body = Letters), (status = 401, body = ApiError), (status = 422, body = ApiError))
)]
pub(super) async fn get(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Letters>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = find_site(&app, asked.site.as_ref())?;
    let limit = asked.limit.unwrap_or(DEFAULT_LETTERS).min(LETTERS_PER_SITE.into());
    let ring = ring(&app, site);
    let letters = kept(&app, site, ring).take(limit as usize).map(Letter::from).collect();
    Ok(Json(Letters { letters, overwritten: ring.overwritten() }))
}

/// Reads dead letters again, with the schema as it is now. What can be read goes the way of any batch of its session, under the grant that
/// it was seen under, and is received once more in the books. What is stored that way is a dead letter no longer.
#[utoipa::path(
    post, path = "/v1/dead-letters/redrive", tag = "operators", security(("token" = []), ("cookie" = [])),
    request_body = Redrive,
    responses(
        (status = 200, body = Redriven), (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 503, body = ApiError)
    )
)]
pub(super) async fn redrive(
    _: Operator,
    State(app): State<SharedApp>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Json<Redriven>, Refusal> {
    let json = body::read(&headers, sent, REDRIVE_BYTES, app.limits.request_timeout).await?;
    let asked: Redrive = body::parse(&json)?;
    let site = find_site(&app, Some(&asked.site))?;
    let mut letters: Vec<KeptLetter> = kept(&app, site, ring(&app, site)).collect();
    letters.sort_by_key(|kept| kept.id);
    if asked.ids.as_ref().is_some_and(|ids| ids.len() > usize::from(LETTERS_PER_SITE)) {
        return Err(Refusal::new(ErrorCode::Schema, format!("expected at most {LETTERS_PER_SITE} ids")).at("ids"));
    }
    let ids = asked.ids.unwrap_or_else(|| letters.iter().map(|kept| kept.id).collect());
    let mut outcomes = Vec::new();
    let (now, later) = ids.split_at(ids.len().min(MOST_AT_ONCE));
    for id in now {
        let found = letters.binary_search_by_key(id, |kept| kept.id);
        let outcome = match found {
            Ok(place) => read_again(&app, site, &letters[place]).await?,
            Err(_) => ErrorCode::NotFound.as_str().to_owned(),
        };
        outcomes.push(Outcome { id: *id, outcome });
    }
    Ok(Json(Redriven { outcomes, left: later.len() }))
}

async fn read_again(app: &App, site: SiteIndex, kept: &KeptLetter) -> Result<String, Refusal> {
    let Ok(event) = events::read_event(kept.letter.event.as_bytes()) else {
        return Ok(ErrorCode::Schema.as_str().to_owned());
    };
    let entry = BatchEntry {
        consent_epoch: kept.letter.consent_epoch,
        events: vec![event],
        unreadable: 0,
        redriven: Some(kept.id),
    };
    let batch = ReadBatch { entry, indexes: vec![0], rejected: Vec::new(), dead: Vec::new() };
    let from = Sender { site, pseudonym: kept.pseudonym, epoch: None, received_at: app.host.now() };
    match access::submit(app, from.into(), 1, |to| Command::Batch(batch, to)).await {
        Ok(answer) => Ok(outcome(&answer)),
        Err(refusal) if refusal.code() == ErrorCode::Consent => Ok(refusal.code().as_str().to_owned()),
        Err(refusal) => Err(refusal),
    }
}

fn outcome(answer: &BatchAnswer) -> String {
    match answer.rejected.first() {
        Some(rejected) => rejected.code.clone(),
        None if answer.accepted > 0 => "stored".to_owned(),
        None => "duplicate".to_owned(),
    }
}

fn ring(app: &App, site: SiteIndex) -> DeadLetters {
    // Rows that cannot be read are refused at start.
    app.state.rows.row(Key::DeadLetters(site.number())).and_then(|row| read(&row).ok()).unwrap_or_default()
}

/// The letters that are kept, the latest first.
fn kept(app: &App, site: SiteIndex, ring: DeadLetters) -> impl Iterator<Item = KeptLetter> {
    let rows = ring.places().filter_map(move |place| app.state.rows.row(Key::DeadLetter(site.number(), place)));
    rows.filter_map(|row| read(&row).ok())
}
