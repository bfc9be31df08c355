//! The collector is killed while it erases, and while it starts after that: an erasure that was answered is done, one that was not is done
//! wholly or not at all, and nobody else's counts change.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use waver_sim::shopper::{Dice, Stream};
use waver_tests::caller::{Answer, Caller};
use waver_tests::collector::Collector;
use waver_tests::house::OFFERS;
use waver_tests::seed;

/// Most kills come at most so long after the request was sent, in microseconds: somewhat longer than an erasure takes.
const LONGEST_US: u64 = 8_000;
/// The others come around the time of its answer, which waits for the next multiple of 50 ms.
const ANSWERED: f64 = 0.3;
const ANSWER_US: (u64, u64) = (45_000, 90_000);
/// One kill of so many is followed by another while the collector starts, at most so many milliseconds after it began.
const STARTS_KILLED: f64 = 0.4;
const LONGEST_START_MS: u64 = 120;
/// One session of so many is left as it is, so that there is something to count.
const SPARED: u64 = 4;
/// So many of those are looked at after each kill, the latest.
const LOOKED_AT: usize = 8;
/// Snapshots several times a second, so that kills meet them.
const HURRY: &[(&str, &str)] = &[("WAVER__RETENTION__SNAPSHOT_EVERY", "100ms")];
const HOUR_MS: u128 = 3_600_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_is_whole_or_not_begun_whenever_the_collector_is_killed() -> Result<()> {
    killed(20).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes ten minutes and more: cargo xtask test --soak"]
async fn a_thousand_kills_leave_no_erasure_half_done() -> Result<()> {
    killed(1_000).await
}

/// What became of erasures at whose time the collector was killed.
#[derive(Debug, Default)]
struct Seen {
    answered: u64,
    unanswered_and_done: u64,
    not_begun: u64,
    starts_killed: u64,
}

async fn killed(kills: u64) -> Result<()> {
    let seed = seed();
    let mut dice = Dice::new(seed, 0, Stream::Network);
    let mut collector = Collector::start_with("http://127.0.0.1:8080", OFFERS, HURRY).await?;
    let mut seen = Seen::default();
    let mut spared = Vec::new();
    for round in 0..kills {
        let outcome = erase_and_kill(&mut collector, &mut dice, round, &mut seen, &mut spared).await;
        outcome
            .with_context(|| format!("seed {seed}, round {round}, {seen:?}; it said\n{}", last_words(&collector)))?;
    }
    println!("seed {seed}: {seen:?}");
    ensure!(seen.answered > 0 && seen.unanswered_and_done + seen.not_begun > 0, "kills met erasures: {seen:?}");
    ensure!(collector.terminate().await? == Some(0), "it ends when told to");
    let replayed = collector.run(&["replay", "--json"]).await?;
    ensure!(replayed.code == Some(0), "waver replay: {}", replayed.output);
    Ok(())
}

async fn erase_and_kill(
    collector: &mut Collector,
    dice: &mut Dice,
    round: u64,
    seen: &mut Seen,
    spared: &mut Vec<(String, u64)>,
) -> Result<()> {
    let caller = collector.caller()?;
    let session = format!("e7a5{round:028x}");
    let events = dice.whole(1, 20);
    let epoch = caller.consent(&session, true).await.done()?["consent_epoch"].as_u64().context("an epoch")?;
    let batch = batch(&session, epoch, events);
    caller.post("/v1/events", &batch).await.done()?;
    if round.is_multiple_of(SPARED) {
        spared.push((session, events));
        return Ok(());
    }

    let erasing = tokio::spawn({
        let (caller, request) = (caller.clone(), request(&session));
        async move { caller.post("/v1/erase", &request).await }
    });
    // The schedule knows nothing of the request: it kills whatever is going on.
    let (from, to) = if dice.chance(ANSWERED) { ANSWER_US } else { (0, LONGEST_US) };
    tokio::time::sleep(Duration::from_micros(dice.whole(from, to))).await;
    collector.kill().await?;
    let answer = erasing.await?;
    if dice.chance(STARTS_KILLED) {
        collector.launch()?;
        tokio::time::sleep(Duration::from_millis(dice.whole(0, LONGEST_START_MS))).await;
        collector.kill().await?;
        seen.starts_killed += 1;
    }
    collector.restart().await?;

    let caller = collector.caller()?;
    let is_erased = match caller.post("/v1/events", &batch).await {
        Answer::Refused { status: 410, .. } => true,
        Answer::Done(told) if told["duplicate"] == events => false,
        other => anyhow::bail!("the batch, sent again, met {other:?}"),
    };
    let counted = spared.iter().map(|(_, events)| events).sum::<u64>();
    ensure!(events_counted(collector).await? == counted + if is_erased { 0 } else { events }, "events in the windows");
    let was_answered = match &answer {
        Answer::Done(told) => {
            seen.answered += 1;
            Some(told["erasure"].clone())
        }
        _ if is_erased => {
            seen.unanswered_and_done += 1;
            None
        }
        _ => {
            seen.not_begun += 1;
            None
        }
    };
    ensure!(is_erased || was_answered.is_none(), "an answered erasure is not done");

    // Asking again finds it, or does it now.
    let erasure = caller.post("/v1/erase", &request(&session)).await.done()?["erasure"].clone();
    ensure!(was_answered.is_none_or(|first| first == erasure), "asking again gives another erasure");
    let receipt = collector.admin(&format!("/v1/erase/{}", erasure.as_str().context("a name")?)).await?;
    let told = &receipt["receipt"];
    ensure!(told["records"]["batches"] == 1 && told["erasure"] == erasure, "{receipt}");
    let point = |name: &str| told["log"][name]["offset"].as_u64().context("an offset");
    let record = told["log"]["record"].as_u64().context("an offset")?;
    ensure!(point("before")? <= record && record < point("after")?, "{receipt}");
    let (known, kinds) = me(&caller, &session).await?;
    ensure!(known.is_null(), "it is still known: {known}");
    ensure!(kinds.contains(&"erasure".to_owned()), "{kinds:?}");
    ensure!(events_counted(collector).await? == counted, "events in the windows after the erasure");
    ensure!(
        matches!(caller.consent(&session, true).await, Answer::Refused { status: 410, .. }),
        "a grant of an erased session"
    );
    // A session is over after half an hour without an event, and the whole run may take longer.
    for (session, events) in spared.iter().rev().take(LOOKED_AT) {
        let (known, _) = me(&caller, session).await?;
        ensure!(known["views"] == *events, "another session: {known}");
    }
    Ok(())
}

fn request(session: &str) -> Value {
    json!({"v": 1, "site": "demo", "session": session})
}

fn batch(session: &str, epoch: u64, events: u64) -> Value {
    let view = |seq: u64| json!({"seq": seq, "t": seq * 100, "type": "page_view", "page": "product", "navigation": "load", "referrer": "direct", "device": "mouse"});
    let events: Vec<Value> = (1..=events).map(view).collect();
    json!({"v": 1, "site": "demo", "session": session, "consent_epoch": epoch, "sent_at": 0, "events": events})
}

/// Everything held about a session: what is known, and the kinds of its records.
async fn me(caller: &Caller, session: &str) -> Result<(Value, Vec<String>)> {
    let (mut kinds, mut asked) = (Vec::new(), request(session));
    loop {
        let mut told = caller.post("/v1/me", &asked).await.done()?;
        for record in told["records"].as_array().context("records")? {
            kinds.push(record["kind"].as_str().context("a kind")?.to_owned());
        }
        asked["from"] = told["next"].take();
        if asked["from"].is_null() {
            return Ok((told["session"].take(), kinds));
        }
    }
}

async fn events_counted(collector: &Collector) -> Result<u64> {
    let now = std::time::UNIX_EPOCH.elapsed()?.as_millis();
    let (from, to) = (now - 2 * HOUR_MS, now + HOUR_MS);
    let told = collector.admin(&format!("/v1/aggregates?site=demo&from={from}&to={to}")).await?;
    told["total"]["events"].as_u64().with_context(|| format!("no events in {told}"))
}

fn last_words(collector: &Collector) -> String {
    let output = collector.output().unwrap_or_default();
    let lines: Vec<&str> = output.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
