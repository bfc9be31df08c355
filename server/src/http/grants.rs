//! Grants, as the shop's backend redeems them.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waver_schema::{ApiError, Currency, ErrorCode, GrantId, OfferId, OfferKind};

use super::refusal::Refusal;
use super::shop::{Backend, Conflict, Refused, name_of, request_of};
use super::{SharedApp, access, body};
use crate::committer::Command;
use crate::pipeline::{Candidates, GrantDeed};
use crate::shop::grant::{Deed, GrantRefusal, GrantStage, RESERVED_MS};
use crate::shop::naming::{Named, ShopName};
use crate::shop::token::{TOKEN_CHARS, Token};
use crate::site::SiteIndex;

/// Most bytes of a request: a name of 128 characters and a number take some 600.
const REQUEST_BYTES: usize = 1024;
/// Longest reservation, seconds: as long as a grant lives at most.
const LONGEST_S: u32 = 24 * 60 * 60;

/// The body of all three.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct GrantRequest {
    /// The shop's own name for the cart. Needed to reserve; to redeem, it must be the one that reserved.
    pub(crate) cart: Option<ShopName>,
    /// For how long the cart has the grant to itself, in seconds; a quarter of an hour unless said. Never longer than the grant lives.
    #[schema(minimum = 1, maximum = 86400)]
    pub(crate) ttl_s: Option<u32>,
}

/// A grant, after what was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantState {
    /// The grant.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    grant: GrantId,
    /// How far it has come.
    state: GrantStage,
    /// The offer's name in the policy.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    offer: OfferId,
    /// What it gives.
    kind: OfferKind,
    /// `percent`: whole percent. `amount`: minor units of `currency`. Otherwise 0.
    value: u32,
    /// Currency of an `amount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{3}$")]
    currency: Option<Currency>,
    /// When it ends, Unix milliseconds.
    expires_at: u64,
    /// Until when the cart has it to itself, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_until: Option<u64>,
}

type Answer = Result<Json<GrantState>, Refused<GrantRefusal>>;

/// Gives a grant to a cart for a while: no other cart may redeem it.
#[utoipa::path(
    post, path = "/v1/grants/{grant}/reserve", tag = "shop", security(("site_secret" = [])),
    params(
        ("grant" = String, Path, description = "the token, as the page got it with the offer, or the 32 digits of `grant` in it", max_length = 2048),
        ("idempotency-key" = String, Header, description = "the same whenever the request is repeated", min_length = 1, max_length = 128)
    ),
    request_body = GrantRequest,
    responses(
        (status = 200, body = GrantState),
        (status = 400, body = ApiError), (status = 401, body = ApiError), (status = 404, body = ApiError),
        (status = 409, description = "something is in the way; asking again changes nothing", body = Conflict<GrantRefusal>),
        (status = 410, description = "the grant is over", body = Conflict<GrantRefusal>),
        (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn reserve(
    Backend(site): Backend,
    State(app): State<SharedApp>,
    grant: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    sent: Body,
) -> Answer {
    let now = app.host.now();
    let deed = |request: &GrantRequest| {
        let missing = || Refusal::new(ErrorCode::Schema, "say for which cart").at("cart");
        let cart = name_of(&app, site, Named::Cart, request.cart.as_ref().ok_or_else(missing)?);
        let ttl_ms = request.ttl_s.map_or(RESERVED_MS, |seconds| u64::from(seconds) * 1000);
        Ok(Deed::Reserve { cart, until: now.saturating_add(ttl_ms) })
    };
    carry_out(&app, site, grant, &headers, sent, now, deed).await
}

/// Redeems a grant: the shop gives what was promised. Once, whatever is repeated or happens at the same time.
#[utoipa::path(
    post, path = "/v1/grants/{grant}/redeem", tag = "shop", security(("site_secret" = [])),
    params(
        ("grant" = String, Path, description = "the token, as the page got it with the offer, or the 32 digits of `grant` in it", max_length = 2048),
        ("idempotency-key" = String, Header, description = "the same whenever the request is repeated", min_length = 1, max_length = 128)
    ),
    request_body = GrantRequest,
    responses(
        (status = 200, body = GrantState),
        (status = 400, body = ApiError), (status = 401, body = ApiError), (status = 404, body = ApiError),
        (status = 409, description = "something is in the way; asking again changes nothing", body = Conflict<GrantRefusal>),
        (status = 410, description = "the grant is over", body = Conflict<GrantRefusal>),
        (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn redeem(
    Backend(site): Backend,
    State(app): State<SharedApp>,
    grant: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    sent: Body,
) -> Answer {
    let now = app.host.now();
    let deed = |request: &GrantRequest| {
        Ok(Deed::Redeem { cart: request.cart.as_ref().map(|cart| name_of(&app, site, Named::Cart, cart)) })
    };
    carry_out(&app, site, grant, &headers, sent, now, deed).await
}

/// Takes a grant back from its cart: another one may have it.
#[utoipa::path(
    post, path = "/v1/grants/{grant}/release", tag = "shop", security(("site_secret" = [])),
    params(
        ("grant" = String, Path, description = "the token, as the page got it with the offer, or the 32 digits of `grant` in it", max_length = 2048),
        ("idempotency-key" = String, Header, description = "the same whenever the request is repeated", min_length = 1, max_length = 128)
    ),
    request_body = GrantRequest,
    responses(
        (status = 200, body = GrantState),
        (status = 400, body = ApiError), (status = 401, body = ApiError), (status = 404, body = ApiError),
        (status = 409, description = "something is in the way; asking again changes nothing", body = Conflict<GrantRefusal>),
        (status = 410, description = "the grant is over", body = Conflict<GrantRefusal>),
        (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn release(
    Backend(site): Backend,
    State(app): State<SharedApp>,
    grant: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    sent: Body,
) -> Answer {
    let now = app.host.now();
    carry_out(&app, site, grant, &headers, sent, now, |_| Ok(Deed::Release)).await
}

async fn carry_out(
    app: &SharedApp,
    site: SiteIndex,
    grant: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
    sent: Body,
    now: u64,
    deed: impl FnOnce(&GrantRequest) -> Result<Deed, Refusal>,
) -> Answer {
    let json = body::read(headers, sent, REQUEST_BYTES, app.limits.request_timeout).await?;
    let request = request_of(app, site, headers)?;
    let deed = deed(&read(&json)?)?;
    let grant = grant_of(app, site, grant)?;
    let of = Candidates { site, received_at: now, names: Vec::new(), visitor: None };
    let asked = GrantDeed { grant, deed, request };
    let answered = access::submit(app, of, 0, |to| Command::Grant(asked, to)).await?;
    let answer = answered.map_err(refused)?;
    let promise = answer.grant.promise;
    Ok(Json(GrantState {
        grant,
        state: answer.outcome.stage,
        offer: promise.offer,
        kind: promise.kind,
        value: promise.value,
        currency: promise.currency,
        expires_at: answer.grant.expires_at,
        reserved_until: answer.outcome.reserved_until,
    }))
}

/// Reads a request.
///
/// # Errors
/// As [`body::parse`]; [`ErrorCode::Schema`] for a time that no reservation lasts.
pub(super) fn read(json: &[u8]) -> Result<GrantRequest, Refusal> {
    let request: GrantRequest = body::parse(json)?;
    if request.ttl_s.is_some_and(|seconds| !(1..=LONGEST_S).contains(&seconds)) {
        return Err(Refusal::new(ErrorCode::Schema, "expected between 1 and 86400 seconds").at("ttl_s"));
    }
    Ok(request)
}

/// The grant that a path names: by its token, which must be ours and of this site, or by its id.
fn grant_of(
    app: &SharedApp,
    site: SiteIndex,
    path: Result<Path<String>, PathRejection>,
) -> Result<GrantId, Refused<GrantRefusal>> {
    let unknown = || refused(GrantRefusal::Unknown);
    let Path(text) = path.map_err(|_| unknown())?;
    if let Ok(grant) = GrantId::parse(&text) {
        return Ok(grant);
    }
    if text.len() > TOKEN_CHARS {
        return Err(unknown());
    }
    let token = Token::verified(&text, &app.erasures.key().public_key).ok_or_else(unknown)?;
    if token.site != app.sites.get(site).key {
        return Err(unknown());
    }
    Ok(token.grant)
}

fn refused(refusal: GrantRefusal) -> Refused<GrantRefusal> {
    let (status, message) = match refusal {
        GrantRefusal::Unknown => {
            let message = "no such grant of this site: it was never made, or is over for more than a day";
            return Refused::Plain(Refusal::new(ErrorCode::NotFound, message));
        }
        GrantRefusal::Expired => (StatusCode::GONE, "the grant has ended"),
        GrantRefusal::Redeemed => (StatusCode::CONFLICT, "the grant was redeemed"),
        GrantRefusal::OtherCart => (StatusCode::CONFLICT, "the grant belongs to another cart"),
        GrantRefusal::NotReserved => (StatusCode::CONFLICT, "no cart has the grant"),
        GrantRefusal::KeyReused => (StatusCode::CONFLICT, "the idempotency key was used for something else"),
    };
    Refused::Conflict(status, refusal, message)
}
