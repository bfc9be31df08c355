//! OpenFeature's own client and provider from npm, as they are, on a page: they get offers from a running collector.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use waver_tests::browser::PATIENCE;
use waver_tests::consent::packages;
use waver_tests::eventually;
use waver_tests::house::House;

const PAGE: &str = "<button id=buy data-waver-zone=cta>Add to cart</button><div data-waver-slot=product></div>";
/// What a page does once, after a grant.
const START: &str = "const { OpenFeature, OFREPWebProvider } = window.openfeature;
    window.changes = [];
    await OpenFeature.setContext((await waver('state')).context);
    await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: arguments[0] }));
    window.client = OpenFeature.getClient();
    return client.providerStatus;";
/// What it does whenever it wants to know anew, with what has been seen by then.
const REFRESH: &str = "await openfeature.OpenFeature.setContext((await waver('state')).context)";
const FLAG: &str = "return client.getObjectDetails('product', { offer: null })";

async fn flag(house: &House) -> Result<Value> {
    house.browser.promised(FLAG, vec![]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_web_provider_gets_the_same_offers() -> Result<()> {
    let bundles = packages::bundle().await?;
    let house = House::of_page("", &format!("{PAGE}<script src=openfeature.js></script>")).await?;
    house.add_script(&bundles.path().join("openfeature.js"))?;
    let browser = &house.browser;
    house.visit("index.html").await?;
    browser.until("the client", "return window.openfeature").await?;
    browser.execute("waver('consent', { measure: true, personalize: true })", vec![]).await?;
    eventually("the grant on record", PATIENCE, || async {
        let context = browser.promised("return (await waver('state'))?.context", vec![]).await?;
        Ok(context["targetingKey"].as_str().map(|key| key.len() == 32))
    })
    .await?;
    let started = START.replace("arguments[0]", &json!(house.collector.url).to_string());
    assert_eq!(browser.promised(&started, vec![]).await?, json!("READY"), "the provider is content with the answer");
    let before = flag(&house).await?;
    assert_eq!(
        (&before["value"]["reason"], &before["reason"]),
        (&json!("not_eligible"), &json!("DEFAULT")),
        "{before}"
    );
    assert_eq!((&before["value"]["offer"], &before["variant"]), (&Value::Null, &json!("nothing")));

    // The shopper hesitates, and the page asks again.
    browser.dither("#buy", Duration::from_secs(5)).await?;
    let shown = eventually("the offer as a flag", PATIENCE, || async {
        browser.promised(REFRESH, vec![]).await?;
        let flag = flag(&house).await?;
        Ok((flag["variant"] == "ten-percent").then_some(flag))
    })
    .await?;
    // The provider calls what it has from its own store by that name.
    assert!([json!("TARGETING_MATCH"), json!("CACHED")].contains(&shown["reason"]), "{shown}");
    assert_eq!((&shown["value"]["offer"]["kind"], &shown["value"]["offer"]["value"]), (&json!("percent"), &json!(10)));
    assert_eq!(shown["flagMetadata"]["reason"], "targeting_match");

    // It is the decision that the page API gives, and that the slot shows.
    let decision = browser.promised("return waver('offer', 'product')", vec![]).await?;
    assert_eq!(decision["decision"], shown["value"]["decision"]);
    assert_eq!(decision["offer"], shown["value"]["offer"]);
    let offer = browser.text("[data-waver-slot=product] .waver-offer").await?;
    assert!(offer.contains("10 % off"), "{offer}");
    assert_eq!(house.totals().await?["offers"]["decided"], 1);

    // Asked again with the tag of the last answer, the collector says that nothing changed.
    browser.promised(REFRESH, vec![]).await?;
    eventually("an answer that nothing changed", PATIENCE, || async {
        Ok((house.collector.answers("/ofrep/v1/evaluate/flags", 304).await? > 0).then_some(()))
    })
    .await?;

    // Consent that is taken back is taken back for these clients too.
    let kept =
        "window.kept = (await waver('state')).context; await waver('consent', { measure: false, personalize: false })";
    browser.promised(kept, vec![]).await?;
    let gone = eventually("the flag to be off", PATIENCE, || async {
        let asked = "await openfeature.OpenFeature.setContext({ ...window.kept, asked: Math.random() })";
        browser.promised(asked, vec![]).await?;
        let flag = flag(&house).await?;
        Ok((flag["value"]["reason"] == "no_consent").then_some(flag))
    })
    .await?;
    assert_eq!(
        (&gone["flagMetadata"]["reason"], &gone["value"]["offer"]),
        (&json!("no_consent"), &Value::Null),
        "{gone}"
    );
    let mut errors = browser.console_errors().await?;
    errors.retain(|error| !error.contains("/favicon.ico"));
    assert_eq!(errors, Vec::<String>::new());
    house.browser.close().await
}
