//! Stands before the collector and keeps every request and answer that passes: what it saw is the truth of every row.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::workspace::{eventually, free_port};

/// Longest body that a page may send; the collector refuses far smaller ones.
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// A request that arrived, and what became of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// When its headers had arrived, milliseconds of the wall clock.
    pub at: f64,
    /// Its method.
    pub method: String,
    /// Its path with the query.
    pub path: String,
    /// The origin of the page, empty where the browser named none.
    pub origin: String,
    /// Its headers, in their order on the wire.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// The status that was answered; `None` while there is no answer.
    pub status: Option<u16>,
    /// The headers of the answer.
    pub answered: Vec<(String, String)>,
}

impl Exchange {
    /// Its body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it says something about a shopper, and does not just fetch the module.
    pub fn is_about_a_shopper(&self) -> bool {
        !(self.path.starts_with("/sdk/") || self.path.starts_with("/waver.js") || self.path.starts_with("/plant"))
    }
}

/// What happens to requests of one route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    /// The collector gets them and answers.
    #[default]
    Pass,
    /// They wait until the fate is another.
    Hold,
    /// They are never answered.
    Vanish,
}

/// A sinkhole that listens. Dropping it ends it.
pub struct Sinkhole {
    /// Its origin, which pages take for the collector's.
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    collector: String,
    http: reqwest::Client,
    log: Mutex<Vec<Exchange>>,
    fate: watch::Sender<(&'static str, Fate)>,
}

impl Drop for Sinkhole {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Sinkhole {
    /// Opens one before `collector`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn open(collector: &str) -> Result<Sinkhole> {
        let port = free_port()?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await.context("listening for the sinkhole")?;
        let shared = Arc::new(Shared {
            collector: collector.to_owned(),
            http: reqwest::Client::new(),
            log: Mutex::default(),
            fate: watch::channel(("", Fate::Pass)).0,
        });
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Sinkhole { url: format!("http://127.0.0.1:{port}"), shared, server })
    }

    /// From now on requests to `route` have that fate, and all others pass.
    pub fn decree(&self, route: &'static str, fate: Fate) {
        self.shared.fate.send_replace((route, fate));
    }

    /// Everything of that origin about shoppers, in order of arrival.
    pub fn about(&self, origin: &str) -> Vec<Exchange> {
        let about = |exchange: &&Exchange| exchange.origin == origin && exchange.is_about_a_shopper();
        self.shared.log().iter().filter(about).cloned().collect()
    }

    /// Everything that came since it was opened.
    pub fn everything(&self) -> Vec<Exchange> {
        self.shared.log().clone()
    }

    /// Waits until `expected` finds what it looks for in the exchanges of that origin.
    ///
    /// # Errors
    /// When it does not in time, with what did arrive.
    pub async fn until<T>(
        &self,
        what: &str,
        origin: &str,
        limit: Duration,
        expected: impl Fn(&[Exchange]) -> Option<T>,
    ) -> Result<T> {
        let found = eventually(what, limit, || async { Ok(expected(&self.about(origin))) }).await;
        found.with_context(|| {
            let arrived: Vec<_> = self.about(origin).iter().map(|it| format!("{} {:?}", it.path, it.status)).collect();
            format!("there arrived {arrived:?}")
        })
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// Now, milliseconds of the wall clock, as `Date.now()` in a page has it.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1_000.0)
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let at = now();
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LONGEST_BODY).await.unwrap_or_default();
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let origin = head.headers.get("origin").and_then(|origin| origin.to_str().ok()).unwrap_or_default().to_owned();
    let number = {
        let mut log = shared.log();
        log.push(Exchange {
            at,
            method: head.method.to_string(),
            path: path.clone(),
            origin,
            headers: written(&head.headers),
            body: body.to_vec(),
            status: None,
            answered: Vec::new(),
        });
        log.len() - 1
    };
    if path.starts_with("/plant") {
        // A page of the sinkhole's own, that leaves a cookie for its host: whoever sends cookies now shows it.
        return ([("set-cookie", "canary=c22-canary; Path=/; SameSite=Lax")], "planted").into_response();
    }
    if path.starts_with("/peer/") {
        return welcome(&head);
    }
    let mut fate = shared.fate.subscribe();
    loop {
        let (route, decreed) = *fate.borrow_and_update();
        match decreed {
            Fate::Pass => break,
            _ if route != path && route != "*" => break,
            Fate::Vanish if path.starts_with("/waver.js") || path.starts_with("/sdk/") => break,
            _ => {}
        }
        if fate.changed().await.is_err() {
            break;
        }
    }
    match forward(&shared, &head, path, body).await {
        Ok((status, headers, body)) => {
            let mut log = shared.log();
            log[number].status = Some(status.as_u16());
            log[number].answered = written(&headers);
            drop(log);
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

/// What a tracker of another vendor is answered: that all is well.
fn welcome(head: &axum::http::request::Parts) -> Response {
    let asked = |name: &str| head.headers.get(name).cloned();
    let origin = asked("origin").unwrap_or_else(|| HeaderValue::from_static("*"));
    let mut response = ([(CONTENT_TYPE, "application/json")], "{}").into_response();
    let headers = response.headers_mut();
    headers.insert("access-control-allow-origin", origin);
    headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
    if let Some(names) = asked("access-control-request-headers") {
        headers.insert("access-control-allow-headers", names);
    }
    response
}

async fn forward(
    shared: &Shared,
    head: &axum::http::request::Parts,
    path: String,
    body: Bytes,
) -> Result<(StatusCode, HeaderMap, Bytes)> {
    let mut headers = head.headers.clone();
    for name in ["host", "connection", "content-length", "transfer-encoding"] {
        headers.remove(name);
    }
    let url = format!("{}{path}", shared.collector);
    let answer = shared.http.request(head.method.clone(), url).headers(headers).body(body).send().await?;
    let status = answer.status();
    let mut headers = answer.headers().clone();
    for name in ["connection", "content-length", "transfer-encoding"] {
        headers.remove(name);
    }
    Ok((status, headers, answer.bytes().await?))
}
