//! A disk that is full, and data that was damaged: a clear message, nothing acknowledged lost, and no silent start on less than there was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use waver_sim::shopper::{Dice, Stream};
use waver_tests::caller::Answer;
use waver_tests::collector::{Collector, Ended};
use waver_tests::house::OFFERS;
use waver_tests::visit::Visit;
use waver_tests::visitor::Visitor;
use waver_tests::{eventually, seed};

/// Events of `QUICK` are past their time by then.
const TRIMMED_WITHIN: Duration = Duration::from_secs(90);
/// Exit code for damaged data, by `sysexits.h`.
const DATA: i32 = 65;

/// A snapshot several times a second, and a new segment of the log every second (a twenty-fourth of what events are kept), so that there is one
/// of everything to be damaged.
const QUICK: &[(&str, &str)] = &[("WAVER__RETENTION__SNAPSHOT_EVERY", "100ms"), ("WAVER__RETENTION__EVENTS", "24s")];

async fn start(settings: &[(&str, &str)]) -> Result<Collector> {
    Collector::start_with("http://127.0.0.1:8080", OFFERS, settings).await
}

/// Visits that are acknowledged whole.
async fn visited(collector: &Collector, seed: u64, visitors: std::ops::Range<u64>) -> Result<Vec<Visit>> {
    let caller = collector.caller()?;
    let mut visits = Vec::new();
    for index in visitors {
        let (visit, trouble) = Visit::of(&caller, &Visitor::new(seed, index)).await;
        ensure!(trouble.is_none(), "{trouble:?}");
        visits.push(visit);
    }
    Ok(visits)
}

/// That everything acknowledged is there, also by the collector's own account.
async fn expect_all(collector: &Collector, visits: &[Visit]) -> Result<()> {
    let caller = collector.caller()?;
    let mut events = 0;
    for visit in visits {
        events += visit.clone().audit(&caller).await?;
    }
    let total = collector.admin("/v1/aggregates?site=demo").await?["total"].take();
    ensure!(total["events"].as_u64() >= Some(events), "{events} events acknowledged, but {total}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_costs_nothing_that_was_acknowledged() -> Result<()> {
    let seed = seed();
    let mut collector = start(&[]).await?;
    let mut visits = visited(&collector, seed, 0..10).await?;
    let (mut next, mut filled) = (10, 0);
    for room_kib in [64, 600, 1_500] {
        collector.kill().await?;
        collector.limit_files(Some(largest(&collector.data())?.div_ceil(1_024) + room_kib));
        if let Some(Ended { code, output }) = collector.try_restart().await? {
            // Too full even to start: that must be said, and is no damage.
            ensure!([Some(73), Some(74)].contains(&code) && is_clear(&output), "seed {seed}: {code:?} {output}");
        } else {
            let caller = collector.caller()?;
            let refused = loop {
                let (visit, trouble) = Visit::of(&caller, &Visitor::new(seed, next)).await;
                next += 1;
                visits.push(visit);
                match trouble {
                    None => ensure!(next < 100_000, "the disk never gets full"),
                    Some(trouble) => break trouble,
                }
            };
            let Answer::Later { status: 503, retry_after_s: Some(1..) } = refused else {
                anyhow::bail!("seed {seed}, room of {room_kib} KiB: answered {refused:?}");
            };
            filled += 1;
            let (status, why) = caller.get("/readyz").await?;
            ensure!(status == 503 && why.contains("write") && why.contains("disk"), "{status} {why}");
            // It lives, and says so; nothing is taken any more.
            ensure!(caller.get("/healthz").await?.0 == 200, "healthy");
            let later = caller.consent(&Visitor::new(seed, next).session, true).await;
            ensure!(matches!(later, Answer::Later { status: 503, .. }), "{later:?}");
            next += 1;
        }
        collector.kill().await?;
        collector.limit_files(None);
        collector.restart().await?;
        let outcome = expect_all(&collector, &visits).await;
        outcome.with_context(|| format!("seed {seed}, room of {room_kib} KiB"))?;
        visits.extend(visited(&collector, seed, next..next + 3).await?);
        next += 3;
    }
    ensure!(filled > 0, "the disk was never full while it served");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_end_is_dropped_or_refused_and_never_hides_a_loss() -> Result<()> {
    let seed = seed();
    let mut dice = Dice::new(seed, 0, Stream::Network);
    let (collector, visits) = killed_after_two_runs(seed, &[], false).await?;
    let mut damaged = Damaged::of(collector, visits)?;
    let newest = newest(&damaged.collector.data())?;
    for _ in 0..15 {
        let file = &newest[dice.index(newest.len())];
        let length = std::fs::metadata(file)?.len();
        let cut = if dice.chance(0.5) { dice.whole(1, 200) } else { dice.whole(1, length) };
        std::fs::File::options().write(true).open(file)?.set_len(length.saturating_sub(cut))?;
        let what = format!("{cut} bytes cut off {} of {length}", file.display());
        damaged.expect_honesty().await.with_context(|| format!("seed {seed}: {what}"))?;
        damaged.restore()?;
    }
    println!("seed {seed}: {}", damaged.summary());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupted_byte_is_refused_or_harmless() -> Result<()> {
    corrupted(40, false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo xtask test --soak"]
async fn a_thousand_corrupted_bytes_are_refused_or_harmless() -> Result<()> {
    corrupted(500, false).await?;
    corrupted(500, true).await
}

/// Of a log that has all events, or that let go of the first ones already, so that only a snapshot has them.
async fn corrupted(places: u64, trimmed: bool) -> Result<()> {
    let seed = seed();
    let mut dice = Dice::new(seed, 0, Stream::Network);
    let (collector, visits) = killed_after_two_runs(seed, QUICK, trimmed).await?;
    let mut damaged = Damaged::of(collector, visits)?;
    let mut lies = Vec::new();
    for _ in 0..places {
        let what = damaged.corrupt(&mut dice)?;
        if let Err(error) = damaged.expect_honesty().await {
            lies.push(format!("{what}: {error:#}"));
        }
        damaged.restore()?;
    }
    println!("seed {seed}: {}", damaged.summary());
    ensure!(lies.is_empty(), "seed {seed}: {} of {places} places:\n{}", lies.len(), lies.join("\n"));
    Ok(())
}

/// A collector that was killed, restarted, and killed again, so that its folder holds what a start writes and what a run writes.
async fn killed_after_two_runs(seed: u64, settings: &[(&str, &str)], trimmed: bool) -> Result<(Collector, Vec<Visit>)> {
    let mut collector = start(settings).await?;
    let mut visits = visited(&collector, seed, 0..12).await?;
    collector.kill().await?;
    collector.restart().await?;
    if trimmed {
        let first = folders(&collector.data().join("log"))?.into_iter().next().context("a segment")?;
        eventually("the first segment to be trimmed", TRIMMED_WITHIN, || async { Ok((!first.exists()).then_some(())) })
            .await?;
    }
    visits.extend(visited(&collector, seed, 12..18).await?);
    collector.kill().await?;
    Ok((collector, visits))
}

/// A stopped collector whose data is damaged over and over, each time anew.
struct Damaged {
    collector: Collector,
    visits: Vec<Visit>,
    /// The data as it was left.
    whole: Vec<(PathBuf, Vec<u8>)>,
    refused: u32,
    harmless: u32,
}

impl Damaged {
    fn of(collector: Collector, visits: Vec<Visit>) -> Result<Damaged> {
        let read = |path: PathBuf| anyhow::Ok((path.clone(), std::fs::read(path)?));
        let whole = files(&collector.data())?.into_iter().map(read).collect::<Result<_>>()?;
        Ok(Damaged { collector, visits, whole, refused: 0, harmless: 0 })
    }

    /// Changes one byte of one file, mostly one that says something, and tells which.
    fn corrupt(&self, dice: &mut Dice) -> Result<String> {
        // Each file as often as the others: a key is as dear as a log.
        let full: Vec<_> = self.whole.iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
        let (path, bytes) = full[dice.index(full.len())];
        let told: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place] != 0).collect();
        let place = match told.as_slice() {
            [_, ..] if dice.chance(0.9) => told[dice.index(told.len())],
            _ => dice.index(bytes.len()),
        };
        let mut changed = bytes.clone();
        changed[place] ^= dice.whole(1, 255) as u8;
        std::fs::write(path, &changed)?;
        Ok(format!("byte {place} of {} of {} bytes", path.display(), bytes.len()))
    }

    /// Starts on what there is: either it is refused as damaged, or everything acknowledged is there.
    async fn expect_honesty(&mut self) -> Result<()> {
        let started = self.collector.try_restart().await;
        let outcome = match started {
            Err(error) => Err(error),
            Ok(Some(Ended { code, output })) => {
                self.refused += 1;
                let honest = code == Some(DATA) && is_clear(&output);
                if honest { Ok(()) } else { Err(anyhow::anyhow!("ended with {code:?}: {output}")) }
            }
            Ok(None) => {
                self.harmless += 1;
                expect_all(&self.collector, &self.visits).await
            }
        };
        self.collector.kill().await?;
        outcome
    }

    /// Puts the data back as it was.
    fn restore(&self) -> Result<()> {
        let data = self.collector.data();
        std::fs::remove_dir_all(&data)?;
        for (path, bytes) in &self.whole {
            std::fs::create_dir_all(path.parent().unwrap_or(&data))?;
            std::fs::write(path, bytes)?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        format!("{} starts were refused as damaged, {} found everything", self.refused, self.harmless)
    }
}

/// One line of ours that says what to do, and no panic.
fn is_clear(output: &str) -> bool {
    output.contains("waver: ") && !output.contains("panicked")
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}

fn largest(folder: &Path) -> Result<u64> {
    let lengths =
        files(folder)?.into_iter().map(|file| Ok(std::fs::metadata(file)?.len())).collect::<Result<Vec<_>>>()?;
    lengths.into_iter().max().context("an empty data folder")
}

/// The files that were written last, which a crash may have torn.
fn newest(folder: &Path) -> Result<Vec<PathBuf>> {
    let written = |file: &PathBuf| std::fs::metadata(file).and_then(|data| data.modified()).ok();
    let mut newest = files(folder)?;
    newest.sort_by_key(|file| std::cmp::Reverse(written(file)));
    newest.truncate(3);
    Ok(newest)
}
