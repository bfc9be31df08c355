//! Invariant I2: every event has exactly one outcome, and the counts balance whatever is sent.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::harness::{Caller, Running, batch, consent, session, view};

#[derive(Debug, Clone)]
enum Step {
    Grant(u64),
    Withdraw(u64),
    Batch { shopper: u64, current: bool, seqs: Vec<u64>, junk: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let shopper = 0..4_u64;
    prop_oneof![
        3 => shopper.clone().prop_map(Step::Grant),
        1 => shopper.clone().prop_map(Step::Withdraw),
        8 => (shopper, proptest::bool::weighted(0.7), proptest::collection::vec(0..30_u64, 0..12), 0..4_usize)
            .prop_map(|(shopper, current, seqs, junk)| Step::Batch { shopper, current, seqs, junk }),
    ]
}

/// Sends one step and gives how many events were received and how many stored, as the sender sees it. `epochs` are those that the
/// collector answered.
async fn take(caller: &Caller, step: &Step, salt: u64, epochs: &mut [u64; 4]) -> (u64, u64) {
    let name = |shopper: u64| session(salt * 100 + shopper);
    match step {
        Step::Grant(shopper) => {
            epochs[*shopper as usize] = caller.grant(&name(*shopper)).await;
            (0, 0)
        }
        Step::Withdraw(shopper) => {
            caller.send("/v1/consents", &consent(&name(*shopper), "denied", "denied")).await;
            (0, 0)
        }
        Step::Batch { shopper, current, seqs, junk } => {
            let epoch = epochs[*shopper as usize] + u64::from(!current);
            let junk = std::iter::repeat_n(json!({"seq": "junk"}), *junk);
            let events: Vec<Value> = seqs.iter().map(|seq| view(*seq)).chain(junk).collect();
            let count = events.len() as u64;
            let answer = caller.send("/v1/events", &batch(&name(*shopper), epoch, events)).await;
            if answer.status != 202 {
                assert!(["consent", "schema"].contains(&answer.code()), "{}", answer.body);
                return (count, 0);
            }
            let accepted = answer.body["accepted"].as_u64().expect("a count");
            let duplicate = answer.body["duplicate"].as_u64().expect("a count");
            let rejected = answer.body["rejected"].as_array().expect("a list").len() as u64;
            assert_eq!(accepted + duplicate + rejected, count, "{}", answer.body);
            (count, accepted)
        }
    }
}

#[test]
fn the_books_balance_under_any_mix() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let running = runtime.block_on(Running::start());
    let mut cases = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let (mut salt, mut received, mut stored) = (0, 0, 0);
    let totals = std::cell::RefCell::new((&mut salt, &mut received, &mut stored));
    cases
        .run(&proptest::collection::vec(step(), 1..25), |steps| {
            let mut totals = totals.borrow_mut();
            *totals.0 += 1;
            runtime.block_on(async {
                let mut epochs = [1; 4];
                for step in &steps {
                    let (sent, accepted) = take(&running.caller, step, *totals.0, &mut epochs).await;
                    *totals.1 += sent;
                    *totals.2 += accepted;
                }
                let books = running.caller.admin("/v1/aggregates?site=demo").await["outcomes"].clone();
                let count = |name: &str| books[name].as_u64().expect("a count");
                let discarded = books["discarded"].as_object().expect("reasons").values();
                let discarded: u64 = discarded.map(|events| events.as_u64().expect("a count")).sum();
                assert_eq!(count("received"), *totals.1, "{books}");
                assert_eq!(count("stored"), *totals.2, "{books}");
                assert_eq!(count("received"), count("stored") + count("duplicate") + discarded, "{books}");
            });
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));

    // The metrics tell the same, and what the log holds survives a restart bit for bit.
    runtime.block_on(async {
        assert!(stored > 100, "the mix should store something, and stored {stored}");
        let demo = "site=\"demo\"";
        assert_eq!(running.caller.metric("waver_events_received_total", &[demo]).await, received);
        assert_eq!(running.caller.metric("waver_events_total", &[demo]).await, received);
        assert_eq!(running.caller.metric("waver_events_total", &[demo, "stored"]).await, stored);
        let before = what_the_log_knows(&running.caller).await;
        let running = running.restart().await;
        assert_eq!(what_the_log_knows(&running.caller).await, before);
        let books = running.caller.admin("/v1/aggregates").await["outcomes"].clone();
        assert_eq!(books["stored"].as_u64(), Some(stored));
        running.stop().await;
    });
}

async fn what_the_log_knows(caller: &Caller) -> Value {
    let aggregates = caller.admin("/v1/aggregates").await;
    let sessions = caller.admin("/v1/sessions?limit=1000").await;
    json!([aggregates["windows"], aggregates["total"], aggregates["live"], sessions])
}
