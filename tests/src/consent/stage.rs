//! A browser with a collector, the sinkhole before it, and the pages: all that a row needs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fantoccini::wd::TimeoutConfiguration;
use serde_json::Value;

use super::sinkhole::{Exchange, Fate, Sinkhole};
use super::site::{Page, Site};
use super::tool::Tool;
use crate::browser::{Browser, Engine, PATIENCE};
use crate::collector::Collector;
use crate::workspace::{eventually, free_port};

/// An offer for everybody who may be made one.
const OFFERS: &str = r#"
[policy]
holdout = 0.0
kill_switch = false
default_locale = "en"

[[offer]]
id = "ten-percent"
slots = ["product"]
kind = "percent"
value = 10
priority = 1
per_session = 3
cooldown = "1s"
expires_after = "30m"
when = "session.purchases == 0"

[offer.text.en]
text = "10 % off this order"
disclosure = "This offer was personalised for you by automated decision-making."
accept = "Take 10 % off"
dismiss = "No, thanks"
"#;

/// Most cases of one stage.
const ORIGINS: usize = 1_000;
/// Longest that one script of a page may take.
const SCRIPT: Duration = Duration::from_secs(120);

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How long a shopper acts while nothing may happen.
    pub watched: Duration,
    /// Moments of the batch timer at which consent is withdrawn, for each tool.
    pub phases: usize,
    /// Pairs of shoppers whose traffic is compared.
    pub pairs: usize,
}

/// Longer than the module lets events wait for others to travel with (2 s): what is not on its way by then was not kept for later.
pub const A_FLUSH_LATER: Duration = Duration::from_millis(3_000);

/// A stage. Dropping it ends everything on it.
pub struct Stage {
    /// The browser.
    pub browser: Browser,
    /// The collector itself.
    pub collector: Collector,
    /// What the pages take for the collector.
    pub sinkhole: Sinkhole,
    /// The pages.
    pub site: Site,
    /// How much is tried.
    pub effort: Effort,
    cases: AtomicUsize,
}

/// A page at an origin that nobody else has.
#[derive(Debug, Clone)]
pub struct Case {
    /// The origin, such as `http://c7.localhost:20123`.
    pub origin: String,
}

impl Stage {
    /// Sets up everything around a browser of that kind.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub async fn open(engine: Engine, effort: Effort) -> Result<Stage> {
        let port = free_port()?;
        let mut origins: Vec<String> = (0..ORIGINS).map(|number| origin(number, port)).collect();
        origins.push(format!("http://127.0.0.1:{port}"));
        let collector = Collector::start_for(&origins, OFFERS, &[]).await?;
        let sinkhole = Sinkhole::open(&collector.url).await?;
        let site = Site::open(port, &sinkhole.url).await?;
        let browser = Browser::open_of(engine, 1280, 900).await?;
        let timeouts = TimeoutConfiguration::new(Some(SCRIPT), Some(Duration::from_secs(60)), None);
        browser.client.update_timeouts(timeouts).await?;
        Ok(Stage { browser, collector, sinkhole, site, effort, cases: AtomicUsize::new(0) })
    }

    /// Gives a page an origin of its own.
    ///
    /// # Errors
    /// When there were too many.
    pub fn put(&self, page: Page) -> Result<Case> {
        let number = self.cases.fetch_add(1, Ordering::Relaxed);
        ensure!(number < ORIGINS, "there are more cases than origins");
        let case = Case { origin: origin(number, self.site.port) };
        self.site.put(&case.origin, page);
        Ok(case)
    }

    /// Opens a page at an origin of its own, and waits until its tool is ready and, where it has one, the module answers.
    ///
    /// # Errors
    /// When either never happens.
    pub async fn play(&self, page: Page) -> Result<Case> {
        let case = self.put(page.clone())?;
        self.visit(&case, &page).await?;
        Ok(case)
    }

    /// Opens it once more.
    ///
    /// # Errors
    /// As [`Stage::play`].
    pub async fn visit(&self, case: &Case, page: &Page) -> Result<()> {
        self.browser.goto(&format!("{}/", case.origin)).await?;
        self.until_ready(page).await
    }

    /// Waits until the tool of the page in the window is ready and the module answers.
    ///
    /// # Errors
    /// When either never happens.
    pub async fn until_ready(&self, page: &Page) -> Result<()> {
        if page.tool.is_some() && page.broken.is_none() {
            self.page("await driver.until('the tool', () => window.cmp); await Promise.race([cmp.ready, driver.pause(20000).then(() => \
                       { throw new Error('the tool is never ready'); })]);")
                .await?;
        }
        if page.module {
            let state = self.page("return await driver.consent();").await?;
            ensure!(state["measure"].is_object(), "the module did not start: it says {state} of consent");
        }
        Ok(())
    }

    /// What the body of an asynchronous function comes to in the page.
    ///
    /// # Errors
    /// When it throws.
    pub async fn page(&self, script: &str) -> Result<Value> {
        self.browser.promised(script, Vec::new()).await
    }

    /// The same with arguments, which it finds in `given`.
    ///
    /// # Errors
    /// When it throws.
    pub async fn page_given(&self, script: &str, given: Vec<Value>) -> Result<Value> {
        self.browser.promised(script, given).await
    }

    /// A list of texts from the page.
    ///
    /// # Errors
    /// When it throws, or is something else.
    pub async fn texts(&self, script: &str) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.page(script).await?)?)
    }

    /// Everything that the origin of the page in the window keeps in the browser.
    ///
    /// # Errors
    /// When the browser cannot be asked.
    pub async fn stored(&self) -> Result<Vec<String>> {
        let mut stored = self.texts("return await driver.stored();").await?;
        for cookie in self.browser.client.get_all_cookies().await? {
            let name = format!("cookie:{}", cookie.name());
            if !stored.contains(&name) {
                stored.push(name);
            }
        }
        Ok(stored)
    }

    /// A shopper acts for about that long: moves, hovers, clicks, scrolls, changes routes, and the page tells what it tells its trackers.
    ///
    /// # Errors
    /// When the browser cannot do it.
    pub async fn shop(&self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        loop {
            self.browser.dither("#buy", Duration::from_millis(800)).await?;
            self.browser.click("#buy").await?;
            self.browser.dither("#price", Duration::from_millis(400)).await?;
            self.page(
                "scrollTo(0, 1500); scrollTo(0, 0); route.click(); driver.act(); \
                 dataLayer.push({ event: 'add_to_cart', ecommerce: { currency: 'EUR', value: 49.9, items: [{ item_id: 'layer', price: 49.9 }] } });",
            )
            .await?;
            if Instant::now() >= end {
                return Ok(());
            }
        }
    }

    /// The user clicks what accepts everything in the tool's banner. Gives the session's name, once the grant is on record.
    ///
    /// # Errors
    /// When the tool does not take it, or the grant never arrives.
    pub async fn accept(&self, tool: Tool) -> Result<Value> {
        // A click while the banner still slides in hits nothing, so that a user clicks again.
        eventually("the tool to take the click", PATIENCE, || async {
            for selector in tool.accepting() {
                self.browser.click(selector).await?;
            }
            let taken =
                self.page("return await driver.until('it', () => cmp.granted(), 2000).then(() => true, () => false);");
            Ok((taken.await? == true).then_some(()))
        })
        .await?;
        self.page("return await driver.granted(0);").await
    }

    /// What arrived about shoppers of that origin, in short.
    pub fn arrived(&self, case: &Case) -> Vec<String> {
        let told = |exchange: &Exchange| format!("{} {}", exchange.method, exchange.path);
        self.sinkhole.about(&case.origin).iter().map(told).collect()
    }

    /// Nothing about a shopper of that origin may have arrived.
    ///
    /// # Errors
    /// When something did.
    pub fn nothing_arrived(&self, case: &Case) -> Result<()> {
        let arrived = self.arrived(case);
        ensure!(arrived.is_empty(), "there arrived {arrived:?}");
        Ok(())
    }

    /// Makes everything as it was before a row: one window, no control of privacy, and an open road to the collector.
    ///
    /// # Errors
    /// When the browser does not answer any more.
    pub async fn tidy(&self) -> Result<()> {
        self.sinkhole.decree("", Fate::Pass);
        let windows = self.browser.client.windows().await?;
        let (last, others) = windows.split_last().context("the browser has no window")?;
        for window in others {
            self.browser.client.switch_to_window(window.clone()).await?;
            self.browser.client.close_window().await?;
        }
        self.browser.client.switch_to_window(last.clone()).await?;
        self.browser.goto("about:blank").await?;
        self.browser.set_privacy_control(false).await
    }

    /// Opens another tab with the page of that case, and gives the tab that was there before.
    ///
    /// # Errors
    /// When the page is never ready.
    pub async fn another_tab(&self, case: &Case, page: &Page) -> Result<fantoccini::wd::WindowHandle> {
        let client = &self.browser.client;
        let first = client.window().await?;
        let second = client.new_window(true).await?;
        client.switch_to_window(second.handle).await?;
        self.visit(case, page).await?;
        Ok(first)
    }
}

fn origin(number: usize, port: u16) -> String {
    format!("http://c{number}.localhost:{port}")
}
