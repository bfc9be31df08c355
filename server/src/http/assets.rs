//! The built pages and scripts: inside the release binary, read from `dist/` in a debug build.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use waver_schema::ErrorCode;

use super::refusal::Refusal;

#[derive(RustEmbed)]
#[folder = "../dist"]
#[exclude = "shop/*"]
#[exclude = "package/*"]
#[allow_missing = true]
struct Dist;

/// Where files come from, by their path below `dist/`.
pub(crate) type Assets = fn(&str) -> Option<Cow<'static, [u8]>>;

/// The files of this build.
pub(crate) fn built(path: &str) -> Option<Cow<'static, [u8]>> {
    Dist::get(path).map(|file| file.data)
}

/// Answers the file at `path`, packed if the client takes it and the build made it so.
pub(crate) fn answer(assets: Assets, path: &str, headers: &HeaderMap, caching: &'static str) -> Response {
    // A path is made of plain names below one folder; nothing else is ever looked up.
    let plain = |name: &str| {
        !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+'))
    };
    if !path.split('/').all(plain) {
        return Refusal::not_found().into_response();
    }
    let packed = accepts_brotli(headers).then(|| assets(&format!("{path}.br"))).flatten();
    let encoding = packed.as_ref().map(|_| HeaderValue::from_static("br"));
    let Some(bytes) = packed.or_else(|| assets(path)) else {
        let message = "this is not part of the build; in a source tree, run `cargo xtask build`";
        return Refusal::new(ErrorCode::NotFound, message).into_response();
    };
    let body = match bytes {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    let mut response = Response::new(body);
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    answered.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    encoding.map(|encoding| answered.insert(header::CONTENT_ENCODING, encoding));
    response
}

fn accepts_brotli(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("br")) && !parts.any(|part| part == "q=0")
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets(path: &str) -> Option<Cow<'static, [u8]>> {
        match path {
            "sdk/1/waver.js" => Some(Cow::Borrowed(b"plain")),
            "sdk/1/waver.js.br" => Some(Cow::Borrowed(b"packed")),
            ".secret" | "../secret" => panic!("{path} was looked up"),
            _ => None,
        }
    }

    fn get(path: &str, accept_encoding: &str) -> Response {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept_encoding.parse().expect("valid"))]);
        answer(assets, path, &headers, "no-store")
    }

    #[test]
    fn a_packed_file_goes_to_who_takes_it() {
        for (accepts, encoding) in [("gzip, br", Some("br")), ("gzip", None), ("br;q=0", None), ("", None)] {
            let response = get("sdk/1/waver.js", accepts);
            let header = |name| response.headers().get(name).map(|value: &HeaderValue| value.to_str().expect("text"));
            assert_eq!(header(header::CONTENT_ENCODING), encoding, "{accepts}");
            assert_eq!(header(header::CONTENT_TYPE), Some("text/javascript; charset=utf-8"));
        }
    }

    #[test]
    fn only_plain_names_are_looked_up() {
        for path in [".secret", "../secret", "sdk/../../secret", "sdk/1/%2e", "sdk\\secret", "missing.js"] {
            assert_eq!(get(path, "br").status(), 404, "{path}");
        }
    }
}
