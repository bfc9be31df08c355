//! What the shop's backend does: grants are redeemed once, orders stop offers, the catalogue is seen at once.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::harness::{Answer, NOW, Running, batch, consent, decision_request, session, view};

const SECRET: &str = "the-secret-of-the-demo-site-0123456789";
const OTHER_SECRET: &str = "the-secret-of-another-site-0123456789";
const BACKENDS: &[(&str, &str)] =
    &[("WAVER__SITES__DEMO__SECRET", SECRET), ("WAVER__SITES__STRICT__SECRET", OTHER_SECRET)];
const HALF_AN_HOUR: u64 = 30 * 60_000;

/// The shop's backend.
struct Shop<'a>(&'a Running, &'static str);

impl Shop<'_> {
    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.0.caller.request(method, path).bearer_auth(self.1)
    }

    async fn grant(&self, deed: &str, grant: &str, key: &str, body: Value) -> Answer {
        // A thousand at once are more than the system's queue of connections takes; whoever got no answer asks again, and nothing is done twice.
        loop {
            let request = self.request("POST", &format!("/v1/grants/{grant}/{deed}")).header("idempotency-key", key);
            match request.json(&body).send().await {
                Ok(answer) => return Answer::of(answer).await,
                Err(error) => assert!(error.is_request() || error.is_connect(), "{error}"),
            }
        }
    }

    async fn order(&self, body: Value) -> Answer {
        Answer::of(self.request("POST", "/v1/orders").json(&body).send().await.expect("an answer")).await
    }

    async fn catalog(&self, items: Value) -> Answer {
        let request = self.request("PUT", "/v1/catalog/items").json(&json!({ "items": items }));
        Answer::of(request.send().await.expect("an answer")).await
    }
}

async fn decide(running: &Running, number: u64) -> (u64, Value) {
    let epoch = running.caller.grant(&session(number)).await;
    (epoch, ask(running, number, epoch).await)
}

async fn ask(running: &Running, number: u64, epoch: u64) -> Value {
    let answer = running.caller.send("/v1/decisions", &decision_request(&session(number), epoch)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

fn token(decision: &Value) -> String {
    decision["offer"]["grant"].as_str().unwrap_or_else(|| panic!("a token in {decision}")).to_owned()
}

#[tokio::test]
async fn of_a_thousand_redemptions_at_once_exactly_one_is_granted() {
    let running = Running::start_with(BACKENDS).await;
    let shop = Shop(&running, SECRET);
    let (_, decision) = decide(&running, 1).await;
    let token = token(&decision);
    let asked = (0..1000).map(|number| {
        let (shop, token) = (&shop, &token);
        async move { shop.grant("redeem", token, &format!("request-{number}"), json!({})).await }
    });
    let answers = join_all(asked).await;
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    // The queue has 1,024 places, so that nothing was turned away.
    assert_eq!((of(200), of(409)), (1, 999), "{:?}", answers.iter().map(|it| it.status).max());
    assert!(answers.iter().filter(|answer| answer.status == 409).all(|answer| answer.code() == "redeemed"));
    let redeemed = answers.iter().position(|answer| answer.status == 200).expect("one");
    // Whoever got no answer asks again, also after a crash, and is told the same.
    let running = running.restart_with(BACKENDS).await;
    let shop = Shop(&running, SECRET);
    let again = shop.grant("redeem", &token, &format!("request-{redeemed}"), json!({})).await;
    assert_eq!((again.status, &again.body), (200, &answers[redeemed].body));
    assert_eq!(shop.grant("redeem", &token, "another", json!({})).await.code(), "redeemed");
    running.stop().await;
}

#[tokio::test]
async fn a_grant_goes_from_hand_to_hand_as_the_backend_says() {
    let running = Running::start_with(BACKENDS).await;
    let shop = Shop(&running, SECRET);
    let (epoch, decision) = decide(&running, 1).await;
    let token = token(&decision);
    let cart = |name: &str| json!({"cart": name, "ttl_s": 60});

    // The page that asks again, or another tab, gets the same token.
    let again = ask(&running, 1, epoch).await;
    assert_eq!(again["offer"]["grant"], decision["offer"]["grant"]);
    assert_eq!(again["offer"]["expires_at"], decision["offer"]["expires_at"]);

    // Who may not, and what is no request.
    let strangers = Shop(&running, OTHER_SECRET);
    assert_eq!(strangers.grant("redeem", &token, "a", json!({})).await.status, 404, "another site's backend");
    assert_eq!(Shop(&running, "guess").grant("redeem", &token, "a", json!({})).await.status, 401);
    let url = format!("/v1/grants/{token}/redeem");
    assert_eq!(running.caller.send(&url, &json!({})).await.status, 401, "nobody");
    let without_key = shop.request("POST", &url).json(&json!({})).send().await.expect("an answer");
    let without_key = Answer::of(without_key).await;
    assert_eq!((without_key.status, without_key.body["field"].as_str()), (422, Some("idempotency-key")));
    assert_eq!(shop.grant("reserve", &token, "a", json!({})).await.body["field"], "cart");
    assert_eq!(shop.grant("reserve", &token, "a", json!({"cart": "A", "ttl_s": 0})).await.body["field"], "ttl_s");
    let mut forged = token.clone().into_bytes();
    let last = forged.len() - 5;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("text");
    assert_eq!(shop.grant("redeem", &forged, "a", json!({})).await.status, 404);

    let reserved = shop.grant("reserve", &token, "1", cart("A")).await;
    assert_eq!((reserved.status, reserved.body["state"].as_str()), (200, Some("reserved")), "{}", reserved.body);
    assert_eq!((reserved.body["offer"].as_str(), reserved.body["value"].as_u64()), (Some("ten-percent"), Some(10)));
    assert_eq!(reserved.body["reserved_until"], NOW + 60_000);
    let id = reserved.body["grant"].as_str().expect("an id").to_owned();
    assert_eq!(shop.grant("redeem", &id, "2", json!({"cart": "B"})).await.code(), "other_cart");
    assert_eq!(shop.grant("release", &id, "1", json!({})).await.code(), "key_reused");
    assert_eq!(shop.grant("release", &id, "3", json!({})).await.body["state"], "issued");
    assert_eq!(shop.grant("reserve", &id, "4", cart("B")).await.body["state"], "reserved");

    // All of it is in the log: a start finds it there, and it ends at its end.
    let running = running.restart_with(BACKENDS).await;
    let shop = Shop(&running, SECRET);
    assert_eq!(shop.grant("redeem", &id, "5", json!({"cart": "A"})).await.code(), "other_cart");
    running.clock.store(NOW + HALF_AN_HOUR, Ordering::SeqCst);
    let late = shop.grant("redeem", &id, "6", json!({"cart": "B"})).await;
    assert_eq!((late.status, late.code()), (410, "expired"));
    running.stop().await;
}

#[tokio::test]
async fn a_site_without_a_secret_makes_offers_without_grants() {
    let running = Running::start().await;
    let (_, decision) = decide(&running, 1).await;
    assert_eq!((decision["reason"].as_str(), decision["offer"].get("grant")), (Some("targeting_match"), None));
    assert_eq!(Shop(&running, SECRET).order(json!({})).await.status, 401);
    running.stop().await;
}

#[tokio::test]
async fn an_order_makes_its_session_a_buyer_at_once_and_a_refund_corrects_it() {
    let running = Running::start_with(BACKENDS).await;
    let shop = Shop(&running, SECRET);
    let order = |value: u64| json!({"order": "A-1", "value_minor": value, "currency": "EUR", "margin_minor": 300});
    let with = |mut order: Value, name: &str, value: Value| {
        order[name] = value;
        order
    };
    // One that is named by its session, and one by its grant alone.
    for (number, names_session) in [(1, true), (2, false)] {
        let name = format!("A-{number}");
        let mut placed = with(order(900), "order", json!(name));
        let (epoch, decision) = decide(&running, number).await;
        let sent = running.caller.send("/v1/events", &batch(&session(number), epoch, [view(1)])).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
        placed = match names_session {
            true => with(placed, "session", json!(session(number))),
            false => with(placed, "grant", json!(token(&decision))),
        };
        assert_eq!(shop.order(placed.clone()).await.body, json!({"new": true, "session": true}));
        assert_eq!(ask_elsewhere(&running, number, epoch).await, "already_buying");
        assert_eq!(shop.order(placed.clone()).await.body, json!({"new": false, "session": true}), "told again");
        assert_eq!(revenue(&running).await, (1, 900), "session {number}");

        // What the page says of the same order counts no more.
        let page = json!({"seq": 2, "t": 300, "type": "commerce", "action": "purchase", "quantity": 1, "value_minor": 950, "currency": "EUR", "order": order_ref(&name)});
        assert_eq!(running.caller.send("/v1/events", &batch(&session(number), epoch, [page])).await.status, 202);
        assert_eq!(revenue(&running).await, (1, 900), "session {number}");

        let refund =
            |value: u64, name: &str| with(with(placed.clone(), "value_minor", json!(value)), "refund", json!(name));
        assert_eq!(shop.order(refund(400, "R-1")).await.body, json!({"new": true, "session": true}));
        assert_eq!(shop.order(refund(400, "R-1")).await.body, json!({"new": false, "session": true}));
        assert_eq!(shop.order(refund(501, "R-2")).await.code(), "too_much");
        assert_eq!(shop.order(with(placed.clone(), "value_minor", json!(901))).await.code(), "other_order");
        assert_eq!(revenue(&running).await, (1, 500), "session {number}");
        let erase = json!({"v": 1, "site": "demo", "session": session(number)});
        assert_eq!(running.caller.send("/v1/erase", &erase).await.status, 202);
    }
    let unknown = with(with(order(1), "order", json!("never")), "refund", json!("R"));
    assert_eq!(shop.order(unknown).await.code(), "unknown_order");
    // One of nobody's is kept all the same, and counts for nobody.
    let nobodys = with(with(order(5), "order", json!("B")), "session", json!(session(99)));
    assert_eq!(shop.order(nobodys).await.body, json!({"new": true, "session": false}));
    // Who does not want to be measured is not.
    running.caller.consent(&session(3), "denied", "granted").await;
    let unmeasured = with(with(order(5), "order", json!("C")), "session", json!(session(3)));
    assert_eq!(shop.order(unmeasured).await.body, json!({"new": true, "session": false}));
    running.stop().await;
}

/// Asks for another slot, where nothing stands.
async fn ask_elsewhere(running: &Running, number: u64, epoch: u64) -> String {
    let mut request = decision_request(&session(number), epoch);
    request["slot"] = json!("elsewhere");
    let answer = running.caller.send("/v1/decisions", &request).await;
    answer.body["reason"].as_str().expect("a reason").to_owned()
}

/// Orders, and their value.
async fn revenue(running: &Running) -> (u64, u64) {
    let rows = running.caller.admin("/v1/sessions?site=demo&limit=10").await;
    let row = &rows["sessions"][0];
    (row["purchases"].as_u64().expect("a number"), row["revenue"]["EUR"].as_u64().expect("a number"))
}

fn order_ref(label: &str) -> u64 {
    waver_schema::OrderRef::from_label(label).get()
}

#[tokio::test]
async fn an_erased_sessions_grants_end_and_nothing_says_whose_they_were() {
    let running = Running::start_with(BACKENDS).await;
    let shop = Shop(&running, SECRET);
    let (_, decision) = decide(&running, 1).await;
    let token = token(&decision);
    let reserved = shop.grant("reserve", &token, "1", json!({"cart": "A"})).await;
    let me = json!({"v": 1, "site": "demo", "session": session(1)});
    let held = running.caller.send("/v1/me", &me).await.body;
    assert_eq!(held["grants"][0]["grant"], reserved.body["grant"], "{held}");
    assert_eq!(held["grants"][0]["state"], "reserved");
    let order = json!({"order": "A-1", "value_minor": 900, "currency": "EUR", "session": session(1)});
    assert_eq!(shop.order(order.clone()).await.body["session"], true);
    let held = running.caller.send("/v1/me", &me).await.body;
    let kinds: Vec<&str> =
        held["records"].as_array().expect("a list").iter().filter_map(|record| record["kind"].as_str()).collect();
    assert_eq!(kinds, ["consent", "decision", "purchase"]);

    assert_eq!(running.caller.send("/v1/erase", &me).await.status, 202);
    let late = shop.grant("redeem", &token, "2", json!({"cart": "A"})).await;
    assert_eq!((late.status, late.code()), (410, "expired"));
    let by_grant = json!({"order": "A-2", "value_minor": 900, "currency": "EUR", "grant": token});
    assert_eq!(shop.order(by_grant).await.body["session"], false);
    let refund = json!({"order": "A-1", "value_minor": 900, "currency": "EUR", "refund": "R"});
    assert_eq!(shop.order(refund).await.body, json!({"new": true, "session": false}));
    let running = running.restart_with(BACKENDS).await;
    let late = Shop(&running, SECRET).grant("redeem", &token, "3", json!({})).await;
    assert_eq!((late.status, late.code()), (410, "expired"));
    running.stop().await;
}

#[tokio::test]
async fn the_catalogue_takes_what_fits_and_says_what_does_not() {
    let running = Running::start_with(BACKENDS).await;
    let shop = Shop(&running, SECRET);
    let item =
        |name: &str| json!({"item": name, "stock": 3, "price_minor": 4900, "currency": "EUR", "margin_minor": -5});
    assert_eq!(shop.catalog(json!([item("sku-1"), item("sku-2")])).await.body, json!({"items": 2}));
    let many = (0..257).map(|number| item(&format!("sku-{number}"))).collect::<Vec<_>>();
    assert_eq!(shop.catalog(json!(many)).await.body["field"], "items");
    assert_eq!(shop.catalog(json!(many[..256])).await.body, json!({"items": 256}));
    for wrong in
        [json!([item("")]), json!([{"item": "a", "price_minor": -1, "currency": "EUR"}]), json!([{"item": "a"}])]
    {
        assert_eq!(shop.catalog(wrong).await.status, 422);
    }
    // A grant of a consent is no business of the shop's backend, and the other way round.
    let record = consent(&session(1), "granted", "granted");
    assert_eq!(running.caller.send("/v1/consents", &record).await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_into_memory_is_turned_away_and_no_promise_is_made() {
    let bounded = [BACKENDS, &[("WAVER__LIMITS__SHOP_ROWS", "2")]].concat();
    let running = Running::start_with(&bounded).await;
    let shop = Shop(&running, SECRET);
    let item = |name: &str| json!({"item": name, "price_minor": 1, "currency": "EUR"});
    assert_eq!(shop.catalog(json!([item("a"), item("b"), item("c")])).await.status, 503);
    assert_eq!(shop.catalog(json!([item("a")])).await.status, 200);
    let (_, decision) = decide(&running, 1).await;
    token(&decision);
    let (_, decision) = decide(&running, 2).await;
    assert_eq!((decision["reason"].as_str(), &decision["offer"]), (Some("budget_spent"), &Value::Null));
    assert_eq!(shop.order(json!({"order": "A", "value_minor": 1, "currency": "EUR"})).await.status, 503);
    // What is there already takes no more room.
    assert_eq!(shop.catalog(json!([item("a")])).await.status, 200);
    running.stop().await;
}

/// A collector with another policy.
async fn with_offers(change: impl FnOnce(&str) -> String) -> Running {
    let running = Running::start_with(BACKENDS).await;
    let offers = running.folder().join("offers.toml");
    let text = std::fs::read_to_string(&offers).expect("reads");
    std::fs::write(&offers, change(&text)).expect("writes");
    running.restart_with(BACKENDS).await
}

/// A collector whose offer has a budget.
async fn with_budget(budget: &str) -> Running {
    let text = format!("[offer.budget]\n{budget}\n\n[offer.text.en]");
    with_offers(|offers| offers.replace("[offer.text.en]", &text)).await
}

/// How many of these sessions are made the offer; the others are told that its budget is spent.
async fn made(running: &Running, sessions: std::ops::Range<u64>) -> Vec<Value> {
    let mut made = Vec::new();
    let asked = join_all(sessions.map(|number| decide(running, number))).await;
    for (_, decision) in asked {
        match decision["reason"].as_str() {
            Some("targeting_match") => made.push(decision),
            reason => assert_eq!(reason, Some("budget_spent"), "{decision}"),
        }
    }
    made
}

#[tokio::test]
async fn a_budget_is_never_exceeded_and_what_is_not_redeemed_comes_back() {
    let running = with_budget("offers = 5\nper = \"total\"").await;
    let first = made(&running, 0..40).await;
    assert_eq!(first.len(), 5, "of forty at once");
    let shop = Shop(&running, SECRET);
    for decision in &first[..2] {
        assert_eq!(shop.grant("redeem", &token(decision), "1", json!({})).await.status, 200);
    }
    // An erased session's unit comes back at once, and a start changes nothing.
    let mut erased = 0;
    for number in 0..40 {
        let me = json!({"v": 1, "site": "demo", "session": session(number)});
        if erased == 0 && running.caller.send("/v1/me", &me).await.body["grants"][0]["state"] == "issued" {
            assert_eq!(running.caller.send("/v1/erase", &me).await.status, 202);
            erased += 1;
        }
    }
    assert_eq!(erased, 1);
    let running = running.restart_with(BACKENDS).await;
    assert_eq!(made(&running, 100..110).await.len(), 1);

    // Half an hour later three of the five come back, and two are spent for good.
    running.clock.fetch_add(HALF_AN_HOUR - 1, Ordering::SeqCst);
    assert_eq!(made(&running, 200..210).await.len(), 0);
    running.clock.fetch_add(2 * 60_000, Ordering::SeqCst);
    assert_eq!(made(&running, 300..310).await.len(), 3);
    let running = running.restart_with(BACKENDS).await;
    assert_eq!(made(&running, 400..410).await.len(), 0);
    running.stop_and_look(expect_replayed).await;
}

/// What is in the state is what the log gives, decisions included.
fn expect_replayed(folder: &std::path::Path) {
    let config = folder.join("waver.toml");
    let arguments = ["replay", "--json", "--config", config.to_str().expect("text")];
    let output = crate::process::run(&arguments, &[]);
    let proof: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &proof["first_differences"]), (Some(0), &json!([])), "{proof}");
    assert!(proof["decisions"].as_u64() > Some(10) && proof["shop_rows"].as_u64() > Some(5), "{proof}");
}

#[tokio::test]
async fn a_budget_of_money_counts_what_an_offer_costs_and_begins_anew_each_day() {
    let budget = "[offer.budget]\nmoney = 10.00\nper = \"day\"\n\n[offer.text.en]";
    let running = with_offers(|offers| {
        let costs = offers.replace("priority = 10", "priority = 10\ncost = 3.00");
        costs.replace("[policy]", "[policy]\ncurrency = \"EUR\"").replace("[offer.text.en]", budget)
    })
    .await;
    let first = made(&running, 0..10).await;
    assert_eq!(first.len(), 3, "nine of ten euros");
    assert_eq!(Shop(&running, SECRET).grant("redeem", &token(&first[0]), "1", json!({})).await.status, 200);
    running.clock.fetch_add(24 * 60 * 60_000, Ordering::SeqCst);
    assert_eq!(made(&running, 100..110).await.len(), 3, "another day");
    running.stop().await;
}
