use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waver_core::window::{HOUR_MS, HOURS_KEPT_MS, OncePerSession, Windows};
use waver_schema::SiteKey;
use waver_store::EmbeddedState;

use super::noise::{Noise, NoiseError};
use super::{BudgetError, DAY_MS, Releases, SETTLE_MS};
use crate::site::{SiteIndex, Sites};

/// The most that one export may cost, thousandths of epsilon. With more there is hardly any noise.
pub(crate) const MOST_EPSILON_MILLI: u32 = 10_000;

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// The site; the first that is configured, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    pub(crate) site: Option<SiteKey>,
    /// What it may cost, thousandths of epsilon. The less, the more noise.
    #[schema(minimum = 1, maximum = 10000)]
    pub(crate) epsilon_milli: u32,
    /// Start, Unix milliseconds, widened to a whole hour; a day before the end, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 9007199254740991_i64)]
    pub(crate) from: Option<u64>,
    /// End, Unix milliseconds, widened to a whole hour, and an hour ago at most; as late as may be, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 9007199254740991_i64)]
    pub(crate) to: Option<u64>,
}

/// Counts of sessions by the hour, with noise (differential privacy). The exact ones are not in it, and not how far off these are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoisyAggregates {
    /// The site.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    site: SiteKey,
    /// Start of the first window, Unix milliseconds.
    from: u64,
    /// End of the last window, Unix milliseconds, exclusive.
    to: u64,
    /// Length of a window.
    window_ms: u64,
    /// What it cost, of the budget of each of its hours: thousandths of epsilon.
    epsilon_milli: u32,
    /// What is left of the hour that has least, thousandths of epsilon.
    left_milli: u64,
    /// Thousandths of the scale of the noise, which is discrete Laplace on each number by itself; its standard deviation is some 1.4 times that.
    scale_milli: u64,
    /// The windows, oldest first: all hours in that time that ended an hour ago at least and are still kept, whether something happened in
    /// them or not.
    #[schema(max_items = 9600)]
    windows: Vec<NoisyWindow>,
}

/// Sessions that did something in this window for the first time. Each number is a count plus noise, and may be below zero.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoisyWindow {
    /// Start, Unix milliseconds.
    start: u64,
    /// Began.
    sessions: i64,
    /// Viewed a product.
    viewed_product: i64,
    /// Hesitated.
    hesitated: i64,
    /// Were frustrated.
    frustrated: i64,
    /// Were shown an offer.
    shown: i64,
    /// Took an offer.
    accepted: i64,
    /// Ordered.
    ordered: i64,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// No such site.
    #[error("no such site in waver.toml")]
    Site,
    /// Epsilon is out of range.
    #[error("epsilon must be between 0.001 and 10")]
    Epsilon,
    /// The budget.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The noise.
    #[error(transparent)]
    Noise(#[from] NoiseError),
}

/// Counts with noise, paid from the budget before anything is computed.
///
/// # Errors
/// [`ExportError`].
pub(crate) fn export(
    releases: &Releases,
    rows: &EmbeddedState,
    sites: &Sites,
    asked: &Asked,
    now: u64,
) -> Result<NoisyAggregates, ExportError> {
    let index = match &asked.site {
        None => SiteIndex(0), // a configuration has at least one
        Some(key) => sites.find(key).ok_or(ExportError::Site)?,
    };
    let site = sites.get(index).key.clone();
    let epsilon_milli = asked.epsilon_milli;
    if !(1..=MOST_EPSILON_MILLI).contains(&epsilon_milli) {
        return Err(ExportError::Epsilon);
    }
    let settled = now.saturating_sub(SETTLE_MS) / HOUR_MS * HOUR_MS;
    let to = asked.to.unwrap_or(settled).div_ceil(HOUR_MS).saturating_mul(HOUR_MS).min(settled);
    let from = asked.from.unwrap_or(to.saturating_sub(DAY_MS)) / HOUR_MS * HOUR_MS;
    let from = from.max(settled.saturating_sub(HOURS_KEPT_MS));
    // Of a time without an hour that is settled and still kept there are no windows, and they cost nothing.
    let from = from.min(to);
    let noise = Noise::of(epsilon_milli)?;
    let left_milli = releases.budget.spend(&site, from, to, epsilon_milli.into(), now)?;
    let starts: Vec<u64> = (from / HOUR_MS..to / HOUR_MS).map(|number| number * HOUR_MS).collect();
    let counts = |windows: &Windows| starts.iter().map(|start| windows.once_per_session(*start)).collect::<Vec<_>>();
    let counts = rows.with_windows(index.number(), counts);
    let windows = starts.iter().zip(counts).map(|(start, counts)| noisy(&noise, *start, counts));
    Ok(NoisyAggregates {
        site,
        from,
        to,
        window_ms: HOUR_MS,
        epsilon_milli,
        left_milli,
        scale_milli: (noise.scale() * 1_000.0).ceil() as u64,
        windows: windows.collect::<Result<_, NoiseError>>()?,
    })
}

fn noisy(noise: &Noise, start: u64, counts: OncePerSession) -> Result<NoisyWindow, NoiseError> {
    let OncePerSession { sessions, viewed_product, hesitated, frustrated, shown, accepted, ordered } = counts;
    let exact = [sessions, viewed_product, hesitated, frustrated, shown, accepted, ordered];
    let exact: [i64; OncePerSession::MEASURES] = exact.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let noisy = noise.over(&exact)?;
    let [sessions, viewed_product, hesitated, frustrated, shown, accepted, ordered] = noisy[..] else {
        return Err(NoiseError::shape());
    };
    Ok(NoisyWindow { start, sessions, viewed_product, hesitated, frustrated, shown, accepted, ordered })
}
