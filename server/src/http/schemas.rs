use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use waver_schema::ApiError;

use super::refusal::Refusal;
use crate::schemas::{REGISTRY, find};

/// A published schema changes by additions only.
const CACHING: &str = "public, max-age=300";

/// Every schema of the wire that was ever published.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Schemas {
    #[schema(max_items = 64)]
    schemas: Vec<Listed>,
}

/// A published schema.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listed {
    /// What it describes, such as `batch`.
    #[schema(max_length = 32)]
    name: &'static str,
    /// The version of the wire, the `v` of a body.
    version: u16,
    /// What it describes, for people.
    #[schema(max_length = 100)]
    title: &'static str,
    /// Where it is.
    #[schema(max_length = 64)]
    path: String,
}

/// The registry: the JSON Schema of every version of what goes over the wire.
#[utoipa::path(get, path = "/v1/schemas", tag = "schemas", responses((status = 200, body = Schemas)))]
pub(super) async fn list() -> Json<Schemas> {
    let listed = REGISTRY.iter().map(|published| Listed {
        name: published.name,
        version: published.version,
        title: published.title,
        path: format!("/v1/schemas/{}/{}", published.name, published.version),
    });
    Json(Schemas { schemas: listed.collect() })
}

/// One of them, JSON Schema 2020-12.
#[utoipa::path(
    get, path = "/v1/schemas/{name}/{version}", tag = "schemas",
    params(("name" = String, Path, max_length = 32, example = "batch"), ("version" = u16, Path, example = 1)),
    responses((status = 200, content_type = "application/schema+json"), (status = 404, body = ApiError))
)]
pub(super) async fn get(asked: Result<Path<(String, u16)>, PathRejection>) -> Response {
    let published = asked.ok().and_then(|Path((name, version))| find(&name, version));
    match published {
        Some(published) => {
            let headers = [(header::CONTENT_TYPE, "application/schema+json"), (header::CACHE_CONTROL, CACHING)];
            (headers, published.text).into_response()
        }
        None => Refusal::not_found().into_response(),
    }
}
