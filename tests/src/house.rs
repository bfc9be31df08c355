//! Collector, shop and browser together: what most browser tests begin with.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::browser::{Browser, PATIENCE};
use crate::collector::Collector;
use crate::shop::Shop;
use crate::workspace::{eventually, free_port};

/// An offer for whoever dithers over the call to action. Without a holdout, since a shopper who fell into it would see nothing.
pub const OFFERS: &str = r#"
[policy]
holdout = 0.0
kill_switch = false
default_locale = "en"

[[offer]]
id = "ten-percent"
slots = ["product", "cart"]
kind = "percent"
value = 10
priority = 1
per_session = 1
cooldown = "10m"
expires_after = "30m"
when = "hesitation.cta_hover >= 0.5 && session.purchases == 0"

[offer.text.en]
text = "10 % off this order"
disclosure = "This offer was personalised for you by automated decision-making."
accept = "Take 10 % off"
dismiss = "No, thanks"
"#;

/// A collector, a shop that carries its tag, and a browser.
pub struct House {
    /// The collector.
    pub collector: Collector,
    /// The browser, with nothing open.
    pub browser: Browser,
    /// The shop's origin.
    pub shop: String,
    _serving: Shop,
    _pages: Option<TempDir>,
}

impl House {
    /// With the built demo shop, in a window of 1280 by 900.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub async fn of_demo_shop() -> Result<House> {
        House::of_demo_shop_in(1280, 900).await
    }

    /// The same in a window of that size.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub async fn of_demo_shop_in(width: u32, height: u32) -> Result<House> {
        let browser = Browser::open(width, height).await?;
        House::open(browser, &[], |port, collector| async move { Shop::start(port, &collector).await }, None).await
    }

    /// The same, seen with a browser that asks not to be tracked by Global Privacy Control.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub async fn of_demo_shop_with_privacy_control() -> Result<House> {
        let browser = Browser::open_with_privacy_control(1280, 900).await?;
        House::open(browser, &[], |port, collector| async move { Shop::start(port, &collector).await }, None).await
    }

    /// With one page `index.html` of that body, which carries the tag with `attributes` added to it, and no consent library.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub async fn of_page(attributes: &str, body: &str) -> Result<House> {
        House::of_page_with(attributes, body, &[]).await
    }

    /// The same with variables of the environment over the collector's configuration, such as `WAVER__MODELS__INTENT`.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub async fn of_page_with(attributes: &str, body: &str, settings: &[(&str, &str)]) -> Result<House> {
        let pages = tempfile::tempdir()?;
        let stub = crate::workspace::root().join("www/shop/waver-stub.js");
        std::fs::copy(stub, pages.path().join("waver-stub.js"))?;
        // The server puts the collector's address in the place of the demo's.
        let page = format!(
            "<!doctype html><html lang=en><head><meta charset=utf-8><title>A page</title><script src=waver-stub.js></script>\
             <script async src=\"http://127.0.0.1:7070/waver.js\" data-site=demo {attributes} crossorigin></script></head>\
             <body data-page=product>{body}</body></html>"
        );
        std::fs::write(pages.path().join("index.html"), page)?;
        let folder = pages.path().to_owned();
        let browser = Browser::open(1280, 900).await?;
        House::open(browser, settings, move |port, collector| serve(folder, port, collector), Some(pages)).await
    }

    /// Puts a script beside the page: what stands in the page itself is not run, by the content security policy that it is served with.
    ///
    /// # Errors
    /// When it cannot be copied, or there is no folder to put it into.
    pub fn add_script(&self, script: &Path) -> Result<()> {
        let folder = self._pages.as_ref().context("the demo shop has its own scripts")?;
        let name = script.file_name().context("no file")?;
        std::fs::copy(script, folder.path().join(name)).with_context(|| script.display().to_string())?;
        Ok(())
    }

    async fn open<Serving>(
        browser: Browser,
        settings: &[(&str, &str)],
        start: impl FnOnce(u16, String) -> Serving,
        pages: Option<TempDir>,
    ) -> Result<House>
    where
        Serving: Future<Output = Result<Shop>>,
    {
        let port = free_port()?;
        let shop = format!("http://127.0.0.1:{port}");
        let collector = Collector::start_with(&shop, OFFERS, settings).await?;
        let serving = start(port, collector.url.clone()).await?;
        Ok(House { collector, browser, shop, _serving: serving, _pages: pages })
    }

    /// Opens a page of the shop.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub async fn visit(&self, page: &str) -> Result<()> {
        self.browser.goto(&format!("{}/{page}", self.shop)).await
    }

    /// Opens the shop's cookie settings and clicks the button of that role there: `all` or `necessary`.
    ///
    /// # Errors
    /// When the settings do not open.
    pub async fn choose_in_cookie_settings(&self, role: &str) -> Result<()> {
        // A click before the consent library has started opens nothing, so a shopper clicks again.
        eventually("the cookie settings to open", PATIENCE, || async {
            self.browser.click("#cookie-settings").await?;
            let open =
                self.browser.execute("return document.documentElement.matches('.show--preferences')", vec![]).await?;
            Ok((open == true).then_some(()))
        })
        .await?;
        self.browser.click(&format!("#cc-main .pm__btn[data-role={role}]")).await
    }

    /// How many requests the collector has had for consents, events and decisions: the routes that carry anything about a shopper.
    ///
    /// # Errors
    /// When the collector cannot be asked.
    pub async fn requests_about_shoppers(&self) -> Result<[u64; 3]> {
        let collector = &self.collector;
        Ok([
            collector.requests("/v1/consents").await?,
            collector.requests("/v1/events").await?,
            collector.requests("/v1/decisions").await?,
        ])
    }

    /// The totals of the last hour.
    ///
    /// # Errors
    /// When the collector cannot be asked.
    pub async fn totals(&self) -> Result<Value> {
        Ok(self.collector.admin("/v1/aggregates?site=demo").await?["total"].take())
    }

    /// Waits until the totals of the last hour are as `expected` says.
    ///
    /// # Errors
    /// When they are not in time, with what they are.
    pub async fn aggregated(&self, what: &str, expected: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(what, PATIENCE, || async {
            let totals = self.totals().await?;
            if expected(&totals) { Ok(Some(totals)) } else { Err(anyhow::anyhow!("the totals are {totals}")) }
        })
        .await
    }

    /// What is stored in the browser that neither the shop nor its consent library keeps there.
    ///
    /// # Errors
    /// When the page cannot be asked.
    pub async fn stored_by_us(&self) -> Result<Vec<String>> {
        let mut stored = self.browser.stored().await?;
        stored.retain(|name| {
            let the_shops = name.starts_with("localStorage:shop-") || name.starts_with("sessionStorage:shop-");
            !the_shops && name != "cookie:cc_cookie"
        });
        Ok(stored)
    }
}

async fn serve(folder: impl AsRef<Path>, port: u16, collector: String) -> Result<Shop> {
    Shop::serve(folder.as_ref(), port, &collector).await
}
