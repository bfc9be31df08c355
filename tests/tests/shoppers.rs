//! Seeded shoppers against the real collector, which is killed under them.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use waver_tests::collector::Collector;
use waver_tests::eventually;
use waver_tests::house::OFFERS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_shops_through_a_kill_and_nothing_acknowledged_is_lost() -> Result<()> {
    let mut collector = Collector::start("http://127.0.0.1:8080", OFFERS).await?;
    let crowd = waver_tests::sim()?
        .args(["shoppers", "--site", "demo", "--seed", "7", "--sessions", "80", "--rate", "1200", "--speed", "20"])
        .args(["--collector", &collector.url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting the shoppers")?;
    eventually("the first orders of events", Duration::from_secs(60), || async {
        Ok((outcomes(&collector).await?["stored"].as_u64() > Some(200)).then_some(()))
    })
    .await?;
    let before = outcomes(&collector).await?;
    collector.kill().await?;
    collector.restart().await?;
    let after = outcomes(&collector).await?;
    assert!(after["stored"].as_u64() >= before["stored"].as_u64(), "stored before {before}, after {after}");

    let crowd = tokio::time::timeout(Duration::from_secs(120), crowd.wait_with_output()).await??;
    let told = String::from_utf8_lossy(&crowd.stdout).into_owned() + &String::from_utf8_lossy(&crowd.stderr);
    assert!(crowd.status.success(), "{told}");
    let acknowledged = stored_by_account_of_shoppers(&told).with_context(|| told.clone())?;
    let outcomes = outcomes(&collector).await?;
    let stored = outcomes["stored"].as_u64().unwrap_or(0);
    // An answer that the kill cut off leaves the shopper in doubt, and the events are there: more may be stored than was acknowledged, never less.
    assert!(stored >= acknowledged, "{stored} stored, {acknowledged} acknowledged\n{told}");
    let discarded: u64 = outcomes["discarded"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    assert_eq!(
        outcomes["received"].as_u64().unwrap_or(0),
        stored + outcomes["duplicate"].as_u64().unwrap_or(0) + discarded,
        "the outcomes balance: {outcomes}"
    );
    let total = collector.admin("/v1/aggregates?site=demo").await?["total"].take();
    assert_eq!(total["events"].as_u64(), Some(stored), "the windows hold each stored event once");
    assert!(total["hesitations"].as_array().is_some_and(|hesitations| hesitations.len() >= 3), "{total}");
    assert!(total["offers"]["exposed"].as_u64() > Some(0) && total["orders"].as_u64() > Some(0), "{total}");
    Ok(())
}

async fn outcomes(collector: &Collector) -> Result<Value> {
    Ok(collector.admin("/v1/aggregates?site=demo").await?["outcomes"].take())
}

/// The number before "stored" in the last status line of the shoppers.
fn stored_by_account_of_shoppers(told: &str) -> Option<u64> {
    let line = told.lines().rfind(|line| line.contains(" stored"))?;
    line.split(" stored").next()?.rsplit(' ').next()?.parse().ok()
}
