//! Who may see the dashboard: the bearer of the admin token, or of a session that was opened with it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use waver_schema::ErrorCode;

use super::SharedApp;
use super::refusal::Refusal;
use crate::config::Secret;
use crate::host::Host;

/// Name of the cookie.
pub(crate) const COOKIE: &str = "waver_admin";
/// A session ends after twelve hours.
pub(crate) const SESSION_SECONDS: u64 = 12 * 60 * 60;
/// Sessions open at a time; the oldest makes room.
const SESSIONS: usize = 64;
/// Wrong tokens a minute, from everybody together since nobody is told apart. Who holds the token has the bearer's way besides.
const FAILURES_A_MINUTE: u32 = 10;
const MINUTE_MS: u64 = 60_000;

/// The gate in front of everything that only operators may see.
#[derive(Debug)]
pub(crate) struct AdminGate {
    token: Option<Secret>,
    state: Mutex<GateState>,
}

#[derive(Debug, Default)]
struct GateState {
    /// When each session ends, by the hash of its key: looking up a hash gives nothing away by its timing.
    sessions: HashMap<blake3::Hash, u64>,
    /// The minute that is counted, and the wrong tokens within it.
    failures: (u64, u32),
}

/// Why a session was not opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SignInError {
    WrongToken,
    TooManyFailures,
}

impl AdminGate {
    pub(crate) fn new(token: Option<Secret>) -> AdminGate {
        AdminGate { token, state: Mutex::default() }
    }

    /// Opens a session for whoever knows the token, and gives its key.
    pub(crate) fn sign_in(&self, token: &str, host: &Host) -> Result<String, SignInError> {
        let now = host.now();
        let mut state = self.state();
        let minute = now / MINUTE_MS;
        if state.failures.0 != minute {
            state.failures = (minute, 0);
        }
        if state.failures.1 >= FAILURES_A_MINUTE {
            return Err(SignInError::TooManyFailures);
        }
        if !self.is_token(token) {
            state.failures.1 += 1;
            return Err(SignInError::WrongToken);
        }
        state.sessions.retain(|_, ends_at| *ends_at > now);
        if state.sessions.len() >= SESSIONS {
            let oldest = state.sessions.iter().min_by_key(|(_, ends_at)| **ends_at).map(|(session, _)| *session);
            oldest.map(|session| state.sessions.remove(&session));
        }
        let key = hex(&host.random::<32>());
        state.sessions.insert(blake3::hash(key.as_bytes()), now + SESSION_SECONDS * 1000);
        Ok(key)
    }

    /// Ends the session that `headers` carry, if any.
    pub(crate) fn sign_out(&self, headers: &HeaderMap) {
        if let Some(key) = cookie(headers) {
            self.state().sessions.remove(&blake3::hash(key.as_bytes()));
        }
    }

    /// Whether `headers` carry the token or an open session.
    pub(crate) fn admits(&self, headers: &HeaderMap, now: u64) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if bearer.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|token| self.is_token(token)) {
            return true;
        }
        cookie(headers).is_some_and(|key| {
            self.state().sessions.get(&blake3::hash(key.as_bytes())).is_some_and(|ends_at| *ends_at > now)
        })
    }

    fn is_token(&self, token: &str) -> bool {
        self.token.as_ref().is_some_and(|known| known.equals(token))
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Proof that the request comes from an operator. A handler that takes one cannot be reached otherwise.
pub(crate) struct Operator;

impl FromRequestParts<SharedApp> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Operator, Refusal> {
        if app.admin.admits(&parts.headers, app.host.now()) {
            return Ok(Operator);
        }
        Err(Refusal::new(
            ErrorCode::Unauthorized,
            "send the admin token as `Authorization: Bearer`, or sign in at /dashboard/login",
        ))
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn at(now: u64) -> Host {
        Host::system().with_clock(move || now)
    }

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("valid"))])
    }

    #[test]
    fn a_session_opens_with_the_token_and_ends_by_itself_or_by_signing_out() {
        let gate = AdminGate::new(Some(Secret::new(TOKEN)));
        let key = gate.sign_in(TOKEN, &at(0)).expect("opens");
        let headers = with(header::COOKIE, &format!("theme=dark; {COOKIE}={key}"));
        assert!(gate.admits(&headers, SESSION_SECONDS * 1000 - 1));
        assert!(!gate.admits(&headers, SESSION_SECONDS * 1000));
        assert!(!gate.admits(&with(header::COOKIE, &format!("{COOKIE}={key}0")), 1));
        gate.sign_out(&headers);
        assert!(!gate.admits(&headers, 1));
    }

    #[test]
    fn the_bearer_of_the_token_is_admitted_and_nobody_else() {
        let gate = AdminGate::new(Some(Secret::new(TOKEN)));
        let bearer = |token: &str| with(header::AUTHORIZATION, &format!("Bearer {token}"));
        assert!(gate.admits(&bearer(TOKEN), 0));
        for wrong in ["", "0", &TOKEN[1..], &format!("{TOKEN}0")] {
            assert!(!gate.admits(&bearer(wrong), 0), "{wrong}");
        }
        assert!(!gate.admits(&HeaderMap::new(), 0));
        assert!(!AdminGate::new(None).admits(&bearer(""), 0), "without a token nobody is admitted");
    }

    #[test]
    fn guessing_is_slowed_down_by_the_minute() {
        let gate = AdminGate::new(Some(Secret::new(TOKEN)));
        for _ in 0..FAILURES_A_MINUTE {
            assert_eq!(gate.sign_in("guess", &at(0)), Err(SignInError::WrongToken));
        }
        assert_eq!(gate.sign_in(TOKEN, &at(MINUTE_MS - 1)), Err(SignInError::TooManyFailures));
        assert!(gate.sign_in(TOKEN, &at(MINUTE_MS)).is_ok());
    }

    #[test]
    fn sessions_are_bounded_and_the_oldest_makes_room() {
        let gate = AdminGate::new(Some(Secret::new(TOKEN)));
        let keys: Vec<String> =
            (0..=SESSIONS as u64).map(|now| gate.sign_in(TOKEN, &at(now)).expect("opens")).collect();
        let admits = |key: &str| gate.admits(&with(header::COOKIE, &format!("{COOKIE}={key}")), 100);
        assert!(!admits(&keys[0]) && admits(&keys[1]) && admits(&keys[SESSIONS]));
    }
}
