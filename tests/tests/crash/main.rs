//! Seeded shoppers shop while the collector is killed under them again and again: nothing that was acknowledged is lost, and nothing is
//! counted twice (invariants I2, I3 and I4).

mod books;
mod sender;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use waver_sim::shopper::{Dice, Stream};
use waver_tests::collector::Collector;
use waver_tests::house::OFFERS;
use waver_tests::seed;

use books::Books;
use sender::Sender;

/// Shoppers at a time.
const SENDERS: u64 = 6;
/// One kill of so many comes while the collector starts.
const STARTS_KILLED: f64 = 0.3;
/// A kill comes at most so long after the collector is ready, in milliseconds.
const LONGEST_LIFE_MS: u64 = 300;
/// A kill during the start comes at most so long after it began, in milliseconds: about as long as a start takes.
const LONGEST_START_MS: u64 = 120;
/// After so many kills at least, all that was ever acknowledged is sent again, and the state is compared with what the log gives.
const KILLS_BETWEEN_AUDITS: u64 = 25;
/// In a long run that is done so often.
const AUDITS: u64 = 8;
/// Snapshots several times a second, and a new segment of the log every ten seconds (a twenty-fourth of what events are kept), so that kills
/// meet them. A short run stays within what is kept, so that its state can be built from the very beginning.
const ROLLED: &[(&str, &str)] = &[("WAVER__RETENTION__SNAPSHOT_EVERY", "150ms"), ("WAVER__RETENTION__EVENTS", "4m")];
/// The same, with events that stay in the log for half a minute only.
const TRIMMED: &[(&str, &str)] = &[("WAVER__RETENTION__SNAPSHOT_EVERY", "150ms"), ("WAVER__RETENTION__EVENTS", "30s")];
const HOUR_MS: u128 = 3_600_000;
/// After each other kill, so many visits are sent again.
const VISITS_AUDITED: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_counted_twice_by_kills_at_random_instants() -> Result<()> {
    killed(60, ROLLED).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes twenty minutes and more: cargo xtask test --soak"]
async fn a_thousand_kills_lose_nothing_and_double_nothing() -> Result<()> {
    killed(1_000, ROLLED).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes some minutes: cargo xtask test --soak"]
async fn what_is_trimmed_from_the_log_is_not_lost_either() -> Result<()> {
    killed(300, TRIMMED).await
}

async fn killed(kills: u64, hurry: &[(&'static str, &'static str)]) -> Result<()> {
    let seed = seed();
    let mut run = Run::start(seed, hurry).await?;
    let outcome = run.through(kills).await;
    println!("seed {seed}: {} kills, {} of them during a start; {}", run.kills, run.starts_killed, run.books.summary());
    outcome.with_context(|| format!("seed {seed}, kill {}; the collector said\n{}", run.kills, run.last_words()))
}

struct Run {
    collector: Collector,
    books: Arc<Books>,
    /// Senders hold it to read while a request is under way; who holds it to write sees a world at rest.
    gate: Arc<RwLock<()>>,
    senders: JoinSet<Result<()>>,
    dice: Dice,
    kills: u64,
    starts_killed: u64,
    next_audit: u64,
    /// What is asked for, Unix milliseconds: the same each time, so that the answers can be compared.
    stretch: (u128, u128),
}

impl Run {
    async fn start(seed: u64, hurry: &[(&'static str, &'static str)]) -> Result<Run> {
        let collector = Collector::start_with("http://127.0.0.1:8080", OFFERS, hurry).await?;
        let (books, gate) = (Arc::new(Books::new(SENDERS)), Arc::new(RwLock::new(())));
        let mut senders = JoinSet::new();
        for index in 0..SENDERS {
            let sender = Sender::new(seed, index, collector.caller()?, Arc::clone(&books), Arc::clone(&gate));
            senders.spawn(sender.shop());
        }
        let dice = Dice::new(seed, SENDERS, Stream::Network);
        let begun = std::time::UNIX_EPOCH.elapsed()?.as_millis();
        // Shoppers live faster than time passes: their first events happened some minutes before they were sent.
        let stretch = (begun - 2 * HOUR_MS, begun + 6 * HOUR_MS);
        Ok(Run {
            stretch,
            collector,
            books,
            gate,
            senders,
            dice,
            kills: 0,
            starts_killed: 0,
            next_audit: KILLS_BETWEEN_AUDITS,
        })
    }

    async fn through(&mut self, kills: u64) -> Result<()> {
        while self.kills < kills {
            let life = Duration::from_millis(self.dice.whole(0, LONGEST_LIFE_MS));
            // The schedule knows nothing of requests: it kills whatever is going on.
            tokio::time::sleep(life).await;
            self.collector.kill().await?;
            self.kills += 1;
            let gate = Arc::clone(&self.gate);
            let at_rest = gate.write().await;
            while self.kills < kills && self.dice.chance(STARTS_KILLED) {
                self.collector.launch()?;
                tokio::time::sleep(Duration::from_millis(self.dice.whole(0, LONGEST_START_MS))).await;
                self.collector.kill().await?;
                self.kills += 1;
                self.starts_killed += 1;
            }
            self.collector.restart().await?;
            self.check_sums().await?;
            let most = if self.kills >= self.next_audit {
                self.next_audit = self.kills + KILLS_BETWEEN_AUDITS.max(kills / AUDITS);
                self.check_state().await?;
                usize::MAX
            } else {
                VISITS_AUDITED
            };
            self.books.audit(&self.collector.caller()?, most, &mut self.dice).await?;
            drop(at_rest);
            while let Some(ended) = self.senders.try_join_next() {
                ended??;
            }
        }
        self.books.close();
        while let Some(ended) = self.senders.join_next().await {
            ended??;
        }
        ensure!(self.books.in_doubt() == 0, "every batch was answered at last");
        self.check_sums().await?;
        let caller = self.collector.caller()?;
        self.books.audit(&caller, usize::MAX, &mut self.dice).await?;
        self.check_sums().await?;
        self.check_state().await
    }

    /// What the collector counts, against what the senders know.
    async fn check_sums(&self) -> Result<()> {
        let aggregates = self.aggregates().await?;
        let outcomes = &aggregates["outcomes"];
        let number = |value: &Value| value.as_u64().with_context(|| format!("no number in {aggregates}"));
        let (received, stored) = (number(&outcomes["received"])?, number(&outcomes["stored"])?);
        let discarded: u64 =
            outcomes["discarded"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
        ensure!(received == stored + number(&outcomes["duplicate"])? + discarded, "the outcomes balance: {outcomes}");
        let counted = number(&aggregates["total"]["events"])?;
        ensure!(counted == stored, "{counted} events in the windows, {stored} stored: {aggregates}");
        let (acknowledged, in_doubt) = (self.books.acknowledged(), self.books.in_doubt());
        ensure!(
            (acknowledged..=acknowledged + in_doubt).contains(&stored),
            "{acknowledged} events acknowledged and {in_doubt} in doubt, but {stored} stored"
        );
        Ok(())
    }

    /// Kills a collector at rest, and compares what it knew with what the log gives.
    async fn check_state(&mut self) -> Result<()> {
        let before = self.known().await?;
        self.collector.kill().await?;
        self.books.replayed(&self.collector).await?;
        self.collector.restart().await?;
        let after = self.known().await?;
        for part in ["stored", "total", "sessions"] {
            let (before, after) = (&before[part], &after[part]);
            ensure!(before == after, "{part} before the kill:\n{before}\nand after:\n{after}");
        }
        Ok(())
    }

    async fn aggregates(&self) -> Result<Value> {
        let (from, to) = self.stretch;
        self.collector.admin(&format!("/v1/aggregates?site=demo&from={from}&to={to}")).await
    }

    /// Everything that operators can ask for and that does not depend on when they ask.
    async fn known(&self) -> Result<Value> {
        let aggregates = self.aggregates().await?;
        let mut sessions = self.collector.admin("/v1/sessions?site=demo&limit=1000").await?;
        for row in sessions["sessions"].as_array_mut().into_iter().flatten() {
            row["live"] = Value::Null;
        }
        Ok(serde_json::json!({
            "total": aggregates["total"], "stored": aggregates["outcomes"]["stored"], "sessions": sessions
        }))
    }

    fn last_words(&self) -> String {
        let output = self.collector.output().unwrap_or_default();
        let lines: Vec<&str> = output.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}
