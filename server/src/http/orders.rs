//! Orders and refunds, as the shop's backend tells them.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waver_schema::{ApiError, Currency, ErrorCode, GrantId, OrderRef, SessionId};

use super::refusal::Refusal;
use super::shop::{Backend, Conflict, Refused, name_of};
use super::{SharedApp, access, body};
use crate::committer::Command;
use crate::keyring::PurposeSet;
use crate::pipeline::{Candidates, OrderTold};
use crate::shop::naming::{Named, ShopName};
use crate::shop::order::{OrderEntry, OrderRefusal};
use crate::shop::token::{TOKEN_CHARS, Token};
use crate::site::SiteIndex;

/// Most bytes of a request: two names, a session and a token take some 4,000.
const REQUEST_BYTES: usize = 8 * 1024;

/// The body of `POST /v1/orders`: an order, or with `refund` a refund of one. It may be told as often as wanted, and counts once.
#[derive(Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct OrderRequest {
    /// The shop's own name for the order, the same that the page tells with `purchase` (`transaction_id`).
    pub(crate) order: ShopName,
    /// The session that placed it, as the page knows it. Its offers stop at once.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{32}$")]
    pub(crate) session: Option<SessionId>,
    /// The grant that was used for it, its token or its id; stands for the session where that is not known.
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub(crate) grant: Option<String>,
    /// What was paid, or with `refund` paid back, in minor units.
    pub(crate) value_minor: u32,
    /// Currency of all values.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$")]
    pub(crate) currency: Currency,
    /// What of it is margin, in minor units.
    #[serde(default)]
    pub(crate) margin_minor: Option<i32>,
    /// The shop's own name for the refund, if it is one.
    #[serde(default)]
    pub(crate) refund: Option<ShopName>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderAnswer {
    /// Whether it was told for the first time.
    new: bool,
    /// Whether it counts for a session, which is live and may be measured.
    session: bool,
}

/// Tells of an order or a refund. The session that placed it is offered nothing more from now on, and what its offers are worth is counted by the
/// shop's own word.
#[utoipa::path(
    post, path = "/v1/orders", tag = "shop", security(("site_secret" = [])),
    request_body = OrderRequest,
    responses(
        (status = 200, body = OrderAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 409, description = "it does not fit what was told before", body = Conflict<OrderRefusal>),
        (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn post(
    Backend(site): Backend,
    State(app): State<SharedApp>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Json<OrderAnswer>, Refused<OrderRefusal>> {
    let received_at = app.host.now();
    let json = body::read(&headers, sent, REQUEST_BYTES, app.limits.request_timeout).await?;
    let request = read(&json)?;
    let grant = request.grant.as_deref().map(|text| grant_of(&app, site, text)).transpose()?;
    let of = match &request.session {
        Some(session) => access::candidates(&app, site, session, &PurposeSet::ALL, None, received_at),
        None => Candidates { site, received_at, names: Vec::new(), visitor: None },
    };
    let told = OrderTold {
        order: name_of(&app, site, Named::Order, &request.order),
        entry: OrderEntry {
            reference: OrderRef::from_label(request.order.label()),
            value_minor: request.value_minor,
            currency: request.currency,
            margin_minor: request.margin_minor,
            refund: request.refund.as_ref().map(|refund| name_of(&app, site, Named::Refund, refund)),
            until: received_at.saturating_add(app.shop_kept_ms),
        },
        grant,
    };
    let taken = access::submit(&app, of, 0, |to| Command::Order(told, to)).await?;
    let taken = taken.map_err(|refusal| {
        let message = match refusal {
            OrderRefusal::UnknownOrder => "a refund of an order that was never told, or too long ago",
            OrderRefusal::OtherOrder => "the order was told with another value or currency; tell of a refund instead",
            OrderRefusal::TooMuch => "more would be refunded than was paid, or more often than 32 times",
        };
        Refused::Conflict(StatusCode::CONFLICT, refusal, message)
    })?;
    Ok(Json(OrderAnswer { new: taken.is_new, session: taken.has_session }))
}

/// Reads a request.
///
/// # Errors
/// As [`body::parse`].
pub(super) fn read(json: &[u8]) -> Result<OrderRequest, Refusal> {
    body::parse(json)
}

/// The grant of a token or of an id.
fn grant_of(app: &SharedApp, site: SiteIndex, text: &str) -> Result<GrantId, Refusal> {
    if let Ok(grant) = GrantId::parse(text) {
        return Ok(grant);
    }
    let token = Some(text).filter(|text| text.len() <= TOKEN_CHARS);
    let token = token.and_then(|text| Token::verified(text, &app.erasures.key().public_key));
    let token = token.filter(|token| token.site == app.sites.get(site).key);
    token.map(|token| token.grant).ok_or_else(|| {
        Refusal::new(ErrorCode::Schema, "expected the token of a grant of this site, or the 32 digits in it")
            .at("grant")
    })
}
