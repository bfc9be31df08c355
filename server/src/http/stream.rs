use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};
use utoipa::IntoParams;
use waver_schema::{ApiError, ErrorCode, SiteKey};

use super::SharedApp;
use super::admin::Operator;
use super::aggregates::{Aggregates, find_site, latest, not_understood};
use super::refusal::Refusal;
use crate::site::SiteIndex;
use crate::stop::Stop;

/// At most one document in this time.
const PACE: Duration = Duration::from_secs(1);
/// Without any change one goes out after this time all the same, since windows move on and sessions end by themselves.
const REST: Duration = Duration::from_secs(5);
/// A comment goes out after this long without a document, so that nothing on the way takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The site; the first that is configured, if none is named.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: Option<SiteKey>,
}

/// The aggregates of the last hour, or where numbers are suppressed of the last day, as server-sent events named `aggregates`: at once, then whenever they changed, at most once a second.
#[utoipa::path(
    get, path = "/v1/stream", tag = "operators", params(Asked), security(("token" = []), ("cookie" = [])),
    responses(
        (status = 200, content_type = "text/event-stream", body = Aggregates), (status = 401, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)
    )
)]
pub(super) async fn get(
    _: Operator,
    State(app): State<SharedApp>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let Query(asked) = asked.map_err(|_| not_understood())?;
    let site = find_site(&app, asked.site.as_ref())?;
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Refusal::new(ErrorCode::TooMany, "too many dashboards follow already; close one, or raise limits.streams")
    })?;
    let follower = Follower {
        site,
        changed: app.changed.clone(),
        stop: app.stop.clone(),
        next_at: Instant::now(),
        first: true,
        _place: place,
        app,
    };
    let documents = futures_util::stream::unfold(follower, Follower::next);
    Ok(Sse::new(documents).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One dashboard that follows.
struct Follower {
    app: SharedApp,
    site: SiteIndex,
    changed: watch::Receiver<u64>,
    stop: Stop,
    /// No document goes out before this.
    next_at: Instant,
    first: bool,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// Waits for the next document; `None` once the collector is to end.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Follower)> {
        let turn = async {
            if !std::mem::take(&mut self.first) {
                // Whichever comes first, a change or the end of the rest: both call for a document.
                let _ = timeout(REST, self.changed.changed()).await;
                sleep_until(self.next_at).await;
            }
            self.changed.mark_unchanged();
        };
        tokio::select! {
            () = turn => {}
            () = self.stop.told() => return None,
        }
        self.next_at = Instant::now() + PACE;
        // What went wrong is in the log; the stream ends, and who follows asks again.
        let document = latest(&self.app, self.site).await.ok()?;
        match Event::default().event("aggregates").json_data(document) {
            Ok(event) => Some((Ok(event), self)),
            Err(error) => {
                tracing::error!("the aggregates cannot be written as JSON: {error}");
                None
            }
        }
    }
}
