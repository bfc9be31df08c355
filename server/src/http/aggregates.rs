use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waver_core::window::{Lateness, ReleasedWindow, WINDOW_MS};
use waver_schema::limits::MAX_SAFE_INTEGER;
use waver_schema::{ApiError, ErrorCode, SiteKey};

use super::admin::Operator;
use super::refusal::Refusal;
use super::{App, SharedApp};
use crate::outcome::Outcomes;
use crate::release::SETTLE_MS;
use crate::site::SiteIndex;
use crate::state::LiveAs;

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Stretch {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
    /// Start, Unix milliseconds, before the end; an hour before it, if not given, or a day where numbers are suppressed.
    #[param(maximum = 9007199254740991_i64)]
    from: Option<u64>,
    /// End, Unix milliseconds; now, if not given.
    #[param(maximum = 9007199254740991_i64)]
    to: Option<u64>,
    /// Length of a window in minutes, hours or days; whole hours where numbers are suppressed.
    #[param(value_type = Option<String>, pattern = "^[1-9][0-9]{0,3}[mhd]$", example = "5m")]
    window: Option<String>,
}

/// Aggregates of a site over a stretch of time, by event time, and what is true of it now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Aggregates {
    /// The site.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: SiteKey,
    /// Length of a window.
    window_ms: u64,
    /// Start of the first window, Unix milliseconds.
    from: u64,
    /// End of the last window, Unix milliseconds, exclusive.
    to: u64,
    /// What of the numbers is released.
    release: Release,
    /// The windows, oldest first.
    #[schema(max_items = 1450)]
    windows: Vec<ReleasedWindow>,
    /// All windows together; where numbers are suppressed, what is released of them.
    total: ReleasedWindow,
    /// How late events came, since the windows of the site began.
    lateness: Lateness,
    /// The live activity: the last five minutes by the collector's clock, the one under way included.
    /// Nothing where numbers are suppressed, since stretches that overlap give away what they do not share.
    recent: ReleasedWindow,
    /// The sessions that may still go on.
    live: Live,
    /// What became of the events since the log begins. Duplicates and discards of which the log keeps nothing are counted since the
    /// collector started.
    outcomes: Outcomes,
    /// Version of the policy.
    #[schema(max_length = 16)]
    policy: String,
}

/// What of the numbers is released.
#[derive(Debug, Serialize, ToSchema)]
struct Release {
    /// So many different sessions stand behind each number at least. With 0 or 1 nothing is suppressed.
    k: u64,
    /// End of the last hour that was published, Unix milliseconds; null where nothing is suppressed. An hour is published once.
    published_until: Option<u64>,
    /// How long after its end an hour is published.
    after_ms: u64,
}

/// The sessions that may still go on. One counts until the minute in which it ends is over. Where numbers are suppressed these are rounded
/// down to a multiple of `release.k`, and null below it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Live {
    /// How many, of shoppers.
    sessions: Option<u64>,
    /// How many of crawlers, agents and other automata.
    automated: Option<u64>,
    /// How many of them are in each stage of intent; those without a score yet are in none.
    by_stage: ByStage,
}

/// Sessions in each stage of intent.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct ByStage {
    low: Option<u64>,
    building: Option<u64>,
    high: Option<u64>,
    leaving: Option<u64>,
}

/// Windowed aggregates of a site.
#[utoipa::path(
    get, path = "/v1/aggregates", tag = "operators", params(Stretch), security(("token" = []), ("cookie" = [])),
    responses(
        (status = 200, body = Aggregates), (status = 401, body = ApiError), (status = 422, body = ApiError),
        (status = 503, body = ApiError)
    )
)]
pub(super) async fn get(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Stretch>, QueryRejection>,
) -> Result<Json<Aggregates>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = find_site(&app, asked.site.as_ref())?;
    let window_ms = asked.window_ms(app.host.now())?;
    Ok(Json(of_site(app, site, asked.from, asked.to, window_ms).await?))
}

impl Stretch {
    /// The length of a window, if one is asked for and the times are in order.
    ///
    /// # Errors
    /// [`ErrorCode::Schema`].
    pub(super) fn window_ms(&self, now: u64) -> Result<Option<u64>, Refusal> {
        let window_ms = self.window.as_deref().map(whole_minutes).transpose()?;
        for (name, time) in [("from", self.from), ("to", self.to)] {
            if time.is_some_and(|time| time > MAX_SAFE_INTEGER) {
                return Err(Refusal::new(ErrorCode::Schema, "expected Unix milliseconds, below 2^53").at(name));
            }
        }
        let to = self.to.unwrap_or(now.saturating_add(1));
        if to == 0 || self.from.is_some_and(|from| from >= to) {
            return Err(Refusal::new(ErrorCode::Schema, "from must be before to").at("from"));
        }
        Ok(window_ms)
    }
}

/// The latest of a site: the last hour by the minute, or where numbers are suppressed the last day by the hour.
///
/// # Errors
/// [`ErrorCode::Unavailable`] if what is to be published cannot be stored.
pub(super) async fn latest(app: &SharedApp, site: SiteIndex) -> Result<Aggregates, Refusal> {
    of_site(Arc::clone(app), site, None, None, None).await
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

async fn of_site(
    app: SharedApp,
    site: SiteIndex,
    from: Option<u64>,
    to: Option<u64>,
    step_ms: Option<u64>,
) -> Result<Aggregates, Refusal> {
    let now = app.host.now();
    // Publishing an hour waits for the disk.
    let reading = tokio::task::spawn_blocking({
        let app = Arc::clone(&app);
        move || app.releases.read(&app.state.rows, site, now, from, to, step_ms)
    });
    let released = reading.await.map_err(|_| unpublished("the publication panicked"))?;
    let released = released.map_err(|error| unpublished(&error.to_string()))?;
    Ok(Aggregates {
        site: app.sites.get(site).key.clone(),
        window_ms: released.step_ms,
        from: released.from,
        to: released.to,
        release: Release { k: app.releases.k(), published_until: released.published_until, after_ms: SETTLE_MS },
        windows: released.windows,
        total: released.total,
        lateness: released.lateness,
        recent: released.recent,
        live: live(&app, site, now),
        outcomes: app.state.outcomes(site),
        policy: app.sites.get(site).policy().version().to_owned(),
    })
}

/// What cannot be stored as published is not published.
fn unpublished(why: &str) -> Refusal {
    tracing::error!("an hour cannot be published: {why}");
    Refusal::new(ErrorCode::Unavailable, "the collector cannot store what it publishes; its log has the details")
}

fn live(app: &App, site: SiteIndex, now: u64) -> Live {
    let live = app.state.live(site, now);
    let steps = |tag| app.releases.in_steps(live(tag));
    let shoppers = [LiveAs::Unscored, LiveAs::Low, LiveAs::Building, LiveAs::High, LiveAs::Leaving];
    Live {
        sessions: app.releases.in_steps(shoppers.into_iter().map(&live).sum()),
        automated: steps(LiveAs::Automated),
        by_stage: ByStage {
            low: steps(LiveAs::Low),
            building: steps(LiveAs::Building),
            high: steps(LiveAs::High),
            leaving: steps(LiveAs::Leaving),
        },
    }
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
