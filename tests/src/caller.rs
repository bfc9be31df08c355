//! Requests to a collector, as a browser would send them, and what may become of them.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder};
use serde_json::{Value, json};

use crate::browser::USER_AGENT;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// A collector that has not answered by then counts as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends requests to one collector. A clone shares the connections.
#[derive(Debug, Clone)]
pub struct Caller {
    url: String,
    http: Client,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A success.
    Done(Value),
    /// A refusal for good.
    Refused {
        /// HTTP status.
        status: u16,
        /// The code in the body, or nothing.
        code: String,
    },
    /// 429 or 503: to be sent again. It may have been stored all the same.
    Later {
        /// HTTP status.
        status: u16,
        /// The header `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// It was sent, and no answer came. It may have been stored.
    Unanswered,
    /// Nobody was there to take it.
    NotSent,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    /// When it is not one.
    pub fn done(self) -> Result<Value> {
        match self {
            Answer::Done(body) => Ok(body),
            other => bail!("expected a success, got {other:?}"),
        }
    }
}

impl Caller {
    /// To the collector at `url`.
    ///
    /// # Errors
    /// When the system has no sockets to offer.
    pub fn new(url: &str) -> Result<Caller> {
        Caller::with(url, |http| http)
    }

    /// The same from another address of this machine, as if from another machine.
    ///
    /// # Errors
    /// When the system has no sockets to offer.
    pub fn from_address(url: &str, address: [u8; 4]) -> Result<Caller> {
        Caller::with(url, |http| http.local_address(std::net::IpAddr::from(address)))
    }

    /// The same through a proxy on this machine, which says that `source` asks.
    ///
    /// # Errors
    /// When the system has no sockets to offer.
    pub fn from_source(url: &str, source: [u8; 4]) -> Result<Caller> {
        let source = HeaderValue::from_str(&std::net::IpAddr::from(source).to_string())?;
        Caller::with(url, |http| http.default_headers([(FORWARDED_FOR, source)].into_iter().collect()))
    }

    fn with(url: &str, settings: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Caller> {
        let http = Client::builder().no_proxy().timeout(PATIENCE).user_agent(USER_AGENT);
        Ok(Caller { url: url.to_owned(), http: settings(http).build().context("a client")? })
    }

    /// Posts `body` to `route`.
    pub async fn post(&self, route: &str, body: &Value) -> Answer {
        self.post_bytes(route, None, body.to_string().into_bytes()).await
    }

    /// Posts bytes that claim to be JSON under that content encoding.
    pub async fn post_bytes(&self, route: &str, encoding: Option<&str>, body: Vec<u8>) -> Answer {
        let mut request = self.http.post(format!("{}{route}", self.url)).header("content-type", "application/json");
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Answer::NotSent,
            Err(_) => return Answer::Unanswered,
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let Ok(bytes) = response.bytes().await else { return Answer::Unanswered };
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match status {
            200..300 => Answer::Done(body),
            429 | 503 => Answer::Later { status, retry_after_s: retry_after },
            _ => Answer::Refused { status, code: body["code"].as_str().unwrap_or_default().to_owned() },
        }
    }

    /// Grants both purposes, or withdraws both.
    pub async fn consent(&self, session: &str, granted: bool) -> Answer {
        let choice = if granted { "granted" } else { "denied" };
        let record = json!({
            "v": 1, "site": "demo", "session": session, "measure": choice, "personalize": choice, "source": "page_call"
        });
        self.post("/v1/consents", &record).await
    }

    /// Grants both purposes and gives the epoch under which to send.
    ///
    /// # Errors
    /// When the grant is not taken.
    pub async fn grant(&self, session: &str) -> Result<u64> {
        epoch(&self.consent(session, true).await.done()?)
    }

    /// Sends events.
    pub async fn events(&self, session: &str, consent_epoch: u64, events: &[Value]) -> Answer {
        self.post("/v1/events", &batch(session, consent_epoch, events)).await
    }

    /// Asks for an offer to somebody who hesitates over the call to action.
    pub async fn decide(&self, session: &str, consent_epoch: u64) -> Answer {
        let request = json!({
            "site": "demo", "session": session, "consent_epoch": consent_epoch, "slot": "cart", "page": "cart", "locale": "en",
            "features": {"hesitation": [{"kind": "cta_hover", "zone": "cta", "score_milli": 900}]}
        });
        self.post("/v1/decisions", &request).await
    }

    /// Status and text of a route that anybody may read.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, route: &str) -> Result<(u16, String)> {
        let response = self.http.get(format!("{}{route}", self.url)).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }
}

/// The epoch in the answer to a consent record.
///
/// # Errors
/// When there is none.
pub fn epoch(answer: &Value) -> Result<u64> {
    answer["consent_epoch"].as_u64().with_context(|| format!("no epoch in {answer}"))
}

/// A batch as it goes over the wire.
pub fn batch(session: &str, consent_epoch: u64, events: &[Value]) -> Value {
    json!({"v": 1, "site": "demo", "session": session, "consent_epoch": consent_epoch, "sent_at": 0, "events": events})
}
