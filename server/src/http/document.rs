//! The OpenAPI document: what is implemented, and nothing else.

use axum::Extension;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use waver_schema::ErrorCode;

use super::admin::COOKIE;
use super::refusal::Refusal;

/// The document before any route is in it.
pub(super) fn base() -> OpenApi {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The admin token.")).build();
    let secret = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The secret of a site, which only the shop's backend knows."))
        .build();
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
                .security_scheme("site_secret", SecurityScheme::Http(secret))
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
        let written = serde_json::to_value(document).and_then(|mut document| {
            tell_largest(&mut document);
            serde_json::to_vec(&document)
        });
        Served(written.ok().map(Bytes::from))
    }
}

/// The derived schemas call every integer signed, of 32 or 64 bits. Ours that are never negative go further, and a client that checks what
/// it sends should let them: a grant's number passes 2^31 in the year 2038. Where a type goes less far its schema says so.
fn tell_largest(document: &mut Value) {
    match document {
        Value::Object(entries) => {
            let unsigned = match (entries.get("format").and_then(Value::as_str), entries.get("minimum")) {
                (Some("int32"), Some(Value::Number(least))) if least.as_f64() >= Some(0.0) => Some(u64::from(u32::MAX)),
                (Some("int64"), Some(Value::Number(least))) if least.as_f64() >= Some(0.0) => Some(u64::MAX),
                _ => None,
            };
            if let Some(largest) = unsigned {
                let name = if largest == u64::MAX { "uint64" } else { "uint32" };
                entries.insert("format".to_owned(), name.into());
                entries.entry("maximum").or_insert(largest.into());
            }
            entries.values_mut().for_each(tell_largest);
        }
        Value::Array(elements) => elements.iter_mut().for_each(tell_largest),
        _ => {}
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
