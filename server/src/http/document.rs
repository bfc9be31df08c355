//! The OpenAPI document: what is implemented, and nothing else.

use axum::Extension;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use waver_schema::ErrorCode;

use super::admin::COOKIE;
use super::refusal::Refusal;

/// The document before any route is in it.
pub(super) fn base() -> OpenApi {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The admin token.")).build();
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(COOKIE, "A session, from POST /dashboard/login."));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Waver collector")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(env!("CARGO_PKG_DESCRIPTION")))
                .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()))
                .build(),
        )
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme("token", SecurityScheme::Http(token))
                .security_scheme("cookie", SecurityScheme::ApiKey(cookie))
                .build(),
        ))
        .build()
}

/// The document as it is served, written once.
#[derive(Clone)]
pub(super) struct Served(Option<Bytes>);

impl Served {
    pub(super) fn new(document: &OpenApi) -> Served {
        Served(document.to_json().ok().map(Bytes::from))
    }
}

/// The OpenAPI document of this interface.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations", responses((status = 200, content_type = "application/json"))
)]
pub(super) async fn get(Extension(served): Extension<Served>) -> Response {
    match served.0 {
        Some(document) => ([(header::CONTENT_TYPE, "application/json")], document).into_response(),
        None => Refusal::new(ErrorCode::Internal, "the document cannot be written as JSON").into_response(),
    }
}
