//! What offers are worth: `GET /v1/offers/report`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waver_core::experiment::{Measure, OfferReport, day_of, report};
use waver_schema::{ApiError, OfferId, SiteKey};
use waver_store::Key;

use super::SharedApp;
use super::admin::Operator;
use super::aggregates::{find_site, not_understood};
use super::refusal::Refusal;
use crate::state::{self, Stops};

/// Most offers of an answer: those of a policy, and those that earlier policies had.
const MOST_OFFERS: usize = 256;

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
}

/// What the offers of a site are worth, against those who would have been made them and were not. A session counts once it is over, with
/// all that it came to; under each offer that it was assigned to.
///
/// Intervals hold however often they are looked at. Where numbers are suppressed, the report moves on by whole days, as soon as `release_k`
/// sessions more have bought in each arm, and as many have not; an offer is not in it before.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OffersReport {
    /// The site.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: SiteKey,
    /// Version of the policy in force.
    #[schema(max_length = 16)]
    policy: String,
    /// So many sessions stand behind each number at least. With 0 or 1 nothing is suppressed, and the day under way is in the report.
    release_k: u64,
    /// The offers of which something may be told, by name.
    #[schema(max_items = 256)]
    offers: Vec<OfferReport>,
    /// The offers of the policy in force that were stopped because they do harm. A new version of the policy lifts that.
    #[schema(max_items = 64)]
    stopped: Vec<StoppedOffer>,
}

/// An offer that does harm.
#[derive(Debug, Serialize, ToSchema)]
struct StoppedOffer {
    /// The offer.
    offer: OfferId,
    /// What it harms.
    measure: Measure,
    /// When it was stopped, Unix milliseconds.
    at: u64,
}

/// What the offers of a site are worth.
#[utoipa::path(
    get, path = "/v1/offers/report", tag = "operators", params(Asked), security(("token" = []), ("cookie" = [])),
    responses(
        (status = 200, body = OffersReport), (status = 401, body = ApiError), (status = 422, body = ApiError),
        (status = 503, body = ApiError)
    )
)]
pub(super) async fn get(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<OffersReport>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = find_site(&app, asked.site.as_ref())?;
    let (k, today) = (app.releases.k(), day_of(app.host.now()));
    let trials = app.state.rows.trials_now(site.number());
    let mut offers = report(&trials, k, today);
    offers.truncate(MOST_OFFERS);
    let policy = app.sites.get(site).policy();
    let stops = app.state.rows.row(Key::Stops(site.number()));
    let stops: Stops = stops.map(|row| state::read(&row)).transpose().map_err(Refusal::unreadable)?.unwrap_or_default();
    // One that was stopped twice is told once, as it stands.
    let stopped: BTreeMap<OfferId, StoppedOffer> = stops
        .under(policy.version())
        .map(|stopped| {
            let offer = stopped.offer.clone();
            (offer.clone(), StoppedOffer { offer, measure: stopped.measure, at: stopped.at })
        })
        .collect();
    Ok(Json(OffersReport {
        site: app.sites.get(site).key.clone(),
        policy: policy.version().to_owned(),
        release_k: k,
        offers,
        stopped: stopped.into_values().collect(),
    }))
}
