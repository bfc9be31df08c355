//! One shopper, end to end: real Chromium, the built wasm, the real collector, the demo shop, and no mock between them.
//!
//! First the shopper refuses and shops for a minute: nothing may leave and nothing may be kept (invariant I1). Then she grants, dithers over
//! the call to action, is told, sees an offer, takes it, and buys, while the collector is killed in the middle; and everything shows up.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fantoccini::Locator;
use serde_json::json;
use waver_tests::collector::ADMIN_TOKEN;
use waver_tests::house::House;

const REFUSED_FOR: Duration = Duration::from_secs(60);
/// A product of the demo shop that comes in one size, so that one click puts it into the cart.
const PRODUCT: &str = "product.html?id=rook-backpack";
const ADD_TO_CART: &str = "[data-waver-zone=cta]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_shopper_end_to_end() -> Result<()> {
    let mut house = House::of_demo_shop().await?;
    refuses_and_shops_for_a_minute(&house).await.context("while consent was refused")?;
    grants_and_dithers(&house).await.context("after the grant")?;
    the_collector_is_killed_and_loses_nothing(&mut house).await.context("around the kill")?;
    takes_the_offer_and_buys(&house).await.context("while buying")?;
    it_all_shows_up(&house).await.context("in the aggregates, sessions and dashboard")?;
    house.browser.close().await
}

async fn refuses_and_shops_for_a_minute(house: &House) -> Result<()> {
    let browser = &house.browser;
    let began = Instant::now();
    house.visit("index.html").await?;
    browser.click("#cc-main .cm__btn[data-role=necessary]").await?;
    while began.elapsed() < REFUSED_FOR {
        house.visit("list.html?c=outerwear").await?;
        browser.find("[data-waver-item]").await?;
        house.visit(PRODUCT).await?;
        browser.dither(ADD_TO_CART, Duration::from_secs(4)).await?;
        browser.execute("scrollTo(0, 900)", vec![]).await?;
        browser.execute("scrollTo(0, 0)", vec![]).await?;
        browser.click(ADD_TO_CART).await?;
        house.visit("cart.html").await?;
        browser.find("[data-waver-slot=cart]").await?;
    }

    assert_eq!(
        house.requests_about_shoppers().await?,
        [0, 0, 0],
        "requests of consents, events, decisions before a grant"
    );
    assert_eq!(house.stored_by_us().await?, Vec::<String>::new(), "stored before a grant");
    assert!(browser.find("[data-waver-slot=cart]").await?.find_all(Locator::Css(".waver-offer")).await?.is_empty());
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    Ok(())
}

async fn grants_and_dithers(house: &House) -> Result<()> {
    let browser = &house.browser;
    house.visit(PRODUCT).await?;
    house.choose_in_cookie_settings("all").await?;
    house.aggregated("the first session", |totals| totals["sessions"] == 1).await?;

    browser.dither(ADD_TO_CART, Duration::from_secs(5)).await?;
    browser.until("the hesitation callback", "return window.__shop.hesitations.length").await?;
    let hesitation = browser.execute("return window.__shop.hesitations[0]", vec![]).await?;
    assert_eq!((&hesitation["kind"], &hesitation["zone"]), (&json!("cta_hover"), &json!("cta")), "{hesitation}");
    assert!(hesitation["score"].as_f64() >= Some(0.6), "{hesitation}");
    assert!(hesitation["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()), "{hesitation}");

    let offer = browser.text("[data-waver-slot=product] .waver-offer").await?;
    assert!(offer.contains("10 % off") && offer.contains("automated decision"), "{offer}");
    browser.execute("document.querySelector('.waver-offer').scrollIntoView({ block: 'center' })", vec![]).await?;
    browser.screenshots("shop-offer").await?;
    house.aggregated("the exposure", |totals| totals["offers"]["exposed"] == 1).await?;
    Ok(())
}

async fn the_collector_is_killed_and_loses_nothing(house: &mut House) -> Result<()> {
    let before = house.totals().await?;
    house.collector.kill().await?;
    // The shopper does not notice: she takes the offer while nobody listens.
    house.browser.click("[data-waver-slot=product] .waver-offer-accept").await?;
    house.collector.restart().await?;
    let after = house.totals().await?;
    for counted in ["sessions", "events", "hesitations", "views", "stages", "velocity_ms"] {
        if counted == "events" {
            assert!(after[counted].as_u64() >= before[counted].as_u64(), "{counted}: {before} then {after}");
        } else {
            assert_eq!(after[counted], before[counted], "{counted} after kill -9 and restart");
        }
    }
    house.aggregated("the acceptance, sent again", |totals| totals["offers"]["accepted"] == 1).await?;
    Ok(())
}

async fn takes_the_offer_and_buys(house: &House) -> Result<()> {
    let browser = &house.browser;
    browser.click(ADD_TO_CART).await?;
    house.visit("cart.html").await?;
    let cart = browser.text("main").await?;
    assert!(cart.contains("Offer: 10% off"), "the cart shows the offer: {cart}");
    house.visit("checkout.html").await?;
    browser.click("#fill-example").await?;
    browser.click("#checkout button[data-waver-zone=checkout]").await?;
    browser.until("the confirmation", "return location.pathname.endsWith('confirmation.html')").await?;
    house.aggregated("the order", |totals| totals["orders"] == 1).await?;
    assert_eq!(
        browser
            .console_errors()
            .await?
            .into_iter()
            .filter(|error| !error.contains("ERR_CONNECTION_REFUSED"))
            .collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    Ok(())
}

async fn it_all_shows_up(house: &House) -> Result<()> {
    let totals = house.totals().await?;
    assert_eq!(totals["hesitations"][0]["kind"], "cta_hover", "{totals}");
    assert_eq!(totals["velocity_ms"]["count"], 1, "{totals}");
    let outcomes = house.collector.admin("/v1/aggregates?site=demo").await?["outcomes"].take();
    let discarded: u64 =
        outcomes["discarded"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    let sum = outcomes["stored"].as_u64().unwrap_or(0) + outcomes["duplicate"].as_u64().unwrap_or(0) + discarded;
    assert_eq!(outcomes["received"].as_u64(), Some(sum), "the outcomes balance: {outcomes}");

    let sessions = house.collector.admin("/v1/sessions?site=demo&limit=10").await?;
    let session = &sessions["sessions"][0];
    assert_eq!(session["purchases"], 1, "{session}");
    assert_eq!(session["offers"][0]["state"], "accepted", "{session}");
    assert_eq!(session["lost_events"], 0, "{session}");
    assert_eq!(session["hesitations"][0]["kind"], "cta_hover", "{session}");

    let browser = &house.browser;
    browser.goto(&format!("{}/dashboard", house.collector.url)).await?;
    browser.find("input[name=token]").await?.send_keys(ADMIN_TOKEN).await?;
    browser.click("button[type=submit]").await?;
    let pseudonym = session["session"].as_str().context("a pseudonym")?;
    let shown = format!("return document.body.innerText.includes('{}')", &pseudonym[..8]);
    browser.until("the session on the dashboard", &shown).await?;
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    browser.screenshots("dashboard").await
}
