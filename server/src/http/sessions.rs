use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waver_core::session::SessionRow;
use waver_schema::{ApiError, SiteKey};

use super::SharedApp;
use super::admin::Operator;
use super::aggregates::{find_site, not_understood};
use super::refusal::Refusal;

const DEFAULT_ROWS: u32 = 50;
const MOST_ROWS: u32 = 1000;

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
    /// How many rows, at most 1000; 50 if not given.
    limit: Option<u32>,
}

/// The sessions of a site that were written last, those with the latest events first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sessions {
    /// None where numbers are suppressed: a row is one shopper.
    #[schema(max_items = 1000)]
    sessions: Vec<SessionRow>,
    /// Whether rows are held back. They are shown only where `release.k` of the configuration is 0 or 1.
    suppressed: bool,
}

/// The latest sessions of a site.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "operators", params(Asked), security(("token" = []), ("cookie" = [])),
    responses((status = 200, body = Sessions), (status = 401, body = ApiError), (status = 422, body = ApiError))
)]
pub(super) async fn get(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Sessions>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = find_site(&app, asked.site.as_ref())?;
    if !app.releases.is_open() {
        return Ok(Json(Sessions { sessions: Vec::new(), suppressed: true }));
    }
    let limit = asked.limit.unwrap_or(DEFAULT_ROWS).min(MOST_ROWS);
    let now = app.host.now();
    let latest = app.state.latest(site, limit as usize).await.map_err(Refusal::unreadable)?;
    let rows = latest.into_iter().map(|(pseudonym, session)| session.state.row(&pseudonym.to_string(), now));
    Ok(Json(Sessions { sessions: rows.collect(), suppressed: false }))
}
