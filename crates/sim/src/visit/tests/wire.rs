//! What goes over the wire, and what does not.

use std::time::Duration;

use waver_schema::{Batch, ConsentChoice, ConsentRecord, EventBody, OfferAction, limits};

use super::*;

#[tokio::test(start_paused = true)]
async fn the_same_seed_sends_the_same_bytes() {
    for persona in Persona::ALL {
        let mut sent = Vec::new();
        for seed in [7, 7, 8] {
            let memory = Memory::new();
            visited(&memory, shopper(seed, persona, Choice::GrantAll)).await;
            sent.push(memory.sent());
        }
        assert!(sent[0].len() > 2, "{persona:?}");
        assert!(sent[0] == sent[1], "{persona:?}");
        assert!(sent[0] != sent[2], "{persona:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_refuses_sends_nothing_at_all() {
    for persona in Persona::ALL {
        let memory = Memory::new();
        let tally = visited(&memory, shopper(7, persona, Choice::Refuse)).await;
        assert_eq!(memory.sent(), [], "{persona:?}");
        assert_eq!((tally.get(Count::Refusals), tally.get(Count::Sessions)), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn who_only_consents_to_measuring_is_measured_and_gets_no_offer() {
    for seed in 0..6 {
        let memory = Memory::new();
        let tally = visited(&memory, shopper(seed, Persona::Hesitating, Choice::GrantMeasure)).await;
        assert!(tally.get(Count::EventsStored) > 0);
        assert_eq!(memory.sent_to(Route::Decisions), [], "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_withdrawal_only_the_withdrawal_is_sent() {
    let memory = Memory::new();
    let tally = visited(&memory, shopper(7, Persona::PriceSensitive, Choice::Withdraw(20_000))).await;
    let sent = memory.sent();
    let last = sent.last().expect("requests");
    let record: ConsentRecord = serde_json::from_str(&last.body).expect("a consent record");
    assert_eq!((record.measure, record.personalize), (ConsentChoice::Denied, ConsentChoice::Denied));
    assert!((20_000..25_000).contains(&last.at), "{}", last.at);
    assert_eq!(tally.get(Count::Withdrawals), 1);
    memory.with_ledger(|ledger| assert!(ledger.events.iter().all(|(_, event)| event.t <= 20_000)));
}

#[tokio::test(start_paused = true)]
async fn events_are_numbered_without_a_gap_in_order_of_time_and_soon_on_their_way() {
    for persona in Persona::ALL {
        let memory = Memory::new();
        let tally = visited(&memory, shopper(11, persona, Choice::GrantAll)).await;
        for sent in memory.sent_to(Route::Events) {
            let batch: Batch = serde_json::from_str(&sent.body).expect("a batch");
            for event in &batch.events {
                // Event time, as the collector reckons it, is the time when it happened: never ahead of it, and not long ago.
                assert!((event.t..event.t + 12_000).contains(&sent.at), "{persona:?}: {} sent at {}", event.t, sent.at);
            }
        }
        memory.with_ledger(|ledger| {
            let seqs: Vec<u64> = ledger.events.iter().map(|(_, event)| event.seq).collect();
            assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<u64>>(), "{persona:?}");
            assert!(ledger.events.is_sorted_by_key(|(_, event)| event.t), "{persona:?}");
            assert_eq!(tally.get(Count::EventsStored), seqs.len() as u64);
            assert_eq!(tally.get(Count::EventsDuplicate), ledger.duplicates);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn faster_shoppers_do_not_live_in_the_future() {
    let memory = Memory::new();
    visited_at(&memory, shopper(7, Persona::Browsing, Choice::GrantAll), 10.0, Stop::never())
        .await
        .expect("not refused");
    let last = memory.sent().last().expect("requests").at;
    assert!(last < 30_000, "{last}");
    for sent in memory.sent_to(Route::Events) {
        let batch: Batch = serde_json::from_str(&sent.body).expect("a batch");
        assert!(batch.events.iter().all(|event| event.t <= sent.at + 1), "at {}", sent.at);
    }
}

#[tokio::test(start_paused = true)]
async fn an_offer_is_shown_with_the_time_it_took_and_answered() {
    let (mut exposed, mut accepted) = (0, 0);
    for seed in 0..8 {
        let memory = Memory::with(Duration::from_millis(120), |_| None);
        let tally = visited(&memory, shopper(seed, Persona::PriceSensitive, Choice::GrantAll)).await;
        memory.with_ledger(|ledger| {
            for request in &ledger.decisions {
                assert!(request.features.hesitation.iter().any(|score| score.score_milli.get() >= 500), "{request:?}");
            }
            let mut shown = None;
            for (_, event) in &ledger.events {
                match event.body {
                    EventBody::Offer { action: OfferAction::Exposed, decision, since_signal_ms } => {
                        // A batch that was under way when the signal came delays it by once or twice its own time.
                        let since = since_signal_ms.expect("measured");
                        assert!((120..=360).contains(&since), "{since}");
                        shown = Some(decision);
                        exposed += 1;
                    }
                    EventBody::Offer { decision, action, .. } => {
                        assert_eq!(Some(decision), shown.take(), "{action:?} of an offer that was not shown last");
                        accepted += u64::from(action == OfferAction::Accepted);
                    }
                    _ => {}
                }
            }
            assert!(ledger.events.is_sorted_by_key(|(_, event)| event.t));
        });
        assert_eq!(tally.get(Count::DecisionsLost), 0);
    }
    assert!(exposed > 4 && accepted > 2, "{exposed} shown, {accepted} taken");
}

#[tokio::test(start_paused = true)]
async fn an_offer_that_was_answered_is_not_answered_again() {
    let mut asked_again = 0;
    for seed in 0..12 {
        // This collector makes the same offer for ever, as one does that has not heard of the answer yet.
        let memory = Memory::with(Duration::ZERO, |sent| {
            (sent.route == Route::Decisions).then(|| Ok(ledger::offer(1, "product")))
        });
        let tally = visited(&memory, shopper(seed, Persona::PriceSensitive, Choice::GrantAll)).await;
        let answers = tally.get(Count::OffersAccepted) + tally.get(Count::OffersDismissed);
        assert!(answers <= 1 && tally.get(Count::OffersExposed) <= 1, "{seed}: {tally:?}");
        asked_again += usize::from(answers == 1 && memory.sent_to(Route::Decisions).len() > 1);
    }
    assert!(asked_again > 2, "{asked_again}");
}

#[tokio::test(start_paused = true)]
async fn batches_keep_to_the_limits_even_after_a_long_silence_of_the_collector() {
    let memory = Memory::with(Duration::ZERO, |sent| {
        let silent = sent.route == Route::Events && sent.at < 40_000;
        silent.then(|| Err(Unreachable("unplugged".to_owned())))
    });
    // The ledger checks the limits of each batch.
    let tally = visited(&memory, shopper(3, Persona::PriceSensitive, Choice::GrantAll)).await;
    assert!(tally.get(Count::EventsStored) > limits::EVENTS_PER_BATCH as u64 / 2, "{tally:?}");
    assert_eq!(tally.get(Count::EventsLost), 0);
}
