use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use waver_schema::{ApiError, ErrorCode};

use super::SharedApp;
use super::refusal::Refusal;
use crate::metrics::CONTENT_TYPE;

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, content_type = "text/plain")))]
pub(super) async fn healthz() -> &'static str {
    "alive\n"
}

/// Whether the collector can take events; if not, why.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, content_type = "text/plain"), (status = 503, body = ApiError))
)]
pub(super) async fn readyz(State(app): State<SharedApp>) -> Result<&'static str, Refusal> {
    match app.readiness.obstacle() {
        None => Ok("ready\n"),
        Some(obstacle) => Err(Refusal::new(ErrorCode::Unavailable, obstacle)),
    }
}

/// The collector's metrics, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, content_type = "application/openmetrics-text"), (status = 500, body = ApiError))
)]
pub(super) async fn metrics(State(app): State<SharedApp>) -> Response {
    match app.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => Refusal::new(ErrorCode::Internal, "the metrics cannot be written as text").into_response(),
    }
}
