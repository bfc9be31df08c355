//! `waver.toml`: what may be configured, its defaults, and how it is read.

mod environment;
mod rate;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use waver_core::window::{HOURS_KEPT_MS, KEPT_MS};
use waver_schema::SiteKey;

pub use rate::{Rate, RateLimits};
pub use value::{LogLevel, Origin, ProxyHeader, Secret};

/// Shortest admin token that is taken. Half of what `openssl rand -hex 32` prints.
const ADMIN_TOKEN_CHARS: usize = 32;

/// The same of the secret of a site.
const SITE_SECRET_CHARS: usize = 32;

/// Shortest time that anything is kept.
const SHORTEST_KEPT: Duration = Duration::from_secs(1);
/// Largest threshold of release.
const MOST_K: u64 = 1_000_000;
/// Longest epoch: its secret lives twice as long, a day.
const LONGEST_EPOCH: Duration = Duration::from_secs(12 * 60 * 60);
/// Shortest time between two snapshots.
const SHORTEST_PACE: Duration = Duration::from_millis(10);

/// The whole configuration. Paths are absolute, or relative to the folder of the file they stand in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the collector listens and keeps its data.
    pub server: Server,
    /// Who may see the dashboard.
    pub admin: Admin,
    /// What is logged.
    pub log: Log,
    /// Bounds.
    pub limits: Limits,
    /// How long data is kept, by class.
    pub retention: Retention,
    /// What of the aggregates leaves the collector.
    pub release: Release,
    /// What is tried beside the model of the browsers.
    pub models: Models,
    /// The shops' sites by their keys.
    pub sites: BTreeMap<SiteKey, Site>,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The folder for the log and the state. It belongs to one collector alone.
    pub data_dir: PathBuf,
    /// The folder for the keys, if it is not to be `keys` in the data folder: another volume, say, that is in no backup.
    pub keys_dir: Option<PathBuf>,
    /// Addresses and networks of the proxies in front of the collector, such as `10.0.0.0/8`. What they say of an address before them counts
    /// for the limits of rate, and what anybody else says does not.
    #[serde(deserialize_with = "value::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it. One of them alone, since a proxy passes on what senders put into the other.
    pub proxy_header: ProxyHeader,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
            data_dir: PathBuf::from("data"),
            keys_dir: None,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
        }
    }
}

impl Server {
    /// Where the keys are.
    pub(crate) fn keys_folder(&self) -> PathBuf {
        self.keys_dir.clone().unwrap_or_else(|| self.data_dir.join("keys"))
    }
}

/// `[admin]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// A file that holds the admin token. `WAVER__ADMIN__TOKEN` goes before it. Without either nobody can sign in.
    pub token_file: Option<PathBuf>,
    /// The token, never from the configuration file.
    #[serde(skip)]
    pub token: Option<Secret>,
}

/// `[log]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The least important that is logged.
    pub level: LogLevel,
}

/// `[limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Sessions kept in memory. Beyond that closed ones go, the oldest first; if all are open, new ones are turned away.
    pub sessions: usize,
    /// Grants, orders and items of catalogues kept in memory. Beyond that no grant is made, and what the shop's backend tells is turned away.
    pub shop_rows: usize,
    /// Requests that may wait to be committed. Beyond that they are turned away.
    pub queue: usize,
    /// Connections held open. Beyond that new ones wait to be accepted.
    pub connections: usize,
    /// Dashboards that may follow the live stream.
    pub streams: usize,
    /// How long the headers of a request may take to arrive, then its body, then its answer.
    #[serde(with = "value::duration")]
    pub request_timeout: Duration,
    /// How long requests under way may take to finish after the collector was told to stop.
    #[serde(with = "value::duration")]
    pub shutdown_timeout: Duration,
    /// How often something may be asked.
    pub rate: RateLimits,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            sessions: 200_000,
            shop_rows: 1_000_000,
            queue: 1024,
            connections: 4096,
            streams: 64,
            request_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(8),
            rate: RateLimits::default(),
        }
    }
}

/// `[retention]`: how long data is kept, by class. A session itself is kept until ten minutes after it ended: by 30 minutes without an event,
/// or 24 hours after it began.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// How long sessions begin under the same secret. After twice that time it is destroyed, at most a day after it was made, and what was done
    /// under it belongs to nobody any more.
    #[serde(with = "value::duration")]
    pub epoch: Duration,
    /// The log's events and decisions.
    #[serde(with = "value::duration")]
    pub events: Duration,
    /// The log's consent records.
    #[serde(with = "value::duration")]
    pub consent: Duration,
    /// The log's events that were not of the schema.
    #[serde(with = "value::duration")]
    pub dead_letters: Duration,
    /// What the shop's backend told, and what it was promised: orders, catalogue, grants. An order can be refunded for so long, and an item
    /// that is not told again is forgotten then. At least as long as the longest span of a budget.
    #[serde(with = "value::duration")]
    pub shop: Duration,
    /// Aggregates by the minute; at most a day and ten minutes.
    #[serde(with = "value::duration")]
    pub minutes: Duration,
    /// Aggregates by the hour; at most 400 days.
    #[serde(with = "value::duration")]
    pub hours: Duration,
    /// How often a snapshot of the state is saved and retention is enforced: what is past its time is gone from disk this much later at most.
    #[serde(with = "value::duration")]
    pub snapshot_every: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            epoch: LONGEST_EPOCH,
            events: DAY,
            consent: 183 * DAY,
            dead_letters: 3 * DAY,
            shop: 90 * DAY,
            minutes: Duration::from_millis(KEPT_MS),
            hours: Duration::from_millis(HOURS_KEPT_MS),
            snapshot_every: Duration::from_secs(5 * 60),
        }
    }
}

impl Retention {
    /// How much time one segment of the log holds: a twenty-fourth of what events are kept, so that little is kept longer.
    pub(crate) fn segment(&self) -> Duration {
        (self.events / 24).clamp(Duration::from_secs(1), Duration::from_secs(60 * 60))
    }
}

/// `[release]`: what of the aggregates leaves the collector.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Release {
    /// How many different sessions must stand behind each number that operators see. With 0 or 1 everything is shown as it stands, single
    /// sessions included: for a demo, a bench or a test. At most a million.
    pub k: u64,
    /// How much epsilon exports with noise may spend in all on each hour of a site's data. Between 0 and 100; with 0 there are none.
    pub epsilon: f64,
}

impl Default for Release {
    fn default() -> Release {
        Release { k: 20, epsilon: 1.0 }
    }
}

impl Release {
    /// [`Release::epsilon`] in thousandths.
    pub(crate) fn budget(&self) -> u64 {
        // Between 0 and 100,000, as was checked.
        (self.epsilon * 1_000.0).floor() as u64
    }

    fn is_in_range(&self) -> bool {
        self.k <= MOST_K && (0.0..=100.0).contains(&self.epsilon)
    }
}

/// `[models]`: the model of the browsers, and what is tried beside it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// A model artifact of `waver train` by which browsers score intent: `/sdk/models/intent`, which the tag names in `data-model`.
    pub intent: Option<PathBuf>,
    /// A model artifact of `waver train` that is scored in the shadow and decides nothing. `/v1/models` tells how right it is.
    pub challenger: Option<PathBuf>,
}

/// `[sites.KEY]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The origins whose pages may send, such as `https://shop.example`.
    #[serde(default)]
    pub origins: Vec<Origin>,
    /// The policy, an `offers.toml`.
    pub offers: PathBuf,
    /// Whether requests without an `Origin` header may send, as programs do and browsers do not.
    #[serde(default)]
    pub allow_no_origin: bool,
    /// What browsers without a screen, and programs that name no browser, count as.
    #[serde(default)]
    pub automation: Automation,
    /// For how long a browser that granted to personalise is remembered across sessions, whole days between 1 and 90, so that offers can be capped
    /// across them (`per_visitor` of a policy). Nobody is unless this is set.
    #[serde(default, deserialize_with = "value::days_or_off")]
    pub visitor: Option<Duration>,
    /// A file that holds the secret by which the shop's backend is known. `WAVER__SITES__KEY__SECRET` goes before it. Without either nobody
    /// can redeem grants, tell of orders or set the catalogue.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The secret, never from the configuration file.
    #[serde(skip)]
    pub secret: Option<Secret>,
}

/// What automated sessions count as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automation {
    /// They are counted apart and offered nothing.
    #[default]
    Apart,
    /// As shoppers, for test benches that drive headless browsers or send by a program. Crawlers and agents that say so stay apart.
    AsShoppers,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or holds a key or value that means nothing. The message names line and key.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The file is fine, but not with what the environment puts over it.
    #[error("{names} in the environment: {message}")]
    Environment {
        /// The variables.
        names: String,
        /// What is wrong.
        message: String,
    },
    /// Well-formed, but of no use.
    #[error("{0}")]
    Invalid(String),
}

impl Config {
    /// Reads `path`, puts the `WAVER__SECTION__KEY` variables of `environment` over it, and fetches the admin token.
    ///
    /// # Errors
    /// [`ConfigError`] at the first thing that is wrong.
    pub fn load(path: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, ConfigError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
        };
        let text = read(path)?;
        let in_file = |error: toml::de::Error| ConfigError::File { path: path.to_owned(), message: error.to_string() };
        // Read by itself first: an error in the file then names its line.
        let mut config: Config = toml::from_str(&text).map_err(in_file)?;
        let overrides = environment::Overrides::from_variables(environment);
        if !overrides.is_empty() {
            config = overrides.put_over(toml::from_str(&text).map_err(in_file)?)?;
        }
        config.place(path.parent().unwrap_or(Path::new("")));
        config.admin.token = match (overrides.admin_token, &config.admin.token_file) {
            (Some(token), _) => Some(token),
            (None, Some(file)) => Some(Secret::new(read(file)?.trim())),
            (None, None) => None,
        };
        for (key, site) in &mut config.sites {
            site.secret = match (overrides.site_secrets.get(key.as_str()), &site.secret_file) {
                (Some(secret), _) => Some(secret.clone()),
                (None, Some(file)) => Some(Secret::new(read(file)?.trim())),
                (None, None) => None,
            };
        }
        config.check()?;
        Ok(config)
    }

    /// Makes relative paths start at `folder`.
    fn place(&mut self, folder: &Path) {
        self.server.data_dir = folder.join(&self.server.data_dir);
        self.server.keys_dir = self.server.keys_dir.take().map(|keys| folder.join(keys));
        self.admin.token_file = self.admin.token_file.take().map(|file| folder.join(file));
        self.models.intent = self.models.intent.take().map(|model| folder.join(model));
        self.models.challenger = self.models.challenger.take().map(|model| folder.join(model));
        for site in self.sites.values_mut() {
            site.offers = folder.join(&site.offers);
            site.secret_file = site.secret_file.take().map(|file| folder.join(file));
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let invalid = |message: &str| Err(ConfigError::Invalid(message.to_owned()));
        if self.sites.is_empty() {
            return invalid("no site is configured; add a section such as [sites.demo] with origins and offers");
        }
        if self.admin.token.as_ref().is_some_and(|token| token.chars() < ADMIN_TOKEN_CHARS) {
            return invalid("the admin token has fewer than 32 characters; make one with `openssl rand -hex 32`");
        }
        let secrets: Vec<&Secret> = self.sites.values().filter_map(|site| site.secret.as_ref()).collect();
        if secrets.iter().any(|secret| secret.chars() < SITE_SECRET_CHARS) {
            return invalid("the secret of a site has fewer than 32 characters; make one with `openssl rand -hex 32`");
        }
        let is_shared =
            |(at, secret): (usize, &&Secret)| secrets[..at].iter().any(|other| other.equals(secret.reveal()));
        if secrets.iter().enumerate().any(is_shared) {
            return invalid("two sites have the same secret; it says which site the shop's backend speaks for");
        }
        let limits = &self.limits;
        if [limits.sessions, limits.shop_rows, limits.queue, limits.connections, limits.streams].contains(&0) {
            return invalid("every number in [limits] must be at least 1");
        }
        if !self.release.is_in_range() {
            return invalid("release.k must be at most a million, and release.epsilon between 0 and 100");
        }
        let retention = &self.retention;
        let kept = [
            retention.events,
            retention.consent,
            retention.dead_letters,
            retention.shop,
            retention.minutes,
            retention.hours,
        ];
        if !(SHORTEST_KEPT..=LONGEST_EPOCH).contains(&retention.epoch) {
            return invalid("retention.epoch must be between 1s and 12h: the secret of an epoch lives twice as long");
        }
        if kept.iter().any(|kept| *kept < SHORTEST_KEPT) || retention.snapshot_every < SHORTEST_PACE {
            return invalid(
                "everything in [retention] must be kept for a second at least, and snapshot_every be 10ms at least",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = \"data\"\n\n[limits]\nrequest_timeout = \"30s\"\n\n\
        [sites.demo]\norigins = [\"http://127.0.0.1:8080\"]\noffers = \"offers.toml\"\n";

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("waver.toml");
        std::fs::write(&path, text).expect("writes");
        std::fs::write(folder.path().join("token"), "0123456789abcdef0123456789abcdef\n").expect("writes");
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(&path, environment).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_is_read_and_its_paths_start_at_its_folder() {
        let config = load(FILE, &[]).expect("valid");
        assert_eq!(config.limits.request_timeout, Duration::from_secs(30));
        let site = config.sites.values().next().expect("one site");
        assert!(site.offers.is_absolute() && site.offers.ends_with("offers.toml"), "{:?}", site.offers);
        assert!(config.server.data_dir.is_absolute());
        assert!(!site.allow_no_origin && config.admin.token.is_none());
        assert_eq!(site.automation, Automation::Apart);
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let config = load(
            FILE,
            &[
                ("WAVER__SERVER__DATA_DIR", "/elsewhere"),
                ("WAVER__LIMITS__QUEUE", "7"),
                ("WAVER__LIMITS__RATE__SITE_REQUESTS", "90/min"),
                ("WAVER__RELEASE__K", "5"),
                ("WAVER__RELEASE__EPSILON", "0.5"),
                ("WAVER__SERVER__TRUSTED_PROXIES", "[\"192.0.2.7\", \"10.0.0.0/8\"]"),
                ("WAVER__SERVER__PROXY_HEADER", "forwarded"),
                ("WAVER__SITES__DEMO__ALLOW_NO_ORIGIN", "true"),
                ("WAVER__SITES__DEMO__AUTOMATION", "as_shoppers"),
                ("WAVER__SITES__DEMO__VISITOR", "30days"),
                ("WAVER__ADMIN__TOKEN", "0123456789abcdef0123456789abcdef"),
                ("WAVER__SITES__DEMO__SECRET", "fedcba9876543210fedcba9876543210"),
                ("HOME", "/root"),
            ],
        )
        .expect("valid");
        assert_eq!(config.server.data_dir, Path::new("/elsewhere"));
        assert_eq!(config.limits.queue, 7);
        assert_eq!(config.release, Release { k: 5, epsilon: 0.5 });
        assert_eq!(config.limits.rate.site_requests, Rate { count: 90, per: Duration::from_secs(60) });
        assert_eq!(config.limits.rate.source_requests, RateLimits::default().source_requests);
        let proxies = config.server.trusted_proxies.iter().map(ToString::to_string);
        assert_eq!(proxies.collect::<Vec<_>>(), ["192.0.2.7/32", "10.0.0.0/8"]);
        assert_eq!(config.server.proxy_header, ProxyHeader::Forwarded);
        assert!(config.sites.values().all(|site| site.allow_no_origin && site.automation == Automation::AsShoppers));
        assert!(config.sites.values().all(|site| site.visitor == Some(30 * DAY)));
        assert!(config.admin.token.is_some());
        assert!(config.sites.values().all(|site| site.secret.is_some()));
        let printed = format!("{config:?}");
        assert!(!printed.contains("0123456789abcdef") && !printed.contains("fedcba"), "secrets never print");
    }

    #[test]
    fn the_token_comes_from_its_file() {
        let config = load(&format!("{FILE}[admin]\ntoken_file = \"token\"\n"), &[]).expect("valid");
        assert!(config.admin.token.expect("a token").equals("0123456789abcdef0123456789abcdef"));
    }

    #[test]
    fn the_reference_lists_every_setting_with_its_default() {
        let text = include_str!("../demo/reference.toml");
        let reference: Config = toml::from_str(text).expect("valid");
        let site = reference.sites.values().next().expect("a site");
        assert_eq!((site.allow_no_origin, site.automation, site.visitor), (false, Automation::default(), None));
        assert!(site.secret_file.is_none());
        let defaults = Config { sites: reference.sites.clone(), ..Config::default() };
        assert_eq!(format!("{reference:#?}"), format!("{defaults:#?}"));
        // Each field that prints is a setting, but for the token and the parts of a rate.
        for line in format!("{reference:#?}").lines() {
            let Some((name, _)) = line.trim().split_once(": ") else { continue };
            let is_setting = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            if is_setting && !["token", "secret", "count", "per"].contains(&name) {
                let forms = [format!("{name} = "), format!("[{name}"), format!(".{name}]")];
                assert!(forms.iter().any(|form| text.contains(form)), "{name}");
            }
        }
    }

    #[test]
    fn errors_name_the_place_and_what_to_do() {
        let site = "[sites.demo]\norigins = [\"https://shop.example\"]\noffers = \"offers.toml\"\n";
        for (text, environment, expected) in [
            (format!("[server]\nlisten = \"127.0.0.1:0\"\nport = 1\n{site}"), &[][..], "line 3"),
            (format!("[server]\nlisten = \"127.0.0.1:0\"\nport = 1\n{site}"), &[], "`port`"),
            (format!("[limits]\nrequest_timeout = \"30\"\n{site}"), &[], "unit"),
            (format!("[limits]\nqueue = 0\n{site}"), &[], "at least 1"),
            (format!("[retention]\nevents = \"999ms\"\n{site}"), &[], "a second at least"),
            (format!("[retention]\nepoch = \"13h\"\n{site}"), &[], "between 1s and 12h"),
            (format!("[retention]\nsnapshot_every = \"0s\"\n{site}"), &[], "10ms at least"),
            (format!("[release]\nk = 1000001\n{site}"), &[], "a million"),
            (format!("[release]\nepsilon = -1.0\n{site}"), &[], "between 0 and 100"),
            (format!("[release]\nepsilon = nan\n{site}"), &[], "between 0 and 100"),
            (format!("[limits.rate]\nsite_requests = \"5\"\n{site}"), &[], "unit"),
            (format!("[limits.rate]\nsource_sessions = \"5/h\"\n{site}"), &[], "unit"),
            (format!("[server]\ntrusted_proxies = [\"10.0.0.0/33\"]\n{site}"), &[], "network"),
            (format!("{site}visitor = \"91days\"\n"), &[], "between 1 and 90"),
            (format!("{site}visitor = \"36h\"\n"), &[], "between 1 and 90"),
            (format!("{site}visitor = \"on\"\n"), &[], "`off`"),
            (format!("[admin]\ntoken = \"0123456789abcdef0123456789abcdef\"\n{site}"), &[], "`token`"),
            (site.replace("https://shop.example", "https://shop.example/"), &[], "line 2"),
            (site.replace("https://shop.example", "*"), &[], "scheme"),
            (site.replace("sites.demo", "sites.Demo"), &[], "a-z"),
            (String::new(), &[], "no site"),
            (site.to_owned(), &[("WAVER__SERVER__PORT", "1")], "WAVER__SERVER__PORT"),
            (site.to_owned(), &[("WAVER__SERVER", "1")], "WAVER__SERVER"),
            (site.to_owned(), &[("WAVER__ADMIN__TOKEN", "short")], "32 characters"),
            (format!("{site}[admin]\ntoken_file = \"missing\"\n"), &[], "missing"),
            (format!("{site}secret_file = \"missing\"\n"), &[], "missing"),
            (format!("{site}secret = \"0123456789abcdef0123456789abcdef\"\n"), &[], "`secret`"),
            (site.to_owned(), &[("WAVER__SITES__DEMO__SECRET", "short")], "32 characters"),
            (
                format!("{site}secret_file = \"token\"\n{}secret_file = \"token\"\n", site.replace("demo", "other")),
                &[],
                "the same secret",
            ),
        ] {
            let error = load(&text, environment).expect_err(expected);
            assert!(error.contains(expected), "{error} should tell of {expected}");
            assert!(!error.contains("short"), "{error} must not print a token");
        }
    }
}
