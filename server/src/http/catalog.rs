//! The catalogue, as the shop's backend tells it.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waver_schema::{ApiError, Currency, ErrorCode, ItemRef};

use super::refusal::Refusal;
use super::shop::Backend;
use super::{SharedApp, access, body};
use crate::committer::Command;
use crate::pipeline::Candidates;
use crate::shop::item::{CatalogEntry, Item};
use crate::shop::naming::ShopName;

/// Most bytes of a request.
const REQUEST_BYTES: usize = 128 * 1024;
/// Most items of a request: with what the log adds to each they stay within one group of it.
pub(super) const MOST_ITEMS: usize = 256;

/// The body of `PUT /v1/catalog/items`: what holds for these items from now on. Others stay as they are.
#[derive(Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct CatalogRequest {
    /// The items.
    #[schema(max_items = 256)]
    pub(crate) items: Vec<CatalogItem>,
}

/// What holds for one item.
#[derive(Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct CatalogItem {
    /// The shop's own name for it, the same that the page tells (`item_id`, `data-waver-item`).
    pub(crate) item: ShopName,
    /// Pieces there are; left out where the shop does not count them.
    #[serde(default)]
    pub(crate) stock: Option<u32>,
    /// Its price, in minor units.
    pub(crate) price_minor: u32,
    /// Currency of all values.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$")]
    pub(crate) currency: Currency,
    /// Price less what the item costs the shop, in minor units.
    #[serde(default)]
    pub(crate) margin_minor: Option<i32>,
    /// Lowest price of the 30 days before a reduction, in minor units (Directive 98/6/EC, article 6a).
    #[serde(default)]
    pub(crate) lowest_30d_minor: Option<u32>,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogAnswer {
    /// Items that were taken.
    #[schema(maximum = 256)]
    items: u32,
}

/// Says what holds for some items. The next decision sees it.
#[utoipa::path(
    put, path = "/v1/catalog/items", tag = "shop", security(("site_secret" = [])),
    request_body = CatalogRequest,
    responses(
        (status = 200, body = CatalogAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn put(
    Backend(site): Backend,
    State(app): State<SharedApp>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Json<CatalogAnswer>, Refusal> {
    let received_at = app.host.now();
    let json = body::read(&headers, sent, REQUEST_BYTES, app.limits.request_timeout).await?;
    let request = read(&json)?;
    let item = |told: &CatalogItem| Item {
        item: ItemRef::from_label(told.item.label()),
        stock: told.stock,
        price_minor: told.price_minor,
        currency: told.currency,
        margin_minor: told.margin_minor,
        lowest_30d_minor: told.lowest_30d_minor,
    };
    let items = request.items.iter().map(item).collect();
    let entry = CatalogEntry { items, until: received_at.saturating_add(app.shop_kept_ms) };
    let of = Candidates { site, received_at, names: Vec::new(), visitor: None };
    let items = access::submit(&app, of, 0, |to| Command::Catalog(entry, to)).await?;
    Ok(Json(CatalogAnswer { items: u32::try_from(items).unwrap_or(u32::MAX) }))
}

/// Reads a request.
///
/// # Errors
/// As [`body::parse`]; [`ErrorCode::Schema`] for too many items.
pub(super) fn read(json: &[u8]) -> Result<CatalogRequest, Refusal> {
    let request: CatalogRequest = body::parse(json)?;
    if request.items.len() > MOST_ITEMS {
        return Err(Refusal::new(ErrorCode::Schema, format!("more than {MOST_ITEMS} items")).at("items"));
    }
    Ok(request)
}
