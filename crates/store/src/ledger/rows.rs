use serde::Serialize;
use serde::de::DeserializeOwned;
use waver_schema::SiteKey;

use super::LedgerError;

/// Version of the rows that are written, their first byte. Every version ever written stays readable.
const ROW_VERSION: u8 = 1;

/// What no longer is needed goes by the hour.
const BUCKET_MS: u64 = 60 * 60 * 1000;

/// Most rows that go with one operation. More than one, so that those who stop coming never outnumber those who come.
const SWEPT: usize = 4;

/// The first byte of the index of ends, below all sites.
const ENDS: u8 = 0;

/// A key and what is to be there; `None` removes the row.
pub(super) type Write = (Vec<u8>, Option<Vec<u8>>);

/// Rows by key, in the order of the keys.
pub(super) trait Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError>;

    /// The first keys in `from..to`, at most `most`.
    fn keys(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<Vec<u8>>, LedgerError>;

    /// Does all of the writes. They become durable together, or not at all.
    fn write(&mut self, writes: Vec<Write>);
}

/// One thing that a ledger keeps.
pub(super) trait Row: Default + Serialize + DeserializeOwned {
    /// Tells one kind's keys from another's.
    const KIND: u8;

    /// Unix milliseconds from which the row says no more than one that is not there.
    fn needed_until(&self) -> u64;
}

/// Does `operation` to one row, which begins empty, and removes some rows that are no longer needed: all in one write.
pub(super) fn update<R: Row, T>(
    rows: &mut dyn Rows,
    site: &SiteKey,
    name: &[u8; 16],
    now: u64,
    operation: impl FnOnce(&mut R) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let key = row_key::<R>(site, name);
    let before = rows.get(&key)?;
    let mut row = before.as_deref().map_or_else(|| Ok(R::default()), decode)?;
    let bucket_before = before.is_some().then(|| bucket(&row));
    let answer = operation(&mut row)?;
    let after = encode(&row)?;
    let mut writes = over(rows, now, &key)?;
    if before.as_ref() != Some(&after) {
        let bucket_after = bucket(&row);
        if let Some(bucket_before) = bucket_before.filter(|bucket_before| *bucket_before != bucket_after) {
            writes.push((end_key(bucket_before, &key), None));
        }
        if bucket_before != Some(bucket_after) {
            writes.push((end_key(bucket_after, &key), Some(Vec::new())));
        }
        writes.push((key, Some(after)));
    }
    rows.write(writes);
    Ok(answer)
}

/// A row as it is; an empty one if it is not there.
pub(super) fn read<R: Row>(rows: &dyn Rows, site: &SiteKey, name: &[u8; 16]) -> Result<R, LedgerError> {
    rows.get(&row_key::<R>(site, name))?.as_deref().map_or_else(|| Ok(R::default()), decode)
}

/// Removes some rows whose bucket is over at `now`, but not the one at `kept`.
fn over(rows: &dyn Rows, now: u64, kept: &[u8]) -> Result<Vec<Write>, LedgerError> {
    let mut writes = Vec::new();
    for end in rows.keys(&[ENDS], &end_key(now / BUCKET_MS, &[]), SWEPT)? {
        let key = end.get(1 + size_of::<u64>()..).unwrap_or_default().to_vec();
        if key != kept {
            writes.extend([(end, None), (key, None)]);
        }
    }
    Ok(writes)
}

/// The bucket after which the row may go.
fn bucket(row: &impl Row) -> u64 {
    row.needed_until() / BUCKET_MS
}

/// The site comes first, so that a site's rows are one range.
pub(super) fn row_key<R: Row>(site: &SiteKey, name: &[u8; 16]) -> Vec<u8> {
    [site.as_str().as_bytes(), &[0, R::KIND], name].concat()
}

fn end_key(bucket: u64, row: &[u8]) -> Vec<u8> {
    [&[ENDS], &bucket.to_be_bytes()[..], row].concat()
}

fn encode(row: &impl Serialize) -> Result<Vec<u8>, LedgerError> {
    postcard::to_extend(row, vec![ROW_VERSION]).map_err(|error| LedgerError::Write(error.to_string()))
}

fn decode<R: Row>(bytes: &[u8]) -> Result<R, LedgerError> {
    let damaged = || LedgerError::Damaged("a row is not what was written".to_owned());
    match bytes.split_first() {
        Some((&ROW_VERSION, row)) => match postcard::take_from_bytes(row) {
            Ok((row, [])) => Ok(row),
            _ => Err(damaged()),
        },
        Some((version, _)) => {
            Err(LedgerError::Damaged(format!("a row has version {version}, and this build reads up to {ROW_VERSION}")))
        }
        None => Err(damaged()),
    }
}
