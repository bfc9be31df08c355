//! A cheap client: HTTP/1.1 connections that are kept, one request at a time on each.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{Failure, Result};

/// Shoppers' browsers name themselves; what does not is counted apart.
const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";

/// One connection.
pub(crate) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends when `requests` is dropped; what breaks it is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Connection { requests, host: to.to_string() })
    }

    /// Posts JSON and reads the whole answer.
    pub(crate) async fn post(&mut self, route: &str, body: String) -> Result<(StatusCode, Bytes)> {
        self.requests.ready().await?;
        let request = Request::post(route)
            .header(HOST, &self.host)
            .header(USER_AGENT, BROWSER)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        let answer = self.requests.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }

    /// The same, for what must be answered with a success.
    pub(crate) async fn succeed(&mut self, route: &str, body: String) -> Result<Bytes> {
        let (status, answer) = self.post(route, body).await?;
        if status.is_success() {
            return Ok(answer);
        }
        Err(format!("{route} answered {status}: {}", String::from_utf8_lossy(&answer)).into())
    }
}

/// Runs `work` on so many connections at once, each with its share of `items`, and gives what each of them gives.
pub(crate) async fn drive<T, R, W>(
    to: SocketAddr,
    shares: Vec<T>,
    work: impl Fn(Connection, T) -> W + Send + Sync + 'static,
) -> Result<Vec<R>>
where
    T: Send + 'static,
    R: Send + 'static,
    W: Future<Output = Result<R>> + Send + 'static,
{
    let work = Arc::new(work);
    let mut workers = JoinSet::new();
    for share in shares {
        let connection = Connection::open(to).await?;
        let work = Arc::clone(&work);
        workers.spawn(async move { work(connection, share).await });
    }
    let mut results = Vec::new();
    while let Some(ended) = workers.join_next().await {
        results.push(ended.map_err(Failure::from)??);
    }
    Ok(results)
}
