//! C27: the time that an erasure takes does not tell whether anybody knew the session.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Running, batch, session, view};

/// Erasures of each kind.
const SAMPLES: usize = 10_000;
/// The largest distance of two distribution functions that chance brings about once in a thousand times (Kolmogorov and Smirnov, two samples
/// of equal size n: c * sqrt(2 / n), with c = sqrt(-ln(0.001 / 2) / 2) = 1.949).
const CHANCE: f64 = 1.949;

#[tokio::test]
#[ignore = "measures for minutes on a quiet machine: cargo xtask test --soak"]
async fn the_time_that_an_erasure_takes_tells_nothing() {
    let samples = std::env::var("WAVER_TIMING_SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(SAMPLES);
    let running = Running::start_with(&[("WAVER__LOG__LEVEL", "error")]).await;
    let caller = &running.caller;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..samples as u64 {
        // The known one was there before, with events in the windows, and not just now.
        let id = session(2 * number);
        let epoch = caller.grant(&id).await;
        assert_eq!(caller.send("/v1/events", &batch(&id, epoch, (1..9).map(view))).await.status, 202);
        let ask = async |id: String| {
            let request = caller.request("POST", "/v1/erase").json(&json!({"v": 1, "site": "demo", "session": id}));
            let request = request.build().expect("a request");
            let begun = Instant::now();
            let answer = caller.http.execute(request).await.expect("an answer");
            let status = answer.status();
            answer.bytes().await.expect("a body");
            let took = begun.elapsed();
            assert_eq!(status, 202);
            took
        };
        // They take turns at being the first after the batch.
        let other = session(2 * number + 1);
        if number % 2 == 0 {
            known.push(ask(id).await);
            unknown.push(ask(other).await);
        } else {
            unknown.push(ask(other).await);
            known.push(ask(id).await);
        }
    }
    running.stop().await;
    let distance = distance(&mut known, &mut unknown);
    let most = CHANCE * (2.0 / samples as f64).sqrt();
    let median = |times: &[Duration]| times[times.len() / 2];
    println!(
        "{samples} of each: medians {:?} known and {:?} unknown; distance {distance:.4}, by chance up to {most:.4}",
        median(&known),
        median(&unknown)
    );
    assert!(distance <= most, "the times differ: {distance:.4} is more than {most:.4}");
}

/// The largest distance of the two distribution functions; leaves both in order.
fn distance(a: &mut [Duration], b: &mut [Duration]) -> f64 {
    a.sort_unstable();
    b.sort_unstable();
    let share =
        |times: &[Duration], upto: Duration| times.partition_point(|time| *time <= upto) as f64 / times.len() as f64;
    let all = a.iter().chain(b.iter());
    all.map(|upto| (share(a, *upto) - share(b, *upto)).abs()).fold(0.0, f64::max)
}

#[test]
fn the_distance_of_distributions_is_what_it_should_be() {
    let times = |millis: &[u64]| millis.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
    assert_eq!(distance(&mut times(&[1, 2, 3, 4]), &mut times(&[4, 3, 2, 1])), 0.0);
    assert_eq!(distance(&mut times(&[1, 2]), &mut times(&[3, 4])), 1.0);
    assert_eq!(distance(&mut times(&[1, 2, 3, 4]), &mut times(&[3, 4, 5, 6])), 0.5);
}
