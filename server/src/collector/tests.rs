//! A whole collector, with a log that fails and with pages of its own.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use waver_store::MemorySnapshots;

use super::*;
use crate::committer::gated_log::Gated;
use crate::consent_ledger::LedgerRoots;

const SESSION: &str = "5e551011000000000000000000000001";

fn pages(path: &str) -> Option<Cow<'static, [u8]>> {
    match path {
        "waver.js" => Some(Cow::Borrowed(b"load()")),
        "sdk/1.0.0-0123abcd/waver_bg.wasm" => Some(Cow::Borrowed(b"\0asm")),
        "dashboard/login.html" => Some(Cow::Borrowed(b"<title>Sign in</title>")),
        "dashboard/index.html" => Some(Cow::Borrowed(b"<title>Waver</title>")),
        "dashboard/main.js" => Some(Cow::Borrowed(b"draw()")),
        _ => None,
    }
}

async fn start(log: Gated) -> (Collector, String, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let offers = "[policy]\nholdout = 0.0\nkill_switch = false\ndefault_locale = \"en\"\n";
    std::fs::write(folder.path().join("offers.toml"), offers).expect("writes");
    let text = "[server]\nlisten = \"127.0.0.1:0\"\n[release]\nk = 0\n[sites.demo]\noffers = \"offers.toml\"\nallow_no_origin = true\n";
    std::fs::write(folder.path().join("waver.toml"), text).expect("writes");
    let config = Config::load(&folder.path().join("waver.toml"), []).expect("a configuration");
    let anchors = [MemorySnapshots::default(), MemorySnapshots::default()];
    let receipts = waver_store::Receipts::temporary().expect("opens");
    let stores = Stores { log, snapshots: MemorySnapshots::default(), anchors, receipts };
    let collector = Collector::start_with(config, Host::system(), || Ok(stores), pages).await.expect("starts");
    let url = format!("http://{}", collector.address());
    (collector, url, folder)
}

async fn get(url: &str, path: &str) -> Response {
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    http.get(format!("{url}{path}")).send().await.expect("an answer")
}

async fn post(url: &str, path: &str, body: &Value) -> Response {
    Client::new().post(format!("{url}{path}")).json(body).send().await.expect("an answer")
}

fn consent() -> Value {
    json!({"v": 1, "site": "demo", "session": SESSION, "measure": "granted", "personalize": "granted", "source": "tag"})
}

fn batch(epoch: u64) -> Value {
    let event = json!({"seq": 1, "t": 0, "type": "engagement", "engaged_ms": 1, "scroll_milli": 0, "clicks": 0});
    json!({"v": 1, "site": "demo", "session": SESSION, "consent_epoch": epoch, "sent_at": 0, "events": [event]})
}

#[tokio::test]
async fn a_broken_log_is_503_and_never_2xx_and_the_collector_says_why() {
    let log = Gated::new(1000);
    let (collector, url, _folder) = start(log.clone()).await;
    assert_eq!(get(&url, "/readyz").await.status(), 200);
    let granted: Value = post(&url, "/v1/consents", &consent()).await.json().await.expect("JSON");
    let epoch = granted["consent_epoch"].as_u64().expect("an epoch");
    log.fails.store(true, Ordering::SeqCst);
    for (path, body) in [("/v1/events", batch(epoch)), ("/v1/consents", consent())] {
        let answer = post(&url, path, &body).await;
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true), "{path}");
    }
    let ready = get(&url, "/readyz").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.expect("text").contains("no space left on device"));
    assert_eq!(get(&url, "/healthz").await.status(), 200, "it is alive all the same");
    let metrics = get(&url, "/metrics").await.text().await.expect("text");
    let unavailable = "waver_events_total{site=\"demo\",outcome=\"discarded\",reason=\"unavailable\"} 1";
    assert!(
        metrics.contains(unavailable) && metrics.contains("waver_events_received_total{site=\"demo\"} 1"),
        "{metrics}"
    );
    collector.shutdown().await;
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_end() {
    let log = Gated::new(0);
    let (collector, url, _folder) = start(log.clone()).await;
    let waiting = tokio::spawn({
        let url = url.clone();
        async move { post(&url, "/v1/consents", &consent()).await.status() }
    });
    // Its group is at the gate of the log once the gate has somebody waiting.
    while log.waiting.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let ending = tokio::spawn(collector.shutdown());
    while Client::new().get(format!("{url}/healthz")).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
    log.permits.add_permits(1);
    assert_eq!(waiting.await.expect("no panic"), 200);
    ending.await.expect("no panic");
}

#[tokio::test]
async fn pages_and_scripts_are_cached_as_long_as_they_stay_the_same() {
    let (collector, url, _folder) = start(Gated::new(0)).await;
    for (path, status, media_type, caching) in [
        ("/waver.js", 200, "text/javascript; charset=utf-8", "public, max-age=300"),
        ("/sdk/1.0.0-0123abcd/waver_bg.wasm", 200, "application/wasm", "public, max-age=31536000, immutable"),
        ("/sdk/1.0.0-0123abcd/other.js", 404, "application/json", "no-store"),
        ("/dashboard/login", 200, "text/html; charset=utf-8", "no-cache"),
        ("/dashboard/main.js", 200, "text/javascript; charset=utf-8", "no-cache"),
        ("/dashboard/index.html", 404, "application/json", "no-store"),
        ("/dashboard/..%2fwaver.js", 404, "application/json", "no-store"),
    ] {
        let answer = get(&url, path).await;
        let header =
            |name| answer.headers().get(name).and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok());
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!((header("content-type"), header("cache-control")), (Some(media_type), Some(caching)), "{path}");
    }
    let missing = get(&url, "/sdk/1.0.0-0123abcd/other.js").await.text().await.expect("text");
    assert!(missing.contains("cargo xtask build"), "{missing}");
    collector.shutdown().await;
}

/// A crash between the log and everything else leaves a record and no more; the start does the rest before it serves.
#[tokio::test]
async fn an_erasure_that_only_the_log_knows_is_carried_out_by_the_next_start() {
    use crate::entry::{Entry, ErasureEntry, ErasureTold};
    use waver_schema::{ErasedRecords, ErasureId, LogChain, LogPoint, SiteKey};
    use waver_store::{Pseudonym, Receipts};

    let log = Gated::new(1000);
    let told = ErasureTold {
        classes: Vec::new(),
        visitor: false,
        keys: 0,
        records: ErasedRecords::default(),
        nonce: None,
        before: LogPoint { chain: LogChain::from_bytes(log.chain()), offset: 0 },
    };
    let erasure = ErasureId::from_bytes([7; 16]);
    let site = SiteKey::parse("demo").expect("valid");
    for (pseudonym, told) in [([1; 16], Some(told)), ([2; 16], None)] {
        let entry = Entry::Erasure(ErasureEntry { erasure, told });
        let record = entry.to_record(site.clone(), Pseudonym::from_bytes(pseudonym), Host::system().now());
        log.append(&[record.expect("writes")]).await.expect("appends");
    }
    let (collector, url, folder) = start(log).await;
    let receipt: Value = get(&url, &format!("/v1/erase/{erasure}")).await.json().await.expect("JSON");
    assert_eq!(receipt["receipt"]["log"]["record"], 0, "{receipt}");
    collector.shutdown().await;
    // Both of its pseudonyms stand beside the keys.
    let keys = folder.path().join("data").join("keys");
    let receipts = Receipts::temporary().expect("opens");
    let keyring = Arc::new(crate::keyring::tests::in_memory(&[], 0));
    let erasures =
        Erasures::open(&keys, receipts, keyring, LedgerRoots::default(), &Host::system()).await.expect("opens");
    let mut tombstones = erasures.tombstones().await.expect("reads");
    tombstones.sort_by_key(|(_, pseudonym, _)| *pseudonym);
    let found: Vec<_> = tombstones.into_iter().map(|(of, pseudonym, told)| (of, pseudonym, told.erasure)).collect();
    assert_eq!(found, [1, 2].map(|byte| (site.clone(), Pseudonym::from_bytes([byte; 16]), erasure)));
}
