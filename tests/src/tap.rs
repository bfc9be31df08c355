//! A wire tap: a proxy on loopback that passes bytes on as they are, and keeps what went to the collector. What it holds is what really left
//! the browser, whatever the browser's own tools say of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it went over the wire.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Method and path, such as `POST /v1/events`.
    pub route: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Sent {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("the body of {}", self.route))
    }
}

/// A tap before one collector. Dropping it ends it.
pub struct Tap {
    /// Where to send what shall go to the collector.
    pub url: String,
    /// What came by each connection.
    streams: Arc<Mutex<Vec<Vec<u8>>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Tap {
    /// Before the collector at `url`.
    ///
    /// # Errors
    /// When there is no port to listen at.
    pub async fn before(url: &str) -> Result<Tap> {
        let collector = url.strip_prefix("http://").context("an address without TLS")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let streams = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&streams);
        let accepting = tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                tokio::spawn(pass_on(browser, collector.clone(), Arc::clone(&kept)));
            }
        });
        Ok(Tap { url, streams, accepting })
    }

    /// Every whole request so far.
    ///
    /// # Errors
    /// When something went by that is no HTTP.
    pub fn sent(&self) -> Result<Vec<Sent>> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sent = Vec::new();
        for stream in streams {
            let mut rest = stream.as_slice();
            while let Some((request, after)) = request(rest)? {
                sent.push(request);
                rest = after;
            }
        }
        Ok(sent)
    }
}

/// Passes on both ways, and keeps one.
async fn pass_on(browser: TcpStream, collector: String, streams: Arc<Mutex<Vec<Vec<u8>>>>) -> std::io::Result<()> {
    let place = {
        let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.push(Vec::new());
        streams.len() - 1
    };
    let (mut from_browser, mut to_browser) = browser.into_split();
    let (mut from_collector, mut to_collector) = TcpStream::connect(collector).await?.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_collector, &mut to_browser).await });
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = from_browser.read(&mut bytes).await?;
        if read == 0 {
            break;
        }
        streams.lock().unwrap_or_else(PoisonError::into_inner)[place].extend_from_slice(&bytes[..read]);
        to_collector.write_all(&bytes[..read]).await?;
    }
    to_collector.shutdown().await?;
    let _ = back.await;
    Ok(())
}

/// The first whole request in `bytes`, and what follows it.
fn request(bytes: &[u8]) -> Result<Option<(Sent, &[u8])>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = bytes.windows(END.len()).position(|window| window == END) else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path)) = (first.next(), first.next()) else { anyhow::bail!("no request: {head}") };
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    ensure!(!headers.contains_key("transfer-encoding"), "a chunked body, which browsers do not send here");
    let length = headers.get("content-length").map_or(Ok(0), |length| length.parse::<usize>())?;
    let begin = end + END.len();
    let Some(body) = bytes.get(begin..begin + length) else { return Ok(None) };
    let sent = Sent { route: format!("{method} {path}"), headers: headers.clone(), body: body.to_vec() };
    Ok(Some((sent, &bytes[begin + length..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_and_half_ones_are_left() {
        let two = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET /waver.js HTTP/1.1\r\n\r\nPOST /v1/me HTTP/1.1\r\nContent-Length: 9\r\n\r\n{";
        let (first, rest) = request(two).expect("HTTP").expect("whole");
        assert_eq!((first.route.as_str(), first.body.as_slice()), ("POST /v1/events", &b"{}"[..]));
        assert_eq!(first.headers["host"], "x");
        let (second, rest) = request(rest).expect("HTTP").expect("whole");
        assert_eq!(second.route, "GET /waver.js");
        assert!(request(rest).expect("HTTP").is_none());
    }
}
