use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waver_schema::{ApiError, SiteKey};

use super::SharedApp;
use super::admin::Operator;
use super::aggregates::{find_site, not_understood};
use super::refusal::Refusal;

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
}

/// How far the consent ledger of a site goes. Whoever notes this can tell later that nothing before it was altered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Root {
    /// The site.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: SiteKey,
    /// Number of the last entry, and so how many there ever were; 0 for none.
    entries: u64,
    /// Hash of the last entry and of everything before it.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    root: String,
    /// Offset in the log of the record that it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

/// The root of a site's consent ledger.
#[utoipa::path(
    get, path = "/v1/ledger/root", tag = "operators", params(Asked), security(("token" = []), ("cookie" = [])),
    responses((status = 200, body = Root), (status = 401, body = ApiError), (status = 422, body = ApiError))
)]
pub(super) async fn root(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Root>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = app.sites.get(find_site(&app, asked.site.as_ref())?).key.clone();
    let root = app.ledger_roots.of(&site);
    Ok(Json(Root { site, entries: root.entries, root: root.hash.to_string(), offset: root.offset }))
}
