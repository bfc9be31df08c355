use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use waver_schema::{ApiError, ConsentAnswer, ConsentChoice, ConsentRecord, ErrorCode, limits};

use super::refusal::Refusal;
use super::source::MaybeSource;
use super::{App, SharedApp, access, body, client};
use crate::committer::Command;
use crate::entry::ConsentEntry;
use crate::keyring::PurposeSet;
use crate::site::SiteIndex;

/// Records a grant or a withdrawal, and answers the epoch that every later batch must carry. A grant is refused to a browser that
/// asks not to be tracked; a withdrawal never.
#[utoipa::path(
    post, path = "/v1/consents", tag = "ingest",
    request_body(content((ConsentRecord = "application/json"), (ConsentRecord = "text/plain"))),
    responses(
        (status = 200, description = "durable", body = ConsentAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 410, body = ApiError), (status = 413, body = ApiError), (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)
    )
)]
pub(super) async fn post(
    State(app): State<SharedApp>,
    source: MaybeSource,
    headers: HeaderMap,
    sent: Body,
) -> Result<Json<ConsentAnswer>, Refusal> {
    let received_at = app.host.now();
    let json = body::read(&headers, sent, limits::BATCH_BYTES, app.limits.request_timeout).await?;
    let mut record = read(&json)?;
    let site = access::find_site(&app, &record.site, &headers)?;
    app.rates.request_to(site).map_err(Refusal::exceeded)?;
    if [record.measure, record.personalize].contains(&ConsentChoice::Granted) {
        access::expect_no_objection(&headers)?;
        expect_no_objection(&record)?;
        access::expect_nothing_personal(&app, "consent", &json)?;
        app.rates.grant(site, source.map(|axum::Extension(source)| source)).map_err(Refusal::exceeded)?;
    } else if access::expect_nothing_personal(&app, "consent", &json).is_err() {
        // A withdrawal counts whatever came with it, and nothing of that is kept.
        record = bare(record);
    }
    let of = access::candidates(&app, site, &record.session, &PurposeSet::ALL, None, received_at);
    let entry = ConsentEntry::new(record, app.sites.get(site).count_as(client::of(&headers)));
    let answer = access::submit(&app, of, 0, |to| Command::Consent(entry, to)).await?;
    Ok(Json(ConsentAnswer { visitor_days: visitor_days(&app, site, answer), ..answer }))
}

/// Reads a record.
///
/// # Errors
/// As [`body::parse`]; [`ErrorCode::Schema`] for a version that this build does not know, or more readings than there may be.
pub(super) fn read(json: &[u8]) -> Result<ConsentRecord, Refusal> {
    let record: ConsentRecord = body::parse(json)?;
    access::expect_version(record.v)?;
    if record.readings.len() > limits::READINGS_PER_CONSENT {
        let message = format!("expected at most {} readings", limits::READINGS_PER_CONSENT);
        return Err(Refusal::new(ErrorCode::Schema, message).at("readings"));
    }
    Ok(record)
}

/// For how long the browser may have a name across sessions.
fn visitor_days(app: &App, site: SiteIndex, answer: ConsentAnswer) -> Option<u16> {
    const DAY_S: u64 = 24 * 60 * 60;
    let remembered = app.sites.get(site).visitor.filter(|_| answer.personalize == ConsentChoice::Granted)?;
    u16::try_from(remembered.as_secs() / DAY_S).ok()
}

/// The choice alone.
fn bare(record: ConsentRecord) -> ConsentRecord {
    let ConsentRecord { site, session, measure, personalize, source, .. } = record;
    ConsentRecord::new(site, session, [measure, personalize], source)
}

/// Refuses a grant that itself says that the browser asks not to be tracked: no dialog overrides that.
///
/// # Errors
/// [`ErrorCode::Gpc`].
fn expect_no_objection(record: &ConsentRecord) -> Result<(), Refusal> {
    if record.gpc || record.dnt {
        return Err(Refusal::new(
            ErrorCode::Gpc,
            "the record says that the browser asks not to be tracked, and is not",
        ));
    }
    Ok(())
}
