use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use waver_core::consent::Purpose;
use waver_schema::{ApiError, Decision, DecisionId, DecisionRequest, ErrorCode, GrantId, WIRE_VERSION, limits};

use super::refusal::Refusal;
use super::{App, SharedApp, access, body};
use crate::committer::Command;
use crate::keyring::PurposeSet;
use crate::pipeline::{Candidates, Decided, DecisionIds};
use crate::shop::token::Token;

/// Decides whether something is offered in a slot, now. An offer that stands there already is answered again, with the same end.
#[utoipa::path(
    post, path = "/v1/decisions", tag = "ingest",
    request_body(content((DecisionRequest = "application/json"), (DecisionRequest = "text/plain"))),
    responses(
        (status = 200, description = "an offer, or none and why", body = Decision),
        (status = 400, body = ApiError), (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 410, body = ApiError), (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn post(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Json<Decision>, Refusal> {
    access::expect_no_objection(&headers)?;
    let received_at = app.host.now();
    let json = body::read(&headers, sent, limits::BATCH_BYTES, app.limits.request_timeout).await?;
    let request = read(&json)?;
    let site = access::find_site(&app, &request.site, &headers)?;
    app.rates.request_to(site).map_err(Refusal::exceeded)?;
    access::expect_nothing_personal(&app, "decision-request", &json)?;
    let sets = PurposeSet::holding(Purpose::Personalize);
    let of = access::candidates(&app, site, &request.session, &sets, request.visitor.as_ref(), received_at);
    decide(&app, of, request).await.map(Json)
}

/// Decides, whoever asks by whichever protocol.
///
/// # Errors
/// As [`access::submit`].
pub(super) async fn decide(app: &App, of: Candidates, request: DecisionRequest) -> Result<Decision, Refusal> {
    let ids = DecisionIds {
        decision: DecisionId::from_bytes(app.host.random()),
        grant: GrantId::from_bytes(app.host.random()),
    };
    let site = app.sites.get(of.site).key.clone();
    let decided = access::submit(app, of, 0, |to| Command::Decide(Box::new(request), ids, to)).await?;
    let Decided { mut decision, grant } = decided;
    if let (Some(grant), Some(offer), Some(id)) = (grant, &mut decision.offer, decision.decision) {
        // Signed here, and not by the one task that commits.
        let signer = app.erasures.signer();
        let token = Token {
            v: WIRE_VERSION,
            site,
            grant,
            offer: offer.id.clone(),
            kind: offer.kind,
            value: offer.value,
            currency: offer.currency,
            decision: id,
            expires_at: offer.expires_at,
            key: signer.key().key,
        };
        offer.grant = Some(token.signed(signer).map_err(|error| {
            tracing::error!("a token cannot be written: {error}");
            Refusal::new(ErrorCode::Internal, "the collector made a mistake; its log has the details")
        })?);
    }
    app.metrics.decided(decision.reason);
    Ok(decision)
}

/// Reads a request.
///
/// # Errors
/// As [`body::parse`]; [`ErrorCode::Schema`] for more scores than there are kinds of hesitation, or more items of a cart than there may be.
pub(super) fn read(json: &[u8]) -> Result<DecisionRequest, Refusal> {
    let request: DecisionRequest = body::parse(json)?;
    if request.features.hesitation.len() > limits::SCORES_PER_DECISION {
        let message = format!("more than {} scores", limits::SCORES_PER_DECISION);
        return Err(Refusal::new(ErrorCode::Schema, message).at("features.hesitation"));
    }
    if request.items.len() > limits::ITEMS_PER_DECISION {
        let message = format!("more than {} items", limits::ITEMS_PER_DECISION);
        return Err(Refusal::new(ErrorCode::Schema, message).at("items"));
    }
    Ok(request)
}
