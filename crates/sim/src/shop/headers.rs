//! The headers of every answer.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};

use crate::Origin;

pub(super) fn around(router: Router, collector: &Origin) -> Router {
    let policy = policy(collector);
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let policy = policy.clone();
        async move {
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            for (name, value) in FIXED {
                headers.insert(name, HeaderValue::from_static(value));
            }
            response
        }
    }))
}

const FIXED: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    // Whoever rebuilds the storefront sees it at the next load.
    (header::CACHE_CONTROL, "no-cache"),
];

/// A shop's strict policy with what Waver asks for: its script, wasm, and its collector.
fn policy(collector: &Origin) -> HeaderValue {
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {collector}; connect-src 'self' {collector}; style-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("an origin holds only characters that a header may")
}
