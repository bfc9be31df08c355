//! What operators see where numbers are suppressed: row C31 over HTTP, and the budget of row C32 over restarts and kills.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::harness::{
    ADMIN_TOKEN, Answer, Caller, Running, batch, decision_request, eventually, folder, session, view,
};
use crate::process::{Process, run};

const HOUR: u64 = 60 * 60 * 1000;
const K: u64 = 5;
const SUPPRESSED: &[(&str, &str)] = &[("WAVER__RELEASE__K", "5")];

/// One shopper who views so many pages, at the clock of the collector.
async fn visit(running: &Running, shopper: u64, pages: u64) {
    let epoch = running.caller.grant(&session(shopper)).await;
    let sent = batch(&session(shopper), epoch, (1..=pages).map(view));
    assert_eq!(running.caller.send("/v1/events", &sent).await.status, 202);
}

/// Every number of a document by its path, rows of lists by what they are of.
fn numbers(value: &Value, path: &str, into: &mut BTreeMap<String, u64>) {
    match value {
        Value::Number(number) => {
            into.insert(path.to_owned(), number.as_u64().expect("no fractions"));
        }
        Value::Object(entries) => {
            entries.iter().for_each(|(name, inner)| numbers(inner, &format!("{path}.{name}"), into));
        }
        Value::Array(rows) => {
            for row in rows {
                let words = |row: &Value| {
                    row.as_object().map(|row| row.values().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
                };
                numbers(row, &format!("{path}[{}]", words(row).unwrap_or_default()), into);
            }
        }
        _ => {}
    }
}

async fn total(running: &Running, query: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut document = running.caller.admin(&format!("/v1/aggregates?site=demo&{query}")).await;
    document["total"].as_object_mut().expect("a window").remove("start");
    numbers(&document["total"], "total", &mut found);
    found
}

#[tokio::test]
async fn operators_see_no_number_of_few_whatever_they_ask() {
    let running = Running::start_with(SUPPRESSED).await;
    let begun = running.clock.load(Ordering::SeqCst);
    let mut shopper = 0;
    // By hour: enough, too few, one, enough.
    for (hour, shoppers) in [(0, 8), (1, K - 1), (2, 1), (3, K)] {
        running.clock.store(begun + hour * HOUR + 60_000, Ordering::SeqCst);
        for _ in 0..shoppers {
            shopper += 1;
            visit(&running, shopper, 1 + shopper % 3).await;
        }
        let now = running.caller.admin("/v1/aggregates?site=demo").await;
        assert_eq!(now["recent"]["events"], Value::Null, "what goes on now is told of many only");
        assert_eq!(now["live"]["sessions"].as_u64().unwrap_or_default() % K, 0, "{}", now["live"]);
        assert_eq!(now["release"]["k"], K);
        let sessions = running.caller.admin("/v1/sessions?site=demo").await;
        assert_eq!(sessions, json!({"sessions": [], "suppressed": true}), "a row is one shopper");
    }
    // Over since less than an hour: not published yet.
    running.clock.store(begun + 5 * HOUR - 1, Ordering::SeqCst);
    let early = running.caller.admin(&format!("/v1/aggregates?site=demo&from={begun}")).await;
    assert_eq!((early["to"].as_u64(), early["total"]["sessions"].as_u64()), (Some(begun + 3 * HOUR), Some(8)));
    running.clock.store(begun + 5 * HOUR, Ordering::SeqCst);
    let whole = running.caller.admin(&format!("/v1/aggregates?site=demo&from={begun}")).await;
    let sessions: Vec<Option<u64>> =
        whole["windows"].as_array().expect("windows").iter().map(|window| window["sessions"].as_u64()).collect();
    assert_eq!(sessions, [Some(8), None, None, Some(K)]);
    assert!(whole["windows"].as_array().expect("windows").iter().all(|window| window["suppressed"] == true));

    // The attacker asks for every stretch, also by the minute and by odd windows, and takes answers from each other. All that comes out are hours
    // that were released, and their sums.
    let hours: Vec<BTreeMap<String, u64>> = {
        let mut hours = Vec::new();
        for hour in 0..4 {
            let at = begun + hour * HOUR;
            hours.push(total(&running, &format!("from={at}&to={}", at + HOUR)).await);
        }
        hours
    };
    for (hour, numbers) in hours.iter().enumerate() {
        assert_eq!(numbers.is_empty(), [false, true, true, false][hour], "hour {hour}: {numbers:?}");
    }
    for from in (0..4 * 60).step_by(45) {
        for to in (from + 1..=4 * 60).step_by(50) {
            for window in ["1m", "1h", "3h"] {
                let (start, end) = (begun + from * 60_000, begun + to * 60_000);
                let seen = total(&running, &format!("from={start}&to={end}&window={window}")).await;
                let mut expected: BTreeMap<String, u64> = BTreeMap::new();
                let touched = &hours[(from / 60) as usize..(to.div_ceil(60)) as usize];
                for numbers in touched {
                    for (name, number) in numbers {
                        *expected.entry(name.clone()).or_default() += number;
                    }
                }
                if touched.len() > 1 {
                    expected.retain(|name, _| name != "total.active_sessions");
                }
                assert_eq!(seen, expected, "minutes {from} to {to} by {window}");
            }
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn an_hour_is_published_once_whatever_comes_later() {
    let running = Running::start_with(SUPPRESSED).await;
    let begun = running.clock.load(Ordering::SeqCst);
    // A moment into the hour, or the shoppers would have begun in the hour before.
    running.clock.store(begun + 60_000, Ordering::SeqCst);
    for shopper in 1..=K {
        visit(&running, shopper, 2).await;
    }
    // The first one stays, so that an erasure has something to take back when the hour is out.
    let epoch = running.caller.grant(&session(1)).await;
    for turn in 1..=4 {
        let later = turn * 25 * 60_000;
        running.clock.store(begun + 60_000 + later, Ordering::SeqCst);
        let mut event = view(2 + turn);
        event["t"] = json!(200 + later);
        assert_eq!(running.caller.send("/v1/events", &batch(&session(1), epoch, [event])).await.body["accepted"], 1);
    }
    running.clock.store(begun + 2 * HOUR, Ordering::SeqCst);
    let first = total(&running, &format!("from={begun}")).await;
    assert_eq!(first["total.events"], 2 * K + 2, "two of the four turns are in the hour");
    // One of them erases itself, and one comes after all: neither can be told by asking again, also of a collector that was started anew.
    let erase = json!({"v": 1, "site": "demo", "session": session(1)});
    assert_eq!(running.caller.send("/v1/erase", &erase).await.status, 202);
    assert_eq!(total(&running, &format!("from={begun}")).await, first);
    let running = running.restart_with(SUPPRESSED).await;
    running.clock.store(begun + 3 * HOUR, Ordering::SeqCst);
    assert_eq!(total(&running, &format!("from={begun}&to={}", begun + HOUR)).await, first);
    // The exact numbers have changed, so the test above can fail.
    let running = running.restart_with(&[("WAVER__RELEASE__K", "0")]).await;
    running.clock.store(begun + 3 * HOUR, Ordering::SeqCst);
    let exact = total(&running, &format!("from={begun}&to={}&window=1h", begun + HOUR)).await;
    assert_eq!(exact["total.events"], 2 * (K - 1));
    running.stop().await;
}

#[tokio::test]
async fn the_metrics_tell_of_sessions_and_decisions_in_steps() {
    let running = Running::start_with(SUPPRESSED).await;
    for shopper in 1..=K + 2 {
        visit(&running, shopper, 1).await;
    }
    assert_eq!(running.caller.metric("waver_sessions_live", &["demo", "unscored"]).await, K);
    for shopper in 1..K {
        let epoch = running.caller.grant(&session(shopper)).await;
        let asked = decision_request(&session(shopper), epoch);
        assert_eq!(running.caller.send("/v1/decisions", &asked).await.status, 200);
    }
    assert_eq!(running.caller.metric("waver_decisions_total", &["targeting_match"]).await, 0, "of fewer than K");
    let epoch = running.caller.grant(&session(K)).await;
    assert_eq!(running.caller.send("/v1/decisions", &decision_request(&session(K), epoch)).await.status, 200);
    assert_eq!(running.caller.metric("waver_decisions_total", &["targeting_match"]).await, K);
    running.stop().await;
}

async fn export(caller: &Caller, asked: &Value) -> Option<Answer> {
    let request = caller.request("POST", "/v1/export/aggregates").bearer_auth(ADMIN_TOKEN).json(asked);
    Some(Answer::of(request.send().await.ok()?).await)
}

#[tokio::test]
async fn an_export_has_noise_and_costs_what_it_says() {
    let running = Running::start_with(&[("WAVER__RELEASE__EPSILON", "0.5")]).await;
    let begun = running.clock.load(Ordering::SeqCst);
    running.clock.store(begun + 60_000, Ordering::SeqCst);
    visit(&running, 1, 3).await;
    running.clock.store(begun + 2 * HOUR, Ordering::SeqCst);
    let asked = |epsilon_milli: u64, from: u64| json!({"site": "demo", "epsilon_milli": epsilon_milli, "from": from});
    let answer = export(&running.caller, &asked(200, begun)).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((&answer.body["from"], &answer.body["to"]), (&json!(begun), &json!(begun + HOUR)));
    assert_eq!((&answer.body["left_milli"], &answer.body["scale_milli"]), (&json!(300), &json!(35_000)));
    assert_eq!(answer.body["windows"].as_array().map(Vec::len), Some(1));
    let spent = export(&running.caller, &asked(301, begun)).await.expect("an answer");
    assert_eq!(
        (spent.status, spent.code(), spent.header("retry-after")),
        (429, "too_many", Some("3600")),
        "{}",
        spent.body
    );
    let nothing = export(&running.caller, &asked(301, begun + 9 * HOUR)).await.expect("an answer");
    assert_eq!(
        (nothing.status, nothing.body["windows"].as_array().map(Vec::len)),
        (200, Some(0)),
        "of no hour, for nothing"
    );
    // The hour before has its own. All numbers of an empty hour are zero only by chance: with this scale once in 10^12.
    let empty = export(&running.caller, &asked(300, begun - HOUR)).await.expect("an answer");
    let window = &empty.body["windows"][0];
    let noisy =
        window.as_object().expect("a window").iter().filter(|(name, count)| *name != "start" && **count != json!(0));
    assert!(noisy.count() > 0, "{window}");
    for bad in [json!({"epsilon_milli": 0}), json!({"epsilon_milli": 10_001}), json!({})] {
        assert_eq!(export(&running.caller, &bad).await.expect("an answer").status, 422, "{bad}");
    }
    let unknown = export(&running.caller, &json!({"site": "nobody", "epsilon_milli": 1})).await.expect("an answer");
    assert_eq!(unknown.status, 401);
    let stranger = running.caller.request("POST", "/v1/export/aggregates").json(&asked(1, begun)).send().await;
    assert_eq!(stranger.expect("an answer").status(), 401);
    running.stop().await;
}

#[tokio::test]
async fn the_budget_is_never_exceeded_by_many_at_once_and_kills_in_between() {
    const COSTS: u64 = 30;
    const CLIENTS: usize = 4;
    /// The budget is 1,000 thousandths.
    const AFFORDED: u64 = 1_000 / COSTS;
    let folder = folder();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
    let to = (u64::try_from(now).expect("fits") / HOUR - 2) * HOUR;
    let asked = json!({"site": "demo", "epsilon_milli": COSTS, "from": to - HOUR, "to": to});
    let spent = folder.path().join("data").join("released").join("spent");
    let written = || std::fs::read_to_string(&spent).unwrap_or_default().lines().count() as u64;
    let mut acknowledged = 0;
    for round in 1..=3 {
        let process = Process::start(folder.path()).await;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (caller, asked) = (process.caller.clone(), asked.clone());
                tokio::spawn(async move {
                    let mut accepted = 0;
                    // Until the kill, or until there is nothing left.
                    while let Some(answer) = export(&caller, &asked).await {
                        match answer.status {
                            200 => accepted += 1,
                            status => {
                                assert_eq!(status, 429, "{}", answer.body);
                                return accepted;
                            }
                        }
                    }
                    accepted
                })
            })
            .collect();
        eventually("some exports", async || (written() >= round * 5).then_some(())).await;
        process.kill().await;
        for client in clients {
            acknowledged += client.await.expect("no panic");
        }
        assert!(acknowledged <= written().min(AFFORDED), "{acknowledged} of {}", written());
    }
    let process = Process::start(folder.path()).await;
    while export(&process.caller, &asked).await.expect("an answer").status == 200 {
        acknowledged += 1;
    }
    // What was asked for when it was killed may be spent without an answer, and no more than that.
    assert_eq!(written(), AFFORDED);
    assert!(acknowledged <= AFFORDED && acknowledged + 3 * CLIENTS as u64 >= AFFORDED, "{acknowledged}");
    assert_eq!(process.terminate().await, Some(0));
}

#[tokio::test]
async fn the_command_exports_from_a_running_collector_and_from_its_folder() {
    let folder = folder();
    let process = Process::start(folder.path()).await;
    let address = process.caller.url.trim_start_matches("http://").to_owned();
    let export = |arguments: &[&str]| {
        let config = folder.path().join("waver.toml");
        let file = folder.path().join("noisy.json");
        let environment = [("WAVER__ADMIN__TOKEN", ADMIN_TOKEN), ("WAVER__SERVER__LISTEN", address.as_str())];
        let (config, to) = (config.to_str().expect("text"), file.to_str().expect("text"));
        let output = run(&[&["export", "--config", config, "--aggregates", to], arguments].concat(), &environment);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let written = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        (output.status.code(), said, written.unwrap_or_default())
    };
    let (code, said, written) = export(&["--epsilon", "0.4"]);
    assert_eq!(
        (code, written["left_milli"].as_u64(), written["windows"].as_array().map(Vec::len)),
        (Some(0), Some(600), Some(24)),
        "{said}"
    );
    assert_eq!(export(&[]).0, Some(64), "no epsilon");
    assert_eq!(export(&["--epsilon", "11"]).0, Some(64));
    assert_eq!(process.terminate().await, Some(0));
    let (code, said, written) = export(&["--epsilon", "0.5", "--site", "demo", "--json"]);
    assert_eq!((code, written["left_milli"].as_u64()), (Some(0), Some(100)), "{said}");
    let (code, said, _) = export(&["--epsilon", "0.2"]);
    assert_eq!(code, Some(69));
    assert!(said.contains("100 thousandths of epsilon are left"), "{said}");
}
