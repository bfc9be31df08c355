//! The HTTP interface: one list of routes, one file for each of their subjects, and the layers around all of them.

mod access;
mod admin;
mod aggregates;
mod assets;
mod body;
mod catalog;
mod client;
mod consents;
mod dashboard;
mod dead_letters;
mod decisions;
pub(crate) mod decoders;
mod document;
mod erase;
mod events;
mod export;
mod grants;
mod layers;
mod ledger;
mod me;
mod models;
mod noisy_export;
mod offers_report;
mod ofrep;
mod operations;
mod orders;
mod refusal;
mod schemas;
mod sdk;
mod sessions;
mod shop;
mod source;
mod stream;

use std::sync::Arc;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use tokio::sync::{Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waver_schema::ErrorCode;

use crate::backup::Exporter;
use crate::committer::Queue;
use crate::config::Limits;
use crate::erasures::Erasures;
use crate::host::Host;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::rate::RateLimits;
use crate::readiness::Readiness;
use crate::records::Records;
use crate::release::SharedReleases;
use crate::shadow::Shadow;
use crate::site::Sites;
use crate::state::SharedState;
use crate::stop::Stop;
use crate::tripwire::Tripped;
use crate::unknown_fields::UnknownFields;
use refusal::Refusal;

pub(crate) use admin::AdminGate;
pub(crate) use assets::{Assets, built};
pub(crate) use source::{Peer, Proxies};

/// What handlers work with.
pub(crate) struct App {
    pub(crate) host: Host,
    pub(crate) limits: Limits,
    pub(crate) sites: Arc<Sites>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) queue: Queue,
    pub(crate) state: SharedState,
    pub(crate) releases: SharedReleases,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Readiness,
    pub(crate) admin: AdminGate,
    pub(crate) rates: Arc<RateLimits>,
    pub(crate) proxies: Proxies,
    pub(crate) unknown_fields: Arc<UnknownFields>,
    pub(crate) tripped: Arc<Tripped>,
    pub(crate) shadow: Arc<Shadow>,
    /// The artifact by which browsers score intent.
    pub(crate) intent_model: Option<Vec<u8>>,
    pub(crate) assets: Assets,
    pub(crate) listens_on_loopback: bool,
    /// Places for dashboards that follow the live stream.
    pub(crate) streams: Arc<Semaphore>,
    /// Hands out backups, as many at a time as there are places.
    pub(crate) exporter: Exporter,
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) erasures: Arc<Erasures>,
    /// For how long orders and items are kept, milliseconds.
    pub(crate) shop_kept_ms: u64,
    /// The log, for whoever asks what is held about a session; as many at a time as there are places.
    pub(crate) records: Records,
    pub(crate) searches: Arc<Semaphore>,
    /// Changes with the state.
    pub(crate) changed: watch::Receiver<u64>,
    /// Holds once the collector is to end.
    pub(crate) stop: Stop,
}

/// [`App`] as handlers get it.
pub(crate) type SharedApp = Arc<App>;

/// Every route. A route and its line in the OpenAPI document are one declaration.
fn routes() -> [OpenApiRouter<SharedApp>; 5] {
    // What pages of the shops' origins call.
    let ingest = OpenApiRouter::new()
        .routes(routes!(consents::post))
        .routes(routes!(events::post))
        .routes(routes!(decisions::post))
        .routes(routes!(erase::post))
        .routes(routes!(erase::key))
        .routes(routes!(erase::receipt))
        .routes(routes!(me::post));
    // The same for pages that ask by OpenFeature.
    let openfeature = OpenApiRouter::new().routes(routes!(ofrep::one)).routes(routes!(ofrep::all));
    // What pages of any origin load.
    let storefront = OpenApiRouter::new().routes(routes!(sdk::loader)).routes(routes!(sdk::file));
    let storefront = storefront.routes(routes!(schemas::list)).routes(routes!(schemas::get));
    // What only operators call.
    let operator = OpenApiRouter::new()
        .routes(routes!(aggregates::get))
        .routes(routes!(sessions::get))
        .routes(routes!(models::get))
        .routes(routes!(offers_report::get))
        .routes(routes!(dead_letters::get))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(stream::get))
        .routes(routes!(export::get))
        .routes(routes!(ledger::root))
        .routes(routes!(noisy_export::post))
        .routes(routes!(dashboard::page))
        .routes(routes!(dashboard::sign_in_page, dashboard::sign_in))
        .routes(routes!(dashboard::sign_out))
        .routes(routes!(dashboard::file))
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
        .routes(routes!(document::get));
    // What the shops' backends call.
    let shop = OpenApiRouter::new()
        .routes(routes!(grants::reserve))
        .routes(routes!(grants::redeem))
        .routes(routes!(grants::release))
        .routes(routes!(orders::post))
        .routes(routes!(catalog::put));
    [ingest, openfeature, storefront, operator, shop]
}

/// The OpenAPI document of the whole interface.
pub(crate) fn document() -> serde_json::Value {
    let mut document = document::base();
    for routes in routes() {
        document.merge(routes.split_for_parts().1);
    }
    serde_json::to_value(document).unwrap_or_default()
}

/// The whole interface.
pub(crate) fn router(app: SharedApp) -> Router {
    let mut document = document::base();
    let [ingest, openfeature, storefront, operator, shop] = routes().map(|routes| {
        let (router, described) = routes.split_for_parts();
        document.merge(described);
        // Before the layers, so that these answers too have what the layers add.
        router.method_not_allowed_fallback(async || {
            Refusal::new(ErrorCode::Method, "this route does not take that method; /openapi.json lists what it takes")
        })
    });
    Router::new()
        .merge(operator.layer(from_fn(layers::same_origin)))
        .merge(storefront.layer(from_fn(layers::any_origin)))
        .merge(shop.layer(from_fn(layers::same_origin)))
        // Answers to ingest, which come after this, are too small to be worth packing.
        .layer(CompressionLayer::new())
        .merge(
            ingest
                .layer(from_fn(layers::leave_no_stack))
                .layer(from_fn_with_state(Arc::clone(&app), source::limit))
                .layer(from_fn_with_state(Arc::clone(&app), layers::cross_origin)),
        )
        .merge(
            openfeature
                .layer(from_fn(layers::leave_no_stack))
                .layer(from_fn_with_state(Arc::clone(&app), source::limit))
                .layer(from_fn_with_state(Arc::clone(&app), layers::cross_origin_of_openfeature)),
        )
        .fallback(async || Refusal::not_found())
        .layer(Extension(document::Served::new(&document)))
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn_with_state(Arc::clone(&app), layers::account))
        .with_state(app)
}
