//! What the collector's answers mean to a shopper.

use std::time::Duration;

use serde::de::DeserializeOwned;
use waver_schema::{ApiError, ErrorCode};

use super::transport::{Reply, Route, Transport};
use crate::shopper::Dice;

/// The first wait before trying again; it doubles with each.
const FIRST_WAIT_MS: f64 = 500.0;
/// The longest wait.
const LONGEST_WAIT_MS: f64 = 30_000.0;
/// After so many attempts, about a minute and a half, whatever it was is given up.
pub(super) const MOST_ATTEMPTS: u32 = 8;

/// What became of a request.
#[derive(Debug)]
pub(super) enum Answer<T> {
    /// It was done.
    Done(T),
    /// It could not be done now. Where the collector said when to come back, its seconds.
    Later(Option<u64>),
    /// It will never be done.
    Refused(Refused),
}

/// A refusal for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({})", code.map_or("no code", ErrorCode::as_str))]
pub struct Refused {
    /// Why, for programs; absent if it was not a collector that answered.
    pub code: Option<ErrorCode>,
    /// Why, for people.
    pub message: String,
}

/// Sends `body` and makes sense of the answer.
pub(super) async fn ask<T: DeserializeOwned>(transport: &impl Transport, route: Route, body: String) -> Answer<T> {
    let Ok(Reply { status, retry_after_s, body }) = transport.post(route, body).await else {
        return Answer::Later(None);
    };
    if (200..300).contains(&status) {
        // What cannot be read may not have been done; asking again does no harm.
        return serde_json::from_slice(&body).map_or(Answer::Later(None), Answer::Done);
    }
    let error: Option<ApiError> = serde_json::from_slice(&body).ok();
    if matches!(status, 429 | 502..=504) {
        return Answer::Later(retry_after_s);
    }
    let message = error.as_ref().map_or_else(|| format!("HTTP status {status}"), |error| error.message.clone());
    Answer::Refused(Refused { code: error.map(|error| error.code), message })
}

/// How long to wait before attempt number `attempt` (the first is 1 and needs none): doubling, not sooner than the collector asked for, half a
/// minute at most, and spread over half as much again, so that those who were refused together do not come back together.
pub(super) fn wait(attempt: u32, asked_s: Option<u64>, dice: &mut Dice) -> Duration {
    let doubled = FIRST_WAIT_MS * f64::from(1_u32 << attempt.saturating_sub(2).min(16));
    let asked = asked_s.unwrap_or(0) as f64 * 1_000.0;
    let at_least = doubled.max(asked).min(LONGEST_WAIT_MS);
    Duration::from_millis((at_least * dice.real(1.0, 1.5)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shopper::Stream;

    #[test]
    fn waits_double_keep_to_what_was_asked_and_spread() {
        let mut dice = Dice::new(1, 1, Stream::Network);
        for (attempt, asked, least) in
            [(2, None, 500), (3, None, 1_000), (4, Some(7), 7_000), (30, None, 30_000), (2, Some(9_999), 30_000)]
        {
            let waits: Vec<u128> = (0..50).map(|_| wait(attempt, asked, &mut dice).as_millis()).collect();
            assert!(waits.iter().all(|wait| (least..=least * 3 / 2).contains(wait)), "{waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "no jitter: {waits:?}");
        }
    }
}
