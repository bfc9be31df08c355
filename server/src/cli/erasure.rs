//! `waver erase`, and what `waver check` does with what a collector signed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use clap::ArgGroup;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use waver_schema::{
    ApiError, EraseAnswer, EraseRequest, Nonce, PublicKey, ReceiptKey, SessionId, SiteKey, WIRE_VERSION,
};

use super::{Configured, Exit, block_on, with_config};
use crate::config::Secret;
use crate::host::Host;
use crate::receipt::{self, PublishedRoot};

/// Most bytes of an answer; a receipt takes one and a half thousand.
const ANSWER_BYTES: usize = 64 * 1024;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct EraseArguments {
    /// The collector, such as http://127.0.0.1:7070. If not given, the one of the configuration, asked with its admin token.
    #[arg(long, value_name = "URL")]
    url: Option<Uri>,
    #[command(flatten)]
    configured: Configured,
    /// The shop's site.
    #[arg(long, value_parser = |text: &str| SiteKey::parse(text).map_err(|error| error.to_string()))]
    site: SiteKey,
    /// The session's id, 32 hexadecimal digits; `-` to read it from standard input, where no list of processes shows it.
    #[arg(long, value_name = "ID")]
    session: String,
    /// The origin to ask as, where the site does not take requests without one.
    #[arg(long)]
    origin: Option<String>,
}

/// What a collector signed, to be checked.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("signed").args(["receipt", "root"]))]
pub(super) struct SignedArguments {
    /// Verifies this receipt of an erasure, as `waver erase` printed it, and nothing else. Needs no collector.
    #[arg(long, value_name = "FILE", requires = "key")]
    receipt: Option<PathBuf>,
    /// With --ledger: an answer of GET /v1/ledger/root that was kept, through which the ledger must still go.
    #[arg(long, value_name = "FILE", requires = "key", requires = "ledger")]
    root: Option<PathBuf>,
    /// The public key that it must be signed with: its 64 digits, or a file with the answer of GET /v1/erase/key.
    #[arg(long, value_name = "KEY", requires = "signed")]
    key: Option<String>,
}

impl SignedArguments {
    /// The receipt and the key, if a receipt is to be checked.
    pub(super) fn receipt(&self) -> Option<(&Path, &str)> {
        self.receipt.as_deref().zip(self.key.as_deref())
    }

    /// The root that was kept, if there is one.
    ///
    /// # Errors
    /// The code to end with, once it was said why: it cannot be read, or is not signed with the key.
    pub(super) fn kept_root(&self) -> Result<Option<PublishedRoot>, Exit> {
        let Some((file, key)) = self.root.as_deref().zip(self.key.as_deref()) else { return Ok(None) };
        read_signed(file, key, receipt::verify_root).map(Some)
    }
}

/// What is in `file`, if it is signed with `key`.
///
/// # Errors
/// The code to end with, once it was said why.
fn read_signed<T>(
    file: &Path,
    key: &str,
    verify: fn(&str, &PublicKey) -> Result<T, receipt::ReceiptError>,
) -> Result<T, Exit> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        eprintln!("waver: cannot read {}: {error}", file.display());
        Exit::Io
    })?;
    let key = read_key(key).ok_or_else(|| {
        eprintln!("waver: {}", receipt::ReceiptError::NotAKey);
        Exit::Data
    })?;
    verify(&text, &key).map_err(|error| {
        eprintln!("waver: {}: {error}", file.display());
        Exit::Data
    })
}

/// Verifies a receipt offline.
pub(super) fn check(file: &Path, key: &str) -> Exit {
    match read_signed(file, key, receipt::verify) {
        Ok(receipt) => {
            println!("the receipt of erasure {} is whole and signed with this key", receipt.erasure);
            println!("site {}, erased at {} ms after 1970", receipt.site, receipt.erased_at);
            Exit::Ok
        }
        Err(exit) => exit,
    }
}

fn read_key(key: &str) -> Option<PublicKey> {
    PublicKey::parse(key).ok().or_else(|| {
        let text = std::fs::read_to_string(key).ok()?;
        let answer = serde_json::from_str::<ReceiptKey>(&text).map(|key| key.public_key);
        answer.ok().or_else(|| PublicKey::parse(text.trim()).ok())
    })
}

/// Erases a session at a running collector, and prints the receipt.
pub(super) fn erase(arguments: &EraseArguments) -> Exit {
    let id = match arguments.session.as_str() {
        "-" => {
            let mut text = String::new();
            // What is too long is no id.
            match std::io::stdin().take(1024).read_to_string(&mut text) {
                Ok(_) => text.trim().to_owned(),
                Err(error) => {
                    eprintln!("waver: cannot read the session's id: {error}");
                    return Exit::Io;
                }
            }
        }
        id => id.to_owned(),
    };
    let Ok(session) = SessionId::parse(&id) else {
        eprintln!("waver: a session's id is 32 lower-case hexadecimal digits");
        return Exit::Usage;
    };
    match &arguments.url {
        Some(url) => run(arguments, session, url, None),
        None => with_config(&arguments.configured, |config| {
            match format!("http://{}", config.server.listen).parse::<Uri>() {
                Ok(url) => run(arguments, session, &url, config.admin.token.as_ref()),
                Err(_) => Exit::Configuration,
            }
        }),
    }
}

fn run(arguments: &EraseArguments, session: SessionId, url: &Uri, token: Option<&Secret>) -> Exit {
    let nonce = Nonce::from_bytes(Host::system().random());
    let request =
        EraseRequest { v: WIRE_VERSION, site: arguments.site.clone(), session, nonce: Some(nonce), visitor: None };
    let asking = async {
        let caller = Caller { url, token, origin: arguments.origin.as_deref() };
        let answer: EraseAnswer =
            caller.read(caller.call("POST", "/v1/erase", serde_json::to_vec(&request)?).await?)?;
        let receipt = caller.call("GET", &format!("/v1/erase/{}", answer.erasure), Vec::new()).await?;
        let key: ReceiptKey = caller.read(caller.call("GET", "/v1/erase/key", Vec::new()).await?)?;
        Ok::<_, AskError>((answer, receipt, key))
    };
    let asked = match block_on(async { tokio::time::timeout(PATIENCE, asking).await }) {
        Ok(asked) => asked.unwrap_or_else(|_| Err(AskError::Silent)),
        Err(exit) => return exit,
    };
    match asked {
        Ok((answer, receipt, key)) => {
            let receipt = String::from_utf8_lossy(&receipt);
            println!("{receipt}");
            match receipt::verify(&receipt, &key.public_key) {
                Ok(receipt) if receipt.nonce != Some(nonce) => {
                    eprintln!("waver: the session had been erased before; this is the receipt of that");
                    Exit::Ok
                }
                Ok(_) => {
                    eprintln!("waver: erased; the receipt of {} is signed with key {}", answer.erasure, key.public_key);
                    Exit::Ok
                }
                Err(error) => {
                    eprintln!("waver: the receipt: {error}");
                    Exit::Data
                }
            }
        }
        Err(error) => {
            eprintln!("waver: {error}");
            match error {
                AskError::Url => Exit::Usage,
                AskError::Refused(..) | AskError::Answer(_) => Exit::Data,
                AskError::Connection(_) | AskError::Silent => Exit::Unavailable,
            }
        }
    }
}

/// Why nothing was erased, as far as is known.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(
        "the collector's address must begin with http:// and name a host; it speaks plain HTTP, behind whatever ends TLS"
    )]
    Url,
    #[error("the collector cannot be reached: {0}")]
    Connection(String),
    #[error("the collector did not answer in time; ask again")]
    Silent,
    #[error("the collector refused with {0}: {1}")]
    Refused(StatusCode, String),
    #[error("the collector's answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Whom to ask, and as who.
struct Caller<'a> {
    url: &'a Uri,
    token: Option<&'a Secret>,
    origin: Option<&'a str>,
}

impl Caller<'_> {
    async fn call(&self, method: &str, path: &str, body: Vec<u8>) -> Result<Bytes, AskError> {
        let (Some("http"), Some(authority)) = (self.url.scheme_str(), self.url.authority()) else {
            return Err(AskError::Url);
        };
        let failed = |error: &dyn std::error::Error| AskError::Connection(error.to_string());
        let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80)));
        let stream = stream.await.map_err(|error| failed(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, authority.as_str())
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        if let Some(origin) = self.origin {
            request = request.header(header::ORIGIN, origin);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| failed(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| failed(&*error))?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let said = serde_json::from_slice::<ApiError>(&body).map(|error| error.message);
        Err(AskError::Refused(status, said.unwrap_or_default()))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, body: Bytes) -> Result<T, AskError> {
        Ok(serde_json::from_slice(&body)?)
    }
}
