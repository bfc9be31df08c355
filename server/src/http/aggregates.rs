use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waver_core::window::{Lateness, WINDOW_MS, WindowReport, Windows};
use waver_schema::limits::MAX_SAFE_INTEGER;
use waver_schema::{ApiError, ErrorCode, SiteKey};

use super::admin::Operator;
use super::refusal::Refusal;
use super::{App, SharedApp};
use crate::outcome::Outcomes;
use crate::site::SiteIndex;
use crate::state::LiveAs;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Stretch {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
    /// Start, Unix milliseconds, before the end; an hour before it, if not given.
    #[param(maximum = 9007199254740991_i64)]
    from: Option<u64>,
    /// End, Unix milliseconds; now, if not given.
    #[param(maximum = 9007199254740991_i64)]
    to: Option<u64>,
    /// Length of a window in minutes, hours or days.
    #[param(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}[mhd]$", example = "5m")]
    window: Option<String>,
}

/// Aggregates of a site over a stretch of time, by event time, and what is true of it now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Aggregates {
    /// The site.
    #[schema(value_type = String)]
    site: SiteKey,
    /// Length of a window.
    window_ms: u64,
    /// Start of the first window, Unix milliseconds.
    from: u64,
    /// End of the last window, Unix milliseconds, exclusive.
    to: u64,
    /// The windows, oldest first.
    windows: Vec<WindowReport>,
    /// All windows together.
    total: WindowReport,
    /// How late events came, since the windows of the site began.
    lateness: Lateness,
    /// The live activity: the last five minutes by the collector's clock, the one under way included.
    recent: WindowReport,
    /// The sessions that may still go on.
    live: Live,
    /// What became of the events since the log begins. Duplicates and discards of which the log keeps nothing are counted since the
    /// collector started.
    outcomes: Outcomes,
    /// Version of the policy.
    policy: String,
}

/// The sessions that may still go on. One counts until the minute in which it ends is over.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Live {
    /// How many, of shoppers.
    sessions: u64,
    /// How many of crawlers, agents and other automata.
    automated: u64,
    /// How many of them are in each stage of intent; those without a score yet are in none.
    by_stage: ByStage,
}

/// Sessions in each stage of intent.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct ByStage {
    low: u64,
    building: u64,
    high: u64,
    leaving: u64,
}

/// Windowed aggregates of a site.
#[utoipa::path(
    get, path = "/v1/aggregates", tag = "operators", params(Stretch), security(("token" = []), ("cookie" = [])),
    responses((status = 200, body = Aggregates), (status = 401, body = ApiError), (status = 422, body = ApiError))
)]
pub(super) async fn get(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Stretch>, QueryRejection>,
) -> Result<Json<Aggregates>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = find_site(&app, asked.site.as_ref())?;
    let window_ms = match &asked.window {
        None => WINDOW_MS,
        Some(text) => whole_minutes(text)?,
    };
    let to = asked.to.unwrap_or_else(|| end_of_window(app.host.now()));
    let from = asked.from.unwrap_or(to.saturating_sub(HOUR_MS));
    for (name, time) in [("from", from), ("to", to)] {
        if time > MAX_SAFE_INTEGER {
            return Err(Refusal::new(ErrorCode::Schema, "expected Unix milliseconds, below 2^53").at(name));
        }
    }
    if from >= to {
        return Err(Refusal::new(ErrorCode::Schema, "from must be before to").at("from"));
    }
    Ok(Json(of_site(&app, site, from, to, window_ms)))
}

/// The last hour of a site, by the minute.
pub(super) fn last_hour(app: &App, site: SiteIndex) -> Aggregates {
    let to = end_of_window(app.host.now());
    of_site(app, site, to.saturating_sub(HOUR_MS), to, WINDOW_MS)
}

/// The site that is asked for, or the first.
pub(super) fn find_site(app: &App, key: Option<&SiteKey>) -> Result<SiteIndex, Refusal> {
    match key {
        None => Ok(SiteIndex(0)), // a configuration has at least one
        Some(key) => app
            .sites
            .find(key)
            .ok_or_else(|| Refusal::new(ErrorCode::UnknownSite, "no such site in waver.toml").at("site")),
    }
}

pub(super) fn not_understood() -> Refusal {
    Refusal::new(ErrorCode::Schema, "the query is not understood; /openapi.json lists its parameters")
}

fn of_site(app: &App, site: SiteIndex, from: u64, to: u64, window_ms: u64) -> Aggregates {
    let now = app.host.now();
    let read = |windows: &Windows| (windows.report(from, to, window_ms), windows.recent(now));
    let (report, recent) = app.state.rows.with_windows(site.number(), read);
    Aggregates {
        site: app.sites.get(site).key.clone(),
        window_ms: report.step_ms,
        from: report.from,
        to: report.to,
        windows: report.windows,
        total: report.total,
        lateness: report.lateness,
        recent,
        live: live(app, site),
        outcomes: app.state.outcomes(site),
        policy: app.sites.get(site).policy().version().to_owned(),
    }
}

fn live(app: &App, site: SiteIndex) -> Live {
    let live = app.state.live(site, app.host.now());
    let by_stage = ByStage {
        low: live(LiveAs::Low),
        building: live(LiveAs::Building),
        high: live(LiveAs::High),
        leaving: live(LiveAs::Leaving),
    };
    let ByStage { low, building, high, leaving } = by_stage;
    Live {
        sessions: live(LiveAs::Unscored) + low + building + high + leaving,
        automated: live(LiveAs::Automated),
        by_stage,
    }
}

/// The end of the window that `now` is in.
fn end_of_window(now: u64) -> u64 {
    (now / WINDOW_MS + 1) * WINDOW_MS
}

fn whole_minutes(text: &str) -> Result<u64, Refusal> {
    // Spelled out, so that it takes what the OpenAPI document says and nothing else.
    let minutes = [("m", 1), ("h", 60), ("d", 24 * 60)].into_iter().find_map(|(unit, minutes)| {
        let count = text.strip_suffix(unit)?;
        let plain = count.len() <= 4 && !count.starts_with('0') && count.bytes().all(|digit| digit.is_ascii_digit());
        count.parse::<u64>().ok().filter(|_| plain).map(|count| count * minutes)
    });
    minutes.map(|minutes| minutes * WINDOW_MS).ok_or_else(|| {
        Refusal::new(ErrorCode::Schema, "expected minutes, hours or days with their unit, such as 1m or 1h")
            .at("window")
    })
}
