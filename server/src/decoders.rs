//! Every decoder of the collector, for the fuzz targets alone.

use std::path::Path;

use waver_schema::SiteKey;
use waver_store::{KeyName, SecretKey};

use crate::policy_archive::PolicyArchive;
use crate::{consent_ledger, erasures, keyring, release, shop};

pub use crate::http::decoders::*;
pub use crate::keyring::decoders::Seals;

/// What is written for a site's publications that are read out of `file`; `None` if they are refused.
pub fn rewritten_publications(file: &[u8]) -> Option<Vec<u8>> {
    release::rewritten_publications(file)
}

/// Thousandths of epsilon that were spent, by site and start of the hour; `None` if the file is refused.
pub fn spent_hours(file: &[u8]) -> Option<Vec<(SiteKey, u64, u64)>> {
    release::spent_hours(file)
}

/// What is written for the name of a key of the keyring; `None` for a key that is somebody else's.
pub fn rewritten_key_name(name: &KeyName) -> Option<KeyName> {
    keyring::decoders::rewritten_name(name)
}

/// What is written for a tombstone; `None` for a key that is somebody else's.
pub fn rewritten_tombstone(name: &KeyName, key: &SecretKey) -> Option<(KeyName, SecretKey)> {
    erasures::rewritten_tombstone(name, key)
}

/// What is written for a row of the shop's that is read out of `bytes`, taken for each of the four in turn; `None` where it is refused.
pub fn rewritten_shop_rows(bytes: &[u8]) -> [Option<Vec<u8>>; 4] {
    shop::rewritten_rows(bytes)
}

/// The day that a key of commitments is of.
pub fn day_of_commitments(name: &KeyName) -> Option<u64> {
    consent_ledger::day_of(name)
}

/// Verifies a copy of consent ledgers; tells how many entries each has.
///
/// # Errors
/// What `waver check --ledger` says.
pub fn verified_ledgers(folder: &Path) -> Result<Vec<(SiteKey, u64)>, String> {
    let verified = consent_ledger::verify_copy(folder).map_err(|error| error.to_string())?;
    Ok(verified.into_iter().map(|of_site| (of_site.site, of_site.entries)).collect())
}

/// The version of the policy that the archive in `data_dir` has under `version`.
pub fn recalled_policy(data_dir: &Path, version: &str) -> Option<String> {
    PolicyArchive::of(data_dir).recall(version).map(|policy| policy.version().to_owned())
}

/// Where the archive in `data_dir` has a policy.
pub fn policy_path(data_dir: &Path, version: &str) -> std::path::PathBuf {
    PolicyArchive::of(data_dir).path(version)
}
