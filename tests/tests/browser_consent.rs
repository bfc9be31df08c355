//! Consent in a real browser (invariant I1). The collector's own counters are the truth: what never started needs no excuse.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use waver_tests::browser::PATIENCE;
use waver_tests::eventually;
use waver_tests::house::House;

const PAGE: &str = "<button id=buy data-waver-zone=cta>Add to cart</button><div data-waver-slot=product></div>";
const DITHER: Duration = Duration::from_secs(5);

/// Waits until the module has answered a call, which it does only once it runs.
async fn until_loaded(house: &House) -> Result<()> {
    let asked = "window.waver('consent').then((state) => { window.__state = state })";
    house.browser.execute(asked, vec![]).await?;
    house.browser.until("the module", "return window.__state").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_call_grants_and_withdraws_each_purpose() -> Result<()> {
    let house = House::of_page("", PAGE).await?;
    let browser = &house.browser;
    house.visit("index.html").await?;
    until_loaded(&house).await?;
    browser.dither("#buy", DITHER).await?;
    assert_eq!(house.requests_about_shoppers().await?, [0, 0, 0], "before any choice");

    browser.execute("window.waver('consent', {measure: true, personalize: false})", vec![]).await?;
    house.aggregated("a session", |totals| totals["sessions"] == 1).await?;
    browser.execute("window.told = []; window.waver('on', 'hesitation', (it) => told.push(it))", vec![]).await?;
    browser.dither("#buy", DITHER).await?;
    browser.until("the hesitation", "return told.length").await?;
    let totals = house.aggregated("the hesitation", |totals| totals["hesitations"][0]["count"] == 1).await?;
    assert_eq!(totals["offers"]["decided"], 0, "measuring alone allows no offer");
    assert_eq!(house.requests_about_shoppers().await?[2], 0, "no decision was asked for without personalize");

    browser.execute("window.waver('forget').then(({receipt}) => { window.__receipt = receipt })", vec![]).await?;
    assert_eq!(house.stored_by_us().await?, Vec::<String>::new(), "stored after the withdrawal");
    let receipt = browser.until("the receipt", "return window.__receipt").await?;
    let classes = receipt["receipt"]["classes"].to_string();
    assert!(receipt["receipt"]["site"] == "demo" && classes.contains("events"), "{receipt}");
    assert!(receipt["signature"].is_string(), "{receipt}");
    eventually("the withdrawal to arrive", PATIENCE, || async {
        let sessions = house.collector.admin("/v1/sessions?site=demo").await?["sessions"].take();
        Ok(sessions.as_array().is_some_and(Vec::is_empty).then_some(()))
    })
    .await?;
    let events = house.requests_about_shoppers().await?[1];
    browser.dither("#buy", DITHER).await?;
    assert_eq!(house.requests_about_shoppers().await?[1], events, "requests after the withdrawal");
    house.browser.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn global_privacy_control_overrides_a_grant_and_says_so() -> Result<()> {
    let house = House::of_demo_shop_with_privacy_control().await?;
    let browser = &house.browser;
    house.visit("product.html?id=rook-backpack").await?;
    assert_eq!(
        browser.execute("return navigator.globalPrivacyControl", vec![]).await?,
        json!(true),
        "the browser asks for it"
    );
    browser.click("#cc-main .cm__btn[data-role=all]").await?;
    until_loaded(&house).await?;
    browser.dither("[data-waver-zone=cta]", DITHER).await?;
    let state = browser.until("the state", "return window.waver('consent')").await?;
    assert_eq!((&state["measure"]["state"], &state["gpc"]), (&json!("denied"), &json!(true)), "{state}");
    assert_eq!(house.requests_about_shoppers().await?, [0, 0, 0], "although everything was accepted");
    assert_eq!(house.stored_by_us().await?, Vec::<String>::new());
    house.browser.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdrawing_in_the_banner_stops_everything_in_every_tab() -> Result<()> {
    let house = House::of_demo_shop().await?;
    let browser = &house.browser;
    house.visit("product.html?id=rook-backpack").await?;
    browser.click("#cc-main .cm__btn[data-role=all]").await?;
    house.aggregated("the first tab's session", |totals| totals["sessions"] == 1).await?;
    browser.execute("window.waver('on', 'consent', (state) => { window.__state = state })", vec![]).await?;
    let first = browser.client.window().await?;
    let second = browser.client.new_window(true).await?;
    browser.client.switch_to_window(second.handle).await?;
    house.visit("product.html?id=rook-backpack").await?;
    house.choose_in_cookie_settings("necessary").await?;
    assert_eq!(house.stored_by_us().await?, Vec::<String>::new(), "in the tab of the withdrawal");

    browser.client.switch_to_window(first).await?;
    browser.until("the other tab to follow", "return window.__state?.measure.state === 'denied'").await?;
    assert_eq!(house.stored_by_us().await?, Vec::<String>::new(), "in the other tab");
    let events = house.requests_about_shoppers().await?[1];
    browser.dither("[data-waver-zone=cta]", DITHER).await?;
    assert_eq!(house.requests_about_shoppers().await?[1], events, "requests of the other tab after the withdrawal");
    house.browser.close().await
}
