//! Offers in a real browser: they are there when they are due, move nothing, end at the same instant wherever they are seen, and a collector that is
//! slow or gone costs the page nothing.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use waver_tests::browser::{Browser, PATIENCE};
use waver_tests::eventually;
use waver_tests::house::House;

const PRODUCT: &str = "product.html?id=rook-backpack";
const ADD_TO_CART: &str = "[data-waver-zone=cta]";
const OFFER: &str = "[data-waver-slot=product] .waver-offer";

/// Before anything of the page runs: every layout shift is noted, and whether any frame was painted with the page hidden; and offers as the page is
/// told of them.
const WATCH: &str = "
    window.seen = { shifts: [], hidden: 0, frames: 0, offers: [] };
    new PerformanceObserver((list) => list.getEntries().forEach(({ value, startTime, sources }) =>
        seen.shifts.push({ value, startTime, of: sources.map(({ node }) => node?.className ?? node?.nodeName) })))
        .observe({ type: 'layout-shift', buffered: true });
    document.addEventListener('waver:offer', ({ detail }) => seen.offers.push({ at: performance.now(), ...detail }));
    const look = () => {
        const root = document.documentElement && getComputedStyle(document.documentElement);
        const body = document.body && getComputedStyle(document.body);
        seen.frames += 1;
        for (const style of [root, body]) {
            if (style && (style.visibility === 'hidden' || style.display === 'none' || Number(style.opacity) < 1)) seen.hidden += 1;
        }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);";

async fn watch(browser: &Browser) -> Result<()> {
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await?;
    Ok(())
}

/// Grants, and dithers until an offer stands.
async fn until_offered(house: &House) -> Result<()> {
    let browser = &house.browser;
    house.visit(PRODUCT).await?;
    browser.click("#cc-main .cm__btn[data-role=all]").await?;
    house.aggregated("the session", |totals| totals["sessions"] == 1).await?;
    browser
        .execute(
            "document.querySelector('[data-waver-zone=cta]').scrollIntoView({ block: 'center', behavior: 'instant' })",
            vec![],
        )
        .await?;
    browser.execute("seen.begun = performance.now()", vec![]).await?;
    eventually("the offer", PATIENCE * 2, || async {
        browser.dither(ADD_TO_CART, Duration::from_secs(4)).await?;
        Ok((browser.execute("return seen.offers.length", vec![]).await? != 0).then_some(()))
    })
    .await
}

/// The decision that the page was told of last.
async fn told(browser: &Browser) -> Result<Value> {
    browser.until("an offer", "return seen.offers.at(-1)?.decision").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_moves_nothing_and_hides_nothing() -> Result<()> {
    for (width, height) in [(1280, 900), (390, 844)] {
        let house = House::of_demo_shop_in(width, height).await?;
        let browser = &house.browser;
        watch(browser).await?;
        until_offered(&house).await?;
        // Two frames later every shift that it could have caused has been told.
        let painted = "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)))); return window.seen";
        let seen = browser.promised(painted, vec![]).await?;
        assert!(browser.find(OFFER).await?.is_displayed().await?);
        let begun = seen["begun"].as_f64().context("when it began")?;
        let shifts = seen["shifts"].as_array().context("shifts")?;
        let after: Vec<_> = shifts.iter().filter(|shift| shift["startTime"].as_f64() >= Some(begun)).collect();
        assert_eq!(after, Vec::<&Value>::new(), "shifts at {width} by {height}");
        assert!(seen["frames"].as_u64() > Some(10) && seen["hidden"] == 0, "{seen}");
        assert_eq!(browser.console_errors().await?, Vec::<String>::new());
        house.browser.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_ends_at_the_same_instant_wherever_it_is_seen() -> Result<()> {
    let house = House::of_demo_shop().await?;
    let browser = &house.browser;
    watch(browser).await?;
    until_offered(&house).await?;
    let first = told(browser).await?;
    let is_the_same = |again: &Value| (&again["decision"], &again["offer"]) == (&first["decision"], &first["offer"]);
    // The tag's exposure is on its way before the page goes.
    house.aggregated("the exposure", |totals| totals["offers"]["exposed"] == 1).await?;

    // A reload brings it back without a sign of doubt.
    house.visit(PRODUCT).await?;
    browser.find(OFFER).await.context("after a reload")?;
    let again = told(browser).await?;
    assert!(is_the_same(&again), "{first} and {again}");

    // So does another tab.
    let window = browser.client.window().await?;
    let other = browser.client.new_window(true).await?.handle;
    browser.client.switch_to_window(other).await?;
    watch(browser).await?;
    house.visit(PRODUCT).await?;
    browser.find(OFFER).await.context("in another tab")?;
    assert!(is_the_same(&told(browser).await?));
    browser.client.close_window().await?;
    browser.client.switch_to_window(window).await?;

    // A clock that is set, by hours and either way, neither ends it nor makes it last.
    house.visit(PRODUCT).await?;
    browser.find(OFFER).await?;
    browser.execute("window.clock = Date.now", vec![]).await?;
    for hours in [5, -5] {
        let asked = house.collector.requests("/v1/decisions").await?;
        browser
            .execute(
                "Date.now = () => window.clock.call(Date) + arguments_hours * 3600000"
                    .replace("arguments_hours", &format!("({hours})"))
                    .as_str(),
                vec![],
            )
            .await?;
        eventually("the collector to be asked", PATIENCE, || async {
            Ok((house.collector.requests("/v1/decisions").await? > asked).then_some(()))
        })
        .await?;
        browser.find(OFFER).await.with_context(|| format!("with a clock {hours} hours off"))?;
        assert!(is_the_same(&told(browser).await?));
    }
    let totals = house.totals().await?;
    assert_eq!((&totals["offers"]["decided"], &totals["offers"]["exposed"]), (&json!(1), &json!(1)), "{totals}");

    // What was taken is not brought back.
    browser.click(&format!("{OFFER}-accept")).await?;
    house.aggregated("the acceptance", |totals| totals["offers"]["accepted"] == 1).await?;
    house.visit(PRODUCT).await?;
    browser.promised("return waver('state')", vec![]).await?;
    assert_eq!(browser.execute("return document.querySelector('.waver-offer')", vec![]).await?, Value::Null);
    house.browser.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_or_missing_collector_costs_the_page_nothing() -> Result<()> {
    let mut house = House::of_demo_shop().await?;
    watch(&house.browser).await?;
    house.visit(PRODUCT).await?;
    house.browser.click("#cc-main .cm__btn[data-role=all]").await?;
    house.aggregated("the session", |totals| totals["sessions"] == 1).await?;
    let ask = "const began = performance.now(); const { reason, offer } = await waver('offer', 'cart', { timeout_ms: 400 }); \
               return { reason, offer, took: performance.now() - began }";
    // A collector that is stopped takes requests and does not answer.
    let process = house.collector.id().context("it runs")?.to_string();
    let signal = |name: &str| std::process::Command::new("kill").args([name, &process]).status();
    signal("-STOP")?;
    for _ in 0..2 {
        let answer = house.browser.promised(ask, vec![]).await?;
        assert_eq!((&answer["reason"], &answer["offer"]), (&json!("fallback"), &Value::Null), "{answer}");
        assert!(answer["took"].as_f64().is_some_and(|took| (395.0..3_000.0).contains(&took)), "{answer}");
    }
    signal("-CONT")?;
    let decided = eventually("decisions again", PATIENCE, || async {
        let answer = house.browser.promised(ask, vec![]).await?;
        Ok((answer["reason"] != "fallback").then_some(answer))
    });
    decided.await?;
    house.collector.kill().await?;
    let answer = house.browser.promised(ask, vec![]).await?;
    assert_eq!(answer["reason"], "fallback", "{answer}");
    assert!(answer["took"].as_f64().is_some_and(|took| took < 3_000.0), "{answer}");
    // The shop goes on.
    house.browser.click(ADD_TO_CART).await?;
    house.browser.until("the cart", "return seen.hidden === 0 && document.body.innerText.length > 100").await?;
    house.browser.close().await
}
