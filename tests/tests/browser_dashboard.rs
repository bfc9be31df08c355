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

/// A session that asks for an offer, tells of the rendering, and buys or not; half of all are held out.
async fn ask_and_buy(caller: &Caller, shopper: u64, seen: &mut [u64; 2]) -> Result<()> {
    let session = format!("da5b0a4e{shopper:024x}");
    let epoch = caller.grant(&session).await?;
    let features = json!({"hesitation": [{"kind": "cta_hover", "zone": "cta", "score_milli": 700}]});
    let asked = json!({"site": "demo", "session": session, "consent_epoch": epoch, "slot": "product", "page": "product", "features": features});
    let decision = caller.post("/v1/decisions", &asked).await.done()?;
    let is_offered = decision["arm"] == "offer";
    let nth = &mut seen[usize::from(is_offered)];
    *nth += 1;
    let action = if is_offered { "exposed" } else { "withheld" };
    let mut events =
        vec![json!({"seq": 1, "t": 200, "type": "offer", "action": action, "decision": decision["decision"]})];
    if nth.is_multiple_of(6) == is_offered {
        events.push(
            json!({"seq": 2, "t": 900, "type": "commerce", "action": "purchase", "quantity": 1, "value_minor": 5_000,
            "currency": "EUR", "order": shopper}),
        );
    }
    let batch =
        json!({"v": 1, "site": "demo", "session": session, "consent_epoch": epoch, "sent_at": BEGUN, "events": events});
    let answer = caller.post("/v1/events", &batch).await.done()?;
    anyhow::ensure!(answer["accepted"] == events.len() as u64, "{answer}");
    Ok(())
}

#[tokio::test]
async fn what_an_offer_is_worth_is_a_row_with_its_intervals_and_its_stop() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = "[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = \"data\"\n\n[release]\nk = 0\n\n\
                  [sites.demo]\noffers = \"offers.toml\"\nallow_no_origin = true\n";
    std::fs::write(folder.path().join("waver.toml"), config)?;
    std::fs::write(folder.path().join("offers.toml"), OFFERS.replace("holdout = 0.0", "holdout = 0.5"))?;
    let environment = [("WAVER__ADMIN__TOKEN".to_owned(), ADMIN_TOKEN.to_owned())];
    let config = Config::load(&folder.path().join("waver.toml"), environment)?;
    let clock = Arc::new(AtomicU64::new(BEGUN + 60_000));
    let told = Arc::clone(&clock);
    let host = Host::system().with_clock(move || told.load(Ordering::SeqCst));
    let collector = waver::Collector::start_on(config, host).await?;
    let url = format!("http://{}", collector.address());
    let caller = Caller::new(&url)?;
    let browser = Browser::open(1280, 900).await?;
    browser.goto(&format!("{url}/dashboard?site=demo")).await?;
    browser.find("input[name=token]").await?.send_keys(ADMIN_TOKEN).await?;
    browser.click("button[type=submit]").await?;
    browser.goto(&format!("{url}/dashboard?site=demo")).await?;
    browser.until("the empty card", "return !document.querySelector('#worth-empty').hidden").await?;

    let mut seen = [0; 2];
    for shopper in 0..320 {
        ask_and_buy(&caller, shopper, &mut seen).await?;
    }
    clock.store(BEGUN + HOUR_MS, Ordering::SeqCst);
    let counted = format!("{} offered, {} held out", seen[1], seen[0]);
    let row = "return [...document.querySelectorAll('#worth tr > *')].map((cell) => cell.textContent)";
    // The card asks anew with each load of the page.
    let mut cells = Value::Null;
    for _ in 0..60 {
        clock.fetch_add(20_000, Ordering::SeqCst);
        browser.goto(&format!("{url}/dashboard?site=demo")).await?;
        browser.until("the report", "return document.querySelector('#worth-note').textContent !== ''").await?;
        cells = browser.execute(row, vec![]).await?;
        if cells[1] == counted.as_str() && cells[5].as_str().is_some_and(|verdict| verdict.starts_with("Stopped")) {
            break;
        }
    }
    let cell = |place: usize| cells[place].as_str().unwrap_or_default().to_owned();
    anyhow::ensure!((cell(0).as_str(), cell(1)) == ("ten-percent", counted), "{cells}");
    anyhow::ensure!(cell(2).starts_with("−6") && cell(2).ends_with(" points"), "{cells}");
    anyhow::ensure!(cell(3).starts_with("−€3") && cell(3).contains(" to −€"), "{cells}");
    anyhow::ensure!(cell(5).starts_with("Stopped since") && cell(5).contains("interval is below zero"), "{cells}");
    anyhow::ensure!(browser.text("#worth-foot").await?.contains("however often"), "{cells}");
    anyhow::ensure!(browser.console_errors().await?.is_empty(), "{:?}", browser.console_errors().await?);
    // Alone, so that it is in the picture.
    let alone =
        "document.querySelectorAll('.card').forEach((card) => { if (!card.querySelector('#worth')) card.remove(); })";
    browser.execute(alone, vec![]).await?;
    browser.screenshots("dashboard-worth").await?;
    collector.shutdown().await;
    Ok(())
}
