//! `[limits.rate]`

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// `[limits.rate]`. What is over a limit is refused with 429 before it is read, so its events are not counted as received. The unit is part
/// of each value, `/s` or `/min`; 0 turns a limit off. So many may come at once, and the allowance is refilled evenly.
///
/// A source is an address, or a network of IPv6 (/64). Programs on the collector's own machine are no source: nothing on loopback is
/// limited unless `server.trusted_proxies` says that it is a proxy. The defaults leave room for a large office behind one address: some
/// thousand shoppers, each with a request every few seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Requests to one site.
    pub site_requests: Rate,
    /// Grants to one site, each of which may begin a session.
    pub site_sessions: Rate,
    /// Requests from one source.
    pub source_requests: Rate,
    /// Grants from one source.
    pub source_sessions: Rate,
    /// Requests to one site to erase a session, or to see what is held about one.
    pub site_erasures: Rate,
    /// Such requests from one source.
    pub source_erasures: Rate,
}

impl Default for RateLimits {
    fn default() -> RateLimits {
        let per = |count, seconds| Rate { count, per: Duration::from_secs(seconds) };
        RateLimits {
            site_requests: per(20_000, 1),
            site_sessions: per(5_000, 1),
            source_requests: per(500, 1),
            source_sessions: per(1_200, 60),
            site_erasures: per(500, 1),
            source_erasures: per(120, 60),
        }
    }
}

/// So many in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many; 0 for no limit.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || {
            de::Error::custom("expected a rate with its unit, such as \"500/s\" or \"1200/min\"; \"0/s\" for no limit")
        };
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            _ => return Err(wrong()),
        };
        let count: u32 = count.parse().map_err(|_| wrong())?;
        // Beyond one in a nanosecond there is nothing to count.
        if count > 1_000_000_000 { Err(wrong()) } else { Ok(Rate { count, per: Duration::from_secs(seconds) }) }
    }
}
