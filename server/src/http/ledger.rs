use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use utoipa::IntoParams;
use waver_schema::{ApiError, ErrorCode, SiteKey};

use super::SharedApp;
use super::admin::Operator;
use super::aggregates::{find_site, not_understood};
use super::refusal::Refusal;
use crate::receipt::SignedRoot;

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
}

/// The root of a site's consent ledger, signed with the key of `GET /v1/erase/key`. `waver check --ledger --root FILE --key KEY` holds a ledger
/// against one that was kept.
#[utoipa::path(
    get, path = "/v1/ledger/root", tag = "operators", params(Asked), security(("token" = []), ("cookie" = [])),
    responses((status = 200, body = SignedRoot), (status = 401, body = ApiError), (status = 422, body = ApiError))
)]
pub(super) async fn root(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<SignedRoot>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = &app.sites.get(find_site(&app, asked.site.as_ref())?).key;
    let signed = app.erasures.signed_root(site, app.host.now());
    signed.map(Json).map_err(|_| Refusal::new(ErrorCode::Internal, "the root cannot be written"))
}
