//! Reading the log for whoever asks what is held about a session.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use waver_schema::SiteKey;
use waver_store::{EventLog, Position, Pseudonym, Record, StoreError};

/// Records read at a time.
const PAGE: usize = 1000;
/// Records looked through for one request, whether or not anything is found: so a request takes its time, and not more.
pub(crate) const LOOKED_THROUGH: usize = 20_000;

type Page = Vec<(Position, Record)>;

/// Reads on from an offset, as [`EventLog::read`] of any log.
pub(crate) type Records = Arc<dyn Fn(u64) -> BoxFuture<'static, Result<Page, StoreError>> + Send + Sync>;

/// The records of `log`, which may be written meanwhile.
pub(crate) fn records<L: EventLog>(log: Arc<L>) -> Records {
    Arc::new(move |from| {
        let log = Arc::clone(&log);
        Box::pin(async move { log.read(from, PAGE).await })
    })
}

/// What was found, and where to read on; `None` at the end of the log.
pub(crate) struct Found {
    pub(crate) records: Vec<(u64, Record)>,
    pub(crate) next: Option<u64>,
}

/// Looks for the records of a session from offset `from` on, among [`LOOKED_THROUGH`] at a time.
///
/// # Errors
/// [`StoreError`] if the log cannot be read.
pub(crate) async fn find(
    records: &Records,
    site: &SiteKey,
    pseudonyms: &[Pseudonym],
    from: u64,
) -> Result<Found, StoreError> {
    let mut found = Vec::new();
    let (mut next, mut looked) = (from, 0);
    while looked < LOOKED_THROUGH {
        let page = records(next).await?;
        let Some((last, _)) = page.last() else { return Ok(Found { records: found, next: None }) };
        next = last.offset + 1;
        looked += page.len();
        let is_meant = |record: &Record| record.site == *site && pseudonyms.contains(&record.pseudonym);
        found.extend(page.into_iter().filter(|(_, record)| is_meant(record)).map(|(at, record)| (at.offset, record)));
    }
    Ok(Found { records: found, next: Some(next) })
}
