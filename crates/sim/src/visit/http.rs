use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::transport::{Reply, Route, Transport, Unreachable};
use crate::Origin;

/// A collector that has not answered by then is as good as gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// What an ordinary browser says of itself: seeded shoppers count as shoppers, not as the program that they are.
const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
/// No answer of a collector to a shopper is larger.
const ANSWER_BYTES: usize = 64 * 1024;

/// The way to a collector over HTTP. Connections are kept and shared by all shoppers.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    collector: Origin,
    patience: Duration,
}

impl Http {
    /// A way to `collector`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Unreachable`] if the system has no sockets to offer.
    pub fn to(collector: Origin) -> Result<Http, Unreachable> {
        // The collector is named, so neither a proxy of the environment nor a redirect has a say in where shoppers go.
        let client = Client::builder().no_proxy().redirect(Policy::none()).user_agent(BROWSER).build();
        Ok(Http { client: client.map_err(unreachable)?, collector, patience: PATIENCE })
    }

    /// The same with more patience, for tests on a machine that has other things to do.
    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Http {
        Http { patience, ..self }
    }

    /// Whether the collector says that it is ready to take events.
    ///
    /// # Errors
    /// [`Unreachable`] if nothing answers there.
    pub async fn is_ready(&self) -> Result<bool, Unreachable> {
        let answer = self.client.get(format!("{}/readyz", self.collector)).timeout(self.patience).send().await;
        Ok(answer.map_err(unreachable)?.status().is_success())
    }
}

impl Transport for Http {
    async fn post(&self, route: Route, body: String) -> Result<Reply, Unreachable> {
        let url = format!("{}{}", self.collector, route.path());
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json").timeout(self.patience).body(body);
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after_s = retry_after.and_then(|seconds| seconds.trim().parse().ok());
        Ok(Reply { status, retry_after_s, body: read(answer).await? })
    }

    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

async fn read(mut answer: Response) -> Result<Vec<u8>, Unreachable> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(Unreachable(format!("the answer is over {ANSWER_BYTES} bytes; is this a collector?")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost cause says what happened ("connection refused"), the outer ones only where.
fn unreachable(error: reqwest::Error) -> Unreachable {
    let mut cause: &dyn Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Unreachable(cause.to_string())
}
