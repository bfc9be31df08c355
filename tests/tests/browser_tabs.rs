//! A shopper with several tabs is one session, whichever of them is in front.

use anyhow::Result;
use fantoccini::wd::WindowHandle;
use serde_json::json;
use waver_tests::browser::PATIENCE;
use waver_tests::eventually;
use waver_tests::house::House;

/// What the page knows of its session: how many views, and what is in the cart; null while another tab has the session.
const KNOWN: &str = "return window.waver('state').then((state) => state && \
    { views: state.features.views, items: state.cart.items, product_views: state.features.product_views })";

async fn knows(house: &House, what: &str, expected: serde_json::Value) -> Result<()> {
    eventually(what, PATIENCE, || async {
        let known = house.browser.promised(KNOWN, vec![]).await?;
        Ok((known == expected).then_some(()))
    })
    .await
}

/// A tab that was granted everything and has told of its first view, and a second one in front, empty so far.
async fn with_second_tab(house: &House) -> Result<(WindowHandle, WindowHandle)> {
    house.visit("product.html?id=rook-backpack").await?;
    house.browser.click("#cc-main .cm__btn[data-role=all]").await?;
    house.aggregated("the first tab", |totals| totals["views"]["product"] == 1).await?;
    let client = &house.browser.client;
    let first = client.window().await?;
    let second = client.new_window(true).await?.handle;
    client.switch_to_window(second.clone()).await?;
    Ok((first, second))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tabs_of_one_shopper_are_one_session() -> Result<()> {
    let house = House::of_demo_shop().await?;
    let browser = &house.browser;
    let (first, second) = with_second_tab(&house).await?;

    // Another tab goes on, with all that the first knew.
    house.visit("product.html?id=fellside-sweater").await?;
    knows(&house, "the second tab to go on", json!({ "views": 2, "items": 0, "product_views": 2 })).await?;
    browser.execute("window.waver('track', 'add_to_cart', { currency: 'EUR', value: 89, items: [{ item_id: 'a', price: 89 }] })", vec![]).await?;
    house.visit("index.html").await?;
    knows(&house, "its next page too", json!({ "views": 3, "items": 1, "product_views": 2 })).await?;

    // Back in the first, which asks for it at the first sign of the shopper.
    browser.client.switch_to_window(first.clone()).await?;
    browser.click("h1").await?;
    knows(&house, "the first tab to have it back", json!({ "views": 4, "items": 1, "product_views": 3 })).await?;

    // A tab that is closed leaves it to the others.
    browser.client.switch_to_window(second).await?;
    browser.click("h1").await?;
    knows(&house, "the second tab again", json!({ "views": 5, "items": 1, "product_views": 3 })).await?;
    browser.client.close_window().await?;
    browser.client.switch_to_window(first).await?;
    browser.click("h1").await?;
    knows(&house, "the first tab, alone", json!({ "views": 6, "items": 1, "product_views": 4 })).await?;

    let totals = house.aggregated("all views", |totals| totals["views"] == json!({ "home": 2, "product": 4 })).await?;
    assert_eq!(totals["sessions"], 1, "{totals}");
    assert_eq!(house.requests_about_shoppers().await?[0], 1, "there is one grant");
    // A number that was given to two events would have cost one of the views; one that was given to none would be a loss.
    assert_eq!(totals["lost_events"], 0, "{totals}");
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    house.browser.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tab_in_the_background_waits_until_it_is_looked_at() -> Result<()> {
    let house = House::of_demo_shop().await?;
    let browser = &house.browser;
    let (first, second) = with_second_tab(&house).await?;
    // A browser without a screen hides no tab by itself.
    let hidden =
        "window.concealed = true; Object.defineProperty(Document.prototype, 'hidden', { get: () => window.concealed })";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": hidden })).await?;
    house.visit("product.html?id=fellside-sweater").await?;
    let asked = "const { held, pending } = await navigator.locks.query(); \
                 return [held.length, pending.length, (await window.waver('consent')).measure.state, await window.waver('state')]";
    eventually("it to have seen the lock and the consent", PATIENCE, || async {
        let known = browser.promised(asked, vec![]).await?;
        Ok((known == json!([1, 0, "granted", null])).then_some(()))
    })
    .await?;
    browser.client.switch_to_window(first.clone()).await?;
    knows(&house, "the first to go on", json!({ "views": 1, "items": 0, "product_views": 1 })).await?;
    browser.client.switch_to_window(second).await?;
    let shown = "window.concealed = false; document.dispatchEvent(new Event('visibilitychange'))";
    browser.execute(shown, vec![]).await?;
    knows(&house, "it, now that it is looked at", json!({ "views": 2, "items": 0, "product_views": 2 })).await?;
    assert_eq!(house.totals().await?["sessions"], 1);
    house.browser.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_in_a_tab_without_the_session_erases_it_in_the_one_that_has_it() -> Result<()> {
    let house = House::of_demo_shop().await?;
    let browser = &house.browser;
    let (first, second) = with_second_tab(&house).await?;
    house.visit("product.html?id=fellside-sweater").await?;
    knows(&house, "the second tab", json!({ "views": 2, "items": 0, "product_views": 2 })).await?;

    browser.client.switch_to_window(first).await?;
    browser.execute("window.waver('consent', { measure: false, personalize: false })", vec![]).await?;
    eventually("the erasure", PATIENCE, || async {
        Ok((house.collector.requests("/v1/erase").await? > 0).then_some(()))
    })
    .await?;
    browser.client.switch_to_window(second).await?;
    let state = browser.promised("return (await window.waver('consent')).measure.state", vec![]).await?;
    assert_eq!(state, "denied");
    assert_eq!(house.stored_by_us().await?, Vec::<String>::new());
    house.browser.close().await
}
