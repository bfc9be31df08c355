//! Clients that mean harm: slow ones, giant bodies, bodies that unpack to giants, and more sessions than there is room for. The collector's
//! memory stays within what its limits say, others are served meanwhile, and afterwards all is as before (invariant I9).

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use waver_sim::shopper::{Dice, Stream};
use waver_tests::caller::{Answer, Caller};
use waver_tests::collector::Collector;
use waver_tests::house::OFFERS;
use waver_tests::visit::Visit;
use waver_tests::visitor::Visitor;
use waver_tests::{eventually, seed};

/// Where the harm comes from; everybody else has another address.
const HOSTILE: [u8; 4] = [127, 0, 0, 66];
const CONNECTIONS: u64 = 512;
const QUEUE: u64 = 256;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Clients that send a header, or a body, byte by byte. Together they leave some of the connections to others.
const SLOW_HEADERS: u64 = 240;
const SLOW_BODIES: u64 = 80;
/// Clients that send a body without end.
const GIANTS: u64 = 16;
/// A giant gives up after so many bytes, which no limit allows.
const GIANT_BYTES: usize = 64 << 20;
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

/// Sends `head`, then a byte now and then, until it is cut off or answered. Gives how long that took.
async fn drip(address: SocketAddr, head: &'static str) -> Result<Duration> {
    let mut stream = connect(address).await?;
    let begun = Instant::now();
    let mut byte = [0];
    let mut sending = stream.write_all(head.as_bytes()).await.is_ok();
    while begun.elapsed() < REQUEST_TIMEOUT * 4 + PATIENCE {
        let listened = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
        match listened {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => sending = false,
            Err(_) if sending => sending = stream.write_all(b"1").await.is_ok(),
            Err(_) => {}
        }
    }
    Ok(begun.elapsed())
}

/// Sends a body without end, chunked or not, for as long as it is let. Gives how many bytes it got rid of.
async fn giant(address: SocketAddr, chunked: bool) -> Result<usize> {
    let length =
        if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {}", 1_u64 << 40) };
    let head = format!("POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{length}\r\n\r\n");
    let mut chunk = if chunked { b"10000\r\n".to_vec() } else { Vec::new() };
    chunk.extend(vec![b' '; 0x10000]);
    chunk.extend(if chunked { b"\r\n".as_slice() } else { b"" });
    let mut stream = connect(address).await?;
    let mut sent = 0;
    if stream.write_all(head.as_bytes()).await.is_err() {
        return Ok(0);
    }
    while sent < GIANT_BYTES {
        let writing = tokio::time::timeout(REQUEST_TIMEOUT + PATIENCE, stream.write_all(&chunk)).await;
        if !matches!(writing, Ok(Ok(()))) {
            break;
        }
        sent += chunk.len();
    }
    Ok(sent)
}

/// Sends bodies of some 16 KiB that unpack to giants. Gives how many were refused for that.
async fn bombs(caller: &Caller, count: u64) -> Result<u64> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![b' '; 12 << 20])?;
    let gzip = gzip.finish()?;
    // A frame with the largest window that is let in (8 MiB), then blocks of 4 bytes that each stand for 128 KiB of spaces.
    let mut zstd = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3];
    for _ in 0..3_500 {
        zstd.extend([0x02, 0x00, 0x10, b' ']);
    }
    let mut refused = 0;
    let mut under_way = JoinSet::new();
    for number in 0..count {
        let (caller, encoding, body) = if number % 2 == 0 {
            (caller.clone(), "gzip", gzip.clone())
        } else {
            (caller.clone(), "zstd", zstd.clone())
        };
        under_way.spawn(async move { caller.post_bytes("/v1/events", Some(encoding), body).await });
        while under_way.len() >= 8 || (number + 1 == count && !under_way.is_empty()) {
            match under_way.join_next().await.context("requests are under way")?? {
                Answer::Refused { status: 413, .. } => refused += 1,
                Answer::Later { .. } | Answer::Unanswered => {}
                other => anyhow::bail!("a bomb was answered {other:?}"),
            }
        }
    }
    Ok(refused)
}

/// Wants to open that many sessions. Gives how many it opened.
async fn flood(caller: &Caller, seed: u64, sessions: u64) -> Result<u64> {
    let mut opened = 0;
    let mut under_way = JoinSet::new();
    for number in 0..sessions {
        let bits = Dice::new(seed, number, Stream::Arrivals).bits();
        let session: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let caller = caller.clone();
        under_way.spawn(async move { caller.consent(&session, true).await });
        while under_way.len() >= 32 || (number + 1 == sessions && !under_way.is_empty()) {
            match under_way.join_next().await.context("requests are under way")?? {
                Answer::Done(_) => opened += 1,
                Answer::Later { retry_after_s: Some(1..), .. } | Answer::Unanswered => {}
                other => anyhow::bail!("one session too many was answered {other:?}"),
            }
        }
    }
    Ok(opened)
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::from(HOSTILE), 0))?;
    Ok(socket.connect(address).await?)
}

/// A figure of the process's memory.
fn resident_kib(collector: &Collector, figure: &str) -> Result<u64> {
    let id = collector.id().context("the collector runs")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find(|line| line.starts_with(figure)).with_context(|| format!("no {figure}"))?;
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).with_context(|| format!("not a figure: {line}"))
}
