//! The collector is killed while one epoch of its keys takes over from another, and while it starts after that: whatever was acknowledged can
//! still be read, and secrets go when their time is over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use waver_sim::shopper::{Dice, Stream};
use waver_tests::caller::{Answer, batch, epoch};
use waver_tests::collector::Collector;
use waver_tests::eventually;
use waver_tests::house::OFFERS;
use waver_tests::seed;

/// Epochs of a second, the shortest that there may be: one begins at each second of the clock.
const HURRY: &[(&str, &str)] = &[("WAVER__RETENTION__EPOCH", "1s"), ("WAVER__RETENTION__SNAPSHOT_EVERY", "70ms")];
const EPOCH_MS: u64 = 1_000;
/// A kill comes so long after an epoch's end at most, in milliseconds: keys are looked after each ten, and then there are files to sync.
const LONGEST_MS: u64 = 40;
/// One kill of so many is followed by another while the collector starts, at most so many milliseconds after it began.
const STARTS_KILLED: f64 = 0.5;
const LONGEST_START_MS: u64 = 120;
/// How late a secret may be destroyed: twice the pace at which keys are looked after, on a busy machine.
const LATE_MS: u64 = 2_000;
const HOUR_MS: u64 = 3_600_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_while_epochs_change_lose_nothing_and_keep_no_secret() -> Result<()> {
    killed(12).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes ten minutes and more: cargo xtask test --soak"]
async fn five_hundred_kills_while_epochs_change_lose_nothing_and_keep_no_secret() -> Result<()> {
    killed(500).await
}

async fn killed(kills: u64) -> Result<()> {
    let seed = seed();
    let mut dice = Dice::new(seed, 0, Stream::Network);
    let mut collector = Collector::start_with("http://127.0.0.1:8080", OFFERS, HURRY).await?;
    let mut acknowledged = 0;
    for round in 0..kills {
        acknowledged += shop(&collector, round).await?;
        // The schedule knows nothing of what is going on; but epochs end where the clock's seconds do.
        let until = EPOCH_MS - now_ms() % EPOCH_MS + dice.whole(0, LONGEST_MS);
        tokio::time::sleep(Duration::from_millis(until)).await;
        collector.kill().await?;
        if dice.chance(STARTS_KILLED) {
            collector.launch()?;
            tokio::time::sleep(Duration::from_millis(dice.whole(0, LONGEST_START_MS))).await;
            collector.kill().await?;
        }
        collector.restart().await?;
        let found = events(&collector).await;
        let found = found.with_context(|| format!("seed {seed}, round {round}"))?;
        ensure!(found == acknowledged, "seed {seed}, round {round}: {acknowledged} acknowledged, {found} readable");
    }
    eventually("old secrets to go", Duration::from_secs(20), || async {
        let oldest = secrets(&collector)?.into_iter().min().context("there is always one")?;
        Ok((now_ms() < (oldest + 2) * EPOCH_MS + LATE_MS).then_some(()))
    })
    .await?;
    ensure!(collector.terminate().await? == Some(0), "it ends when told to");
    let replayed = collector.run(&["replay", "--json"]).await?;
    ensure!(replayed.code == Some(0), "waver replay: {}", replayed.output);
    let told =
        &replayed.output[replayed.output.find('{').context("JSON")?..=replayed.output.rfind('}').context("JSON")?];
    let told: Value = serde_json::from_str(told)?;
    ensure!(told["erased"] == 0 && told["from_scratch"] == true && told["events"] == acknowledged, "{told}");
    println!("seed {seed}: {acknowledged} events acknowledged over {kills} kills, all of them readable");
    Ok(())
}

/// A visit; says how many events were acknowledged.
async fn shop(collector: &Collector, round: u64) -> Result<u64> {
    let caller = collector.caller()?;
    for attempt in 0..100 {
        let session = format!("e90c{attempt:04x}{round:024x}");
        let epoch = epoch(&caller.consent(&session, true).await.done()?)?;
        let events: Vec<Value> = (1..=5)
            .map(|seq| json!({"seq": seq, "t": seq, "type": "engagement", "engaged_ms": 1, "scroll_milli": 0, "clicks": 0}))
            .collect();
        match caller.post("/v1/events", &batch(&session, epoch, &events)).await {
            Answer::Done(told) if told["accepted"] == 5 => return Ok(5),
            // Two epochs went by in between: a machine that is very busy.
            Answer::Refused { status: 403, .. } => {}
            other => anyhow::bail!("a batch met {other:?}"),
        }
    }
    anyhow::bail!("no session outlived its first request")
}

/// The events in the windows.
async fn events(collector: &Collector) -> Result<u64> {
    let now = now_ms();
    let route = format!("/v1/aggregates?site=demo&from={}&to={}&step_ms=3600000", now - HOUR_MS, now + HOUR_MS);
    collector.admin(&route).await?["total"]["events"].as_u64().context("a number")
}

/// The seconds in which the epochs began whose secrets are in the key file. Their names are text.
fn secrets(collector: &Collector) -> Result<Vec<u64>> {
    const NAME: &[u8] = b"epoch/demo/";
    let bytes = std::fs::read(collector.data().join("keys/waver.keys"))?;
    let names = bytes.windows(NAME.len() + 10).filter(|window| window.starts_with(NAME));
    names.map(|window| Ok(std::str::from_utf8(&window[NAME.len()..])?.parse()?)).collect()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
