//! Starting and stopping.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use waver_store::{EventLog, SecretKey, SledLog, StoreError};

use crate::committer::{Committer, SharedState, replay};
use crate::config::Config;
use crate::host::Host;
use crate::http::{self, AdminGate, App};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::serve::serve;
use crate::site::{OffersError, Sites};
use crate::state::State;
use crate::stop::{Stop, StopSender};

/// How soon a changed policy is noticed.
const POLICY_PACE: Duration = Duration::from_secs(1);

/// Time of arrival that one segment of the log holds.
const LOG_SPAN: Duration = Duration::from_secs(3600);

/// Why a collector did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A policy cannot be used.
    #[error(transparent)]
    Offers(#[from] OffersError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}; stop what listens there, or set server.listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// A running collector.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    stop: StopSender,
    readiness: Readiness,
    tasks: JoinHandle<()>,
}

impl Collector {
    /// Opens the data folder of `config`, replays its log, and serves.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<Collector, StartError> {
        Collector::start_on(config, Host::system()).await
    }

    /// The same with another clock or other randomness.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_on(config: Config, host: Host) -> Result<Collector, StartError> {
        let data_dir = config.server.data_dir.clone();
        let log = move || SledLog::open(&data_dir.join("log"), LOG_SPAN);
        Collector::start_with(config, host, log, http::built).await
    }

    /// The same with another log and other pages.
    pub(crate) async fn start_with<L: EventLog>(
        config: Config,
        host: Host,
        open: impl FnOnce() -> Result<L, StoreError>,
        assets: http::Assets,
    ) -> Result<Collector, StartError> {
        let (sites, warnings) = Sites::load(&config.sites)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        if config.admin.token.is_none() {
            tracing::warn!("nobody can sign in: set WAVER__ADMIN__TOKEN or admin.token_file");
        }
        let sites = Arc::new(sites);
        // The address first: whoever cannot have it should not wait for a replay to be told.
        let address = config.server.listen;
        let listen_error = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;

        let log = open()?;
        let key_path = config.server.data_dir.join("keys").join("pseudonym.key");
        let pseudonym_key = pseudonym_key(key_path, &log, &host)?;
        let mut state = State::new(sites.len(), config.limits.sessions);
        let begun = Instant::now();
        let records = replay(&log, &mut state, &sites).await?;
        tracing::info!(records, sessions = state.len(), millis = begun.elapsed().as_millis(), "replayed the log");

        let (stop, stopped) = Stop::channel();
        let (drain, drained) = Stop::channel();
        let (changed, changes) = watch::channel(0);
        let state = SharedState::new(state);
        let readiness = Readiness::default();
        let mut metrics = Metrics::new();
        let (queue_sender, commands) = crate::committer::queue(config.limits.queue);
        metrics.watch(state.clone(), Arc::clone(&sites), queue_sender.clone(), host.clone());
        let metrics = Arc::new(metrics);
        let committer = Committer {
            log,
            state: state.clone(),
            sites: Arc::clone(&sites),
            metrics: Arc::clone(&metrics),
            readiness: readiness.clone(),
            changed,
        };
        let reloading = tokio::spawn(reload_policies(Arc::clone(&sites), Arc::clone(&metrics), stopped.clone()));
        let router = http::router(Arc::new(App {
            host,
            limits: config.limits.clone(),
            sites,
            pseudonym_key,
            queue: queue_sender,
            state,
            metrics,
            readiness: readiness.clone(),
            admin: AdminGate::new(config.admin.token),
            assets,
            listens_on_loopback: address.ip().is_loopback(),
            streams: Arc::new(Semaphore::new(config.limits.streams)),
            changed: changes,
            stop: stopped.clone(),
        }));
        let committing = tokio::spawn(committer.run(commands, drained));
        let tasks = tokio::spawn(async move {
            serve(listener, router, &config.limits, stopped).await;
            // Only now is there nobody left to hand in commands.
            drain.tell();
            if committing.await.is_err() {
                tracing::error!("the committer ended by a panic");
            }
            if reloading.await.is_err() {
                tracing::error!("the reloading of policies ended by a panic");
            }
        });
        Ok(Collector { address, stop, readiness, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets requests under way finish, and closes the log.
    pub fn shutdown(self) -> impl Future<Output = ()> {
        self.readiness.stop();
        self.stop.tell();
        async {
            if self.tasks.await.is_err() {
                tracing::error!("the server ended by a panic");
            }
        }
    }
}

/// Puts changed policies into force, until told to stop.
async fn reload_policies(sites: Arc<Sites>, metrics: Arc<Metrics>, mut stop: Stop) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLICY_PACE) => {}
            () = stop.told() => return,
        }
        for (_, site) in sites.iter() {
            let key = site.key.as_str();
            match site.reload() {
                Ok(None) => continue,
                Ok(Some(warnings)) => {
                    tracing::info!(site = key, policy = site.policy().version(), "another policy is in force");
                    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                    metrics.policy_changed(&site.key, true);
                }
                Err(error) => {
                    tracing::error!(site = key, "the policy before stays in force: {error}");
                    metrics.policy_changed(&site.key, false);
                }
            }
        }
    }
}

fn pseudonym_key(path: PathBuf, log: &impl EventLog, host: &Host) -> Result<SecretKey, StoreError> {
    let (key, is_new) = SecretKey::load_or_create(&path, |bytes| bytes.copy_from_slice(&host.random::<32>()))?;
    if is_new && log.end() > 0 {
        tracing::warn!("the pseudonym key was missing and is new; sessions begun before are not recognised any more");
    }
    Ok(key)
}

#[cfg(test)]
mod tests;
