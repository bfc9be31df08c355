//! Rows to fit a model of purchase on, from the log: of each session what the collector knew at its third page view, and whether it bought.
//!
//! They are what [`crate::shadow`] scores a challenger on, so that a model that was fitted here can be tried there. The log is read as a start
//! reads it; sessions that were erased, are no shopper's, or had not ended are left out.

use serde::Serialize;
use waver_core::session::TOLD_FEATURES;
use waver_schema::SiteKey;
use waver_trainer::train::Input;
use waver_trainer::{Dataset, Mapping};

use crate::collector::{StartError, Stores, bring_up, catch_up, open_keyring};
use crate::committer::Replayed;
use crate::config::Config;
use crate::entry::{Entry, Found};
use crate::host::Host;
use crate::replay;
use crate::shadow::{Forecasts, Told};
use crate::site::Sites;

/// What the log gave.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct FromLog {
    /// Records that were read.
    pub(crate) records: u64,
    /// Records among them whose key is gone.
    pub(crate) erased: u64,
    /// Sessions that were passed over because too many were under way at once.
    pub(crate) passed_over: u64,
}

/// A session at its third page view.
struct Seen {
    /// The how manieth it was.
    number: usize,
    /// When, Unix milliseconds.
    at: u64,
    told: Told,
}

/// The rows of `site`, the first that is configured if none is named, by the mapping, which has to be one of `[sessions]`; `None` if there is no such site. No collector may have the data folder open. `say` hears of offsets
/// of the log: how far it is, and the end.
///
/// # Errors
/// [`StartError`] if the data folder cannot be read.
pub(crate) async fn rows(
    config: &Config,
    mapping: Mapping,
    site: Option<&SiteKey>,
    mut say: impl FnMut(u64, u64),
) -> Result<Option<(Input, FromLog)>, StartError> {
    let (sites, _) = Sites::load(&config.sites)?;
    let of = match site {
        Some(key) => sites.find(key),
        None => sites.iter().next().map(|(site, _)| site),
    };
    let Some(of) = of else { return Ok(None) };
    let stores = Stores::open(config)?;
    let keyring = open_keyring(config, &sites, Host::system()).await?;
    let now = bring_up(&stores.log, &stores.snapshots, &sites, &keyring).await?;
    let (base, _) = replay::base(config, &stores, &sites, &keyring, &now, 0).await?;
    let (mut forecasts, mut rows, mut number) = (Forecasts::<Seen>::default(), Vec::new(), 0_usize);
    let mut told = FromLog::default();
    let end = now.applied();
    catch_up(&stores.log, &base, &sites, &keyring, &mut |replayed: &Replayed<'_>| {
        told.records += 1;
        if told.records.is_multiple_of(100_000) {
            say(replayed.offset, end);
        }
        match replayed.found {
            Found::Erased(_) => told.erased += 1,
            Found::Entry(Entry::Batch(batch)) if replayed.from.site == of => {
                let at = replayed.from.received_at;
                rows.extend(forecasts.ended(at).into_iter().map(|seen| (seen, false)));
                let Some(session) = replayed.group.with_batch(replayed.from, batch) else { return };
                let bought = forecasts.see(replayed.from.pseudonym, &session, |told| {
                    number += 1;
                    Seen { number, at, told }
                });
                rows.extend(bought.map(|seen| (seen, true)));
            }
            Found::Entry(Entry::Erasure(_)) => forecasts.forget(replayed.from.pseudonym),
            Found::Entry(_) => {}
        }
    })
    .await?;
    rows.extend(forecasts.all_ended(now.clock()).into_iter().map(|seen| (seen, false)));
    // In the order in which they were seen, whatever a map holds them in: the same log gives the same rows.
    rows.sort_by_key(|(seen, _)| seen.number);
    told.passed_over = forecasts.passed_over();
    Ok(Some((input(mapping, &rows), told)))
}

fn input(mapping: Mapping, rows: &[(Seen, bool)]) -> Input {
    let mut data = Dataset::of(TOLD_FEATURES.map(|feature| feature.as_str().to_owned()).to_vec());
    let mut hasher = blake3::Hasher::new();
    for (group, (Seen { at, told, .. }, bought)) in (0_u32..).zip(rows) {
        for value in told {
            hasher.update(&value.to_le_bytes());
        }
        hasher.update(&[u8::from(*bought)]);
        data.push(told, *bought, group, 0, *at as f64);
    }
    let mut hash = [0; 8];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    Input { mapping, data, hash: u64::from_le_bytes(hash) }
}
