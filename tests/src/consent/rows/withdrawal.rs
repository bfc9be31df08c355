//! What follows from a withdrawal, of whatever kind.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::browser::PATIENCE;
use crate::consent::sinkhole::{Exchange, Fate};
use crate::consent::site::Page;
use crate::consent::stage::{Case, Stage};
use crate::consent::tool::Tool;
use crate::workspace::seed;

/// Longest delay of a withdrawal after its grant: a little more than one period of the batch timer.
const LONGEST_PHASE_MS: u64 = 2_200;
/// Withdrawals in one call into the page.
const PHASES_AT_ONCE: usize = 20;
/// What the requirements allow, and for the memory the time of looking through it.
const SECOND_MS: f64 = 1_000.0;
const WIPED_MS: f64 = 50.0;

/// Whether it asks the collector to erase that session.
fn erases(exchange: &Exchange, session: &Value) -> bool {
    exchange.path == "/v1/erase" && exchange.json()["session"] == *session
}

async fn erasure(stage: &Stage, case: &Case, session: &Value) -> Result<Exchange> {
    let found = |arrived: &[Exchange]| arrived.iter().find(|it| erases(it, session)).cloned();
    stage.sinkhole.until("the request for erasure", &case.origin, PATIENCE, found).await
}

fn none(late: &Value) -> Result<()> {
    ensure!(late.as_array().is_some_and(Vec::is_empty), "begun after the withdrawal: {late}");
    Ok(())
}

/// C7.
pub(super) async fn closes_at_once(stage: &Stage, tool: Tool) -> Result<String> {
    let page = Page::of(tool);
    let case = stage.play(page.clone()).await?;
    let mut state = seed();
    let mut delays: Vec<u64> = Vec::new();
    for _ in 0..stage.effort.phases {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        delays.push((state >> 33) % LONGEST_PHASE_MS);
    }
    let (mut begun, mut sessions) = (0, 0);
    for delays in delays.chunks(PHASES_AT_ONCE) {
        let seen = stage.page_given("return await driver.phases(given[0]);", vec![json!(delays)]).await?;
        none(&seen["late"]).with_context(|| format!("delays {delays:?} of seed {}", seed()))?;
        begun = seen["batches"].as_u64().unwrap_or_default();
        sessions += seen["sessions"].as_u64().unwrap_or_default();
    }
    ensure!(sessions == delays.len() as u64, "{} withdrawals, but {sessions} sessions", delays.len());
    // Nothing goes past what the recorder sees, such as from a worker.
    let arrived = stage.arrived(&case).iter().filter(|it| it.ends_with("/v1/events")).count() as u64;
    ensure!(arrived == begun, "the page began {begun} batches, and {arrived} arrived");

    // The page goes away in the same task.
    stage.visit(&case, &page).await?;
    let session = stage.page("const session = await driver.grant(); driver.act(); return session;").await?;
    let batches = |exchange: &Exchange| exchange.path == "/v1/events" && exchange.json()["session"] == session;
    let before = stage.sinkhole.about(&case.origin).iter().filter(|it| batches(it)).count();
    stage.browser.execute("driver.withdraw(); location.href = '/plain';", vec![]).await?;
    stage.browser.until("the next page", "return location.pathname === '/plain'").await?;
    erasure(stage, &case, &session).await?;
    let after = stage.sinkhole.about(&case.origin).iter().filter(|it| batches(it)).count();
    ensure!(after == before, "{} batches as the page went away", after - before);
    let asynchronous = if tool == Tool::C15t { ", from where its store says so, some time after the call" } else { "" };
    Ok(format!("{} withdrawals{asynchronous}", delays.len() + 1))
}

/// C8.
pub(super) async fn wipes_memory(stage: &Stage, tool: Tool) -> Result<String> {
    stage.play(Page::of(tool)).await?;
    let seen = stage
        .page(
            "const session = await driver.grant(); driver.act(); const held = driver.memory(session); \
             driver.withdraw(); const began = performance.now(); let left = driver.memory(session); \
             if (left.length) { await driver.pause(40); left = driver.memory(session); } \
             const took = performance.now() - began; \
             return { held, left, took, memories: recorder.memories.length, stored: Object.keys(sessionStorage).filter((key) => key === 'waver') };",
        )
        .await?;
    ensure!(seen["memories"] == 1, "the module's memory was not found");
    let held = seen["held"].as_array().context("held")?;
    ensure!(!held.is_empty(), "the session is not in memory even before the withdrawal, so that nothing is tried");
    ensure!(seen["left"] == json!([]), "still in memory after the withdrawal: {}", seen["left"]);
    ensure!(seen["stored"] == json!([]), "still stored: {}", seen["stored"]);
    let took = seen["took"].as_f64().unwrap_or(f64::MAX);
    ensure!(took <= WIPED_MS * 4.0, "the search alone took {took} ms");
    Ok(String::new())
}

/// C9.
pub(super) async fn asks_for_erasure_once(stage: &Stage, tool: Tool) -> Result<String> {
    let page = Page::of(tool);
    let case = stage.play(page.clone()).await?;
    let withdrawn = stage
        .page("const session = await driver.grant(); driver.act(); const { wall } = driver.withdraw(); return { session, wall };")
        .await?;
    let (session, wall) = (&withdrawn["session"], withdrawn["wall"].as_f64().context("wall")?);
    let arrived = erasure(stage, &case, session).await?;
    ensure!(arrived.at - wall <= SECOND_MS, "it took {} ms", arrived.at - wall);
    stage.page("await driver.pause(1200);").await?;
    let asked = stage.sinkhole.about(&case.origin);
    // A tool that saves one service after the other ends several sessions, and each is erased once.
    let mut erased: Vec<String> =
        asked.iter().filter(|it| it.path == "/v1/erase").map(|it| it.json()["session"].to_string()).collect();
    erased.sort_unstable();
    ensure!(erased.windows(2).all(|two| two[0] != two[1]), "a session is erased twice: {erased:?}");
    let session = session.to_string();
    let erasures = erased.iter().filter(|name| **name == session).count();
    let denies = |it: &&Exchange| it.json()["measure"] == "denied" && it.json()["personalize"] == "denied";
    let denials = asked.iter().filter(|it| it.path == "/v1/consents").filter(denies).count();
    ensure!((erasures, denials) == (1, 0), "{erasures} requests for erasure, {denials} records of a denial");

    // In a tab that closes 10 ms later.
    let first = stage.another_tab(&case, &page).await?;
    let session = stage.page("const session = await driver.grant(); driver.act(); return session;").await?;
    let script = "setTimeout(() => { driver.withdraw(); setTimeout(() => window.close(), 10); })";
    stage.browser.execute(script, vec![]).await?;
    let closed = erasure(stage, &case, &session).await.context("from a tab that closed");
    if stage.browser.client.windows().await?.len() > 1 {
        stage.browser.client.close_window().await?;
    }
    stage.browser.client.switch_to_window(first).await?;
    closed?;
    Ok(format!("{:.0} ms", arrived.at - wall))
}

/// C10.
pub(super) async fn late_batch_is_refused(stage: &Stage, tool: Tool) -> Result<String> {
    let case = stage.play(Page::of(tool)).await?;
    let session = stage.page("return await driver.grant();").await?;
    stage.sinkhole.decree("/v1/events", Fate::Hold);
    stage.page("driver.act();").await?;
    let batch = |arrived: &[Exchange]| arrived.iter().rposition(|it| it.path == "/v1/events" && it.status.is_none());
    stage.sinkhole.until("a batch on its way", &case.origin, PATIENCE, batch).await?;
    stage.page("driver.withdraw();").await?;
    let answered =
        |arrived: &[Exchange]| arrived.iter().any(|it| erases(it, &session) && it.status == Some(202)).then_some(());
    stage.sinkhole.until("the erasure to be answered", &case.origin, PATIENCE, answered).await?;
    stage.sinkhole.decree("", Fate::Pass);
    let status = stage
        .sinkhole
        .until("an answer to the batch", &case.origin, PATIENCE, |arrived| {
            arrived.iter().rfind(|it| it.path == "/v1/events")?.status
        })
        .await?;
    ensure!(status == 410, "it was answered {status}");
    Ok(String::new())
}

/// C11.
pub(super) async fn reaches_other_tabs(stage: &Stage, tool: Tool) -> Result<String> {
    let page = Page::of(tool);
    let case = stage.play(page.clone()).await?;
    let session = stage
        .page(
            "const session = await driver.grant(); \
             waver('on', 'consent', (state) => { if (state.measure.state !== 'granted') window.heard ??= { wall: Date.now(), order: recorder.order++ }; }); \
             driver.act(); return session;",
        )
        .await?;
    let first = stage.another_tab(&case, &page).await?;
    if tool == Tool::Page {
        // Without a tool nobody keeps the choice, and each page has to be told of it. The session is the first tab's, and so is the grant on record.
        stage.page("await cmp.grant(); await driver.until('the session', () => { waver('state').then((state) => { window.known = state; }); return window.known; });").await?;
    }
    let withdrawn = stage.page("return driver.withdraw();").await?;
    stage.browser.client.switch_to_window(first).await?;
    let heard = stage.page("return await driver.until('the other tab', () => window.heard, 5000);").await?;
    let took = heard["wall"].as_f64().unwrap_or(f64::MAX) - withdrawn["wall"].as_f64().unwrap_or_default();
    ensure!(took <= SECOND_MS, "it took {took} ms");
    let late = stage
        .page_given(
            "driver.act(); await driver.pause(3000); return driver.late(given[0], given[1]);",
            vec![session, heard["order"].clone()],
        )
        .await?;
    none(&late)?;
    let stale = stage.page("return cmp.granted();").await? == true && tool != Tool::Page;
    Ok(if stale { format!("{took:.0} ms, the tool still says granted") } else { format!("{took:.0} ms") })
}

/// C12.
pub(super) async fn without_any_event(stage: &Stage, tool: Tool) -> Result<String> {
    let watch = "const session = given[0], from = recorder.order++; driver.act(); await driver.pause(3000); driver.act(); \
                 await driver.pause(3000); return driver.late(session, from);";
    stage.play(Page::of(tool)).await?;
    let session = stage.page("const session = await driver.grant(); driver.act(); return session;").await?;
    ensure!(
        stage.stored().await?.contains(&format!("cookie:{}", tool.cookie())),
        "there is no cookie {} to delete: {:?}",
        tool.cookie(),
        stage.stored().await?
    );
    stage.browser.client.delete_cookie(tool.cookie()).await?;
    // c15t keeps the choice twice.
    stage.page("localStorage.clear();").await?;
    none(&stage.page_given(watch, vec![session]).await?).context("after the cookie was deleted")?;

    stage.play(Page::of(tool)).await?;
    if stage.page("return 'reset' in cmp;").await? == true {
        let session =
            stage.page("const session = await driver.grant(); driver.act(); cmp.reset(); return session;").await?;
        none(&stage.page_given(watch, vec![session]).await?).context("after the tool's reset")?;
    }
    Ok(String::new())
}

/// C14.
pub(super) async fn privacy_control_overrides(stage: &Stage, tool: Tool) -> Result<String> {
    let case = stage.play(Page::of(tool)).await?;
    let session = stage.page("const session = await driver.grant(); driver.act(); return session;").await?;
    stage.browser.set_privacy_control(true).await?;
    stage.browser.until("the page to see it", "return navigator.globalPrivacyControl").await?;
    let late = stage
        .page_given(
            "const session = given[0], from = recorder.order++; driver.act(); await driver.pause(3000); driver.act(); \
             await driver.pause(1000); return driver.late(session, from);",
            vec![session.clone()],
        )
        .await?;
    none(&late)?;
    erasure(stage, &case, &session).await?;
    let state = stage.page("return await driver.consent();").await?;
    ensure!(state["measure"]["state"] == "denied" && state["gpc"] == true, "the page is told {state}");
    ensure!(state["opt_out_honoured"] == true, "nothing of it says that the opt-out is honoured: {state}");

    // From the start.
    let case = stage.play(Page::of(tool)).await?;
    stage.page("await cmp.grant(); driver.act(); await driver.pause(3000);").await?;
    stage.nothing_arrived(&case)?;
    Ok(String::new())
}

/// C16.
pub(super) async fn consent_mode_lies(stage: &Stage, tool: Tool) -> Result<String> {
    stage.play(Page::variant(tool, "consent-mode")).await?;
    let seen = stage
        .page(
            "cmp.withdraw(); const session = await driver.grant(); driver.act(); const { from } = driver.withdraw(); \
             driver.act(); await driver.pause(3000); \
             const said = dataLayer.filter((one) => one[0] === 'consent' && one[1] === 'update').map((one) => one[2].analytics_storage).filter(Boolean).at(-1); \
             return { late: driver.late(session, from), said, denied: cmp.granted() };",
        )
        .await?;
    none(&seen["late"])?;
    ensure!(seen["denied"] == false, "the tool says granted");
    ensure!(seen["said"] == "granted", "dataLayer no longer lies: it says {}", seen["said"]);
    Ok("dataLayer says granted".to_owned())
}

/// C34.
pub(super) async fn as_easy_as_granting(stage: &Stage, tool: Tool) -> Result<String> {
    let case = stage.play(Page::of(tool)).await?;
    let session = stage.accept(tool).await?;
    let offer = stage.page("return await waver('offer', 'product');").await?;
    ensure!(offer["offer"].is_object(), "there is no offer to vanish: {offer}");
    stage.browser.find(".waver-offer").await?;
    // One click on a button of the page, whose handler is the one call.
    let left = stage
        .browser
        .execute(
            "document.getElementById('forget').click(); return document.querySelectorAll('.waver-offer').length;",
            vec![],
        )
        .await?;
    ensure!(left == 0, "{left} offers are still shown when the call returns");
    erasure(stage, &case, &session).await?;
    let state = stage.page("return await driver.consent();").await?;
    ensure!(state["measure"]["state"] == "denied", "the state is {state}");
    Ok(format!("accepting: {} click, withdrawing: 1", tool.accepting().len()))
}

/// C35.
pub(super) async fn begins_afresh(stage: &Stage, tool: Tool) -> Result<String> {
    let case = stage.play(Page::of(tool)).await?;
    let sessions = stage
        .page(
            "const first = await driver.grant(); driver.act(); await driver.pause(2500); driver.withdraw(); \
             await driver.until('the withdrawal', () => driver.to('/v1/erase').length); \
             const from = recorder.requests.length; const second = await driver.grant(); driver.act(); await driver.pause(2500); \
             const after = recorder.requests.slice(from).map(({ body }) => body); \
             return { first, second, linked: after.filter((body) => body.includes(first)), stored: Object.keys(sessionStorage) };",
        )
        .await?;
    ensure!(sessions["first"] != sessions["second"], "the same name: {sessions}");
    ensure!(sessions["linked"] == json!([]), "the old name after the new grant: {}", sessions["linked"]);
    let second: Vec<Value> = stage
        .sinkhole
        .about(&case.origin)
        .iter()
        .filter(|it| it.path == "/v1/events" && it.json()["session"] == sessions["second"])
        .flat_map(|it| it.json()["events"].as_array().cloned().unwrap_or_default())
        .collect();
    let first_event = second.first().context("no event of the second session arrived")?;
    ensure!(first_event["seq"] == 1, "its numbers go on: {first_event}");
    ensure!(first_event["t"].as_f64().is_some_and(|t| t < 1_000.0), "its time goes on: {first_event}");
    Ok(String::new())
}
