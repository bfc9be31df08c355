//! The dashboard where numbers are suppressed: what is of few is a word and never a zero, and single sessions are nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use serde_json::{Value, json};
use waver::{Config, Host};
use waver_tests::browser::Browser;
use waver_tests::caller::Caller;
use waver_tests::collector::ADMIN_TOKEN;
use waver_tests::house::OFFERS;

const HOUR_MS: u64 = 60 * 60 * 1000;
/// A full hour.
const BEGUN: u64 = 1_800_000_000_000;

/// One shopper who views a product page and dithers over the call to action, or not.
async fn visit(caller: &Caller, shopper: u64, dithers: bool) -> Result<()> {
    let session = format!("da5b0a4d{shopper:024x}");
    let epoch = caller.grant(&session).await?;
    let mut events = vec![
        json!({"seq": 1, "t": 10, "type": "page_view", "page": "product", "navigation": "load", "referrer": "direct", "device": "mouse"}),
    ];
    if dithers {
        events.push(
            json!({"seq": 2, "t": 900, "type": "hesitation", "kind": "cta_hover", "zone": "cta", "page": "product",
            "score_milli": 700, "confidence_milli": 700, "since_ms": 800, "reasons": []}),
        );
    }
    let batch =
        json!({"v": 1, "site": "demo", "session": session, "consent_epoch": epoch, "sent_at": BEGUN, "events": events});
    let answer = caller.post("/v1/events", &batch).await.done()?;
    anyhow::ensure!(answer["accepted"] == events.len() as u64, "{answer}");
    Ok(())
}

#[tokio::test]
async fn what_is_of_few_is_said_in_words() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = "[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = \"data\"\n\n\
                  [sites.demo]\noffers = \"offers.toml\"\nallow_no_origin = true\n";
    std::fs::write(folder.path().join("waver.toml"), config)?;
    std::fs::write(folder.path().join("offers.toml"), OFFERS)?;
    let environment = [("WAVER__ADMIN__TOKEN".to_owned(), ADMIN_TOKEN.to_owned())];
    let config = Config::load(&folder.path().join("waver.toml"), environment)?;
    let clock = Arc::new(AtomicU64::new(BEGUN + 60_000));
    let told = Arc::clone(&clock);
    let host = Host::system().with_clock(move || told.load(Ordering::SeqCst));
    let collector = waver::Collector::start_on(config, host).await?;
    let url = format!("http://{}", collector.address());
    let caller = Caller::new(&url)?;
    // An hour of 24 shoppers of whom three dither, and one of three who all do.
    for shopper in 0..24 {
        visit(&caller, shopper, shopper < 3).await?;
    }
    let browser = Browser::open(1280, 900).await?;
    browser.goto(&format!("{url}/dashboard?site=demo")).await?;
    browser.find("input[name=token]").await?.send_keys(ADMIN_TOKEN).await?;
    browser.click("button[type=submit]").await?;
    // Nothing is published yet. 24 are live, which is told in steps of 20.
    browser.goto(&format!("{url}/dashboard?site=demo")).await?;
    browser
        .until(
            "the word for few",
            "return document.querySelector('#headline').textContent === 'Too few shoppers to show'",
        )
        .await?;
    let live = browser.text("#tile-live").await?;
    anyhow::ensure!(live == "20", "{live}");
    let note = browser.text("#release").await?;
    anyhow::ensure!(note.contains("fewer than 20 sessions") && note.contains("too few"), "{note}");

    clock.store(BEGUN + HOUR_MS + 60_000, Ordering::SeqCst);
    for shopper in 24..27 {
        visit(&caller, shopper, true).await?;
    }
    clock.store(BEGUN + 3 * HOUR_MS, Ordering::SeqCst);
    browser.goto(&format!("{url}/dashboard?site=demo")).await?;
    browser
        .until(
            "the published hour",
            "return document.querySelector('#arrivals-note').textContent.includes('published')",
        )
        .await?;
    for tile in ["hesitations", "shown", "taken", "revenue", "velocity"] {
        let said = browser.text(&format!("#tile-{tile}")).await?;
        anyhow::ensure!(said == "too few", "{tile}: {said}");
    }
    // In the data table, which screen readers have: the hour of 24, and the hour of three in words.
    browser.execute("document.querySelector('details[data-table=arrivals]').open = true", vec![]).await?;
    let rows = "return [...document.querySelectorAll('details[data-table=arrivals] tbody tr')].map((row) => [...row.children].slice(1).map((cell) => cell.textContent))";
    browser
        .until("the table", "return document.querySelectorAll('details[data-table=arrivals] tbody tr').length > 1")
        .await?;
    let rows = browser.execute(rows, vec![]).await?;
    let (few, enough) = (json!(["too few", "too few", "too few", "too few"]), json!(["24", "24", "27", "too few"]));
    anyhow::ensure!(rows == Value::Array(vec![few, enough]), "{rows}");
    let sessions = browser.text("#sessions-suppressed").await?;
    anyhow::ensure!(sessions.starts_with("Single sessions are not shown"), "{sessions}");
    let table = browser.execute("return document.querySelector('#sessions-table').hidden", vec![]).await?;
    anyhow::ensure!(table == true, "no row of a single shopper");
    anyhow::ensure!(browser.console_errors().await?.is_empty(), "{:?}", browser.console_errors().await?);
    browser.screenshots("dashboard-suppressed").await?;
    collector.shutdown().await;
    Ok(())
}
