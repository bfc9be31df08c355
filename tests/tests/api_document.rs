//! The HTTP API against its own OpenAPI document: schemathesis makes requests of the document, valid ones and others, and compares the
//! collector's answers with it. Without schemathesis, which `cargo xtask setup --for test` fetches where Python is, `cargo xtask test`
//! leaves this out and says so.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::process::Command;
use waver_schema::WIRE_VERSION;
use waver_tests::caller::Caller;
use waver_tests::collector::{ADMIN_TOKEN, Collector};
use waver_tests::house::OFFERS;

const SHOP: &str = "http://127.0.0.1:8080";
const SESSION: &str = "00112233445566778899aabbccddeeff";
/// Requests that are made up for each operation beside those at every bound of the document.
const EXAMPLES: &str = "100";
/// A failure is found again with the same seed.
const SEED: &str = "7";

#[tokio::test]
async fn the_collector_keeps_to_its_document() -> Result<()> {
    let collector = Collector::start(SHOP, OFFERS).await?;
    let caller = Caller::new(&collector.url)?;
    let granted = json!({
        "v": WIRE_VERSION, "site": "demo", "session": SESSION, "measure": "granted", "personalize": "granted", "source": "tag"
    });
    let answer = caller.post("/v1/consents", &granted).await.done()?;
    let api = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/api"));
    let checked = Command::new(schemathesis()?)
        .arg("--config-file")
        .arg(api.join("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", collector.url)])
        .args(["--header", &format!("Authorization: Bearer {ADMIN_TOKEN}")])
        .args(["--checks", "all", "--phases", "examples,coverage,fuzzing", "--continue-on-failure"])
        .args([
            "--max-examples",
            EXAMPLES,
            "--seed",
            SEED,
            "--generation-database",
            "none",
            "--suppress-health-check",
            "all",
        ])
        // The live stream has no end.
        .args(["--exclude-path", "/v1/stream", "--request-timeout", "20", "--no-color"])
        .env("SCHEMATHESIS_HOOKS", api.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("WAVER_TEST_SESSION", SESSION)
        .env("WAVER_TEST_EPOCH", answer["consent_epoch"].to_string())
        // What it keeps of a run.
        .current_dir(collector.data())
        .stdin(Stdio::null())
        .output()
        .await
        .context("schemathesis does not start")?;
    let report = String::from_utf8_lossy(&checked.stdout);
    if !checked.status.success() {
        bail!("{report}\n{}", String::from_utf8_lossy(&checked.stderr));
    }
    // Shown with `--nocapture`.
    println!("{report}");
    for (route, status) in
        [("/v1/events", 202), ("/v1/decisions", 200), ("/v1/consents", 200), ("/v1/erase", 202), ("/v1/me", 200)]
    {
        let answered = collector.answers(route, status).await?;
        // One of the grants is ours.
        assert!(answered > 1, "{route} was never answered with {status}, so those answers were not compared");
    }
    Ok(())
}

#[tokio::test]
async fn the_document_has_the_version_that_is_spoken() -> Result<()> {
    let collector = Collector::start(SHOP, OFFERS).await?;
    let document = collector.admin("/openapi.json").await?;
    for body in ["Batch", "ConsentRecord"] {
        let version = &document["components"]["schemas"][body]["properties"]["v"];
        assert_eq!((&version["minimum"], &version["maximum"]), (&json!(1), &json!(WIRE_VERSION)), "{body}");
    }
    Ok(())
}

/// On the `PATH`, or where `cargo xtask setup` puts it.
fn schemathesis() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
    };
    let private = cache.join("waver/schemathesis/bin");
    std::iter::once(private)
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("schemathesis"))
        .find(|program| program.is_file())
        .context("schemathesis is not here: run `cargo xtask setup --for test`, or `cargo xtask test`, which leaves this out without it")
}
