//! The same questions to other vendors' trackers, as their packages are on npm and their documentation says to set them up.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::packages;
use super::sinkhole::Exchange;
use super::site::Page;
use super::stage::{Case, Effort, Stage};
use crate::browser::{Engine, PATIENCE};

/// A tracker in one of its settings.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its name in the table.
    name: &'static str,
    package: &'static str,
    script: &'static str,
    variant: &'static str,
}

const PEERS: [Peer; 6] = [
    Peer { name: "PostHog", package: "posthog-js", script: "posthog", variant: "" },
    Peer { name: "PostHog, opted out by default", package: "posthog-js", script: "posthog", variant: "opt-out" },
    Peer { name: "Snowplow", package: "@snowplow/browser-tracker", script: "snowplow", variant: "" },
    Peer {
        name: "Snowplow, anonymous until consent",
        package: "@snowplow/browser-tracker",
        script: "snowplow",
        variant: "anonymous",
    },
    Peer { name: "Segment", package: "@segment/analytics-next", script: "segment", variant: "" },
    Peer {
        name: "Segment, loaded on consent",
        package: "@segment/analytics-next",
        script: "segment",
        variant: "load-on-consent",
    },
];

const ROWS: [&str; 5] = ["C1", "C5", "C7", "C11", "C14"];
/// Longer than any of them gathers events: PostHog sends what it has every three seconds.
const GATHERED: &str = "await new Promise((done) => setTimeout(done, 5000));";

/// What came of all of it: a tracker, a row, and what was seen.
pub struct Seen {
    browser: String,
    cells: Vec<(Peer, &'static str, Result<String, String>)>,
}

/// Tries all of them in Chromium, and prints a line for each.
///
/// # Errors
/// When the browser or what stands around it does not come up.
pub async fn run(effort: Effort) -> Result<Seen> {
    let stage = Stage::open(Engine::Chromium, effort).await?;
    let browser = stage.browser.version().await?;
    let mut cells = Vec::new();
    for peer in PEERS {
        for row in ROWS {
            let tried = match row {
                "C1" => before_a_signal(&stage, peer).await,
                "C5" => in_retrospect(&stage, peer).await,
                "C7" => after_withdrawal(&stage, peer).await,
                "C11" => in_another_tab(&stage, peer).await,
                _ => under_privacy_control(&stage, peer).await,
            };
            let result = tried.map_err(|error| format!("{error:#}"));
            let (Ok(told) | Err(told)) = &result;
            println!("{:<34} {row:<4} {} {told}", peer.name, verdict(&result));
            cells.push((peer, row, result));
            stage.tidy().await?;
        }
    }
    stage.browser.close().await?;
    Ok(Seen { browser, cells })
}

impl Seen {
    /// The table as Markdown.
    ///
    /// # Errors
    /// When a package is not locked.
    pub fn markdown(&self) -> Result<String> {
        let mut text = format!(
            "## Other trackers\n\nIn {}, by the same harness, each set up as its documentation has it (`tests/cmp/pages/`), with its own calls for a grant\n\
             and a withdrawal and no other tool around it. Segment has no call for a withdrawal, and `reset` stands for it.\n\n",
            self.browser
        );
        let _ = writeln!(text, "| tracker | version | {} |\n|---|---|{}", ROWS.join(" | "), "---|".repeat(ROWS.len()));
        for peer in PEERS {
            let cell = |row: &&str| {
                let found = self.cells.iter().find(|(known, name, _)| known.name == peer.name && name == row);
                found.map_or("-", |(.., result)| verdict(result))
            };
            let cells: Vec<&str> = ROWS.iter().map(cell).collect();
            let _ = writeln!(text, "| {} | {} | {} |", peer.name, packages::version(peer.package)?, cells.join(" | "));
        }
        text.push_str("\nWhat was seen:\n\n");
        for (peer, row, result) in &self.cells {
            let (Ok(told) | Err(told)) = result;
            if !told.is_empty() {
                let _ = writeln!(text, "- {row}, {}: {}: {told}", peer.name, verdict(result));
            }
        }
        Ok(text)
    }
}

/// The beginning of what is said where a tracker could not be brought to send anything.
const NOT_TRIED: &str = "not tried";

fn verdict(result: &Result<String, String>) -> &'static str {
    match result {
        Ok(_) => "pass",
        Err(why) if why.starts_with(NOT_TRIED) => NOT_TRIED,
        Err(_) => "FAIL",
    }
}

fn page(peer: Peer) -> Page {
    Page { tracker: Some(peer.script), variant: peer.variant, ..Page::default() }
}

async fn open(stage: &Stage, peer: Peer) -> Result<Case> {
    let case = stage.play(page(peer)).await?;
    ready(stage).await?;
    Ok(case)
}

async fn ready(stage: &Stage) -> Result<()> {
    let script = "await Promise.race([peer.ready, driver.pause(15000).then(() => { throw new Error('the tracker is never ready'); })]);";
    stage.page(script).await.map(drop)
}

/// What it sent, in order; without the browser's own questions whether it may.
fn sent(stage: &Stage, case: &Case) -> Vec<Exchange> {
    let mut sent = stage.sinkhole.about(&case.origin);
    sent.retain(|it| it.path.starts_with("/peer/") && it.method != "OPTIONS");
    sent
}

fn carries(exchange: &Exchange, name: &str) -> bool {
    let body = String::from_utf8_lossy(&exchange.body);
    // Some write their events as base64 of JSON into a form.
    body.contains(name) || exchange.path.contains(name)
}

async fn arrives(stage: &Stage, case: &Case, name: &str) -> Result<()> {
    let found = |arrived: &[Exchange]| arrived.iter().any(|it| carries(it, name)).then_some(());
    let what = format!("the event `{name}`, without which nothing is tried");
    stage.sinkhole.until(&what, &case.origin, PATIENCE, found).await.context(NOT_TRIED)
}

/// C1.
async fn before_a_signal(stage: &Stage, peer: Peer) -> Result<String> {
    stage.play(Page::default()).await?;
    stage.shop(Duration::from_secs(1)).await?;
    let theirs = stage.stored().await?;
    let case = open(stage, peer).await?;
    stage.shop(stage.effort.watched.min(Duration::from_secs(10))).await?;
    stage.page(GATHERED).await?;
    let requests = sent(stage, &case).len();
    let mut stored = stage.stored().await?;
    stored.retain(|name| !theirs.contains(name));
    ensure!(requests == 0 && stored.is_empty(), "{requests} requests, and stored: {}", names(&stored));
    Ok(String::new())
}

fn names(stored: &[String]) -> String {
    if stored.is_empty() { "nothing".to_owned() } else { stored.join(", ") }
}

/// C5.
async fn in_retrospect(stage: &Stage, peer: Peer) -> Result<String> {
    let case = open(stage, peer).await?;
    stage.page("peer.act('canary-before');").await?;
    stage.page(GATHERED).await?;
    let early = sent(stage, &case).iter().any(|it| carries(it, "canary-before"));
    stage.page("await peer.grant(); peer.act('canary-after');").await?;
    arrives(stage, &case, "canary-after").await?;
    stage.page(GATHERED).await?;
    let ever = sent(stage, &case).iter().any(|it| carries(it, "canary-before"));
    ensure!(!early, "an event from before the grant was sent without waiting for it");
    ensure!(!ever, "an event from before the grant was sent after it");
    Ok(String::new())
}

/// C7.
async fn after_withdrawal(stage: &Stage, peer: Peer) -> Result<String> {
    let case = open(stage, peer).await?;
    stage.page("await peer.grant(); peer.act('canary-granted');").await?;
    arrives(stage, &case, "canary-granted").await?;
    let from = stage
        .page(
            "peer.act('canary-queued'); const from = recorder.order++; await peer.withdraw(); peer.act('canary-denied'); \
             return from;",
        )
        .await?;
    stage.page(GATHERED).await?;
    let begun: Vec<Value> = serde_json::from_value(
        stage
            .page_given("return recorder.requests.filter(({ url, order }) => url.includes('/peer/') && order > given[0]).map(({ body, url }) => body + url);", vec![from])
            .await?,
    )?;
    let stored = stage.stored().await?;
    let of = |name: &str| begun.iter().any(|body| body.to_string().contains(name));
    ensure!(
        !of("canary-queued") && !of("canary-denied"),
        "{} requests began after the withdrawal, with an event from before it: {}, from after it: {}; left in storage: {}",
        begun.len(),
        of("canary-queued"),
        of("canary-denied"),
        names(&stored)
    );
    Ok(format!(
        "{} requests began after it, none with the events that were tried; left in storage: {}",
        begun.len(),
        names(&stored)
    ))
}

/// C11.
async fn in_another_tab(stage: &Stage, peer: Peer) -> Result<String> {
    let case = open(stage, peer).await?;
    stage.page("await peer.grant(); peer.act('canary-granted');").await?;
    arrives(stage, &case, "canary-granted").await?;
    let first = stage.another_tab(&case, &page(peer)).await?;
    ready(stage).await?;
    stage.page("await peer.grant(); await peer.withdraw();").await?;
    stage.browser.client.switch_to_window(first).await?;
    stage.page("await driver.pause(1000); peer.act('canary-late');").await.context("in the first tab")?;
    stage.page(GATHERED).await?;
    ensure!(!sent(stage, &case).iter().any(|it| carries(it, "canary-late")), "the other tab goes on sending");
    Ok(String::new())
}

/// C14.
async fn under_privacy_control(stage: &Stage, peer: Peer) -> Result<String> {
    let case = open(stage, peer).await?;
    stage.page("await peer.grant(); peer.act('canary-granted');").await?;
    arrives(stage, &case, "canary-granted").await?;
    stage.browser.set_privacy_control(true).await?;
    stage.browser.until("the page to see it", "return navigator.globalPrivacyControl").await?;
    stage.page("peer.act('canary-controlled');").await?;
    stage.page(GATHERED).await?;
    ensure!(
        !sent(stage, &case).iter().any(|it| carries(it, "canary-controlled")),
        "events are sent under Global Privacy Control"
    );
    Ok(String::new())
}
