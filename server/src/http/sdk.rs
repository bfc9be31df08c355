use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use waver_schema::ErrorCode;

use super::SharedApp;
use super::assets::answer;
use super::refusal::Refusal;

/// The loader names the version to load, so it must reach shoppers soon after an update.
const LOADER_CACHING: &str = "public, max-age=300";
/// The version in the path is made of the content.
const VERSION_CACHING: &str = "public, max-age=31536000, immutable";

/// The script for the storefront's tag.
#[utoipa::path(get, path = "/waver.js", tag = "storefront", responses((status = 200, content_type = "text/javascript"), (status = 404)))]
pub(crate) async fn loader(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    answer(app.assets, "waver.js", &headers, LOADER_CACHING)
}

/// A file of one version of the browser module; `integrity.json` has the SRI hashes of the others. `/sdk/models/intent` is the artifact by
/// which browsers score intent, if one is configured.
#[utoipa::path(
    get, path = "/sdk/{version}/{file}", tag = "storefront",
    params(("version" = String, Path, max_length = 64), ("file" = String, Path, max_length = 128)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 404))
)]
pub(crate) async fn file(
    State(app): State<SharedApp>,
    Path((version, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if (version.as_str(), file.as_str()) == ("models", "intent") {
        return intent_model(app.intent_model.clone());
    }
    answer(app.assets, &format!("sdk/{version}/{file}"), &headers, VERSION_CACHING)
}

fn intent_model(artifact: Option<Vec<u8>>) -> Response {
    let Some(artifact) = artifact else {
        return Refusal::new(ErrorCode::NotFound, "no models.intent is configured").into_response();
    };
    // Another artifact takes its place with a start of the collector.
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, LOADER_CACHING)];
    (headers, artifact).into_response()
}
