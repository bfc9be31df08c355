//! How right the models were: `GET /v1/models`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waver_schema::{ApiError, Feature, SiteKey};

use super::admin::Operator;
use super::aggregates::{find_site, not_understood};
use super::refusal::Refusal;
use super::{App, SharedApp};
use crate::shadow::{Bin, Calibration, DAY_MS};

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
}

/// How right the models were, by the day of the score: the champion, whose scores browsers tell, and a challenger that the collector scores in
/// its shadow and that decides nothing. Each session counts once, scored at its third page view, and a day is told once all of its sessions
/// have ended. Of the days since the collector was started, 30 at most.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Models {
    /// The site.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: SiteKey,
    /// The challenger's name; null where none is configured.
    #[schema(max_length = 255)]
    challenger: Option<String>,
    /// The settled days, the oldest first.
    #[schema(max_items = 30)]
    days: Vec<JudgedDay>,
    /// How far each feature of the last of these days is from those before.
    #[schema(max_items = 16)]
    drift: Vec<Drift>,
    /// Sessions that were not judged because too many waited for their end.
    passed_over: u64,
}

/// Both models on one day.
#[derive(Debug, Serialize, ToSchema)]
struct JudgedDay {
    /// Start, Unix milliseconds.
    start: u64,
    /// End, Unix milliseconds, exclusive.
    end: u64,
    champion: Judged,
    challenger: Judged,
}

/// How right a model was. What fewer than `release.k` sessions stand behind is null.
#[derive(Debug, Serialize, ToSchema)]
struct Judged {
    /// Sessions that were scored and have ended.
    sessions: Option<u64>,
    /// Those of them that bought.
    bought: Option<u64>,
    /// Mean squared difference between score and outcome.
    brier: Option<f64>,
    /// Expected calibration error.
    calibration_error: Option<f64>,
    /// By score, from the smallest to the largest: ten bins of equal width, but neighbours put together until `release.k` sessions bought in
    /// each, and as many did not.
    #[schema(max_items = 10)]
    bins: Vec<JudgedBin>,
}

/// Sessions of like scores.
#[derive(Debug, Serialize, ToSchema)]
struct JudgedBin {
    /// How many.
    sessions: u64,
    /// Mean of their scores.
    predicted: f64,
    /// The share that bought.
    bought: f64,
}

/// How far a feature moved.
#[derive(Debug, Serialize, ToSchema)]
struct Drift {
    /// The feature.
    #[schema(value_type = String, max_length = 32)]
    feature: Feature,
    /// Population stability index: below 0.1 nothing moved, above 0.25 much did. Null below 500 sessions on either side.
    psi: Option<f64>,
}

/// How right the models were on each day, and how far the features have moved.
#[utoipa::path(
    get, path = "/v1/models", tag = "operators", params(Asked), security(("token" = []), ("cookie" = [])),
    responses((status = 200, body = Models), (status = 401, body = ApiError), (status = 422, body = ApiError))
)]
pub(super) async fn get(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Models>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = find_site(&app, asked.site.as_ref())?;
    let report = app.shadow.report(site, app.host.now());
    let days = report.days.iter().map(|(start, day)| JudgedDay {
        start: *start,
        end: start + DAY_MS,
        champion: judged(&app, &day.champion),
        challenger: judged(&app, &day.challenger),
    });
    Ok(Json(Models {
        site: app.sites.get(site).key.clone(),
        challenger: app.shadow.challenger().map(str::to_owned),
        days: days.collect(),
        drift: report.drift.into_iter().map(|(feature, psi)| Drift { feature, psi }).collect(),
        passed_over: report.passed_over,
    }))
}

fn judged(app: &App, table: &Calibration) -> Judged {
    let shown = app.releases.may_show(table);
    let is_enough = |bin: &Bin| bin.sessions > 0 && app.releases.are_enough_of_each(bin.sessions, bin.bought);
    Judged {
        sessions: shown.then(|| table.sessions()),
        bought: shown.then(|| table.bought()),
        brier: table.brier().filter(|_| shown),
        calibration_error: table.error().filter(|_| shown),
        bins: table.lines(is_enough).iter().map(JudgedBin::of).collect(),
    }
}

impl JudgedBin {
    fn of(bin: &Bin) -> JudgedBin {
        let sessions = bin.sessions as f64;
        JudgedBin { sessions: bin.sessions, predicted: bin.scores / sessions, bought: bin.bought as f64 / sessions }
    }
}
