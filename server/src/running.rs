//! Asking the collector that runs on the same configuration, where a command finds its data folder taken.

use axum::body::Bytes;
use axum::http::{Method, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::config::Config;

/// Sends `body` (JSON, or nothing) to `path` of the running collector, as the operator.
///
/// # Errors
/// Why there is no answer, in words.
pub(crate) async fn ask(
    config: &Config,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<Response<Incoming>, String> {
    let address = config.server.listen;
    let Some(token) = &config.admin.token else {
        return Err("no admin token is configured; set WAVER__ADMIN__TOKEN or admin.token_file".to_owned());
    };
    let told = |error: &dyn std::error::Error| error.to_string();
    let stream = TcpStream::connect(address).await.map_err(|error| told(&error))?;
    let handshake = hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| told(&error))?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.into()))
        .map_err(|error| told(&error))?;
    sender.send_request(request).await.map_err(|error| told(&error))
}
