//! Plays scenes with many seeds, several at once in one browser, and counts.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::scene::{Claim, Scene, Sign};
use super::shopper::{Conditions, Shopper, Told};
use crate::browser::PATIENCE;
use crate::collector::Collector;
use crate::devtools::{Chromium, Screen};
use crate::shop::Shop;
use crate::workspace::{dist, eventually, free_port, root};

/// How long the page may be told of something after the shopper did it: some are known only when nothing follows.
const AFTERGLOW: Duration = Duration::from_millis(3_000);
/// A policy that offers nothing, so that nothing comes between.
const NO_OFFERS: &str = "[policy]\nholdout = 0.0\nkill_switch = true\ndefault_locale = \"en\"\n";

/// A collector, the demo shop with this crate's own pages in it, and a browser.
pub struct Stage {
    /// The collector.
    pub collector: Collector,
    /// The browser.
    pub chromium: Chromium,
    /// The shop's origin.
    pub shop: String,
    pub(super) conditions: Conditions,
    _serving: Shop,
    _pages: TempDir,
}

/// What became of one run of a scene.
pub struct Outcome {
    /// The scene.
    pub scene: Scene,
    /// On which screen.
    pub screen: Screen,
    /// The seed.
    pub seed: u64,
    /// What the page was told.
    pub told: Vec<Told>,
    /// Why it could not be played to its end, if so.
    pub broken: Option<anyhow::Error>,
    /// The shopper, who has not left yet.
    pub shopper: Option<Shopper>,
}

impl Outcome {
    /// Whether the page was told of `sign`.
    pub fn heard(&self, sign: Sign) -> bool {
        self.told.iter().any(|told| told.sign == sign)
    }

    /// What is wrong with it, if anything.
    pub fn wrong(&self) -> Option<String> {
        let what = match self.scene.claim {
            _ if self.broken.is_some() => format!("broke off: {:#}", self.broken.as_ref()?),
            Claim::Fires(sign) if !self.heard(sign) => format!("is silent about {sign}"),
            Claim::Fires(_) => return None,
            claim => {
                let false_alarm = self.told.iter().find(|told| claim.forbids(told.sign))?;
                format!("tells of {}: {}", false_alarm.sign, false_alarm.payload)
            }
        };
        Some(format!("`{}` ({:?}, seed {}) {what}", self.scene.name, self.screen, self.seed))
    }
}

impl Stage {
    /// Sets it up.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub async fn set(conditions: Conditions) -> Result<Arc<Stage>> {
        let pages = tempfile::tempdir()?;
        copy(&dist("shop")?, pages.path())?;
        copy(&root().join("tests/pages"), pages.path())?;
        let port = free_port()?;
        let shop = format!("http://127.0.0.1:{port}");
        let collector = Collector::start(&shop, NO_OFFERS).await?;
        let serving = Shop::serve(pages.path(), port, &collector.url).await?;
        let chromium = Chromium::start().await?;
        Ok(Arc::new(Stage { collector, chromium, shop, conditions, _serving: serving, _pages: pages }))
    }

    /// Plays each scene on each of its screens with each seed, so many at once. With `stay`, shoppers of scenes that fire keep their windows open.
    ///
    /// # Errors
    /// When a task of this program fails. A scene that breaks off is an outcome.
    pub async fn play(
        self: &Arc<Stage>,
        scenes: &[Scene],
        seeds: Range<u64>,
        at_once: usize,
        stay: bool,
    ) -> Result<Vec<Outcome>> {
        let places = Arc::new(Semaphore::new(at_once));
        let mut playing = JoinSet::new();
        for seed in seeds {
            for &scene in scenes {
                for &screen in scene.screens {
                    let (stage, places) = (Arc::clone(self), Arc::clone(&places));
                    playing.spawn(async move {
                        let _place = places.acquire().await?;
                        let mut outcome =
                            Outcome { scene, screen, seed, told: Vec::new(), broken: None, shopper: None };
                        outcome.broken = stage.once(&mut outcome, stay).await.err();
                        anyhow::Ok(outcome)
                    });
                }
            }
        }
        let mut outcomes = Vec::new();
        while let Some(outcome) = playing.join_next().await {
            let outcome = outcome??;
            // Long runs tell at once what there is to look at.
            if let Some(wrong) = outcome.wrong() {
                eprintln!("{wrong}");
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// Waits until the collector counts each sign at least as often as the pages of shoppers who are still there were told of it.
    ///
    /// # Errors
    /// When it does not in time, with what it counts.
    pub async fn stored(&self, outcomes: &[Outcome]) -> Result<()> {
        let there = || outcomes.iter().filter(|outcome| outcome.shopper.is_some());
        eventually("what pages were told to be stored", PATIENCE, || async {
            let totals = self.collector.admin("/v1/aggregates?site=demo").await?["total"].take();
            for sign in Sign::all() {
                let told = there().flat_map(|outcome| &outcome.told).filter(|told| told.sign == sign).count() as u64;
                let counted = count(&totals, sign);
                ensure!(counted >= told, "{sign} was told {told} times and is counted {counted} times: {totals}");
            }
            Ok(Some(()))
        })
        .await
    }

    async fn once(&self, outcome: &mut Outcome, stay: bool) -> Result<()> {
        let Outcome { scene, screen, seed, .. } = *outcome;
        let mut shopper = Shopper::enter(self, &scene, screen, seed).await?;
        (scene.act)(&mut shopper.hand).await?;
        let until = Instant::now() + AFTERGLOW;
        let awaited = if let Claim::Fires(sign) = scene.claim { Some(sign) } else { None };
        while Instant::now() < until && !shopper.told()?.iter().any(|told| Some(told.sign) == awaited) {
            sleep(Duration::from_millis(50)).await;
        }
        outcome.told = shopper.told()?.to_vec();
        outcome.shopper = (stay && awaited.is_some()).then_some(shopper);
        Ok(())
    }
}

/// How often each sign was told of when it should be, and when it should not, as a table.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table =
        "| sign | mouse: told / runs | fingers: told / runs | false / look-alikes |\n|---|---:|---:|---:|\n".to_owned();
    for sign in Sign::all() {
        let fired = |screen| {
            let runs = outcomes
                .iter()
                .filter(|it| it.screen == screen && matches!(it.scene.claim, Claim::Fires(it) if it == sign));
            let (told, all) = runs.fold((0, 0), |(told, all), run| (told + usize::from(run.heard(sign)), all + 1));
            if all == 0 { "-".to_owned() } else { format!("{told} / {all}") }
        };
        let (wrong, alike) = false_alarms(outcomes, sign);
        let _ =
            writeln!(table, "| `{sign}` | {} | {} | {wrong} / {alike} |", fired(Screen::Desktop), fired(Screen::Phone));
    }
    table
}

/// How often the page was told of `sign` in scenes that forbid it, and how many runs of these there were.
pub fn false_alarms(outcomes: &[Outcome], sign: Sign) -> (usize, usize) {
    let alike = outcomes.iter().filter(|outcome| outcome.scene.claim.forbids(sign));
    alike.fold((0, 0), |(wrong, all), outcome| (wrong + usize::from(outcome.heard(sign)), all + 1))
}

/// How often the collector's totals have it.
fn count(totals: &Value, sign: Sign) -> u64 {
    let list = if let Sign::Hesitation(_) = sign { &totals["hesitations"] } else { &totals["frustrations"] };
    let of_kind = list.as_array().into_iter().flatten().filter(|entry| entry["kind"] == sign.to_string());
    of_kind.filter_map(|entry| entry["count"].as_u64()).sum()
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let goal = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&goal)?;
            copy(&entry.path(), &goal)?;
        } else {
            std::fs::copy(entry.path(), goal)?;
        }
    }
    Ok(())
}
