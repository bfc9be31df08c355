//! Puts the collector's address into the pages.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::Origin;

/// The collector's address as the storefront's pages are written: that of the demo.
const WRITTEN: &str = "http://127.0.0.1:7070";
/// No page is larger.
const PAGE_BYTES: usize = 1 << 20;

pub(super) fn around(router: Router, collector: &Origin) -> Router {
    let collector = collector.clone();
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let collector = collector.clone();
        async move { with_collector(request, next, &collector).await }
    }))
}

async fn with_collector(mut request: Request, next: Next, collector: &Origin) -> Response {
    // A page is more than its file, so the file's age, tag and byte ranges say nothing about it.
    for name in [
        header::IF_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_NONE_MATCH,
        header::IF_RANGE,
        header::IF_UNMODIFIED_SINCE,
        header::RANGE,
    ] {
        request.headers_mut().remove(name);
    }
    let response = next.run(request).await;
    if !is_page(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(page) = axum::body::to_bytes(body, PAGE_BYTES).await else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "This page is too large to be served.\n").into_response();
    };
    let page = match std::str::from_utf8(&page) {
        Ok(text) if text.contains(WRITTEN) => Bytes::from(text.replace(WRITTEN, collector.as_str())),
        _ => page,
    };
    // It is the file's; the server computes that of the page.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::ETAG);
    parts.headers.remove(header::LAST_MODIFIED);
    parts.headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    Response::from_parts(parts, Body::from(page))
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}
