use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use waver_schema::{ApiError, ErrorCode};

use crate::rate::Exceeded;
use crate::tripwire::Personal;

/// Seconds after which a client may try again, where nothing else is known.
const RETRY_AFTER_S: u64 = 1;

/// An answer that is not a success: the contract's body under the contract's status. The code is also left as an extension of the
/// response, for the layers outside.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(pub(super) ApiError, u64);

impl Refusal {
    /// `message` says what went wrong and what to do, and never repeats what was sent.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal(ApiError { code, message: message.into(), field: None }, RETRY_AFTER_S)
    }

    /// Names the place in the body.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Refusal {
        self.0.field = Some(field.into());
        self
    }

    /// Puts the place inside of `outer`.
    pub(crate) fn below(self, outer: &str) -> Refusal {
        let field = match &self.0.field {
            Some(inner) => format!("{outer}.{inner}"),
            None => outer.to_owned(),
        };
        self.at(field)
    }

    /// Over a limit of rate.
    pub(crate) fn exceeded(Exceeded { limit, retry_after_s }: Exceeded) -> Refusal {
        let message = format!("over limits.rate.{} of waver.toml; try again in {retry_after_s} s", limit.as_str());
        Refusal(ApiError { code: ErrorCode::TooMany, message, field: None }, retry_after_s)
    }

    /// Over the budget of an hour of data. What is spent does not come back, but in an hour there is another one.
    pub(crate) fn spent(message: String) -> Refusal {
        Refusal(ApiError { code: ErrorCode::TooMany, message, field: None }, 60 * 60)
    }

    pub(crate) fn code(&self) -> ErrorCode {
        self.0.code
    }

    pub(crate) fn unavailable() -> Refusal {
        Refusal::new(ErrorCode::Unavailable, "the collector cannot store this now; try again later")
    }

    /// The state cannot be read: a fault of ours, which is logged here.
    pub(crate) fn unreadable(error: waver_store::StoreError) -> Refusal {
        tracing::error!("{error}");
        Refusal::new(ErrorCode::Internal, "the collector cannot read its state; its log has the details")
    }

    /// Something in it looks like a person's.
    pub(crate) fn personal(kind: Personal) -> Refusal {
        let message = format!("something in it looks like personal data ({}); nothing of it was kept", kind.as_str());
        Refusal::new(ErrorCode::Schema, message)
    }

    pub(crate) fn not_found() -> Refusal {
        Refusal::new(ErrorCode::NotFound, "there is nothing here; /openapi.json lists what there is")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = self.code();
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        if code.is_transient() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.1));
        }
        response.extensions_mut().insert(code);
        response
    }
}
