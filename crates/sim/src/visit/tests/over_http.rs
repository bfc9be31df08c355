//! A crowd over real HTTP, against an endpoint that is at times too busy, and some of whose answers get lost.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use waver_schema::BatchAnswer;

use super::ledger::Ledger;
use super::*;
use crate::crowd::{self, Options};

#[derive(Default)]
struct Endpoint {
    ledger: Mutex<Ledger>,
    requests: Mutex<u64>,
    /// What was in the answers to batches that got lost.
    unheard: Mutex<BatchAnswer>,
}

impl Endpoint {
    /// Every ninth request finds it too busy, and of every seventh request the answer gets lost if it is a batch: the shopper sends it again.
    fn take(&self, route: Route, body: &str) -> Response {
        let mut requests = self.requests.lock().expect("no test panicked with it");
        *requests += 1;
        if requests.is_multiple_of(9) {
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")]).into_response();
        }
        let reply = self.ledger.lock().expect("no test panicked with it").answer(route, body);
        if requests.is_multiple_of(7) && route == Route::Events {
            let lost: BatchAnswer = serde_json::from_slice(&reply.body).expect("the answer to a batch");
            let mut unheard = self.unheard.lock().expect("no test panicked with it");
            (unheard.accepted, unheard.duplicate) =
                (unheard.accepted + lost.accepted, unheard.duplicate + lost.duplicate);
            return StatusCode::BAD_GATEWAY.into_response();
        }
        (StatusCode::from_u16(reply.status).expect("a status"), reply.body).into_response()
    }
}

async fn open() -> (SocketAddr, Arc<Endpoint>) {
    let endpoint = Arc::new(Endpoint::default());
    let at = |route: Route| {
        post(move |State(endpoint): State<Arc<Endpoint>>, body: String| async move { endpoint.take(route, &body) })
    };
    let router = [Route::Consents, Route::Events, Route::Decisions]
        .into_iter()
        .fold(Router::new().route("/readyz", get(|| async { "" })), |router, route| {
            router.route(route.path(), at(route))
        })
        .with_state(endpoint.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, endpoint)
}

#[tokio::test]
async fn a_crowd_loses_nothing_and_counts_as_the_collector_counts() {
    let (address, endpoint) = open().await;
    let http = Http::to(format!("http://{address}").parse().expect("an origin")).expect("a client");
    // No answer gets lost but those that should: who gives up waiting sends again what was stored, and counts less than there is.
    let http = http.with_patience(Duration::from_secs(300));
    assert_eq!(http.is_ready().await, Ok(true));
    let tally = Arc::new(Tally::default());
    let options = Options {
        site: site(),
        seed: 7,
        run: 1,
        per_minute: 6_000.0,
        sessions: Some(80),
        concurrent: 80,
        speed: 100.0,
        recorded: Arc::new([]),
    };
    crowd::run(options, http, tally.clone(), Stop::never()).await.expect("not refused");

    let ledger = endpoint.ledger.lock().expect("no test panicked with it");
    let count = |count| tally.get(count);
    let unheard = endpoint.unheard.lock().expect("no test panicked with it");
    assert_eq!(count(Count::EventsStored) + u64::from(unheard.accepted), ledger.events.len() as u64);
    assert_eq!(count(Count::EventsDuplicate) + u64::from(unheard.duplicate), ledger.duplicates);
    // How often a shopper repeats itself is a matter of chance, and of time; what is unheard surely comes again.
    assert!(unheard.accepted > 0 && ledger.duplicates >= unheard.accepted.into(), "{tally:?}");
    assert!(count(Count::Retries) > 0, "{tally:?}");
    assert_eq!((count(Count::Shoppers), count(Count::TurnedAway), tally.live()), (80, 0, 0));
    let lost = [Count::EventsLost, Count::EventsRefused, Count::EventsRejected, Count::SessionsLost].map(count);
    assert_eq!(lost, [0; 4]);
    assert!(count(Count::Refusals) > 0 && count(Count::OffersAccepted) > 0 && count(Count::Purchases) > 0, "{tally:?}");
}

#[tokio::test]
async fn a_full_shop_turns_shoppers_away() {
    let (address, _endpoint) = open().await;
    let http = Http::to(format!("http://{address}").parse().expect("an origin")).expect("a client");
    let tally = Arc::new(Tally::default());
    let options = Options {
        site: site(),
        seed: 7,
        run: 1,
        per_minute: 60_000.0,
        sessions: Some(40),
        concurrent: 3,
        speed: 100.0,
        recorded: Arc::new([]),
    };
    crowd::run(options, http, tally.clone(), Stop::never()).await.expect("not refused");
    assert!(tally.get(Count::TurnedAway) > 0, "{tally:?}");
    assert_eq!(tally.get(Count::Shoppers) + tally.get(Count::TurnedAway), 40);
}

#[tokio::test]
async fn where_no_collector_is_that_is_said() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let http = Http::to(format!("http://{address}").parse().expect("an origin")).expect("a client");
    let error = http.is_ready().await.expect_err("nobody is there");
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
}
