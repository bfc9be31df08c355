//! The same visits, sent clean to one collector, and through a storm of repetitions, reorderings, retries that wait for no answer and
//! stalls of a minute to another: both know the same in the end (invariants I2 and I10). Decisions are left out, since they depend on
//! when they are asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use waver::{Config, Host};
use waver_sim::shopper::{Dice, Stream};
use waver_tests::caller::{Answer, Caller};
use waver_tests::collector::{ADMIN_TOKEN, Collector};
use waver_tests::house::OFFERS;
use waver_tests::seed;
use waver_tests::visitor::{Visitor, time_of};

/// When the first visit begins, by the clock of the collectors in this process.
const START: u64 = 1_800_000_000_000;
/// Milliseconds between the beginnings of two visits.
const APART_MS: u64 = 1_900;
const STALL_MS: u64 = 60_000;
/// Most events in a batch.
const MOST_EVENTS: u64 = 8;
/// Requests that are under way at the same time.
const AT_ONCE: usize = 16;
/// Deliveries that come within so many milliseconds of the clock are under way together.
const BURST_MS: u64 = 250;

/// Something that reaches a collector.
#[derive(Debug, Clone)]
struct Delivery {
    at: u64,
    visitor: usize,
    /// No events: the grant, which comes first and once.
    events: Vec<Value>,
}

/// A collector in this process, with a clock that only the test moves.
struct Clocked {
    collector: waver::Collector,
    caller: Caller,
    clock: Arc<AtomicU64>,
    _folder: TempDir,
}

impl Clocked {
    async fn start() -> Result<Clocked> {
        let folder = tempfile::tempdir()?;
        let config = "[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = \"data\"\n\n[release]\nk = 0\n\n\
                      [sites.demo]\noffers = \"offers.toml\"\nallow_no_origin = true\n";
        std::fs::write(folder.path().join("waver.toml"), config)?;
        std::fs::write(folder.path().join("offers.toml"), OFFERS)?;
        let environment = [("WAVER__ADMIN__TOKEN".to_owned(), ADMIN_TOKEN.to_owned())];
        let config = Config::load(&folder.path().join("waver.toml"), environment)?;
        let clock = Arc::new(AtomicU64::new(START));
        let told = Arc::clone(&clock);
        let host = Host::system().with_clock(move || told.load(Ordering::SeqCst));
        let collector = waver::Collector::start_on(config, host).await?;
        let caller = Caller::new(&format!("http://{}", collector.address()))?;
        Ok(Clocked { collector, caller, clock, _folder: folder })
    }

    /// Lets `deliveries`, in order of time, arrive; those of a burst in any order and together.
    async fn receive(&self, visitors: &[Visitor], deliveries: Vec<Delivery>, dice: &mut Dice) -> Result<()> {
        let mut epochs = vec![0; visitors.len()];
        let mut rest = deliveries.into_iter().peekable();
        while let Some(first) = rest.next() {
            self.clock.store(first.at, Ordering::SeqCst);
            if first.events.is_empty() {
                epochs[first.visitor] = self.caller.grant(&visitors[first.visitor].session).await?;
                continue;
            }
            let mut burst = vec![first];
            while let Some(next) = rest
                .next_if(|next| !next.events.is_empty() && next.at < burst[0].at + BURST_MS && burst.len() < AT_ONCE)
            {
                burst.push(next);
            }
            // Nothing arrives before it has happened.
            self.clock.store(burst.iter().map(|delivery| delivery.at).max().unwrap_or(START), Ordering::SeqCst);
            shuffle(&mut burst, dice);
            let mut under_way = JoinSet::new();
            for Delivery { visitor, events, .. } in burst {
                let (caller, session, epoch) =
                    (self.caller.clone(), visitors[visitor].session.clone(), epochs[visitor]);
                under_way.spawn(async move { taken(&caller, &session, epoch, &events).await });
            }
            while let Some(answered) = under_way.join_next().await {
                answered??;
            }
        }
        Ok(())
    }

    /// All that operators see at `now`, pseudonyms aside: each collector has its own.
    async fn known(&self, now: u64) -> Result<Known> {
        self.clock.store(now, Ordering::SeqCst);
        let ask = async |route: &str| {
            let url = format!("http://{}{route}", self.collector.address());
            let answer = reqwest::Client::new().get(url).bearer_auth(ADMIN_TOKEN).send().await?;
            anyhow::Ok(answer.error_for_status()?.json::<Value>().await?)
        };
        let (from, to) = (START - 3_600_000, now + 60_000);
        let aggregates = ask(&format!("/v1/aggregates?site=demo&from={from}&to={to}")).await?;
        let sessions = ask("/v1/sessions?site=demo&limit=1000").await?;
        Ok(Known::of(aggregates, sessions, &["session"]))
    }
}

/// What a collector knows.
#[derive(Debug)]
struct Known {
    windows: Value,
    total: Value,
    rows: Vec<String>,
    outcomes: Value,
}

impl Known {
    /// Without those fields of the sessions' rows that may differ.
    fn of(mut aggregates: Value, sessions: Value, but: &[&str]) -> Known {
        let rows = sessions["sessions"].as_array().into_iter().flatten().map(|row| {
            let mut row = row.clone();
            but.iter().for_each(|field| row[field] = Value::Null);
            row.to_string()
        });
        let mut rows: Vec<String> = rows.collect();
        rows.sort_unstable();
        let [windows, total, outcomes] = ["windows", "total", "outcomes"].map(|field| aggregates[field].take());
        Known { windows, total, rows, outcomes }
    }

    /// That `stormy` differs in nothing but how often it was told.
    fn expect_same(&self, stormy: &Known, events: u64, sent: u64) -> Result<()> {
        ensure!(self.outcomes["stored"] == events && self.outcomes["duplicate"] == 0, "clean: {}", self.outcomes);
        ensure!(
            stormy.outcomes["stored"] == events && stormy.outcomes["duplicate"] == sent - events,
            "{sent} events sent, {events} of them different: {}",
            stormy.outcomes
        );
        ensure!(self.total["lost_events"] == 0, "{}", self.total);
        ensure!(self.total == stormy.total, "clean:\n{}\nafter the storm:\n{}", self.total, stormy.total);
        ensure!(self.windows == stormy.windows, "clean:\n{}\nafter the storm:\n{}", self.windows, stormy.windows);
        for (clean, stormy) in self.rows.iter().zip(&stormy.rows) {
            ensure!(clean == stormy, "clean:\n{clean}\nafter the storm:\n{stormy}");
        }
        ensure!(self.rows.len() == stormy.rows.len(), "{} sessions, then {}", self.rows.len(), stormy.rows.len());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storms_change_nothing() -> Result<()> {
    storms(4, 40).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo xtask test --soak"]
async fn many_storms_change_nothing() -> Result<()> {
    storms(60, 120).await
}

async fn storms(cases: u64, visits: u64) -> Result<()> {
    let first = seed();
    for seed in first..first + cases {
        storm(seed, visits).await.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

async fn storm(seed: u64, visits: u64) -> Result<()> {
    let mut dice = Dice::new(seed, 0, Stream::Network);
    let visitors: Vec<Visitor> = (0..visits).map(|index| Visitor::new(seed, index)).collect();
    let batches: Vec<Vec<Vec<Value>>> =
        visitors.iter().map(|visitor| visitor.batches(MOST_EVENTS, &mut dice)).collect();
    let (mut clean, mut stormy) = (Vec::new(), Vec::new());
    for (visitor, batches) in batches.into_iter().enumerate() {
        let begins = START + visitor as u64 * APART_MS;
        let grant = Delivery { at: begins, visitor, events: Vec::new() };
        clean.push(grant.clone());
        stormy.push(grant);
        let stalls_at = begins + dice.whole(0, visitors[visitor].ends_at());
        let stalls = dice.chance(0.5);
        for events in batches {
            let due = begins + events.last().map_or(0, time_of);
            for _ in 0..=dice.weighted(&[6.0, 3.0, 1.0]) {
                let mut at = due + if dice.chance(0.5) { dice.whole(0, 200) } else { dice.whole(0, 8_000) };
                if stalls && (stalls_at..stalls_at + STALL_MS).contains(&at) {
                    at = stalls_at + STALL_MS + dice.whole(0, 500);
                }
                stormy.push(Delivery { at, visitor, events: events.clone() });
            }
            clean.push(Delivery { at: due, visitor, events });
        }
    }
    let count = |deliveries: &[Delivery]| deliveries.iter().map(|delivery| delivery.events.len() as u64).sum::<u64>();
    let (events, sent) = (count(&clean), count(&stormy));
    let last = clean.iter().chain(&stormy).map(|delivery| delivery.at).max().unwrap_or(START);
    clean.sort_by_key(|delivery| delivery.at);
    stormy.sort_by_key(|delivery| delivery.at);

    let (calm, tossed) = (Clocked::start().await?, Clocked::start().await?);
    calm.receive(&visitors, clean, &mut dice).await?;
    tossed.receive(&visitors, stormy, &mut dice).await?;
    let now = last + 1_000;
    calm.known(now).await?.expect_same(&tossed.known(now).await?, events, sent)?;
    calm.collector.shutdown().await;
    tossed.collector.shutdown().await;
    Ok(())
}

/// The same against processes, by the clock of the machine, under which only sums and counts can be compared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_changes_nothing_in_a_running_collector() -> Result<()> {
    let seed = seed();
    storm_on_processes(seed).await.with_context(|| format!("seed {seed}"))
}

async fn storm_on_processes(seed: u64) -> Result<()> {
    const VISITS: u64 = 60;
    let mut dice = Dice::new(seed, 0, Stream::Network);
    let visitors: Vec<Visitor> = (0..VISITS).map(|index| Visitor::new(seed, index)).collect();
    let calm = Collector::start("http://127.0.0.1:8080", OFFERS).await?;
    let tossed = Collector::start("http://127.0.0.1:8080", OFFERS).await?;
    let (mut events, mut sent) = (0, 0);
    let mut under_way = JoinSet::new();
    for visitor in visitors {
        let batches = visitor.batches(MOST_EVENTS, &mut dice);
        events += visitor.events.len() as u64;
        let clean = calm.caller()?;
        let epoch = clean.grant(&visitor.session).await?;
        for batch in &batches {
            taken(&clean, &visitor.session, epoch, batch).await?;
        }
        let mut copies: Vec<Vec<Value>> = Vec::new();
        for batch in batches {
            copies.extend(std::iter::repeat_n(batch, 1 + dice.weighted(&[6.0, 3.0, 1.0])));
        }
        shuffle(&mut copies, &mut dice);
        sent += copies.iter().map(|copy| copy.len() as u64).sum::<u64>();
        let caller = tossed.caller()?;
        let epoch = caller.grant(&visitor.session).await?;
        for copy in copies {
            while under_way.len() >= AT_ONCE {
                under_way.join_next().await.context("requests are under way")???;
            }
            let (caller, session) = (caller.clone(), visitor.session.clone());
            under_way.spawn(async move { taken(&caller, &session, epoch, &copy).await });
        }
    }
    while let Some(answered) = under_way.join_next().await {
        answered??;
    }
    let known = async |collector: &Collector| {
        let aggregates = collector.admin("/v1/aggregates?site=demo").await?;
        let mut sessions = collector.admin("/v1/sessions?site=demo&limit=1000").await?;
        for row in sessions["sessions"].as_array_mut().into_iter().flatten() {
            row["consent"]["epoch"] = Value::Null;
        }
        let mut known = Known::of(aggregates, sessions, &["session", "started_at", "last_event_at"]);
        known.windows = Value::Null;
        known.total["start"] = Value::Null;
        anyhow::Ok(known)
    };
    known(&calm).await?.expect_same(&known(&tossed).await?, events, sent)
}

/// Sends a batch until it is taken.
async fn taken(caller: &Caller, session: &str, epoch: u64, events: &[Value]) -> Result<()> {
    loop {
        match caller.events(session, epoch, events).await {
            Answer::Done(body) => {
                ensure!(body["rejected"] == json!([]), "{body}");
                return Ok(());
            }
            Answer::Later { .. } => tokio::time::sleep(Duration::from_millis(10)).await,
            other => anyhow::bail!("{other:?}"),
        }
    }
}

fn shuffle<T>(things: &mut [T], dice: &mut Dice) {
    for last in (1..things.len()).rev() {
        things.swap(last, dice.index(last + 1));
    }
}
