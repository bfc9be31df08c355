//! Who may send: the site exists, the origin is one of its own, and the browser does not object.

use axum::http::{HeaderMap, header};
use tokio::sync::oneshot;
use waver_schema::{ErrorCode, SessionId, SiteKey, VisitorId, WIRE_VERSION};

use super::App;
use super::refusal::Refusal;
use crate::committer::{Command, Reply};
use crate::keyring::PurposeSet;
use crate::outcome::DiscardReason;
use crate::pipeline::Candidates;
use crate::site::SiteIndex;
use crate::tripwire;

/// Refuses whatever the browser asks us not to collect: Global Privacy Control, or Do Not Track. The browser module honours both by
/// itself; this holds even if it did not.
///
/// # Errors
/// [`ErrorCode::Gpc`].
pub(super) fn expect_no_objection(headers: &HeaderMap) -> Result<(), Refusal> {
    let says = |name: &str| headers.get_all(name).iter().any(|value| value.as_bytes().trim_ascii() == b"1");
    if says("sec-gpc") || says("dnt") {
        return Err(Refusal::new(ErrorCode::Gpc, "the browser asks not to be tracked (Sec-GPC or DNT), and is not"));
    }
    Ok(())
}

/// Refuses versions that this build does not know.
///
/// # Errors
/// [`ErrorCode::Schema`].
pub(super) fn expect_version(v: u16) -> Result<(), Refusal> {
    if (1..=WIRE_VERSION).contains(&v) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::Schema, format!("this collector knows versions 1 to {WIRE_VERSION}")).at("v"))
}

/// Refuses a body of the schema called `name` in which something looks like a person's. `json` was read as one before.
///
/// # Errors
/// [`ErrorCode::Schema`], which says what kind of thing it was.
pub(super) fn expect_nothing_personal(app: &App, name: &'static str, json: &[u8]) -> Result<(), Refusal> {
    match tripwire::of_body(name, json) {
        None => Ok(()),
        Some(kind) => {
            app.tripped.add(kind);
            Err(Refusal::personal(kind))
        }
    }
}

/// The site of a request, if its origin may send for it.
///
/// # Errors
/// [`ErrorCode::UnknownSite`], [`ErrorCode::Origin`].
pub(super) fn find_site(app: &App, key: &SiteKey, headers: &HeaderMap) -> Result<SiteIndex, Refusal> {
    let index = app.sites.find(key).ok_or_else(|| {
        Refusal::new(ErrorCode::UnknownSite, "no such site; it must be a [sites.KEY] of waver.toml").at("site")
    })?;
    let origin = headers.get(header::ORIGIN);
    let allowed = match origin.map(|origin| origin.to_str()) {
        None => app.sites.get(index).allows(None),
        Some(Ok(origin)) => app.sites.get(index).allows(Some(origin)),
        Some(Err(_)) => false,
    };
    if allowed {
        return Ok(index);
    }
    let message = match origin {
        Some(_) => "the site does not allow this origin; add it to origins in waver.toml",
        None => "the site does not allow requests without an Origin header; see allow_no_origin in waver.toml",
    };
    Err(Refusal::new(ErrorCode::Origin, message))
}

/// Who may be behind a session id, under any of `sets`, and behind the browser's id across sessions. From here on nothing knows the ids.
pub(super) fn candidates(
    app: &App,
    site: SiteIndex,
    session: &SessionId,
    sets: &[PurposeSet],
    visitor: Option<&VisitorId>,
    received_at: u64,
) -> Candidates {
    let key = &app.sites.get(site).key;
    let names = app.keyring.pseudonyms(key, session, sets);
    let visitor = visitor.and_then(|visitor| app.keyring.visitor(key, visitor));
    Candidates { site, received_at, names, visitor }
}

/// Who may be behind a session id, whatever was granted: for whoever asks to be forgotten or to see what is held.
pub(super) fn anyone(
    app: &App,
    site: SiteIndex,
    session: &SessionId,
    visitor: Option<&VisitorId>,
    received_at: u64,
) -> Candidates {
    candidates(app, site, session, &PurposeSet::ALL, visitor, received_at)
}

/// Hands a command to the committer and waits for its answer. `events` that could not even be handed in, or that the committer gave
/// up, are entered in the books here; those of any other answer are entered by the committer.
///
/// # Errors
/// What the committer refused with, or [`ErrorCode::Unavailable`] if it is overloaded, gone, or takes too long.
pub(super) async fn submit<T>(
    app: &App,
    of: Candidates,
    events: usize,
    command: impl FnOnce(Reply<T>) -> Command,
) -> Result<T, Refusal> {
    let (to, answer) = oneshot::channel();
    let site = of.site;
    let answered = match app.queue.push(of, command(to)) {
        Err(code) => Err(code),
        Ok(()) => match tokio::time::timeout(app.limits.request_timeout, answer).await {
            // It is still under way and may come to be stored: the sender tries again and learns that it was.
            Err(_) => return Err(Refusal::unavailable()),
            Ok(Err(_)) => Err(ErrorCode::Unavailable),
            Ok(Ok(answered)) => answered,
        },
    };
    answered.map_err(|code| match code {
        ErrorCode::Consent => {
            let message = "no open grant under this consent_epoch; send a consent record first, and what it answers";
            Refusal::new(ErrorCode::Consent, message).at("consent_epoch")
        }
        ErrorCode::Erased => {
            Refusal::new(ErrorCode::Erased, "the session was erased; a new one may begin after a new grant")
        }
        ErrorCode::Unavailable => {
            if events > 0 {
                app.state.unlogged.discard(site, events as u64, DiscardReason::Unavailable);
            }
            Refusal::unavailable()
        }
        code => Refusal::new(code, "the collector made a mistake; its log has the details"),
    })
}
