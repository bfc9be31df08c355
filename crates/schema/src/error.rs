use serde::{Deserialize, Serialize};

use crate::vocabulary::vocabulary;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiError {
    /// What went wrong, stable for programs.
    pub code: ErrorCode,
    /// What went wrong and what to do, for people. Never repeats what was sent.
    #[cfg_attr(feature = "openapi", schema(max_length = 1000))]
    pub message: String,
    /// Where in the body, as a path such as `events[3].seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub field: Option<String>,
}

vocabulary! {
    /// Stable codes of refusal. The client drops what was refused with any but the last two, and never retries it.
    ErrorCode {
        /// 400: the body is not JSON.
        BadJson => "bad_json",
        /// 401: no such site.
        UnknownSite => "unknown_site",
        /// 401: no valid admin token or session.
        Unauthorized => "unauthorized",
        /// 403: no open grant under that epoch.
        Consent => "consent",
        /// 403: the site does not allow that origin.
        Origin => "origin",
        /// 403: the browser asks not to be tracked (`Sec-GPC: 1` or `DNT: 1`).
        Gpc => "gpc",
        /// 404: no such route or thing.
        NotFound => "not_found",
        /// 405: the route does not take that method.
        Method => "method",
        /// 410: the session was erased.
        Erased => "erased",
        /// 413: over a limit of size.
        TooLarge => "too_large",
        /// 415: neither `application/json` nor `text/plain`, or an unknown encoding.
        MediaType => "media_type",
        /// 422: JSON, but not of the schema.
        Schema => "schema",
        /// 500: a fault of the collector, which it logged. Sending the same again would meet the same fault.
        Internal => "internal",
        /// 429: too many requests; retry after `Retry-After` seconds.
        TooMany => "too_many",
        /// 503: not able to store; retry after `Retry-After` seconds.
        Unavailable => "unavailable",
    }
}

impl ErrorCode {
    /// The HTTP status that carries this code.
    pub const fn status(self) -> u16 {
        match self {
            ErrorCode::BadJson => 400,
            ErrorCode::UnknownSite | ErrorCode::Unauthorized => 401,
            ErrorCode::Consent | ErrorCode::Origin | ErrorCode::Gpc => 403,
            ErrorCode::NotFound => 404,
            ErrorCode::Method => 405,
            ErrorCode::Erased => 410,
            ErrorCode::TooLarge => 413,
            ErrorCode::MediaType => 415,
            ErrorCode::Schema => 422,
            ErrorCode::Internal => 500,
            ErrorCode::TooMany => 429,
            ErrorCode::Unavailable => 503,
        }
    }

    /// Whether the client should try again. Everything else is dropped.
    pub const fn is_transient(self) -> bool {
        matches!(self, ErrorCode::TooMany | ErrorCode::Unavailable)
    }
}
