//! Starting and stopping.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use waver_core::session::FOLD_VERSION;
use waver_store::{
    EmbeddedState, EventLog, Receipts, SecretKey, SledLog, SledSnapshots, SnapshotStore, StateStore, StoreError,
};

use crate::artifact::ArtifactError;
use crate::backup::exporter;
use crate::committer::{Committer, Replayed, SWEEP_PACE, forget_over, replay};
use crate::config::Config;
use crate::consent_ledger::{self, Follower, Ledgers};
use crate::erasures::{ErasureError, Erasures, Unfinished, erase_again};
use crate::host::Host;
use crate::http::{self, AdminGate, App, Proxies};
use crate::intent_model;
use crate::keeper::{Keeper, millis};
use crate::keyring::{Keyring, KeysHeld, Vault};
use crate::learning::Learning;
use crate::metrics::Metrics;
use crate::policy_archive::PolicyArchive;
use crate::rate::{RateLimits, Refused};
use crate::readiness::Readiness;
use crate::records::records;
use crate::release::Releases;
use crate::serve::serve;
use crate::shadow::{self, Shadow};
use crate::site::{OffersError, Sites};
use crate::state::{GRACE_MS, SharedState};
use crate::stop::{Stop, StopSender};
use crate::tripwire::{self, Tripped};
use crate::unknown_fields::{Met, UnknownFields};

/// How soon a changed policy is noticed.
const POLICY_PACE: Duration = Duration::from_secs(1);

/// Why a collector did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A policy cannot be used.
    #[error(transparent)]
    Offers(#[from] OffersError),
    /// The model of the browsers cannot be used.
    #[error("models.intent: {0}")]
    IntentModel(#[source] ArtifactError),
    /// The challenger cannot be used.
    #[error("models.challenger: {0}")]
    Challenger(#[source] ArtifactError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys of erasures or the receipts cannot be used.
    #[error("erasures cannot be carried out: {0}")]
    Erasures(String),
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
    /// Opens the data folder of `config`, brings its state up to date with the log, and serves.
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
        let configured = config.clone();
        Collector::start_with(config, host, move || Stores::open(&configured), http::built).await
    }

    /// The same over other stores and with other pages.
    pub(crate) async fn start_with<L: EventLog, S: SnapshotStore>(
        config: Config,
        host: Host,
        open: impl FnOnce() -> Result<Stores<L, S>, StoreError>,
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
        let shadow = Shadow::new(sites.len(), config.models.challenger.as_deref()).map_err(StartError::Challenger)?;
        let shadow = Arc::new(shadow);
        let intent_model = config.models.intent.as_deref().map(intent_model::load).transpose();
        let intent_model = intent_model.map_err(StartError::IntentModel)?;
        let intent_model = intent_model.map(|(artifact, warning)| {
            warning.iter().for_each(|warning| tracing::warn!("models.intent: {warning}"));
            artifact
        });
        // The address first: whoever cannot have it should not wait for a replay to be told.
        let address = config.server.listen;
        let listen_error = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;

        let Stores { log, snapshots, anchors, receipts } = open()?;
        let keyring = Arc::new(open_keyring(&config, &sites, host.clone()).await?);
        if keyring.counts().rotated > 0 && keyring.counts().sessions == 0 && log.end() > 0 {
            tracing::warn!(
                "there are no keys of sessions: what was sealed before cannot be read any more, and its sessions are not recognised"
            );
        }
        forget_first_pseudonym_key(&config)?;
        let keys_folder = config.server.keys_folder();
        let ledger_keys = consent_ledger::open_keys(&keys_folder)?;
        let ledgers = Ledgers::open(consent_ledger::folder_of(&config.server.data_dir), log.end())?;
        let ledger_roots = ledgers.roots();
        let log = Arc::new(log);
        let erasures = Erasures::open(&keys_folder, receipts, Arc::clone(&keyring), ledger_roots, &host).await?;
        let mut unfinished = Unfinished::default();
        let mut see = |replayed: &Replayed<'_>| unfinished.see(replayed, &sites);
        let rows = bring_up_seeing(&*log, &snapshots, &sites, &keyring, &mut see).await?;
        unfinished.carry_out(&erasures, &*log).await?;
        erase_again(&erasures, &*log, &rows, &sites, &host).await?;
        let erasures = Arc::new(erasures);
        give_keys(&rows, &sites, &keyring).await?;

        let archive = PolicyArchive::of(&config.server.data_dir);
        archive_policies(&sites, &archive);

        let (stop, stopped) = Stop::channel();
        let (drain, drained) = Stop::channel();
        let (close, closed) = Stop::channel();
        let (changed, changes) = watch::channel(0);
        let state = SharedState::new(rows, sites.len());
        let releases = Arc::new(Releases::open(&config, &sites)?);
        if releases.is_open() {
            tracing::warn!(
                "release.k is {}: numbers of few sessions, and single sessions, are shown to operators",
                releases.k()
            );
        }
        let readiness = Readiness::default();
        let mut metrics = Metrics::new();
        let (queue_sender, commands) = crate::committer::queue(config.limits.queue);
        metrics.watch(state.clone(), Arc::clone(&sites), queue_sender.clone(), host.clone(), Arc::clone(&releases));
        let rates = Arc::new(RateLimits::new(&config.limits.rate, sites.len(), host.clone()));
        metrics.show(Refused(Arc::clone(&rates)));
        let unknown_fields = Arc::new(UnknownFields::new(Arc::clone(&sites)));
        metrics.show(Met(Arc::clone(&unknown_fields)));
        tripwire::set_up();
        let tripped = Arc::new(Tripped::default());
        metrics.show(tripwire::Met(Arc::clone(&tripped)));
        metrics.show(KeysHeld(Arc::clone(&keyring)));
        metrics.show(shadow::Met {
            shadow: Arc::clone(&shadow),
            sites: Arc::clone(&sites),
            releases: Arc::clone(&releases),
            host: host.clone(),
        });
        let metrics = Arc::new(metrics);
        let records = records(Arc::clone(&log));
        let exporter = exporter(Arc::clone(&log), Arc::clone(&state.rows), archive.clone(), Arc::clone(&keyring));
        let committer = Committer {
            log: Arc::clone(&log),
            state: Arc::clone(&state.rows),
            unlogged: state.unlogged.clone(),
            most_sessions: config.limits.sessions,
            most_shop_rows: config.limits.shop_rows,
            sweep_pace: SWEEP_PACE,
            letters_kept_ms: millis(config.retention.dead_letters),
            clock: state.rows.clock(),
            host: host.clone(),
            sites: Arc::clone(&sites),
            keyring: Arc::clone(&keyring),
            metrics: Arc::clone(&metrics),
            readiness: readiness.clone(),
            erasures: Arc::clone(&erasures),
            changed,
            learning: Learning::default(),
            waiting: VecDeque::new(),
            halted: false,
        };
        let follower =
            Follower::new(Arc::clone(&log), ledger_keys, ledgers, host.clone(), millis(config.retention.consent));
        let keeper = Keeper {
            log,
            state: Arc::clone(&state.rows),
            snapshots,
            anchors,
            retention: config.retention.clone(),
            keyring: Arc::clone(&keyring),
            host: host.clone(),
            metrics: Arc::clone(&metrics),
            saved: None,
        };
        let reloading =
            tokio::spawn(reload_policies(Arc::clone(&sites), archive, Arc::clone(&metrics), stopped.clone()));
        let router = http::router(Arc::new(App {
            host,
            limits: config.limits.clone(),
            sites,
            keyring,
            queue: queue_sender,
            state,
            releases,
            metrics,
            readiness: readiness.clone(),
            admin: AdminGate::new(config.admin.token),
            rates,
            unknown_fields,
            tripped,
            shadow,
            intent_model,
            proxies: Proxies { trusted: config.server.trusted_proxies, header: config.server.proxy_header },
            assets,
            listens_on_loopback: address.ip().is_loopback(),
            streams: Arc::new(Semaphore::new(config.limits.streams)),
            exporter,
            exports: Arc::new(Semaphore::new(1)),
            erasures,
            shop_kept_ms: millis(config.retention.shop),
            records,
            searches: Arc::new(Semaphore::new(1)),
            changed: changes.clone(),
            stop: stopped.clone(),
        }));
        let committing = tokio::spawn(committer.run(commands, drained));
        let following = tokio::spawn(follower.run(changes, closed.clone()));
        let keeping = tokio::spawn(keeper.run(closed));
        let tasks = tokio::spawn(async move {
            serve(listener, router, &config.limits, stopped).await;
            // Only now is there nobody left to hand in commands.
            drain.tell();
            if committing.await.is_err() {
                tracing::error!("the committer ended by a panic");
            }
            // Nothing is written any more: the last snapshot leaves the next start nothing to replay.
            close.tell();
            if following.await.is_err() {
                tracing::error!("the filling of the consent ledger ended by a panic");
            }
            if keeping.await.is_err() {
                tracing::error!("the keeper ended by a panic");
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

/// The stores of a data folder.
pub(crate) struct Stores<L = SledLog, S = SledSnapshots> {
    pub(crate) log: L,
    pub(crate) snapshots: S,
    /// Older snapshots, for replay: the state is proven over what happened since one of them.
    pub(crate) anchors: [S; 2],
    /// Of erasures.
    pub(crate) receipts: Receipts,
}

impl Stores {
    /// Opens those of the data folder of `config`, for this process alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn open(config: &Config) -> Result<Stores, StoreError> {
        let folder = &config.server.data_dir;
        let log = SledLog::open(&folder.join("log"), config.retention.segment())?;
        let snapshots = SledSnapshots::open(&folder.join("state"))?;
        let anchor = |name: &str| SledSnapshots::open(&folder.join("anchors").join(name));
        let receipts = Receipts::open(&folder.join("receipts"))?;
        Ok(Stores { log, snapshots, anchors: [anchor("a")?, anchor("b")?], receipts })
    }
}

/// The keys of the collector that `config` describes, for this process alone. Those whose time is over are destroyed.
///
/// # Errors
/// [`StoreError::Keys`].
pub(crate) async fn open_keyring(config: &Config, sites: &Sites, host: Host) -> Result<Keyring, StoreError> {
    let keys = sites.iter().map(|(_, site)| (site.key.clone(), site.visitor));
    Ok(Keyring::open(&config.server.keys_folder(), keys, &config.retention, host).await?)
}

/// The state as it was saved last, brought to the end of the log.
///
/// # Errors
/// [`StoreError`] if log or snapshot are damaged, or do not belong together.
pub(crate) async fn bring_up<L: EventLog, S: SnapshotStore>(
    log: &L,
    snapshots: &S,
    sites: &Sites,
    keyring: &Keyring,
) -> Result<EmbeddedState, StoreError> {
    bring_up_seeing(log, snapshots, sites, keyring, &mut |_| {}).await
}

/// The same; `see` gets every entry of the log that the saved state did not hold.
///
/// # Errors
/// As [`bring_up`].
async fn bring_up_seeing<L: EventLog, S: SnapshotStore>(
    log: &L,
    snapshots: &S,
    sites: &Sites,
    keyring: &Keyring,
    see: &mut impl FnMut(&Replayed<'_>),
) -> Result<EmbeddedState, StoreError> {
    let begun = Instant::now();
    let keys = || sites.iter().map(|(_, site)| site.key.clone()).collect();
    let state = match snapshots.load().await? {
        Some(parts) => EmbeddedState::restore(keys(), GRACE_MS, FOLD_VERSION, log.begin(), parts, keyring)?,
        None => EmbeddedState::new(keys(), GRACE_MS),
    };
    let (restored, from, fence) = (begun.elapsed(), state.applied(), state.windows_applied());
    if fence > log.end() {
        let reason = format!("it holds the log up to offset {fence}, and the log ends at {}", log.end());
        return Err(StoreError::Snapshot { reason });
    }
    if from == 0 && log.begin() > 0 {
        tracing::warn!(
            begin = log.begin(),
            "there was no snapshot, and the log's beginning is past its time: older aggregates are gone"
        );
    } else if from < log.begin() && from == fence {
        let reason = format!("it holds the log up to offset {from}, and the log begins at {}", log.begin());
        return Err(StoreError::Snapshot { reason });
    }
    let rows = state.sessions();
    let end = catch_up(log, &state, sites, keyring, see).await?;
    tracing::info!(
        sessions = state.sessions(),
        restored_sessions = rows,
        restore_millis = restored.as_millis(),
        replayed_records = end.saturating_sub(from),
        erased = keyring.counts().erased,
        millis = begun.elapsed().as_millis(),
        "the state is up to date with the log"
    );
    Ok(state)
}

/// Brings a state that was restored to the end of the log, and returns where that is. `watch` sees each record before it is folded.
///
/// # Errors
/// [`StoreError`] if the log cannot be read to its end.
pub(crate) async fn catch_up<L: EventLog>(
    log: &L,
    state: &EmbeddedState,
    sites: &Sites,
    keyring: &Keyring,
    watch: &mut impl FnMut(&Replayed<'_>),
) -> Result<u64, StoreError> {
    let (from, fence, saved_at) = (state.applied(), state.windows_applied(), state.clock());
    if from < fence {
        // Rows of another fold are rebuilt. Those whose time was over when the snapshot was saved had been swept.
        replay(log, state, sites, keyring, (from, fence), watch).await?;
        forget_over(state, saved_at, None).await?;
        state.settle(keyring)?;
    }
    replay(log, state, sites, keyring, (from.max(fence), u64::MAX), watch).await
}

/// Gives a key to every session that has none: those that began before there were keys, or whose keys were lost. What they did before stays
/// as it is.
///
/// # Errors
/// [`StoreError::Keys`].
async fn give_keys(state: &EmbeddedState, sites: &Sites, keyring: &Keyring) -> Result<(), StoreError> {
    for (index, site) in sites.iter() {
        let Some(epoch) = keyring.current(&site.key) else { continue };
        let sessions = state.pseudonyms(index.number()).into_iter().map(|pseudonym| (&site.key, pseudonym, epoch));
        keyring.begin(Vault::Behaviour, sessions).await?;
    }
    Ok(())
}

/// Until there were epochs, all pseudonyms followed from one key for as long as the data folder lived. Without it they are nobody's.
///
/// # Errors
/// [`StoreError::Open`] if it is there and cannot be destroyed.
fn forget_first_pseudonym_key(config: &Config) -> Result<(), StoreError> {
    let path = config.server.data_dir.join("keys").join("pseudonym.key");
    if SecretKey::destroy(&path)? {
        tracing::info!("destroyed the pseudonym key of an earlier version; sessions begun under it are not recognised");
    }
    Ok(())
}

/// Puts changed policies into force, until told to stop.
async fn reload_policies(sites: Arc<Sites>, archive: PolicyArchive, metrics: Arc<Metrics>, mut stop: Stop) {
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
                    archive_policies(&sites, &archive);
                }
                Err(error) => {
                    tracing::error!(site = key, "the policy before stays in force: {error}");
                    metrics.policy_changed(&site.key, false);
                }
            }
        }
    }
}

/// Keeps the policies in force for later. Without that decisions are taken all the same, and cannot be taken again.
fn archive_policies(sites: &Sites, archive: &PolicyArchive) {
    for (_, site) in sites.iter() {
        if let Err(error) = site.archive(archive) {
            tracing::error!(site = site.key.as_str(), "the policy cannot be kept for replay: {error}");
        }
    }
}

impl From<ErasureError> for StartError {
    fn from(error: ErasureError) -> StartError {
        match error {
            ErasureError::Store(error) => StartError::Store(error),
            ErasureError::Key(error) => StartError::Store(error.into()),
            other => StartError::Erasures(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
