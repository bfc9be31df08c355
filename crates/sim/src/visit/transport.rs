use std::future::Future;

/// A route of the collector's public API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /v1/consents`
    Consents,
    /// `POST /v1/events`
    Events,
    /// `POST /v1/decisions`
    Decisions,
}

impl Route {
    /// The path on the collector.
    pub const fn path(self) -> &'static str {
        match self {
            Route::Consents => "/v1/consents",
            Route::Events => "/v1/events",
            Route::Decisions => "/v1/decisions",
        }
    }
}

/// What a collector answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The header `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// The body, JSON if it is a collector that answered.
    pub body: Vec<u8>,
}

/// No answer was had: no connection, a broken one, or none in time. It says which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

/// What a shopper's browser has of the world outside: a way to the collector, and a clock on the wall.
pub trait Transport: Send + Sync {
    /// Sends a JSON body and waits for the answer, for a bounded time.
    ///
    /// # Errors
    /// [`Unreachable`].
    fn post(&self, route: Route, body: String) -> impl Future<Output = Result<Reply, Unreachable>> + Send;

    /// The wall clock, Unix milliseconds.
    fn unix_ms(&self) -> u64;
}
