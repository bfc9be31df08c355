use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use waver_schema::{ApiError, ErrorCode};

use super::SharedApp;
use super::admin::Operator;
use super::refusal::Refusal;

/// A backup of state and log, without keys, as `waver serve --restore` takes it. One at a time.
#[utoipa::path(
    get, path = "/v1/export", tag = "operators", security(("token" = []), ("cookie" = [])),
    responses(
        (status = 200, content_type = "application/octet-stream"), (status = 401, body = ApiError),
        (status = 429, body = ApiError)
    )
)]
pub(super) async fn get(_: Operator, State(app): State<SharedApp>) -> Result<Response, Refusal> {
    let place = Arc::clone(&app.exports)
        .try_acquire_owned()
        .map_err(|_| Refusal::new(ErrorCode::TooMany, "another backup is being written; wait for it to end"))?;
    let backup = (app.exporter)().map(move |chunk| {
        let _until_the_end = &place;
        // The answer breaks off, and without its end a backup is refused.
        chunk.inspect_err(|error| tracing::error!("a backup broke off: {error}"))
    });
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], Body::from_stream(backup)).into_response())
}
