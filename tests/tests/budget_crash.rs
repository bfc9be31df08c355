//! A budget of a hundred offers under thousands of shoppers who ask at once, while the collector is killed again and again: never more than a
//! hundred are out (invariant I6), nothing leaks, and every grant is redeemed once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use waver_sim::shopper::{Dice, Stream};
use waver_tests::caller::{Answer, Caller, epoch};
use waver_tests::collector::Collector;
use waver_tests::house::OFFERS;
use waver_tests::seed;

const BUDGET: usize = 100;
const SECRET: &str = "the-secret-of-the-demo-site-0123456789";
/// Snapshots several times a second, so that kills meet them; and one machine that is a thousand shoppers is no crowd to be held back.
const SETTINGS: &[(&str, &str)] =
    &[("WAVER__SITES__DEMO__SECRET", SECRET), ("WAVER__RETENTION__SNAPSHOT_EVERY", "150ms")];
/// Shoppers under way at a time.
const AT_ONCE: usize = 128;
/// A kill comes at most so long after the collector is ready, in milliseconds.
const LONGEST_LIFE_MS: u64 = 400;
/// How often each grant is redeemed at once, each time under another key.
const RIVALS: usize = 10;
/// What is tried so often in vain will not come.
const TRIES: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_holds_while_hundreds_ask_and_the_collector_is_killed() -> Result<()> {
    holds(400, 6).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes some minutes: cargo xtask test --soak"]
async fn a_budget_holds_while_ten_thousand_ask_and_the_collector_is_killed() -> Result<()> {
    holds(10_000, 60).await
}

/// So many sessions ask at once, and there are so many kills while they do and while grants are redeemed.
async fn holds(sessions: u64, kills: u64) -> Result<()> {
    let seed = seed();
    let offers = OFFERS.replace("[offer.text.en]", "[offer.budget]\noffers = 100\nper = \"total\"\n\n[offer.text.en]");
    let collector = Collector::start_with("http://127.0.0.1:8080", &offers, SETTINGS).await?;
    let shop = Shop { caller: collector.caller()?, http: reqwest::Client::new(), url: collector.url.clone() };
    let reaper = Reaper::start(collector, Dice::new(seed, 0, Stream::Network), kills / 2);
    let outcome = run(&shop, &reaper, sessions, kills).await;
    let (mut collector, killed) = reaper.stop().await?;
    outcome.with_context(|| format!("seed {seed}, {killed} kills"))?;
    ensure!(collector.terminate().await? == Some(0), "it ends cleanly");
    let ended = collector.run(&["replay", "--json"]).await?;
    ensure!(ended.code == Some(0), "seed {seed}: waver replay said\n{}", ended.output);
    println!("seed {seed}: {sessions} sessions, {killed} kills; {}", ended.output.lines().next().unwrap_or_default());
    Ok(())
}

async fn run(shop: &Shop, reaper: &Reaper, sessions: u64, kills: u64) -> Result<()> {
    // Everybody asks; a hundred are made the offer, whatever happens meanwhile.
    let first = shop.ask_all(0..sessions).await?;
    reaper.may_kill(kills);
    ensure!(first.len() == BUDGET, "{} offers are out of a budget of {BUDGET}", first.len());
    let names: BTreeSet<&str> = first.values().map(String::as_str).collect();
    ensure!(names.len() == BUDGET, "each is a grant of its own");

    // Some are redeemed, each by many at once; and the sessions of some others are erased, which brings theirs back.
    let (redeemed, rest): (Vec<_>, Vec<_>) = first.iter().enumerate().partition(|(at, _)| at % 2 == 0);
    for (_, (session, token)) in &redeemed {
        let rivals = (0..RIVALS).map(|rival| shop.redeem(token, format!("{session}-{rival}")));
        let answers = stream::iter(rivals).buffer_unordered(RIVALS).collect::<Vec<_>>().await;
        let won = answers.into_iter().collect::<Result<Vec<bool>>>()?.into_iter().filter(|won| *won).count();
        ensure!(won == 1, "the grant of {session} was redeemed {won} times");
    }
    let erased = rest.len() / 2;
    for (_, (session, _)) in &rest[..erased] {
        shop.until_done("/v1/erase", &json!({"v": 1, "site": "demo", "session": session})).await?;
    }
    let second = shop.ask_all(sessions..sessions + sessions / 2).await?;
    ensure!(second.len() == erased, "{erased} came back, and {} more were made", second.len());
    // An erased one is never redeemed.
    for (_, (_, token)) in &rest[..erased] {
        ensure!(!shop.redeem(token, "late".to_owned()).await?, "an erased session's grant was redeemed");
    }
    reaper.has_killed(kills).await
}

/// The shoppers and the backend of a shop. Both repeat whatever was not answered.
struct Shop {
    caller: Caller,
    http: reqwest::Client,
    url: String,
}

impl Shop {
    /// The tokens of those who are made the offer, by session.
    async fn ask_all(&self, numbers: std::ops::Range<u64>) -> Result<BTreeMap<String, String>> {
        let asked = stream::iter(numbers.map(|number| self.ask(format!("5e551011{number:024x}"))));
        let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        Ok(answers.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Asks until there is an answer. What was decided and not answered stands, and is answered again.
    async fn ask(&self, session: String) -> Result<Option<(String, String)>> {
        for _ in 0..TRIES {
            let Answer::Done(granted) = self.caller.consent(&session, true).await else {
                again().await;
                continue;
            };
            match self.caller.decide(&session, epoch(&granted)?).await {
                Answer::Done(decision) if decision["reason"] == "targeting_match" => {
                    let token =
                        decision["offer"]["grant"].as_str().with_context(|| format!("no token in {decision}"))?;
                    return Ok(Some((session, token.to_owned())));
                }
                Answer::Done(decision) if decision["reason"] == "budget_spent" => return Ok(None),
                Answer::Done(decision) => bail!("decided otherwise: {decision}"),
                Answer::Refused { status, code } => bail!("refused with {status} {code}"),
                _ => again().await,
            }
        }
        bail!("no answer to {session}")
    }

    async fn until_done(&self, route: &str, body: &Value) -> Result<Value> {
        for _ in 0..TRIES {
            match self.caller.post(route, body).await {
                Answer::Done(answer) => return Ok(answer),
                Answer::Refused { status, code } => bail!("refused with {status} {code}"),
                _ => again().await,
            }
        }
        bail!("no answer from {route}")
    }

    /// Whether the grant was redeemed by this request, which is repeated until it is answered.
    async fn redeem(&self, token: &str, key: String) -> Result<bool> {
        for _ in 0..TRIES {
            let request = self.http.post(format!("{}/v1/grants/{token}/redeem", self.url)).bearer_auth(SECRET);
            let sent = request.header("idempotency-key", &key).json(&json!({})).send().await;
            match sent.map(|answer| answer.status().as_u16()) {
                Ok(200) => return Ok(true),
                Ok(409 | 410) => return Ok(false),
                Ok(429 | 503) | Err(_) => again().await,
                Ok(status) => bail!("redeeming was answered with {status}"),
            }
        }
        bail!("no answer to a redemption")
    }
}

/// A pause between two tries: the collector is being started.
async fn again() {
    tokio::time::sleep(Duration::from_millis(15)).await;
}

/// Kills the collector at random instants, and starts it again.
struct Reaper {
    collector: Arc<Mutex<(Collector, u64)>>,
    /// How often it may kill in all.
    most: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl Reaper {
    fn start(collector: Collector, mut dice: Dice, most: u64) -> Reaper {
        let collector = Arc::new(Mutex::new((collector, 0)));
        let (most, stop) = (Arc::new(AtomicU64::new(most)), Arc::new(AtomicBool::new(false)));
        let (held, allowed, stopped) = (Arc::clone(&collector), Arc::clone(&most), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                // The schedule knows nothing of requests: it kills whatever is going on.
                tokio::time::sleep(Duration::from_millis(dice.whole(20, LONGEST_LIFE_MS))).await;
                let (collector, kills) = &mut *held.lock().await;
                if *kills < allowed.load(Ordering::SeqCst) {
                    collector.kill().await?;
                    *kills += 1;
                    collector.restart().await?;
                }
            }
            Ok(())
        });
        Reaper { collector, most, stop, task }
    }

    fn may_kill(&self, most: u64) {
        self.most.store(most, Ordering::SeqCst);
    }

    /// Waits until there were so many kills.
    async fn has_killed(&self, kills: u64) -> Result<()> {
        while self.collector.lock().await.1 < kills {
            ensure!(!self.task.is_finished(), "nobody kills any more");
            again().await;
        }
        Ok(())
    }

    async fn stop(self) -> Result<(Collector, u64)> {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await??;
        let held = Arc::into_inner(self.collector).context("nobody else has it")?;
        Ok(held.into_inner())
    }
}
