//! The single-page variant of the demo shop: each route is a view, and the session goes on.

use anyhow::Result;
use serde_json::json;
use waver_tests::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_of_a_single_page_app_is_one_view_of_one_session() -> Result<()> {
    let house = House::of_demo_shop().await?;
    let browser = &house.browser;
    house.visit("spa.html").await?;
    browser.click("#cc-main .cm__btn[data-role=all]").await?;
    house.aggregated("the first view", |totals| totals["views"] == json!({ "home": 1 })).await?;
    browser.execute("window.notReloaded = true", vec![]).await?;

    browser.click("main a[href*='id=rook-backpack'], main a[href*='page=product']").await?;
    house.aggregated("the product", |totals| totals["views"]["product"] == 1).await?;
    browser.client.back().await?;
    house.aggregated("the way back", |totals| totals["views"]["home"] == 2).await?;

    let totals = house.totals().await?;
    assert_eq!(totals["views"], json!({ "home": 2, "product": 1 }), "no view is counted twice");
    assert_eq!(totals["sessions"], 1);
    assert_eq!(
        browser.execute("return window.notReloaded", vec![]).await?,
        json!(true),
        "the page was never loaded again"
    );
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    house.browser.close().await
}
