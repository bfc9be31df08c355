//! Limits of rate: per site, and per source, without keeping addresses.
//!
//! A source is the address that a request comes from (IPv6: its /64, which is what one customer gets), as a keyed hash under a random
//! key that lives in memory and is forgotten every hour. The hash picks one of [`SLOTS`] places, each a timestamp of eight bytes, so a
//! million addresses need the same 4 MiB as one. Two sources may share a place and then its allowance; which ones cannot be arranged from
//! outside. Each limit is a GCRA: so many at once, refilled evenly.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use crate::config::{Rate, RateLimits as Configured};
use crate::host::Host;
use crate::site::SiteIndex;

/// Places for sources. Of ten thousand active sources one in twenty-six shares its place.
const SLOTS: usize = 1 << 18;
/// The key of sources is another one after this time.
const KEY_LIFE: Duration = Duration::from_secs(60 * 60);

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Requests to a site.
    SiteRequests,
    /// Grants to a site, each of which may begin a session.
    SiteSessions,
    /// Requests from a source.
    SourceRequests,
    /// Grants from a source.
    SourceSessions,
    /// Requests to erase or to see what is held, to a site.
    SiteErasures,
    /// Requests to erase or to see what is held, from a source.
    SourceErasures,
}

impl Limit {
    pub(crate) const ALL: [Limit; 6] = [
        Limit::SiteRequests,
        Limit::SiteSessions,
        Limit::SourceRequests,
        Limit::SourceSessions,
        Limit::SiteErasures,
        Limit::SourceErasures,
    ];

    /// The name in the configuration and on `/metrics`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Limit::SiteRequests => "site_requests",
            Limit::SiteSessions => "site_sessions",
            Limit::SourceRequests => "source_requests",
            Limit::SourceSessions => "source_sessions",
            Limit::SiteErasures => "site_erasures",
            Limit::SourceErasures => "source_erasures",
        }
    }
}

/// Over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) limit: Limit,
    /// After this the next one fits, if nobody else comes first. Whole seconds, at least 1.
    pub(crate) retry_after_s: u64,
}

/// A source for as long as a request lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source(u32);

/// All limits, and how often they refused.
pub(crate) struct RateLimits {
    ticks: Ticks,
    site_requests: Option<Limiter>,
    site_sessions: Option<Limiter>,
    source_requests: Option<Limiter>,
    source_sessions: Option<Limiter>,
    site_erasures: Option<Limiter>,
    source_erasures: Option<Limiter>,
    key: RwLock<Key>,
    host: Host,
    refused: [AtomicU64; Limit::ALL.len()],
}

/// What turns an address into a [`Source`].
struct Key {
    bytes: [u8; 32],
    made_at: Duration,
}

type Limiter = RateLimiter<u32, Slots, Ticks, NoOpMiddleware<Nanos>>;

impl RateLimits {
    /// The configured limits on the clock of the process, which never goes back.
    pub(crate) fn new(configured: &Configured, sites: usize, host: Host) -> RateLimits {
        let begun = Instant::now();
        RateLimits::on_clock(configured, sites, host, move || begun.elapsed())
    }

    fn on_clock(
        configured: &Configured,
        sites: usize,
        host: Host,
        now: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> RateLimits {
        let ticks = Ticks(Arc::new(now));
        let limiter = |rate: Rate, places: usize| {
            let quota = rate.quota()?;
            let slots = Slots(std::iter::repeat_with(InMemoryState::default).take(places).collect());
            Some(RateLimiter::new(quota, slots, ticks.clone()))
        };
        RateLimits {
            site_requests: limiter(configured.site_requests, sites),
            site_sessions: limiter(configured.site_sessions, sites),
            source_requests: limiter(configured.source_requests, SLOTS),
            source_sessions: limiter(configured.source_sessions, SLOTS),
            site_erasures: limiter(configured.site_erasures, sites),
            source_erasures: limiter(configured.source_erasures, SLOTS),
            key: RwLock::new(Key { bytes: host.random(), made_at: (ticks.0)() }),
            refused: Default::default(),
            host,
            ticks,
        }
    }

    /// The source that `address` stands for.
    pub(crate) fn source(&self, address: IpAddr) -> Source {
        let now = (self.ticks.0)();
        let is_old = |key: &Key| now.saturating_sub(key.made_at) >= KEY_LIFE;
        let slot = {
            let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
            if is_old(&key) { None } else { Some(slot_of(&key.bytes, address)) }
        };
        Source(slot.unwrap_or_else(|| {
            let mut key = self.key.write().unwrap_or_else(PoisonError::into_inner);
            if is_old(&key) {
                *key = Key { bytes: self.host.random(), made_at: now };
            }
            slot_of(&key.bytes, address)
        }))
    }

    /// A request from `source`.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn request_from(&self, source: Source) -> Result<(), Exceeded> {
        self.take(Limit::SourceRequests, &self.source_requests, source.0)
    }

    /// A request to `site`.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn request_to(&self, site: SiteIndex) -> Result<(), Exceeded> {
        self.take(Limit::SiteRequests, &self.site_requests, site.0.into())
    }

    /// A grant, which may begin a session.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn grant(&self, site: SiteIndex, source: Option<Source>) -> Result<(), Exceeded> {
        if let Some(source) = source {
            self.take(Limit::SourceSessions, &self.source_sessions, source.0)?;
        }
        self.take(Limit::SiteSessions, &self.site_sessions, site.0.into())
    }

    /// A request to erase a session or to see what is held about it.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn erasure(&self, site: SiteIndex, source: Option<Source>) -> Result<(), Exceeded> {
        if let Some(source) = source {
            self.take(Limit::SourceErasures, &self.source_erasures, source.0)?;
        }
        self.take(Limit::SiteErasures, &self.site_erasures, site.0.into())
    }

    /// How often each limit has refused.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (Limit, u64)> {
        Limit::ALL.into_iter().map(|limit| (limit, self.refused[limit as usize].load(Ordering::Relaxed)))
    }

    fn take(&self, limit: Limit, limiter: &Option<Limiter>, place: u32) -> Result<(), Exceeded> {
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(&place).map_err(|refused| {
            self.refused[limit as usize].fetch_add(1, Ordering::Relaxed);
            let wait = refused.wait_time_from(self.ticks.now());
            let part = u64::from(wait.subsec_nanos() > 0);
            Exceeded { limit, retry_after_s: (wait.as_secs() + part).max(1) }
        })
    }
}

/// Shows the refusals on `/metrics`.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Arc<RateLimits>);

impl Collector for Refused {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Requests refused by a limit of rate, before anything of them was read.";
        let mut family = encoder.encode_descriptor("rate_limited", help, None, MetricType::Counter)?;
        self.0.refused().try_for_each(|(limit, times)| {
            ConstCounter::new(times).encode(family.encode_family(&[("limit", limit.as_str())])?)
        })
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RateLimits(..)") // neither the key nor who came
    }
}

fn slot_of(key: &[u8; 32], address: IpAddr) -> u32 {
    let hash = match address.to_canonical() {
        IpAddr::V4(address) => blake3::keyed_hash(key, &address.octets()),
        IpAddr::V6(address) => blake3::keyed_hash(key, &address.octets()[..8]),
    };
    let [a, b, c, d, ..] = *hash.as_bytes();
    // The number of places is a power of two, so each is as likely as any other.
    u32::from_le_bytes([a, b, c, d]) % SLOTS as u32
}

/// A fixed number of places for the states of limits.
struct Slots(Box<[InMemoryState]>);

impl StateStore for Slots {
    type Key = u32;

    fn measure_and_replace<T, F, E>(&self, place: &u32, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0[*place as usize].measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

/// Time since the process began.
#[derive(Clone)]
struct Ticks(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        (self.0)().into()
    }
}

impl Rate {
    /// So many at once, refilled evenly; `None` for a limit that is turned off.
    fn quota(self) -> Option<Quota> {
        let count = std::num::NonZeroU32::new(self.count)?;
        Some(Quota::with_period(self.per / self.count)?.allow_burst(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Limits on a clock of milliseconds that the test moves.
    fn limits(configured: Configured) -> (RateLimits, Arc<AtomicU64>) {
        let clock = Arc::new(AtomicU64::new(5));
        let told = Arc::clone(&clock);
        let now = move || Duration::from_millis(told.load(Ordering::SeqCst));
        (RateLimits::on_clock(&configured, 2, Host::system(), now), clock)
    }

    fn rate(count: u32, seconds: u64) -> Rate {
        Rate { count, per: Duration::from_secs(seconds) }
    }

    const OFF: Rate = Rate { count: 0, per: Duration::from_secs(1) };
    const ALL_OFF: Configured = Configured {
        site_requests: OFF,
        site_sessions: OFF,
        source_requests: OFF,
        source_sessions: OFF,
        site_erasures: OFF,
        source_erasures: OFF,
    };

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn so_many_at_once_and_then_evenly_and_the_wait_is_true() {
        let (limits, clock) = limits(Configured { source_sessions: rate(6, 60), ..ALL_OFF });
        let source = Some(limits.source(address("192.0.2.1")));
        let grant = || limits.grant(SiteIndex(0), source);
        (0..6).for_each(|_| assert_eq!(grant(), Ok(())));
        let refused = Exceeded { limit: Limit::SourceSessions, retry_after_s: 10 };
        assert_eq!(grant(), Err(refused));
        clock.fetch_add(9_999, Ordering::SeqCst);
        assert_eq!(grant(), Err(Exceeded { retry_after_s: 1, ..refused }));
        clock.fetch_add(1, Ordering::SeqCst);
        assert_eq!((grant(), grant()), (Ok(()), Err(refused)));
        let counted: Vec<u64> = limits.refused().map(|(_, times)| times).collect();
        assert_eq!(counted, [0, 0, 0, 3, 0, 0]);
    }

    #[test]
    fn sites_and_sources_are_limited_each_by_itself() {
        let (limits, _) = limits(Configured { site_requests: rate(1, 1), source_requests: rate(1, 1), ..ALL_OFF });
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| limits.source(address(text)));
        assert_eq!((limits.request_from(one), limits.request_from(other)), (Ok(()), Ok(())));
        assert!(limits.request_from(one).is_err());
        assert_eq!((limits.request_to(SiteIndex(0)), limits.request_to(SiteIndex(1))), (Ok(()), Ok(())));
        assert_eq!(limits.request_to(SiteIndex(1)).map_err(|exceeded| exceeded.limit), Err(Limit::SiteRequests));
    }

    #[test]
    fn a_limit_of_nothing_is_none() {
        let (limits, _) = limits(ALL_OFF);
        let source = limits.source(address("::1"));
        for _ in 0..100_000 {
            assert_eq!(limits.request_from(source), Ok(()));
            assert_eq!(limits.grant(SiteIndex(1), Some(source)), Ok(()));
        }
    }

    #[test]
    fn a_source_is_an_address_or_a_customers_network_until_the_key_changes() {
        let (limits, clock) = limits(ALL_OFF);
        let of = |text: &str| limits.source(address(text));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        let different = |one: &str, other: &str| {
            // Under one key in 2^18 two of them share a place; under five never.
            (0..5).any(|_| {
                clock.fetch_add(KEY_LIFE.as_millis() as u64, Ordering::SeqCst);
                of(one) != of(other)
            })
        };
        assert!(different("2001:db8:1:2::1", "2001:db8:1:3::1") && different("192.0.2.1", "192.0.2.2"));
        let before = ["192.0.2.1", "192.0.2.2"].map(of);
        clock.fetch_add(KEY_LIFE.as_millis() as u64 - 1, Ordering::SeqCst);
        assert_eq!(["192.0.2.1", "192.0.2.2"].map(of), before);
        clock.fetch_add(1, Ordering::SeqCst);
        assert_ne!(["192.0.2.1", "192.0.2.2"].map(of), before, "an address is not recognised for longer than an hour");
        assert!(!format!("{limits:?}").contains('['), "neither key nor counters print");
    }

    #[test]
    fn addresses_need_no_memory_of_their_own() {
        let (limits, _) = limits(Configured { source_requests: rate(1000, 1), ..ALL_OFF });
        for number in 0..20_000_u32 {
            let source = limits.source(IpAddr::from(number.to_be_bytes()));
            assert!((source.0 as usize) < SLOTS);
            let _ = limits.request_from(source);
        }
        assert_eq!(size_of::<InMemoryState>() * SLOTS, 2 << 20, "for each of the two limits of sources");
    }
}
