//! What follows from a grant.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::browser::PATIENCE;
use crate::consent::module::{GPP_STUB, GPP_STUB_HANDS_OVER};
use crate::consent::site::Page;
use crate::consent::stage::Stage;
use crate::consent::tool::Tool;

/// How far the clocks of a click and of the session that begins with it may be apart, milliseconds.
const CLOCK_SLACK: f64 = 100.0;

/// C5.
pub(super) async fn nothing_in_retrospect(stage: &Stage, tool: Tool) -> Result<String> {
    let case = stage.play(Page::of(tool)).await?;
    stage.shop(stage.effort.watched / 2).await?;
    stage.accept(tool).await?;
    let clicked_at = stage.page("return driver.clickedAt;").await?.as_f64().unwrap_or_default();
    ensure!(clicked_at > 0.0, "nothing was clicked");
    let hesitations = stage.page("return (await waver('state')).hesitation;").await?;
    ensure!(hesitations.as_array().is_some_and(Vec::is_empty), "scored at the grant already: {hesitations}");

    // What comes after it is sent, so that the rest is not true of silence.
    stage.page("waver('track', 'begin_checkout', { currency: 'EUR', value: 12.5, items: [{ item_id: 'after', price: 12.5 }] });").await?;
    let batches = stage
        .sinkhole
        .until("what happened after the grant", &case.origin, PATIENCE, |arrived| {
            let batches: Vec<Value> = arrived.iter().filter(|it| it.path == "/v1/events").map(|it| it.json()).collect();
            batches.iter().any(|batch| batch.to_string().contains("begin_checkout")).then_some(batches)
        })
        .await?;
    let mut expected_seq = 1;
    for batch in &batches {
        let sent_at = batch["sent_at"].as_f64().context("sent_at")?;
        for event in batch["events"].as_array().context("events")? {
            ensure!(event["seq"] == expected_seq, "the numbers begin elsewhere: {event}");
            expected_seq += 1;
            let since_grant = sent_at - clicked_at;
            let t = event["t"].as_f64().context("t")?;
            ensure!(
                t >= 0.0 && t <= since_grant + CLOCK_SLACK,
                "{event} is from before the grant, {since_grant} ms ago"
            );
            let text = event.to_string();
            for old in ["7391", "\"price\"", "add_to_cart", "49.9"] {
                ensure!(!text.contains(old) || text.contains("12.5"), "{event} tells of what was before the grant");
            }
        }
    }
    ensure!(expected_seq > 1, "no event arrived");
    Ok(String::new())
}

/// C6.
pub(super) async fn purposes_are_apart(stage: &Stage, tool: Tool) -> Result<String> {
    let case = stage.play(Page::of(tool)).await?;
    stage.page("await driver.grant(true, false); driver.act();").await?;
    let decision = stage.page("return await waver('offer', 'product');").await?;
    ensure!(decision["offer"].is_null(), "an offer without personalize: {decision}");
    stage
        .sinkhole
        .until("a batch of what is measured", &case.origin, PATIENCE, |arrived| {
            arrived.iter().any(|it| it.path == "/v1/events" && it.status == Some(202)).then_some(())
        })
        .await?;
    ensure!(!stage.arrived(&case).iter().any(|it| it.contains("decisions")), "a decision without personalize");

    let case = stage.play(Page::of(tool)).await?;
    stage.page("await driver.grant(false, true); driver.act();").await?;
    stage.page("await waver('offer', 'product');").await?;
    stage
        .sinkhole
        .until("a decision", &case.origin, PATIENCE, |arrived| {
            arrived.iter().any(|it| it.path == "/v1/decisions" && it.status == Some(200)).then_some(())
        })
        .await?;
    stage.shop(Duration::from_millis(500)).await?;
    stage.page("driver.act(); await driver.pause(3000);").await?;
    let measured: Vec<Value> =
        stage.sinkhole.about(&case.origin).iter().filter(|it| it.path == "/v1/events").map(|it| it.json()).collect();
    ensure!(measured.is_empty(), "events without measure: {measured:?}");
    Ok(String::new())
}

/// C18.
pub(super) async fn stub_hands_over(stage: &Stage, tool: Tool) -> Result<String> {
    for (variant, hands_over) in [("stub-alone", ""), ("stub-handing-over", GPP_STUB_HANDS_OVER)] {
        let head = GPP_STUB.replace("__EVENTS__", hands_over);
        let case = stage.play(Page { head, ..Page::variant(tool, variant) }).await?;
        stage.nothing_arrived(&case)?;
        // Without a call of ours: only the tool's own event may tell the module.
        stage.page("await driver.grant();").await.with_context(|| format!("{variant}: the grant"))?;
        stage.page("driver.withdraw();").await?;
        stage
            .sinkhole
            .until("the withdrawal", &case.origin, PATIENCE, |arrived| {
                arrived.iter().any(|it| it.path == "/v1/erase" || it.json()["measure"] == "denied").then_some(())
            })
            .await
            .with_context(|| variant)?;
    }
    Ok(String::new())
}
