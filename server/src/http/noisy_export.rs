use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use waver_schema::{ApiError, ErrorCode};

use super::admin::Operator;
use super::refusal::Refusal;
use super::{SharedApp, body};
use crate::release::{Asked, BudgetError, ExportError, NoisyAggregates, export};

/// Largest body.
const BODY_BYTES: usize = 1024;

/// Counts of sessions by the hour, with noise: differential privacy, for whoever is to see numbers also of few. Costs epsilon, which does not
/// come back, so that it is no GET.
#[utoipa::path(
    post, path = "/v1/export/aggregates", tag = "operators", security(("token" = []), ("cookie" = [])),
    request_body = Asked,
    responses(
        (status = 200, body = NoisyAggregates), (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn post(
    _: Operator,
    State(app): State<SharedApp>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Json<NoisyAggregates>, Refusal> {
    let json = body::read(&headers, sent, BODY_BYTES, app.limits.request_timeout).await?;
    let asked: Asked = body::parse(&json)?;
    let now = app.host.now();
    let exporting = tokio::task::spawn_blocking({
        let app = Arc::clone(&app);
        move || export(&app.releases, &app.state.rows, &app.sites, &asked, now)
    });
    match exporting.await {
        Ok(Ok(aggregates)) => Ok(Json(aggregates)),
        Ok(Err(error)) => Err(refusal(&error)),
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "the export panicked")),
    }
}

fn refusal(error: &ExportError) -> Refusal {
    let told = |code| Refusal::new(code, error.to_string());
    match error {
        ExportError::Site => told(ErrorCode::UnknownSite).at("site"),
        ExportError::Epsilon => told(ErrorCode::Schema).at("epsilon_milli"),
        ExportError::Budget(BudgetError::Spent { .. }) => Refusal::spent(error.to_string()),
        ExportError::Budget(BudgetError::Store(error)) => {
            tracing::error!("{error}");
            Refusal::unavailable()
        }
        ExportError::Noise(error) => {
            tracing::error!("{error}");
            Refusal::new(ErrorCode::Internal, "no noise could be made; the collector's log has the details")
        }
    }
}
