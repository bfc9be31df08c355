//! What durable answers cost: the collector beside a server that reads the same bodies and does nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use serde::Serialize;
use tokio::process::Command;

use crate::Result;
use crate::client::drive;
use crate::disk::quantile_ms;
use crate::process::{House, Process};
use crate::visit::{Story, Visit};

const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
const EVENTS_PER_BATCH: usize = 10;
/// What no collector reaches on a machine like this; there are visits enough for it.
const MOST_REQUESTS_PER_SECOND: f64 = 50_000.0;
/// Fewer events than no hand can make.
const MOST_BATCHES: usize = 110;
/// The argument that turns this program into the server that does nothing.
pub(crate) const NOOP: &str = "noop";

/// One number of connections, the best of all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct PipelineFigures {
    pub(crate) connections: usize,
    pub(crate) events_per_batch: usize,
    pub(crate) noop: Load,
    pub(crate) collector: Load,
    /// The collector's requests per second over those of the server that does nothing.
    pub(crate) throughput_ratio: f64,
    /// The same of processor time per request.
    pub(crate) cpu_ratio: f64,
}

/// What a server did under load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Load {
    pub(crate) events_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_us_per_request: f64,
}

/// Serves until it is killed.
pub(crate) async fn serve_noop() -> Result<()> {
    async fn noop(_body: Bytes) -> StatusCode {
        StatusCode::NO_CONTENT
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("noop listening on http://{}", listener.local_addr()?);
    let router = Router::new().route("/v1/events", post(noop));
    Ok(axum::serve(tokio_nodelay(listener), router).await?)
}

fn tokio_nodelay(listener: tokio::net::TcpListener) -> impl axum::serve::Listener<Addr = SocketAddr> {
    use axum::serve::ListenerExt;
    listener.tap_io(|stream| drop(stream.set_nodelay(true)))
}

/// Servers and numbers of connections take turns, so that a change of the machine's mood meets all of them.
pub(crate) async fn measure(folder: &Path, rounds: usize, each: Duration) -> Result<Vec<PipelineFigures>> {
    let seconds = each.as_secs_f64() * (rounds * CONNECTIONS.len()) as f64;
    let sessions = (seconds * MOST_REQUESTS_PER_SECOND / MOST_BATCHES as f64).ceil() as u64 + CONNECTIONS[3] as u64;
    let story = Arc::new(Story::new(MOST_BATCHES, EVENTS_PER_BATCH));
    let house = House::build(folder, sessions + 1, "5m")?;
    let (collector, _) = house.start().await?;
    let mut itself = Command::new(std::env::current_exe()?);
    itself.arg(NOOP);
    let (noop, _) = Process::start(itself).await?;
    eprintln!("pipeline: {sessions} sessions, {rounds} rounds of {} s", each.as_secs_f64());
    let shares = deal((0..sessions).collect(), 64);
    let begun = drive(collector.address, shares, |mut connection, numbers| async move {
        let mut visits = Vec::new();
        for number in numbers {
            visits.push(Visit::begin(&mut connection, number).await?);
        }
        Ok(visits)
    });
    let mut visits: Vec<Visit> = begun.await?.into_iter().flatten().collect();

    let mut loads: Vec<(Vec<Load>, Vec<Load>)> = vec![(Vec::new(), Vec::new()); CONNECTIONS.len()];
    for _ in 0..rounds {
        for (connections, (of_noop, of_collector)) in CONNECTIONS.into_iter().zip(&mut loads) {
            of_noop.push(load(&noop, visits.clone(), connections, each, &story, false).await?.0);
            let (load, after) = load(&collector, visits, connections, each, &story, true).await?;
            of_collector.push(load);
            visits = after;
        }
    }
    collector.kill().await?;
    noop.kill().await?;
    let figures = CONNECTIONS.into_iter().zip(loads).filter_map(|(connections, (noop, collector))| {
        let (noop, collector) = (best(&noop)?, best(&collector)?);
        Some(PipelineFigures {
            connections,
            events_per_batch: EVENTS_PER_BATCH,
            throughput_ratio: collector.events_per_second / noop.events_per_second,
            cpu_ratio: collector.cpu_us_per_request / noop.cpu_us_per_request,
            noop,
            collector,
        })
    });
    Ok(figures.collect())
}

/// The round with the highest throughput, and the median of what a request took of the processor.
fn best(rounds: &[Load]) -> Option<Load> {
    let best = rounds.iter().max_by(|a, b| a.events_per_second.total_cmp(&b.events_per_second))?;
    let mut cpu: Vec<f64> = rounds.iter().map(|load| load.cpu_us_per_request).collect();
    cpu.sort_by(f64::total_cmp);
    Some(Load { cpu_us_per_request: cpu[cpu.len() / 2], ..best.clone() })
}

/// Each connection sends a batch, waits for the answer and sends the next, of one of its visits after the other.
async fn load(
    server: &Process,
    visits: Vec<Visit>,
    connections: usize,
    each: Duration,
    story: &Arc<Story>,
    counts: bool,
) -> Result<(Load, Vec<Visit>)> {
    let (begun, cpu) = (Instant::now(), server.cpu_seconds()?);
    let story = Arc::clone(story);
    let deadline = begun + each;
    let workers = drive(server.address, deal(visits, connections), move |mut connection, mut visits: Vec<Visit>| {
        let story = Arc::clone(&story);
        async move {
            let mut times = Vec::new();
            let mut place = 0;
            while Instant::now() < deadline {
                let many = visits.len();
                let visit = &mut visits[place % many];
                place += 1;
                if visit.batches == story.len() {
                    return Err("all visits are over; give more sessions".into());
                }
                let sent = Instant::now();
                if counts {
                    visit.send(&mut connection, &story).await?;
                } else {
                    connection.succeed("/v1/events", visit.batch(&story)).await?;
                }
                times.push(sent.elapsed());
            }
            Ok((times, visits))
        }
    });
    let (times, visits): (Vec<_>, Vec<_>) = workers.await?.into_iter().unzip();
    let (took, cpu) = (begun.elapsed().as_secs_f64(), server.cpu_seconds()? - cpu);
    let times = times.concat();
    let load = Load {
        events_per_second: (times.len() * EVENTS_PER_BATCH) as f64 / took,
        p50_ms: quantile_ms(&times, 0.5),
        p99_ms: quantile_ms(&times, 0.99),
        cpu_us_per_request: cpu * 1e6 / times.len() as f64,
    };
    Ok((load, visits.concat()))
}

/// Deals cards to so many hands; each gets at least one if there are enough.
fn deal<T>(cards: Vec<T>, hands: usize) -> Vec<Vec<T>> {
    let mut dealt: Vec<Vec<T>> = (0..hands).map(|_| Vec::new()).collect();
    for (place, card) in cards.into_iter().enumerate() {
        dealt[place % hands].push(card);
    }
    dealt
}
