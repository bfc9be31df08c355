//! What leaves a real browser, held byte by byte against what the shop tells people: the record of processing (row C39), and the hashes of what is
//! served (row C38).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use serde_json::Value;
use sha2::Digest;
use waver_tests::browser::{Browser, PATIENCE};
use waver_tests::collector::Collector;
use waver_tests::house::OFFERS;
use waver_tests::shop::Shop;
use waver_tests::tap::{Sent, Tap};
use waver_tests::{eventually, free_port};

const PRODUCT: &str = "product.html?id=rook-backpack";
const ADD_TO_CART: &str = "[data-waver-zone=cta]";

/// Fields that this visit need not show: what only other consent tools, other devices, other shops or failures make.
const NOT_IN_THIS_VISIT: &[&str] = &[
    "POST /v1/consents dnt",
    "POST /v1/consents gpc",
    "POST /v1/consents notice.hash",
    "POST /v1/consents notice.version",
    "POST /v1/consents readings[].event_status",
    "POST /v1/consents readings[].string_hash",
    "POST /v1/consents readings[].version",
    "POST /v1/decisions cart.currency",
    "POST /v1/decisions features.hesitation[].zone",
    "POST /v1/decisions items[].item",
    "POST /v1/decisions items[].quantity",
    "POST /v1/erase nonce",
    "POST /v1/events events[].cause",
    "POST /v1/events events[].count",
    "POST /v1/events events[].p_buy_milli",
    "POST /v1/events events[].p_leave_milli",
    "POST /v1/events events[].stage",
    "POST /v1/events events[].trend",
    "POST /v1/events events[].zone",
    "POST /v1/me from",
    "POST /v1/me session",
    "POST /v1/me site",
    "POST /v1/me v",
    "POST /v1/me visitor",
];

/// Everything that a body holds, by the paths of the record.
fn values(body: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match body {
        Value::Object(object) => object.iter().for_each(|(name, value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            values(value, &path, found);
        }),
        Value::Array(list) => list.iter().for_each(|value| values(value, &format!("{path}[]"), found)),
        value => found.push((path.to_owned(), value.clone())),
    }
}

/// Whether `value` is what the record says that the field may hold.
fn is_held(value: &Value, holds: &Value) -> bool {
    match (value, holds) {
        (Value::Number(number), Value::String(kind)) => kind == "integer" && number.is_i64() || number.is_u64(),
        (Value::Bool(_), Value::String(kind)) => kind == "flag",
        (Value::String(word), Value::Object(kind)) => match (&kind.get("one_of"), &kind.get("form")) {
            (Some(Value::Array(words)), _) => words.iter().any(|one| one == word),
            // The forms are those of short names and of hexadecimal numbers; none has a sign that addresses or texts need.
            (_, Some(Value::String(_))) => {
                word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            }
            _ => false,
        },
        _ => false,
    }
}

async fn record(collector: &Collector) -> Result<Value> {
    let printed = collector.run(&["record"]).await?;
    ensure!(printed.code == Some(0), "{}", printed.output);
    serde_json::from_str(&printed.output).context("the record as JSON")
}

/// What the record says of each field of each request.
fn recorded(record: &Value) -> BTreeMap<String, Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut fields = BTreeMap::new();
    for request in list(&record["activities"]).iter().flat_map(|activity| list(&activity["requests"])) {
        for field in list(&request["fields"]) {
            let name = format!(
                "{} {}",
                request["route"].as_str().unwrap_or_default(),
                field["path"].as_str().unwrap_or_default()
            );
            fields.insert(name, field["holds"].clone());
        }
    }
    fields
}

async fn visit(browser: &Browser, shop: &str, tap: &Tap) -> Result<()> {
    let sent = |route: &'static str| {
        eventually(route, PATIENCE, move || async move {
            Ok(tap.sent()?.iter().any(|sent| sent.route == route).then_some(()))
        })
    };
    browser.goto(&format!("{shop}/{PRODUCT}")).await?;
    browser.click("#cc-main .cm__btn[data-role=all]").await?;
    sent("POST /v1/consents").await?;
    sent("POST /v1/events").await?;
    // On a busy machine moves come late and say less, so the shopper goes on until she is noticed.
    eventually("a hesitation to be noticed", PATIENCE * 2, || async {
        browser.dither(ADD_TO_CART, Duration::from_secs(5)).await?;
        Ok(tap.sent()?.iter().any(|sent| sent.route == "POST /v1/decisions").then_some(()))
    })
    .await?;
    browser.find("[data-waver-slot=product] .waver-offer").await?;
    browser.click("[data-waver-slot=product] .waver-offer-accept").await?;
    browser.click(ADD_TO_CART).await?;
    browser.goto(&format!("{shop}/cart.html")).await?;
    browser.goto(&format!("{shop}/checkout.html")).await?;
    browser.click("#fill-example").await?;
    browser.click("#checkout button[data-waver-zone=checkout]").await?;
    browser.until("the confirmation", "return location.pathname.endsWith('confirmation.html')").await?;
    let bought = || async {
        let bodies = tap.sent()?.into_iter().filter(|sent| sent.route == "POST /v1/events");
        Ok(bodies.map(|sent| sent.body).any(|body| body.windows(8).any(|window| window == b"purchase")).then_some(()))
    };
    eventually("the purchase on the wire", PATIENCE, bought).await?;
    browser.execute("window.waver('forget')", vec![]).await?;
    sent("POST /v1/erase").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_the_browser_is_what_the_record_of_processing_says() -> Result<()> {
    let browser = Browser::open(1280, 900).await?;
    let port = free_port()?;
    let shop = format!("http://127.0.0.1:{port}");
    // With everything that a site can turn on.
    let remembers = [("WAVER__SITES__DEMO__VISITOR", "30days")];
    let collector = Collector::start_for(std::slice::from_ref(&shop), OFFERS, &remembers).await?;
    let tap = Tap::before(&collector.url).await?;
    let _serving = Shop::start(port, &tap.url).await?;
    // What the collector's log says tells why, if something does not come.
    visit(&browser, &shop, &tap).await.with_context(|| collector.output().unwrap_or_default())?;

    let record = record(&collector).await?;
    let fields = recorded(&record);
    let mut seen = BTreeSet::new();
    let sent: Vec<Sent> = tap.sent()?.into_iter().filter(|sent| sent.route.starts_with("POST ")).collect();
    for request in &sent {
        let mut found = Vec::new();
        values(&request.json()?, "", &mut found);
        for (path, value) in found {
            let name = format!("{} {path}", request.route);
            let holds =
                fields.get(&name).with_context(|| format!("{name} is sent, and the record does not have it"))?;
            ensure!(is_held(&value, holds), "{name} holds {value}, and the record says {holds}");
            seen.insert(name);
        }
    }
    // What clients of OpenFeature send is seen in tests/browser_openfeature.rs; the module sends none of it.
    let is_ours = |name: &str| !name.starts_with("POST /ofrep/") && !NOT_IN_THIS_VISIT.contains(&name);
    let unseen = fields.keys().filter(|name| !seen.contains(*name) && is_ours(name));
    assert_eq!(unseen.collect::<Vec<_>>(), Vec::<&String>::new(), "the record has fields that nothing sends");
    assert!(seen.len() > 40, "{seen:?}");

    // The headers, too, are those that the record names, and none of those that tell too much.
    let groups = record["headers"].as_array().context("headers")?;
    let names: BTreeSet<&str> = groups
        .iter()
        .flat_map(|group| group["names"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    for request in &sent {
        for name in request.headers.keys() {
            ensure!(
                names.contains(name.as_str()),
                "{} has the header {name}, which the record does not name",
                request.route
            );
        }
    }
    for never in ["cookie", "referer", "authorization", "if-none-match", "x-client-data"] {
        ensure!(
            !names.contains(never)
                && tap
                    .sent()?
                    .iter()
                    .filter(|sent| sent.route.starts_with("POST "))
                    .all(|sent| !sent.headers.contains_key(never)),
            "{never} is sent"
        );
    }
    browser.close().await
}

/// The hash by which browsers check a file (W3C Subresource Integrity).
fn integrity(bytes: &[u8]) -> String {
    format!("sha384-{}", base64::engine::general_purpose::STANDARD.encode(sha2::Sha384::digest(bytes)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_is_what_its_hashes_say_and_what_the_loader_asks_for() -> Result<()> {
    let collector = Collector::start("http://127.0.0.1:1", OFFERS).await?;
    let http = reqwest::Client::new();
    let get = async |path: &str| -> Result<Vec<u8>> {
        let answer = http.get(format!("{}{path}", collector.url)).send().await?.error_for_status();
        Ok(answer
            .with_context(|| format!("{path}; is the web side built? `cargo xtask build`"))?
            .bytes()
            .await?
            .to_vec())
    };
    let loader = String::from_utf8(get("/waver.js").await?)?;
    let version =
        loader.split("sdk/").nth(1).and_then(|rest| rest.split('/').next()).context("a version in the loader")?;
    let listed: BTreeMap<String, String> =
        serde_json::from_slice(&get(&format!("/sdk/{version}/integrity.json")).await?)?;
    assert!(listed.len() >= 2, "{listed:?}");
    let mut contents = Vec::new();
    for (name, hash) in &listed {
        let served = get(&format!("/sdk/{version}/{name}")).await?;
        assert_eq!(integrity(&served), *hash, "{name}");
        assert!(loader.contains(hash.as_str()), "the loader lets {name} run only with its hash");
        contents.push((name.clone(), served));
    }
    // The version itself is made of the content: the glue and then the module, as the build names it.
    contents.sort_by_key(|(name, _)| name.ends_with(".wasm"));
    let all: Vec<u8> = contents.into_iter().flat_map(|(_, bytes)| bytes).collect();
    let digest: String = sha2::Sha256::digest(&all).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    assert!(version.ends_with(&format!("-{digest}")), "{version} and {digest}");
    Ok(())
}
