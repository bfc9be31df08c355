//! What happens around every handler: accounting, security headers, and who may read the answer.

use std::any::Any;
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use waver_schema::ErrorCode;

use super::refusal::Refusal;
use super::{App, SharedApp};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// A preflight is remembered for a day.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("86400");
/// The dashboard loads its own scripts, styles and pictures, and talks to its own collector. Nothing else, and nobody frames it.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Logs and counts each request, and gives it an id. What is logged says nothing of who asked: no address, user agent, query or body.
pub(crate) async fn account(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    // Paths and methods that nobody declared are the sender's words, so they are neither logged nor counted as they are.
    let route = path.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = if is_known(&method) { method.as_str() } else { "other" };
    let request_id = format!("{:016x}", u64::from_be_bytes(app.host.random()));

    let mut response = next.run(request).await;

    let took = begun.elapsed();
    let status = response.status().as_u16();
    let bytes = response.body().size_hint().exact().unwrap_or_default();
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    app.metrics.answered(method, route, status, took);
    tracing::info!(method, route, status, bytes, micros, request_id, "answered");
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn is_known(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::PUT, Method::DELETE, Method::PATCH]
        .contains(method)
}

/// A handler that panicked is a fault of ours: the message goes to the log, and nothing of it to the caller.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<&str>().copied().map(str::to_owned).or_else(|| panic.downcast_ref().cloned());
    tracing::error!("a handler panicked: {}", message.unwrap_or_default());
    Refusal::new(ErrorCode::Internal, "the collector made a mistake; its log has the details").into_response()
}

/// For operators' pages and answers: only pages of the collector itself may read or embed them.
pub(crate) async fn same_origin(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    response
}

/// For the scripts that shops load: any page may read them, since nothing in them differs from one shop to another.
pub(crate) async fn any_origin(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

/// What a page of an allowed origin may send and read beside what every page may.
struct Exchange {
    sent: HeaderValue,
    read: HeaderValue,
}

/// For the browser module.
const OURS: Exchange = Exchange {
    sent: HeaderValue::from_static("content-type, content-encoding"),
    read: HeaderValue::from_static("retry-after, x-request-id"),
};

/// For clients of OpenFeature: `If-None-Match` and `ETag`, and the headers that may name the site.
const OPENFEATURE: Exchange = Exchange {
    sent: HeaderValue::from_static("content-type, if-none-match, x-api-key, authorization"),
    read: HeaderValue::from_static("etag, retry-after, x-request-id"),
};

/// For what shops' pages call: an origin that is allowed may read the answer, and no other. Never with credentials.
pub(crate) async fn cross_origin(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    exchange(&app, request, next, OURS).await
}

/// The same for OpenFeature's routes.
pub(crate) async fn cross_origin_of_openfeature(
    State(app): State<SharedApp>,
    request: Request,
    next: Next,
) -> Response {
    exchange(&app, request, next, OPENFEATURE).await
}

async fn exchange(app: &App, request: Request, next: Next, Exchange { sent, read }: Exchange) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| origin.to_str().is_ok_and(|origin| app.sites.any_allows(origin)));
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = match (is_preflight, &allowed) {
        (true, Some(_)) => preflight(sent),
        (true, None) => Refusal::new(ErrorCode::Origin, "no site allows this origin").into_response(),
        (false, _) => next.run(request).await,
    };
    // A preflight does not name a site, a request does: the origin of another site may not read what this one answers.
    let refused = response.extensions().get() == Some(&ErrorCode::Origin);
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    if let Some(origin) = allowed.filter(|_| !refused) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, read);
    }
    response
}

fn preflight(sent: HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, sent);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    response
}

/// More than a request's handling takes of the stack; a build without optimisation takes the most.
const STACK_BYTES: usize = 256 * 1024;

/// Wipes what handling a request left on the stack: names of sessions above all, which no other memory holds once it is answered. What was on
/// the heap the allocator wipes.
pub(super) async fn leave_no_stack(request: Request, next: Next) -> Response {
    let mut answering = std::pin::pin!(next.run(request));
    std::future::poll_fn(|context| {
        let polled = answering.as_mut().poll(context);
        wipe_stack();
        polled
    })
    .await
}

#[inline(never)]
fn wipe_stack() {
    let mut left = [0_u8; STACK_BYTES];
    // Nothing reads it, so without the black box the compiler would leave it out.
    std::hint::black_box(&mut left);
}
