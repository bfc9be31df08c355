//! What the module does to a page, and on pages that come and go.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::browser::PATIENCE;
use crate::consent::sinkhole::{Exchange, Fate};
use crate::consent::site::Page;
use crate::consent::stage::{A_FLUSH_LATER, Stage};
use crate::consent::tool::Tool;

/// C19.
pub(super) async fn comes_and_goes(stage: &Stage, tool: Tool) -> Result<String> {
    let mut restorations = Vec::new();
    for meanwhile in [Meanwhile::Nothing, Meanwhile::Withdrawn, Meanwhile::Deleted] {
        restorations.push(restored(stage, tool, meanwhile).await.with_context(|| format!("restored, {meanwhile:?}"))?);
    }
    prerendered(stage, tool).await.context("prerendered")?;

    // In a frame, before anything was chosen.
    let case = stage.put(Page::of(tool))?;
    stage.browser.goto(&format!("{}/frame", case.origin)).await?;
    stage.page("await new Promise((done) => setTimeout(done, 3000));").await?;
    stage.nothing_arrived(&case).context("framed")?;

    // Another route of a single-page application, after the choice was deleted without an event.
    if !matches!(tool, Tool::Tcf | Tool::Gpp | Tool::Page) {
        stage.play(Page::of(tool)).await?;
        let session = stage.page("const session = await driver.grant(); driver.act(); return session;").await?;
        stage.browser.client.delete_cookie(tool.cookie()).await?;
        stage.page(FORGET_THE_SECOND_COPY).await?;
        let late = stage
            .page_given(
                "const from = recorder.order++; history.pushState(null, '', '/product?routed'); await driver.pause(3000); \
                 return driver.late(given[0], from);",
                vec![session],
            )
            .await?;
        ensure!(late == json!([]), "routed: {late}");
    }
    Ok(restorations.join("; "))
}

/// c15t keeps the choice in a cookie and once more there.
const FORGET_THE_SECOND_COPY: &str = "localStorage.clear();";

/// What became of the choice while the page waited in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// It stands.
    Nothing,
    /// It was taken back on another page of the origin.
    Withdrawn,
    /// What the tool keeps it in was deleted, and nobody was told.
    Deleted,
}

/// Granted, left for another page of the origin, and gone back to.
async fn restored(stage: &Stage, tool: Tool, meanwhile: Meanwhile) -> Result<String> {
    let page = Page::of(tool);
    let case = stage.play(page.clone()).await?;
    let session = stage.page("const session = await driver.grant(); driver.act(); return session;").await?;
    let (elsewhere, how) = match meanwhile {
        Meanwhile::Nothing => ("plain", "nothing changed"),
        Meanwhile::Withdrawn => ("product", "withdrawn"),
        Meanwhile::Deleted => ("plain", "choice deleted"),
    };
    stage.browser.goto(&format!("{}/{elsewhere}", case.origin)).await?;
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Withdrawn => {
            stage.until_ready(&page).await?;
            stage.page("driver.withdraw(); await driver.pause(500);").await?;
        }
        Meanwhile::Deleted => {
            stage.browser.client.delete_all_cookies().await?;
            stage.browser.execute(FORGET_THE_SECOND_COPY, vec![]).await?;
        }
    }
    let before = stage.sinkhole.about(&case.origin).len();
    stage.browser.client.back().await?;
    stage.page("await driver.until('the page', () => window.cmp); driver.act(); await driver.pause(3000);").await?;
    let was_restored = stage.browser.execute("return window.restored", vec![]).await? == true;
    let told = || {
        let mut told = stage.sinkhole.about(&case.origin).split_off(before);
        told.retain(|it| it.path != "/v1/erase");
        told.into_iter().map(|it| it.path).collect::<Vec<String>>()
    };
    // Only the page itself knows what it said, and has to say it again.
    let stands = meanwhile == Meanwhile::Nothing && tool != Tool::Page;
    ensure!(told().is_empty() != stands, "after going back, of session {session}: {:?}", told());
    if meanwhile == Meanwhile::Nothing && tool == Tool::Page {
        stage.page("cmp.grant(); driver.act(); await driver.pause(3000);").await?;
        ensure!(!told().is_empty(), "nothing of session {session} even after the page granted again");
    }
    let came_back = if was_restored { "restored from the cache" } else { "loaded anew by the browser" };
    Ok(format!("{how} meanwhile: {came_back}"))
}

/// A page with a grant is prerendered: nothing until somebody looks at it.
async fn prerendered(stage: &Stage, tool: Tool) -> Result<()> {
    let page = Page::of(tool);
    let case = stage.play(page.clone()).await?;
    stage.page("await driver.grant();").await?;
    stage.browser.goto(&format!("{}/prerender", case.origin)).await?;
    let before = stage.sinkhole.about(&case.origin).len();
    stage.page("await new Promise((done) => setTimeout(done, 3000));").await?;
    let arrived: Vec<String> = stage.arrived(&case).split_off(before);
    ensure!(arrived.is_empty(), "while nobody looked: {arrived:?}");
    stage.browser.click("#go").await?;
    stage.until_ready(&page).await?;
    let activated = stage.page("return performance.getEntriesByType('navigation')[0].activationStart > 0;").await?;
    ensure!(activated == true, "the browser did not prerender it, so that nothing was tried");
    if tool == Tool::Page {
        stage.page("cmp.grant();").await?;
    }
    stage.page("driver.act();").await?;
    stage
        .sinkhole
        .until("something once it is looked at", &case.origin, PATIENCE, |arrived| {
            (arrived.len() > before).then_some(())
        })
        .await
}

/// What lengths of bodies are a multiple of.
const STEP: usize = 512;

/// C22. On a page of the collector's own host, with a cookie for it: there a request that carries cookies would show it.
pub(super) async fn headers(stage: &Stage, tool: Tool) -> Result<String> {
    let origin = format!("http://127.0.0.1:{}", stage.site.port);
    stage.browser.goto(&format!("{}/plant", stage.sinkhole.url)).await?;
    stage.site.put(&origin, Page::of(tool));
    let before = stage.sinkhole.everything().len();
    stage.browser.goto(&format!("{origin}/")).await?;
    stage.until_ready(&Page::of(tool)).await?;
    ensure!(stage.page("return document.cookie;").await?.to_string().contains("c22-canary"), "the cookie is not there");
    stage.page("await driver.grant(); driver.act(); await waver('offer', 'product'); await driver.pause(2500); driver.withdraw(); await driver.pause(500);").await?;
    let seen = &stage.sinkhole.everything()[before..];
    let about: Vec<&Exchange> = seen.iter().filter(|it| it.is_about_a_shopper()).collect();
    for route in ["/v1/consents", "/v1/events", "/v1/decisions", "/v1/erase"] {
        ensure!(about.iter().any(|it| it.path == route), "there was no request to {route}");
    }
    let mut sizes: Vec<usize> = Vec::new();
    // Of all cases so far, and the module's own files with them.
    for exchange in stage.sinkhole.everything().iter().filter(|it| is_of_module(it)) {
        let what = format!("{} {}", exchange.method, exchange.path);
        ensure!(exchange.header("cookie").is_none(), "{what} carries a cookie");
        if exchange.is_about_a_shopper() {
            ensure!(exchange.header("referer").is_none(), "{what} carries a referrer");
            for name in
                ["set-cookie", "etag", "last-modified", "strict-transport-security", "accept-ch", "nel", "report-to"]
            {
                ensure!(!exchange.answered.iter().any(|(known, _)| known == name), "{what} is answered with {name}");
            }
            if exchange.method == "POST" {
                ensure!(exchange.body.len() % STEP == 0, "{what} is {} bytes long", exchange.body.len());
                sizes.push(exchange.body.len());
            }
        }
    }
    sizes.sort_unstable();
    sizes.dedup();
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    Ok(format!("bodies of {} bytes", sizes.join(", ")))
}

/// Whether the module made that request, and no page of the browser's own did.
fn is_of_module(exchange: &Exchange) -> bool {
    let paths = ["/v1/", "/sdk/", "/waver.js"];
    exchange.method != "OPTIONS" && paths.iter().any(|path| exchange.path.starts_with(path))
}

/// C33.
pub(super) async fn collector_is_gone(stage: &Stage, tool: Tool) -> Result<String> {
    let page = Page::of(tool);
    stage.play(page.control()).await?;
    // The page's own call has nothing to grant to without the module.
    if tool != Tool::Page {
        stage.page("await cmp.grant();").await?;
    }
    stage.shop(Duration::from_millis(500)).await?;
    let theirs = stage.stored().await?;
    let case = stage.play(page).await?;
    stage.page("await driver.grant();").await?;
    stage.sinkhole.decree("*", Fate::Vanish);
    stage.shop(A_FLUSH_LATER).await?;
    stage.page("await driver.pause(3000);").await?;
    let mut ours = stage.stored().await?;
    ours.retain(|name| !theirs.contains(name));
    ensure!(ours.is_empty(), "stored while the collector was gone: {ours:?}");
    let errors = stage.texts("return recorder.errors;").await?;
    ensure!(errors.is_empty(), "errors on the page: {errors:?}");
    let decided = stage.page("return await waver('offer', 'product', { timeout_ms: 300 });").await?;
    ensure!(decided["offer"].is_null(), "an offer from nowhere: {decided}");
    ensure!(stage.arrived(&case).iter().any(|it| it.ends_with("/v1/events")), "nothing was even tried");
    Ok(String::new())
}

/// C36, as far as a browser sees it.
pub(super) async fn offers_are_honest(stage: &Stage, tool: Tool) -> Result<String> {
    let page = Page::of(tool);
    let case = stage.play(page.clone()).await?;
    let offer = stage.page("await driver.grant(); return await waver('offer', 'product');").await?;
    let ends = &offer["offer"]["expires_at"];
    ensure!(ends.is_number(), "there is no offer: {offer}");
    let shown = stage.browser.text(".waver-offer").await?;
    ensure!(shown.contains("automated decision"), "it does not say that it is personal: {shown}");
    stage.visit(&case, &page).await?;
    // The session goes on, and with it the grant that is on record.
    let again = stage.page("await cmp.grant(); return await waver('offer', 'product');").await?;
    let same: &Value = &again["offer"]["expires_at"];
    ensure!(same.is_null() || same == ends, "it ended at {ends}, and after a reload at {same}");
    Ok(if same.is_null() { format!("not made again: {}", again["reason"]) } else { String::new() })
}

/// C37.
pub(super) async fn no_fingerprints(stage: &Stage, tool: Tool) -> Result<String> {
    stage.play(Page::of(tool)).await?;
    stage.page("await driver.grant();").await?;
    stage.shop(Duration::from_secs(3)).await?;
    let touched = stage.texts("return recorder.probes.filter(({ ours }) => ours).map(({ what }) => what);").await?;
    ensure!(touched.is_empty(), "touched: {touched:?}");
    // The recorder does see what is touched.
    let own = stage.page("document.createElement('canvas').getContext('2d'); return recorder.probes.length;").await?;
    ensure!(own.as_u64() > Some(0), "the recorder is blind");
    Ok(String::new())
}
