//! What the collector counts about itself, in the text format that Prometheus reads. Labels are closed sets: routes, codes, reasons
//! and the configured sites.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::{MetricType, info::Info};
use prometheus_client::registry::{Registry, Unit};
use waver_core::window::Windows;
use waver_schema::{DecisionReason, SiteKey};
use waver_store::StateStore;

use crate::committer::Queue;
use crate::host::Host;
use crate::outcome::DiscardReason;
use crate::release::SharedReleases;
use crate::site::{SiteIndex, Sites};
use crate::state::{LiveAs, SharedState};

/// Content type of [`Metrics::encode`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, String); N];

/// Decisions by their reason. Counted apart from the registry, which would show each of them.
type Decisions = Arc<Mutex<BTreeMap<DecisionReason, u64>>>;

#[derive(Debug, Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    /// From a quarter of a millisecond to eight seconds.
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.00025, 2.0, 16))
    }
}

/// The counters, and the registry that shows them.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    request_seconds: Family<Labels<1>, Histogram, Seconds>,
    group_size: Histogram,
    commit_seconds: Histogram,
    decisions: Decisions,
    policy_reloads: Family<Labels<2>, Counter>,
    snapshot_seconds: Histogram,
    retention_runs: Family<Labels<1>, Counter>,
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("waver"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(Seconds),
            group_size: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            commit_seconds: Seconds.new_metric(),
            decisions: Decisions::default(),
            policy_reloads: Family::default(),
            snapshot_seconds: Seconds.new_metric(),
            retention_runs: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "request",
            "From request to answer",
            Unit::Seconds,
            metrics.request_seconds.clone(),
        );
        registry.register("commit_group_size", "Commands committed together", metrics.group_size.clone());
        registry.register_with_unit(
            "commit",
            "From the first command of a group to its being durable",
            Unit::Seconds,
            metrics.commit_seconds.clone(),
        );
        registry.register("policy_reloads", "Changed policies", metrics.policy_reloads.clone());
        registry.register_with_unit("snapshot", "To save a snapshot", Unit::Seconds, metrics.snapshot_seconds.clone());
        registry.register("retention_runs", "Rounds of retention", metrics.retention_runs.clone());
        registry.register("build", "This build", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        metrics
    }

    /// Also shows what is found by looking: the books, the sessions, the queue.
    pub(crate) fn watch(
        &mut self,
        state: SharedState,
        sites: Arc<Sites>,
        queue: Queue,
        host: Host,
        releases: SharedReleases,
    ) {
        self.registry.register_collector(Box::new(Watched {
            state,
            sites,
            queue,
            host,
            releases,
            decisions: Arc::clone(&self.decisions),
        }));
    }

    /// Also shows what somebody else counts.
    pub(crate) fn show(&mut self, more: impl Collector) {
        self.registry.register_collector(Box::new(more));
    }

    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.get_or_create(&[("route", route.to_owned())]).observe(took.as_secs_f64());
    }

    pub(crate) fn committed(&self, commands: usize, took: Duration) {
        self.group_size.observe(u32::try_from(commands).unwrap_or(u32::MAX).into());
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// A snapshot was saved.
    pub(crate) fn saved(&self, took: Duration) {
        self.snapshot_seconds.observe(took.as_secs_f64());
    }

    /// Retention was enforced, or could not be.
    pub(crate) fn kept(&self, done: bool) {
        let result = if done { "done" } else { "failed" };
        self.retention_runs.get_or_create(&[("result", result.to_owned())]).inc();
    }

    pub(crate) fn decided(&self, reason: DecisionReason) {
        *self.decisions.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    pub(crate) fn policy_changed(&self, site: &SiteKey, taken: bool) {
        let result = if taken { "taken" } else { "refused" };
        self.policy_reloads.get_or_create(&[("site", site.to_string()), ("result", result.to_owned())]).inc();
    }

    /// Everything, as [`CONTENT_TYPE`].
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[derive(Debug)]
struct Watched {
    state: SharedState,
    sites: Arc<Sites>,
    queue: Queue,
    host: Host,
    releases: SharedReleases,
    decisions: Decisions,
}

impl Watched {
    /// What a few shoppers did: in steps of `release.k`.
    fn in_steps(&self, number: u64) -> u64 {
        self.releases.in_steps(number).unwrap_or_default()
    }
}

impl Collector for Watched {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let state = &self.state;
        let now = self.host.now();
        let mut gauge = |name: &str, help: &str, value: u64| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge("queue_depth", "Commands that wait to be committed.", self.queue.depth() as u64)?;
        gauge("sessions", "Sessions in memory.", state.rows.sessions() as u64)?;
        gauge("log_position", "Offset up to which the log is in the state.", state.rows.applied())?;
        let help = "Sessions that may still go on, rounded down to a multiple of release.k; one counts until the minute in which it ends is over.";
        let mut family = encoder.encode_descriptor("sessions_live", help, None, MetricType::Gauge)?;
        for (index, site) in self.sites.iter() {
            let live = state.live(index, now);
            for tag in LiveAs::ALL {
                let labels = [("site", site.key.as_str()), ("stage", tag.as_str())];
                let count = i64::try_from(self.in_steps(live(tag))).unwrap_or(i64::MAX);
                ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        let books: Vec<_> = self.sites.iter().map(|(index, site)| (site, state.outcomes(index))).collect();

        let mut family = encoder.encode_descriptor("events_received", "Events received.", None, MetricType::Counter)?;
        for (site, outcomes) in &books {
            ConstCounter::new(outcomes.received).encode(family.encode_family(&[("site", site.key.as_str())])?)?;
        }
        let help = "Events by their one outcome; all of them together are those received.";
        let mut family = encoder.encode_descriptor("events", help, None, MetricType::Counter)?;
        for (site, outcomes) in &books {
            let mut count = |outcome, reason, events| {
                let labels = [("site", site.key.as_str()), ("outcome", outcome), ("reason", reason)];
                ConstCounter::new(events).encode(family.encode_family(&labels)?)
            };
            count("stored", "", outcomes.stored)?;
            count("duplicate", "", outcomes.duplicate)?;
            for reason in DiscardReason::all() {
                count("discarded", reason.as_str(), outcomes.discarded.get(&reason).copied().unwrap_or_default())?;
            }
        }
        let lateness = |read: fn(&Windows) -> u64| {
            let of_site = |index: SiteIndex| state.rows.with_windows(index.number(), read);
            self.sites.iter().map(move |(index, site)| (site.key.as_str(), of_site(index))).collect::<Vec<_>>()
        };
        let help = "Decisions taken since the start, rounded down to a multiple of release.k.";
        let mut family = encoder.encode_descriptor("decisions", help, None, MetricType::Counter)?;
        for (reason, count) in &*self.decisions.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels = [("reason", reason.as_str())];
            ConstCounter::new(self.in_steps(*count)).encode(family.encode_family(&labels)?)?;
        }
        let help = "Events that came behind the watermark and corrected their window, rounded down to a multiple of release.k.";
        let mut family = encoder.encode_descriptor("events_late", help, None, MetricType::Counter)?;
        for (site, events) in lateness(Windows::late) {
            ConstCounter::new(self.in_steps(events)).encode(family.encode_family(&[("site", site)])?)?;
        }
        let help = "Events that came too late for any window, rounded down to a multiple of release.k; they are stored all the same.";
        let mut family = encoder.encode_descriptor("events_too_late", help, None, MetricType::Counter)?;
        for (site, events) in lateness(Windows::too_late) {
            ConstCounter::new(self.in_steps(events)).encode(family.encode_family(&[("site", site)])?)?;
        }
        Ok(())
    }
}
