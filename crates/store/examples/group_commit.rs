//! What durable appends cost: `cargo run --release -p waver-store --example group_commit -- [folder]`.
//!
//! Appends groups of 1, 10, 100 and 1000 records to a log in the folder (by default the current one), each on disk before the next
//! begins, and prints records and appends per second and the latency of an append. Beside it stands what the disk itself takes for
//! the same: writing the bytes of a group behind a file and `fdatasync`, in turns with the appends, since disks change their mood.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use waver_schema::SiteKey;
use waver_store::{EventLog, Pseudonym, Record, RecordKind, SledLog};

/// Bytes of a record's payload: a batch of an event or two, so that a thousand records are one group.
const PAYLOAD: usize = 140;

/// About what the log adds to it.
const ENVELOPE: usize = 35;

/// How long each size of group is measured.
const MEASURED: Duration = Duration::from_secs(5);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let parent = std::env::args().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    println!("payloads of {PAYLOAD} bytes, {} s for each row, in {}", MEASURED.as_secs(), parent.display());
    println!("records/group  appends/s  records/s   append p50   append p99     disk p50     disk p99");
    for size in [1, 10, 100, 1000] {
        let folder = tempfile::Builder::new().prefix("group-commit-").tempdir_in(&parent)?;
        let (appends, disk) = runtime.block_on(measure(folder.path(), size))?;
        let seconds = appends.iter().sum::<Duration>().as_secs_f64();
        let rate = appends.len() as f64 / seconds;
        println!(
            "{size:13}  {rate:9.0}  {:9.0}  {:>11}  {:>11}  {:>11}  {:>11}",
            rate * size as f64,
            quantile(&appends, 0.5),
            quantile(&appends, 0.99),
            quantile(&disk, 0.5),
            quantile(&disk, 0.99),
        );
    }
    Ok(())
}

/// How long each append took, and each write of as many bytes to a file.
async fn measure(folder: &Path, size: usize) -> Result<(Vec<Duration>, Vec<Duration>), Failure> {
    let log = SledLog::open(&folder.join("log"), Duration::from_secs(3600))?;
    let mut file = File::create(folder.join("file"))?;
    let group: Vec<Record> = (0..size).map(record).collect::<Result<_, _>>()?;
    let bytes = vec![7; size * (PAYLOAD + ENVELOPE)];
    let (mut appends, mut disk) = (Vec::new(), Vec::new());
    let started = Instant::now();
    while started.elapsed() < MEASURED {
        let began = Instant::now();
        log.append(&group).await?;
        appends.push(began.elapsed());
        let began = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        disk.push(began.elapsed());
    }
    Ok((appends, disk))
}

fn record(number: usize) -> Result<Record, Failure> {
    let mut pseudonym = [0; 16];
    pseudonym[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Ok(Record {
        kind: RecordKind::Batch,
        site: SiteKey::parse("demo").map_err(|error| format!("{error:?}"))?,
        pseudonym: Pseudonym::from_bytes(pseudonym),
        received_at: 1_800_000_000_000,
        key_id: None,
        payload: (0..PAYLOAD).map(|byte| (byte * number) as u8).collect(),
    })
}

fn quantile(times: &[Duration], part: f64) -> String {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = ((sorted.len() - 1) as f64 * part).round() as usize;
    format!("{:.2} ms", sorted[at].as_secs_f64() * 1000.0)
}
