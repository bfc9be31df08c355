//! What shoppers do when the collector does not do what they ask.

use std::time::Duration;

use waver_schema::{ApiError, ErrorCode, EventBody};

use super::ledger::reply;
use super::memory::Sent;
use super::*;

fn refusal(code: ErrorCode, retry_after_s: Option<u64>) -> Result<Reply, Unreachable> {
    let error = ApiError { code, message: "as the test wants it".to_owned(), field: None };
    Ok(Reply { retry_after_s, ..reply(code.status(), &error) })
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_cannot_be_stored_comes_again_unchanged_and_not_before_it_may() {
    let memory = Memory::with(Duration::ZERO, |sent| {
        let busy = sent.route == Route::Events && sent.nth < 3;
        busy.then(|| refusal(if sent.nth == 1 { ErrorCode::TooMany } else { ErrorCode::Unavailable }, Some(4)))
    });
    let tally = visited(&memory, shopper(7, Persona::Browsing, Choice::GrantAll)).await;
    let tries: Vec<Sent> = memory.sent_to(Route::Events).into_iter().take(4).collect();
    for pair in tries.windows(2) {
        assert_eq!(pair[0].body, pair[1].body);
        assert!(pair[1].at >= pair[0].at + 4_000, "{} then {}", pair[0].at, pair[1].at);
    }
    assert_eq!((tally.get(Count::Retries), tally.get(Count::EventsLost)), (3, 0));
    memory.with_ledger(|ledger| assert_eq!(tally.get(Count::EventsStored), ledger.events.len() as u64));
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_cannot_be_recorded_comes_again_and_nothing_goes_before_it() {
    let memory = Memory::with(Duration::ZERO, |sent| {
        (sent.route == Route::Consents && sent.nth < 2).then(|| Err(Unreachable("unplugged".to_owned())))
    });
    let tally = visited(&memory, shopper(7, Persona::Browsing, Choice::GrantAll)).await;
    let routes: Vec<Route> = memory.sent().iter().take(4).map(|sent| sent.route).collect();
    assert_eq!(routes[..3], [Route::Consents; 3]);
    assert_ne!(routes[3], Route::Consents);
    assert_eq!((tally.get(Count::Sessions), tally.get(Count::SessionsLost)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_never_answers_is_given_up() {
    let memory = Memory::with(Duration::ZERO, |_| Some(Err(Unreachable("unplugged".to_owned()))));
    let tally = visited(&memory, shopper(7, Persona::Browsing, Choice::GrantAll)).await;
    assert_eq!((tally.get(Count::Sessions), tally.get(Count::SessionsLost), tally.live()), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_dropped_and_the_loss_is_told() {
    let memory = Memory::with(Duration::ZERO, |sent| {
        (sent.route == Route::Events && sent.nth == 0).then(|| refusal(ErrorCode::Schema, None))
    });
    let tally = visited(&memory, shopper(7, Persona::Browsing, Choice::GrantAll)).await;
    let refused = tally.get(Count::EventsRefused);
    let batches = memory.sent_to(Route::Events);
    assert!(refused > 0 && batches[1..].iter().all(|sent| sent.body != batches[0].body));
    memory.with_ledger(|ledger| {
        let told: u32 = ledger
            .events
            .iter()
            .map(|(_, event)| if let EventBody::Dropped { count, .. } = event.body { count } else { 0 })
            .sum();
        assert_eq!(u64::from(told), refused);
    });
}

#[tokio::test(start_paused = true)]
async fn a_refused_site_ends_the_visit_with_the_reason() {
    let memory = Memory::with(Duration::ZERO, |_| Some(refusal(ErrorCode::UnknownSite, None)));
    let visit = visited_at(&memory, shopper(7, Persona::Browsing, Choice::GrantAll), 1.0, Stop::never());
    let refused = visit.await.expect_err("refused");
    assert_eq!(refused.code, Some(ErrorCode::UnknownSite));
    assert!(refused.to_string().contains("as the test wants it (unknown_site)"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_of_the_same_seed_takes_other_sessions() {
    let memory = Memory::new();
    for run in 0..3 {
        let tally = Arc::new(Tally::default());
        let world = World::new(memory.clone(), site(), tally.clone(), 1.0, run);
        let visit = visit(&world, shopper(7, Persona::Decisive, Choice::GrantAll), Stop::never());
        visit.await.expect("not refused");
        assert_eq!(tally.get(Count::Sessions), 1);
    }
    memory.with_ledger(|ledger| {
        let mut sessions: Vec<_> = ledger.events.iter().map(|(session, _)| *session).collect();
        sessions.dedup();
        assert_eq!(sessions.len(), 3);
    });
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_a_shopper_delivers_what_it_has_and_leaves() {
    let memory = Memory::new();
    let stop = Stop::when(tokio::time::sleep(Duration::from_millis(12_345)));
    let visit = visited_at(&memory, shopper(7, Persona::Browsing, Choice::GrantAll), 1.0, stop);
    let tally = visit.await.expect("not refused");
    let last = memory.sent_to(Route::Events).last().expect("batches").at;
    assert_eq!(last, 12_345);
    assert_eq!(tally.get(Count::EventsLost), 0);
    memory.with_ledger(|ledger| assert_eq!(tally.get(Count::EventsStored), ledger.events.len() as u64));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_a_shopper_does_not_wait_for_a_dead_collector() {
    let memory = Memory::with(Duration::from_secs(3_600), |_| None);
    let stop = Stop::when(tokio::time::sleep(Duration::from_secs(5)));
    let begun = tokio::time::Instant::now();
    let visit = visited_at(&memory, shopper(7, Persona::PriceSensitive, Choice::GrantAll), 1.0, stop);
    visit.await.expect("not refused");
    assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());

    let memory = Memory::with(Duration::ZERO, |sent| {
        (sent.route == Route::Events).then(|| Err(Unreachable("unplugged".to_owned())))
    });
    let stop = Stop::when(tokio::time::sleep(Duration::from_secs(20)));
    let begun = tokio::time::Instant::now();
    let visit = visited_at(&memory, shopper(7, Persona::PriceSensitive, Choice::GrantAll), 1.0, stop);
    let tally = visit.await.expect("not refused");
    assert!(begun.elapsed() < Duration::from_secs(26), "{:?}", begun.elapsed());
    assert!(tally.get(Count::EventsLost) > 0);
}
