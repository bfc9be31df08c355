//! Clients that mean harm: slow ones, giant bodies, bodies that unpack to giants, and more sessions than there is room for. The collector's
//! memory stays within what its limits say, others are served meanwhile, and afterwards all is as before (invariant I9).

mod attacks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use waver_tests::caller::{Answer, Caller};
use waver_tests::collector::Collector;
use waver_tests::house::OFFERS;
use waver_tests::visit::Visit;
use waver_tests::visitor::Visitor;
use waver_tests::{eventually, seed};

use attacks::{GIANT_BYTES, HOSTILE, bombs, drip, flood, giant};

const CONNECTIONS: u64 = 512;
const QUEUE: u64 = 256;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Clients that send a header, or a body, byte by byte. Together they leave some of the connections to others.
const SLOW_HEADERS: u64 = 240;
const SLOW_BODIES: u64 = 80;
/// Clients that send a body without end.
const GIANTS: u64 = 16;
/// Shoppers who came before, and want to go on.
const SHOPPERS: u64 = 8;
/// How long a shopper may have to wait while all this goes on, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much harm is done.
#[derive(Clone, Copy)]
struct Harm {
    /// Sessions that the collector keeps.
    sessions: u64,
    /// Sessions that one address wants to open.
    flood: u64,
    /// Bodies that unpack to giants.
    bombs: u64,
}

impl Harm {
    /// Most KiB that the process may grow by: what each limit lets in, at the cost of one.
    fn most_kib(&self) -> u64 {
        // A connection: buffers of a request's head (16 KiB) and body (16 KiB), what it unpacks to (16 KiB), and its task.
        let connections = CONNECTIONS * 64;
        // A session of a grant alone is below 1 KiB, its share of the tables included; a waiting batch is at most 16 KiB and its events.
        let state = self.sessions + QUEUE * 64;
        // The log's cache, what it writes at a time, a window of 8 MiB for each body that is unpacked now, and the allocator's slack.
        let fixed = 16 * 1_024 + 16 * 1_024 + 2 * 8 * 1_024 + 16 * 1_024;
        connections + state + fixed
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn harm_is_bounded_and_others_are_served() -> Result<()> {
    harmed(Harm { sessions: 1_000, flood: 3_000, bombs: 300 }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo xtask test --soak"]
async fn a_hundred_thousand_sessions_of_one_address_are_bounded() -> Result<()> {
    harmed(Harm { sessions: 20_000, flood: 100_000, bombs: 20_000 }).await
}

async fn harmed(harm: Harm) -> Result<()> {
    let seed = seed();
    let (connections, queue, sessions) = (CONNECTIONS.to_string(), QUEUE.to_string(), harm.sessions.to_string());
    let timeout = format!("{}s", REQUEST_TIMEOUT.as_secs());
    let settings = [
        ("WAVER__LIMITS__CONNECTIONS", connections.as_str()),
        ("WAVER__LIMITS__QUEUE", &queue),
        ("WAVER__LIMITS__SESSIONS", &sessions),
        ("WAVER__LIMITS__REQUEST_TIMEOUT", &timeout),
    ];
    let collector = Collector::start_with("http://127.0.0.1:8080", OFFERS, &settings).await?;
    let outcome = under_harm(&collector, seed, harm).await;
    outcome.with_context(|| format!("seed {seed}"))
}

async fn under_harm(collector: &Collector, seed: u64, harm: Harm) -> Result<()> {
    let over = Arc::new(AtomicBool::new(false));
    let served = Arc::new(Served::default());
    let mut shoppers = JoinSet::new();
    for index in 0..SHOPPERS {
        let (caller, over, served) = (collector.caller()?, Arc::clone(&over), Arc::clone(&served));
        let visitor = Visitor::new(seed, index);
        let epoch = caller.grant(&visitor.session).await?;
        shoppers.spawn(async move { shop(&caller, &visitor, epoch, &over, &served).await });
    }
    eventually("the shoppers to be served", PATIENCE, || async { Ok((served.requests() > 50).then_some(())) }).await?;
    let before_kib = resident_kib(collector, "VmRSS")?;
    let undisturbed = served.requests();

    let address: SocketAddr = collector.url.trim_start_matches("http://").parse()?;
    let mut slow = JoinSet::new();
    for _ in 0..SLOW_HEADERS {
        slow.spawn(drip(address, "POST /v1/events HTTP/1.1\r\nhost: x\r\nx-slow: "));
    }
    for _ in 0..SLOW_BODIES {
        let head =
            "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n";
        slow.spawn(drip(address, head));
    }
    let mut giants = JoinSet::new();
    for number in 0..GIANTS {
        giants.spawn(giant(address, number % 2 == 0));
    }
    let caller = Caller::from_address(&collector.url, HOSTILE)?;
    let (bombed, flooded) = tokio::join!(bombs(&caller, harm.bombs), flood(&caller, seed, harm.flood));
    let opened = flooded?;
    let bombed = bombed?;
    let mut longest = Duration::ZERO;
    while let Some(held) = slow.join_next().await {
        longest = longest.max(held??);
    }
    let mut swallowed = 0;
    while let Some(sent) = giants.join_next().await {
        swallowed = swallowed.max(sent??);
    }
    let disturbed = served.requests() - undisturbed;

    let grown_kib = resident_kib(collector, "VmHWM")?.saturating_sub(before_kib);
    println!(
        "grew by {grown_kib} of {} KiB; slow clients held on for {longest:?}; a giant got rid of {swallowed} bytes; {bombed} bombs; {opened} \
         of {} sessions opened; {disturbed} requests of others served, the slowest in {:?}",
        harm.most_kib(),
        harm.flood,
        served.slowest()
    );
    ensure!(grown_kib <= harm.most_kib(), "grew by {grown_kib} KiB, which is over {} KiB", harm.most_kib());
    ensure!(longest < REQUEST_TIMEOUT * 2 + PATIENCE, "a slow client held its connection for {longest:?}");
    ensure!(swallowed < GIANT_BYTES, "a body of {GIANT_BYTES} bytes was taken whole");
    ensure!(opened + SHOPPERS <= harm.sessions, "{opened} sessions were opened");
    ensure!(disturbed > 20 && served.slowest() < PATIENCE, "{disturbed} served, the slowest in {:?}", served.slowest());

    // It is over: whoever comes anew is served at once.
    let fresh = collector.caller()?;
    let begun = Instant::now();
    ensure!(fresh.get("/readyz").await?.0 == 200, "ready");
    ensure!(begun.elapsed() < PATIENCE, "took {:?}", begun.elapsed());
    over.store(true, Ordering::SeqCst);
    while let Some(ended) = shoppers.join_next().await {
        ended??;
    }
    let total = collector.admin("/v1/aggregates?site=demo").await?["total"].take();
    let expected: usize = (0..SHOPPERS).map(|index| Visitor::new(seed, index).events.len()).sum();
    ensure!(total["events"].as_u64() <= Some(expected as u64) && total["sessions"] == SHOPPERS, "{total}");
    Ok(())
}

/// Where rates are limited, who floods meets the limit of one source long before there is no room left, and newcomers get in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_source_does_not_take_the_room_of_others() -> Result<()> {
    const FLOOD: u64 = 2_000;
    const A_MINUTE: u64 = 60;
    let seed = seed();
    let settings = [
        ("WAVER__LIMITS__SESSIONS", "200"),
        ("WAVER__LIMITS__RATE__SOURCE_SESSIONS", "60/min"),
        ("WAVER__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]"),
    ];
    let collector = Collector::start_with("http://127.0.0.1:8080", OFFERS, &settings).await?;
    let begun = Instant::now();
    let hostile = Caller::from_source(&collector.url, [203, 0, 113, 66])?;
    let newcomers = async {
        for number in 1..=20 {
            let newcomer = Caller::from_source(&collector.url, [198, 51, 100, number])?;
            let (visit, trouble) = Visit::of(&newcomer, &Visitor::new(seed, number.into())).await;
            ensure!(trouble.is_none(), "newcomer {number} after {} events: {trouble:?}", visit.events.len());
        }
        Ok(())
    };
    let (opened, served) = tokio::join!(flood(&hostile, seed, FLOOD), newcomers);
    served.with_context(|| format!("seed {seed}"))?;
    let opened = opened?;
    let allowed = A_MINUTE + begun.elapsed().as_secs() * A_MINUTE / 60 + 1;
    ensure!((1..=allowed).contains(&opened), "seed {seed}: {opened} sessions were opened, {allowed} are allowed");
    Ok(())
}

/// What was done for those who mean no harm.
#[derive(Default)]
struct Served {
    requests: AtomicU64,
    slowest_ms: AtomicU64,
}

impl Served {
    fn count(&self, took: Duration) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.slowest_ms.fetch_max(took.as_millis() as u64, Ordering::SeqCst);
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    fn slowest(&self) -> Duration {
        Duration::from_millis(self.slowest_ms.load(Ordering::SeqCst))
    }
}

/// Sends a visit event by event, again and again, each until it is taken.
async fn shop(caller: &Caller, visitor: &Visitor, epoch: u64, over: &AtomicBool, served: &Served) -> Result<()> {
    for event in visitor.events.iter().cycle() {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let begun = Instant::now();
        loop {
            match caller.events(&visitor.session, epoch, std::slice::from_ref(event)).await {
                Answer::Done(_) => break,
                Answer::Later { .. } if begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(20)).await
                }
                other => anyhow::bail!("a shopper was answered {other:?} after {:?}", begun.elapsed()),
            }
        }
        served.count(begun.elapsed());
        // As fast as a batch every now and then; the machine is for the others.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// A figure of the process's memory.
fn resident_kib(collector: &Collector, figure: &str) -> Result<u64> {
    let id = collector.id().context("the collector runs")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find(|line| line.starts_with(figure)).with_context(|| format!("no {figure}"))?;
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).with_context(|| format!("not a figure: {line}"))
}
