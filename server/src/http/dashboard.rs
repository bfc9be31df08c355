use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use waver_schema::{ApiError, ErrorCode};

use super::SharedApp;
use super::admin::{COOKIE, SESSION_SECONDS, SignInError};
use super::assets::answer;
use super::refusal::Refusal;

const SIGN_IN_PAGE: &str = "/dashboard/login";
const CACHING: &str = "no-cache";

/// What the sign-in form sends.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct SignIn {
    /// The admin token.
    #[schema(max_length = 1024)]
    token: String,
}

/// The live dashboard; whoever is not signed in is sent to sign in.
#[utoipa::path(
    get, path = "/dashboard", tag = "dashboard",
    responses((status = 200, content_type = "text/html"), (status = 303), (status = 404))
)]
pub(crate) async fn page(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    if app.admin.admits(&headers, app.host.now()) {
        answer(app.assets, "dashboard/index.html", &headers, CACHING)
    } else {
        Redirect::to(SIGN_IN_PAGE).into_response()
    }
}

/// The page to sign in.
#[utoipa::path(
    get, path = "/dashboard/login", tag = "dashboard",
    responses((status = 200, content_type = "text/html"), (status = 404))
)]
pub(crate) async fn sign_in_page(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    answer(app.assets, "dashboard/login.html", &headers, CACHING)
}

/// A script, style or picture of the dashboard. Nothing in them is secret.
#[utoipa::path(
    get, path = "/dashboard/{file}", tag = "dashboard", params(("file" = String, Path, max_length = 128)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 404))
)]
pub(crate) async fn file(State(app): State<SharedApp>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    // The page itself has its own address, which asks who is there.
    if file.ends_with(".html") {
        return Refusal::not_found().into_response();
    }
    answer(app.assets, &format!("dashboard/{file}"), &headers, CACHING)
}

/// Exchanges the admin token for a session cookie.
#[utoipa::path(
    post, path = "/dashboard/login", tag = "dashboard",
    request_body(content = SignIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "signed in; or, for a browser's plain form, the page to try again"),
        (status = 401, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)
    )
)]
pub(crate) async fn sign_in(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    form: Result<Form<SignIn>, FormRejection>,
) -> Response {
    let Form(form) = match form {
        Ok(form) => form,
        Err(FormRejection::InvalidFormContentType(_)) => {
            return Refusal::new(ErrorCode::MediaType, "send a form, as application/x-www-form-urlencoded")
                .into_response();
        }
        Err(_) => return Refusal::new(ErrorCode::Schema, "missing field `token`").at("token").into_response(),
    };
    let key = match app.admin.sign_in(form.token.trim(), &app.host) {
        Ok(key) => key,
        Err(SignInError::TooManyFailures) => {
            return Refusal::new(ErrorCode::TooMany, "too many wrong tokens; try again in a minute").into_response();
        }
        Err(SignInError::WrongToken) if wants_a_page(&headers) => {
            return Redirect::to("/dashboard/login?failed").into_response();
        }
        Err(SignInError::WrongToken) => {
            return Refusal::new(ErrorCode::Unauthorized, "that is not the admin token").into_response();
        }
    };
    tracing::info!("an operator signed in");
    with_cookie(Redirect::to("/dashboard"), &format!("{key}; Max-Age={SESSION_SECONDS}"), is_secure(&app, &headers))
}

/// Ends the session.
#[utoipa::path(post, path = "/dashboard/logout", tag = "dashboard", responses((status = 303)))]
pub(crate) async fn sign_out(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    app.admin.sign_out(&headers);
    with_cookie(Redirect::to(SIGN_IN_PAGE), "; Max-Age=0", is_secure(&app, &headers))
}

fn with_cookie(redirect: Redirect, value: &str, secure: bool) -> Response {
    let mut response = redirect.into_response();
    let secure = if secure { "; Secure" } else { "" };
    match HeaderValue::from_str(&format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{secure}")) {
        Ok(cookie) => {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Over plain HTTP on loopback some browsers drop a secure cookie; anywhere else there is TLS in front.
fn is_secure(app: &SharedApp, headers: &HeaderMap) -> bool {
    !app.listens_on_loopback || headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

fn wants_a_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}
