//! Being forgotten: whoever holds a session's id may ask, and is told the same whether or not anybody knew it.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use waver_schema::{ApiError, EraseAnswer, EraseRequest, ErasureId, ErrorCode, ReceiptKey, SignedReceipt, SiteKey};

use waver_store::Pseudonym;

use super::refusal::Refusal;
use super::source::MaybeSource;
use super::{App, SharedApp, access, body};
use crate::committer::Command;
use crate::pipeline::Erase;
use crate::site::SiteIndex;

/// Most bytes of a request: a site, an id and a nonce take some 200.
pub(super) const REQUEST_BYTES: usize = 1024;

/// An erasure is answered at a multiple of this after it came. It takes some milliseconds, a hundredth more of them for a session that is known,
/// and who measures often enough would see that; rounded up, both take the same.
const ANSWER_PACE: Duration = Duration::from_millis(50);

/// Erases a session: what is known of it goes, what it added to open aggregates is taken back, and what arrives late is refused with 410. Asking
/// again changes nothing. The answer is the same for a session that nobody knows.
#[utoipa::path(
    post, path = "/v1/erase", tag = "ingest",
    request_body(content((EraseRequest = "application/json"), (EraseRequest = "text/plain"))),
    responses(
        (status = 202, description = "done and durable", body = EraseAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn post(
    State(app): State<SharedApp>,
    source: MaybeSource,
    headers: HeaderMap,
    sent: Body,
) -> Result<(StatusCode, Json<EraseAnswer>), Refusal> {
    let begun = Instant::now();
    let received_at = app.host.now();
    let json = body::read(&headers, sent, REQUEST_BYTES, app.limits.request_timeout).await?;
    let request = read(&json)?;
    let site = admit(&app, &request.site, source, &headers)?;
    let of = access::anyone(&app, site, &request.session, request.visitor.as_ref(), received_at);
    let Some(first) = of.names.first() else { return Err(Refusal::unavailable()) };
    let erasure = app.erasures.name(&request.site, &first.pseudonym);
    let names = of.names.iter().map(|named| named.pseudonym).chain(of.visitor.map(|visitor| visitor.pseudonym));
    let keyed = names.filter(|pseudonym| app.keyring.has(&request.site, pseudonym)).collect();
    let forgotten: Vec<Pseudonym> = of.names.iter().map(|named| named.pseudonym).collect();
    let erase = Erase { erasure, nonce: request.nonce, keyed };
    let answer = access::submit(&app, of, 0, |to| Command::Erase(erase, to)).await;
    app.shadow.forget(site, forgotten.into_iter());
    tokio::time::sleep_until((begun + rounded_up(begun.elapsed())).into()).await;
    let answer = answer?;
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Reads a request.
///
/// # Errors
/// As [`body::parse`]; [`ErrorCode::Schema`] for a version that this build does not know.
pub(super) fn read(json: &[u8]) -> Result<EraseRequest, Refusal> {
    let request: EraseRequest = body::parse(json)?;
    access::expect_version(request.v)?;
    Ok(request)
}

/// The next multiple of [`ANSWER_PACE`].
fn rounded_up(took: Duration) -> Duration {
    let paces = took.as_nanos() / ANSWER_PACE.as_nanos() + 1;
    ANSWER_PACE.saturating_mul(u32::try_from(paces).unwrap_or(u32::MAX))
}

/// The signed receipt of an erasure.
#[utoipa::path(
    get, path = "/v1/erase/{erasure}", tag = "ingest", params(("erasure" = ErasureId, Path, description = "from POST /v1/erase")),
    responses(
        (status = 200, body = SignedReceipt), (status = 404, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)
    )
)]
pub(super) async fn receipt(
    State(app): State<SharedApp>,
    erasure: Result<Path<ErasureId>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path(erasure) = erasure
        .map_err(|_| Refusal::new(ErrorCode::Schema, "an erasure is named by 32 lower-case hexadecimal digits"))?;
    match app.erasures.receipt(&erasure).await.map_err(Refusal::unreadable)? {
        Some(receipt) => Ok(([(header::CONTENT_TYPE, "application/json")], receipt).into_response()),
        None => Err(Refusal::new(ErrorCode::NotFound, "there is no receipt of that name")),
    }
}

/// The public key that receipts are signed with.
#[utoipa::path(get, path = "/v1/erase/key", tag = "ingest", responses((status = 200, body = ReceiptKey), (status = 429, body = ApiError)))]
pub(super) async fn key(State(app): State<SharedApp>) -> Json<ReceiptKey> {
    Json(app.erasures.key())
}

/// Whether this may be asked of `site` now. An operator may ask from anywhere.
///
/// # Errors
/// As [`access::find_site`], and [`ErrorCode::TooMany`].
pub(super) fn admit(app: &App, site: &SiteKey, source: MaybeSource, headers: &HeaderMap) -> Result<SiteIndex, Refusal> {
    let index = match app.sites.find(site) {
        Some(index) if app.admin.admits(headers, app.host.now()) => index,
        _ => access::find_site(app, site, headers)?,
    };
    app.rates.request_to(index).map_err(Refusal::exceeded)?;
    app.rates.erasure(index, source.map(|axum::Extension(source)| source)).map_err(Refusal::exceeded)?;
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_waits_for_the_next_multiple() {
        let ms = Duration::from_millis;
        for (took, answered) in [(0, 50), (1, 50), (49, 50), (50, 100), (51, 100), (1234, 1250)] {
            assert_eq!(rounded_up(ms(took)), ms(answered), "{took}");
        }
    }
}
