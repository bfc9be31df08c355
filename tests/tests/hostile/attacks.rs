//! What hostile clients do.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use waver_sim::shopper::{Dice, Stream};
use waver_tests::caller::{Answer, Caller};

use crate::{PATIENCE, REQUEST_TIMEOUT};

/// Where the harm comes from; everybody else has another address.
pub(crate) const HOSTILE: [u8; 4] = [127, 0, 0, 66];
/// A giant gives up after so many bytes, which no limit allows.
pub(crate) const GIANT_BYTES: usize = 64 << 20;

/// Sends `head`, then a byte now and then, until it is cut off or answered. Gives how long that took.
pub(crate) async fn drip(address: SocketAddr, head: &'static str) -> Result<Duration> {
    let mut stream = connect(address).await?;
    let begun = Instant::now();
    let mut byte = [0];
    let mut sending = stream.write_all(head.as_bytes()).await.is_ok();
    while begun.elapsed() < REQUEST_TIMEOUT * 4 + PATIENCE {
        let listened = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
        match listened {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => sending = false,
            Err(_) if sending => sending = stream.write_all(b"1").await.is_ok(),
            Err(_) => {}
        }
    }
    Ok(begun.elapsed())
}

/// Sends a body without end, chunked or not, for as long as it is let. Gives how many bytes it got rid of.
pub(crate) async fn giant(address: SocketAddr, chunked: bool) -> Result<usize> {
    let length =
        if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {}", 1_u64 << 40) };
    let head = format!("POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{length}\r\n\r\n");
    let mut chunk = if chunked { b"10000\r\n".to_vec() } else { Vec::new() };
    chunk.extend(vec![b' '; 0x10000]);
    chunk.extend(if chunked { b"\r\n".as_slice() } else { b"" });
    let mut stream = connect(address).await?;
    let mut sent = 0;
    if stream.write_all(head.as_bytes()).await.is_err() {
        return Ok(0);
    }
    while sent < GIANT_BYTES {
        let writing = tokio::time::timeout(REQUEST_TIMEOUT + PATIENCE, stream.write_all(&chunk)).await;
        if !matches!(writing, Ok(Ok(()))) {
            break;
        }
        sent += chunk.len();
    }
    Ok(sent)
}

/// Sends bodies of some 16 KiB that unpack to giants. Gives how many were refused for that.
pub(crate) async fn bombs(caller: &Caller, count: u64) -> Result<u64> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![b' '; 12 << 20])?;
    let gzip = gzip.finish()?;
    // A frame with the largest window that is let in (8 MiB), then blocks of 4 bytes that each stand for 128 KiB of spaces.
    let mut zstd = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3];
    for _ in 0..3_500 {
        zstd.extend([0x02, 0x00, 0x10, b' ']);
    }
    let mut refused = 0;
    let mut under_way = JoinSet::new();
    for number in 0..count {
        let (caller, encoding, body) = if number % 2 == 0 {
            (caller.clone(), "gzip", gzip.clone())
        } else {
            (caller.clone(), "zstd", zstd.clone())
        };
        under_way.spawn(async move { caller.post_bytes("/v1/events", Some(encoding), body).await });
        while under_way.len() >= 8 || (number + 1 == count && !under_way.is_empty()) {
            match under_way.join_next().await.context("requests are under way")?? {
                Answer::Refused { status: 413, .. } => refused += 1,
                Answer::Later { .. } | Answer::Unanswered => {}
                other => anyhow::bail!("a bomb was answered {other:?}"),
            }
        }
    }
    Ok(refused)
}

/// Wants to open that many sessions. Gives how many it opened.
pub(crate) async fn flood(caller: &Caller, seed: u64, sessions: u64) -> Result<u64> {
    let mut opened = 0;
    let mut under_way = JoinSet::new();
    for number in 0..sessions {
        let bits = Dice::new(seed, number, Stream::Arrivals).bits();
        let session: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let caller = caller.clone();
        under_way.spawn(async move { caller.consent(&session, true).await });
        while under_way.len() >= 32 || (number + 1 == sessions && !under_way.is_empty()) {
            match under_way.join_next().await.context("requests are under way")?? {
                Answer::Done(_) => opened += 1,
                Answer::Later { retry_after_s: Some(1..), .. } | Answer::Unanswered => {}
                other => anyhow::bail!("one session too many was answered {other:?}"),
            }
        }
    }
    Ok(opened)
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::from(HOSTILE), 0))?;
    Ok(socket.connect(address).await?)
}
