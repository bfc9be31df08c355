//! What only the shop's own backend may ask: it is known by the secret of its site, which also says which site it speaks for.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use waver_schema::{ErrorCode, ShopRef};

use super::refusal::Refusal;
use super::{App, SharedApp};
use crate::shop::naming::{Named, ShopName, shop_ref};
use crate::site::SiteIndex;

/// The header that names a request, so that it can be repeated.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Proof that the request comes from the backend of this site.
pub(crate) struct Backend(pub(super) SiteIndex);

impl FromRequestParts<SharedApp> for Backend {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Backend, Refusal> {
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = bearer.and_then(|value| value.strip_prefix("Bearer "));
        let site = secret.and_then(|secret| app.sites.of_secret(secret)).ok_or_else(|| {
            Refusal::new(
                ErrorCode::Unauthorized,
                "send the secret of the site as `Authorization: Bearer`; see secret_file in waver.toml",
            )
        })?;
        app.rates.request_to(site).map_err(Refusal::exceeded)?;
        Ok(Backend(site))
    }
}

/// What is kept of the shop's own name for something.
pub(super) fn name_of(app: &App, site: SiteIndex, named: Named, name: &ShopName) -> ShopRef {
    shop_ref(app.erasures.shop_naming(), &app.sites.get(site).key, named, name)
}

/// The `Idempotency-Key` of a request.
///
/// # Errors
/// [`ErrorCode::Schema`] without one.
pub(super) fn request_of(app: &App, site: SiteIndex, headers: &HeaderMap) -> Result<ShopRef, Refusal> {
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok()).and_then(ShopName::parse);
    let key = key.ok_or_else(|| {
        let message = "send an Idempotency-Key of 1 to 128 characters, the same one whenever you repeat the request";
        Refusal::new(ErrorCode::Schema, message).at(IDEMPOTENCY_KEY)
    })?;
    Ok(name_of(app, site, Named::Request, &key))
}

/// Why the collector does not do what the shop's backend asks for, although it understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Conflict<C: ToSchema> {
    /// What is in the way, stable for programs.
    code: C,
    /// The same for people.
    #[schema(max_length = 200)]
    message: &'static str,
}

/// A refusal of [`Conflict`], or any other.
pub(crate) enum Refused<C> {
    Plain(Refusal),
    Conflict(StatusCode, C, &'static str),
}

impl<C> From<Refusal> for Refused<C> {
    fn from(refusal: Refusal) -> Refused<C> {
        Refused::Plain(refusal)
    }
}

impl<C: Serialize + ToSchema> IntoResponse for Refused<C> {
    fn into_response(self) -> Response {
        match self {
            Refused::Plain(refusal) => refusal.into_response(),
            Refused::Conflict(status, code, message) => (status, Json(Conflict { code, message })).into_response(),
        }
    }
}
