//! Before a grant.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::consent::sinkhole::Exchange;
use crate::consent::site::{Broken, Page};
use crate::consent::stage::{A_FLUSH_LATER, Case, Stage};
use crate::consent::tool::Tool;

/// C1.
pub(super) async fn nothing_happens(stage: &Stage, tool: Tool) -> Result<String> {
    let page = Page::of(tool);
    stage.play(page.control()).await?;
    stage.shop(Duration::from_secs(2)).await?;
    let theirs = stage.stored().await?;

    let case = stage.play(page).await?;
    stage.shop(stage.effort.watched).await?;
    stage.nothing_arrived(&case)?;
    let mut ours = stage.stored().await?;
    ours.retain(|name| !theirs.contains(name));
    ensure!(ours.is_empty(), "stored, and not so without the module: {ours:?}");
    let written = stage.texts("return driver.written();").await?;
    ensure!(written.is_empty(), "written by the module: {written:?}");
    Ok(String::new())
}

/// C2.
pub(super) async fn broken_tools(stage: &Stage, tool: Tool) -> Result<String> {
    let ways = [Broken::Absent, Broken::NotFound, Broken::Hung, Broken::Throwing, Broken::Garbage, Broken::Stub];
    let mut cases = Vec::new();
    // Each in a tab of its own, so that all of them are watched for the whole time.
    for way in ways {
        if way == Broken::Stub && !matches!(tool, Tool::Tcf | Tool::Gpp) {
            continue;
        }
        let page = Page { broken: Some(way), ..Page::of(tool) };
        let tab = stage.browser.client.new_window(true).await?;
        stage.browser.client.switch_to_window(tab.handle).await?;
        let case = stage.play(page).await.with_context(|| format!("{way:?}"))?;
        stage.shop(Duration::from_millis(500)).await?;
        cases.push((way, case));
    }
    stage.shop(stage.effort.watched).await?;
    for (way, case) in &cases {
        stage.nothing_arrived(case).with_context(|| format!("{way:?}"))?;
    }
    Ok(String::new())
}

/// What Shopify's API looks like where no banner is required: everything is allowed, and nobody has said anything.
const SHOPIFY: &str = "<script>window.Shopify = { loadFeatures: (features, done) => done && done(), customerPrivacy: { \
    analyticsProcessingAllowed: () => true, preferencesProcessingAllowed: () => true, marketingAllowed: () => true, saleOfDataAllowed: () => true, \
    userCanBeTracked: () => true, shouldShowBanner: () => false, \
    currentVisitorConsent: () => ({ analytics: '', marketing: '', preferences: '', sale_of_data: '' }) } };</script>";
/// Google's consent mode with everything granted from the start.
const CONSENT_MODE: &str = "<script>window.dataLayer = []; function gtag() { dataLayer.push(arguments); } \
    gtag('consent', 'default', { analytics_storage: 'granted', personalization_storage: 'granted', ad_storage: 'granted', \
    ad_user_data: 'granted', ad_personalization: 'granted' });</script>";
/// The US Privacy string of somebody who has not opted out.
const US_PRIVACY: &str =
    "<script>window.__uspapi = (command, version, done) => done({ version: 1, uspString: '1YNN' }, true);</script>";

/// C3.
pub(super) async fn defaults_grant_nothing(stage: &Stage, tool: Tool) -> Result<String> {
    let variants: &[&'static str] = match tool {
        Tool::Vanilla => &["opt-out"],
        Tool::Klaro | Tool::Orejime | Tool::Tarteaucitron => &["default-true"],
        Tool::Tcf => &["interests", "not-applying"],
        Tool::Gpp => &["us"],
        Tool::C15t | Tool::Page => &[""],
    };
    let mut pages: Vec<(String, Page)> =
        variants.iter().map(|&variant| (variant.to_owned(), Page::variant(tool, variant))).collect();
    if tool == Tool::Page {
        for (what, head) in [("Shopify", SHOPIFY), ("consent mode", CONSENT_MODE), ("US Privacy", US_PRIVACY)] {
            pages.push((what.to_owned(), Page { head: head.to_owned(), ..Page::of(tool) }));
        }
    }
    for (variant, page) in pages {
        let case = stage.play(page).await.with_context(|| variant.clone())?;
        stage.shop(A_FLUSH_LATER).await?;
        stage.nothing_arrived(&case).with_context(|| variant.clone())?;
        let state = stage.page("return await driver.consent();").await?;
        for purpose in ["measure", "personalize"] {
            ensure!(state[purpose]["state"] != "granted", "{variant}: the state is {state}");
        }
    }
    Ok(String::new())
}

/// C4. With detection on, which is where the two could differ.
pub(super) async fn traffic_says_nothing(stage: &Stage, tool: Tool) -> Result<String> {
    for pair in 0..stage.effort.pairs {
        let mut seen = Vec::new();
        for hesitating in [true, false] {
            let page = Page { attributes: "data-preconsent=local", ..Page::of(tool) };
            let before = stage.sinkhole.everything().len();
            let case = stage.play(page).await?;
            if hesitating {
                stage.browser.dither("#buy", Duration::from_secs(5)).await?;
                let heard = stage.page("return (await waver('state'))?.features;").await?;
                ensure!(heard.is_object(), "detection is not on, so that nothing is tried: {heard}");
            } else {
                stage.browser.click("#buy").await?;
            }
            stage.page("driver.act(); await driver.pause(2500);").await?;
            stage.nothing_arrived(&case)?;
            let everything = stage.sinkhole.everything();
            // The module's two files are asked for in one breath, before anything is detected, and arrive in either order.
            let mut requests: Vec<String> = everything[before..].iter().map(told).collect();
            requests.sort_unstable();
            seen.push(requests);
        }
        ensure!(seen[0] == seen[1], "pair {pair}: {:?} and {:?}", seen[0], seen[1]);
    }
    Ok(format!("{} pairs", stage.effort.pairs))
}

/// A request as an observer of the network sees it; the host of the page is another in each case.
fn told(exchange: &Exchange) -> String {
    let headers: Vec<String> = exchange
        .headers
        .iter()
        .filter(|(name, _)| name != "origin" && name != "referer")
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    format!("{} {} {:?} {}", exchange.method, exchange.path, headers, exchange.body.len())
}

/// C13.
pub(super) async fn unsaved_choices(stage: &Stage, tool: Tool) -> Result<String> {
    let case = stage.play(Page::of(tool)).await?;
    stage.page("await cmp.unsaved();").await?;
    sends_nothing(stage, &case).await?;
    // Saved, the very same choices grant, so that they were there to be saved.
    stage.page("await cmp.save(); await driver.granted(0);").await.context("once they are saved")?;
    if tool == Tool::Gpp {
        let case = stage.play(Page::variant(tool, "not-ready")).await?;
        sends_nothing(stage, &case).await?;
    }
    if matches!(tool, Tool::Tcf | Tool::Gpp) {
        // Over a grant that stands, a dialog that is opened anew suspends it.
        stage.play(Page::of(tool)).await?;
        let late = stage
            .page(
                "const session = await driver.grant(); driver.act(); cmp.open(); const from = recorder.order++; \
                 driver.act(); await driver.pause(3000); return driver.late(session, from);",
            )
            .await?;
        ensure!(late.as_array().is_some_and(Vec::is_empty), "with the dialog open: {late}");
    }
    Ok(String::new())
}

async fn sends_nothing(stage: &Stage, case: &Case) -> Result<()> {
    stage.page("driver.act(); await driver.pause(3000); driver.act();").await?;
    stage.nothing_arrived(case)
}
