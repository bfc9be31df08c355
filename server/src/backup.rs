//! Online backup and restore: `waver export`, `GET /v1/export`, `waver serve --restore`.
//!
//! A backup is the state at one instant and the log up to there, with the policies by which its decisions can be taken again. It holds no
//! keys: they are kept elsewhere, and without them what was sealed stays sealed.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::Method;
use futures_util::stream::{BoxStream, StreamExt};
use http_body_util::BodyExt;
use waver_core::session::FOLD_VERSION;
use waver_policy::Policy;
use waver_store::{
    EmbeddedState, EventLog, ExportError, ExportReader, ExportWriter, Frame, Part, Parts, RowSeal, SnapshotStore,
    StateStore, StoreError, log_frames,
};

use crate::collector::{StartError, Stores, bring_up, open_keyring};
use crate::config::Config;
use crate::host::Host;
use crate::keyring::Keyring;
use crate::policy_archive::PolicyArchive;
use crate::running;
use crate::site::Sites;

/// Records read at a time.
const PAGE: usize = 500;
/// While this file lies in a data folder, a restore into it is not finished.
const UNFINISHED: &str = "restore-unfinished";

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// The data folder or what it belongs to cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The backup cannot be read.
    #[error("{path}: {source}")]
    Export {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ExportError,
    },
    /// There is data already.
    #[error("the data folder {0} holds data already; restore into an empty one")]
    Occupied(PathBuf),
    /// An earlier restore broke off.
    #[error("a restore into the data folder {0} did not finish; empty the folder and restore again")]
    Unfinished(PathBuf),
    /// The running collector does not hand it out.
    #[error("the collector at {address} runs and does not hand out a backup: {reason}")]
    Refused {
        /// Where it listens.
        address: String,
        /// What it said.
        reason: String,
    },
}

/// Something that hands out a backup as a stream of bytes, as often as it is asked.
pub(crate) type Exporter = Arc<dyn Fn() -> BoxStream<'static, Result<Bytes, StoreError>> + Send + Sync>;

/// Hands out backups of `log` and `state`, which may be written meanwhile.
pub(crate) fn exporter<L: EventLog>(
    log: Arc<L>,
    state: Arc<EmbeddedState>,
    archive: PolicyArchive,
    keyring: Arc<Keyring>,
) -> Exporter {
    Arc::new(move || stream(Arc::clone(&log), &state, &archive, &keyring).boxed())
}

fn stream<L: EventLog>(
    log: Arc<L>,
    state: &EmbeddedState,
    archive: &PolicyArchive,
    keyring: &Arc<Keyring>,
) -> impl futures_util::Stream<Item = Result<Bytes, StoreError>> + Send + use<L> {
    let captured = state.capture(FOLD_VERSION);
    let source = Source {
        upto: captured.applied(),
        next: log.begin(),
        log,
        policies: archive.texts(),
        state: Some(Mutex::new(captured.into_parts(Arc::clone(keyring) as Arc<dyn RowSeal>))),
        writer: None,
        done: false,
    };
    futures_util::stream::try_unfold(source, Source::next)
}

/// What is left of a backup that is being written.
struct Source<L> {
    log: Arc<L>,
    next: u64,
    upto: u64,
    policies: Vec<String>,
    /// In a lock only so that it may be waited for from any thread.
    state: Option<Mutex<Parts>>,
    writer: Option<ExportWriter>,
    done: bool,
}

impl<L: EventLog> Source<L> {
    async fn next(mut self) -> Result<Option<(Bytes, Source<L>)>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let Some(mut writer) = self.writer.take() else {
            let (writer, begin) = ExportWriter::begin();
            self.writer = Some(writer);
            return Ok(Some((begin.into(), self)));
        };
        let frames = self.frames().await?;
        let bytes = if frames.is_empty() {
            self.done = true;
            writer.end()
        } else {
            let mut bytes = Vec::new();
            for frame in &frames {
                bytes.extend(writer.frame(frame)?);
            }
            self.writer = Some(writer);
            bytes
        };
        Ok(Some((bytes.into(), self)))
    }

    async fn frames(&mut self) -> Result<Vec<Frame>, StoreError> {
        if let Some(policy) = self.policies.pop() {
            return Ok(vec![Frame::Policy(policy)]);
        }
        if let Some(parts) = &mut self.state {
            if let Some(part) = parts.get_mut().unwrap_or_else(PoisonError::into_inner).next() {
                return Ok(vec![Frame::State(part?)]);
            }
            self.state = None;
        }
        let page = self.log.read(self.next, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(Vec::new()) };
        self.next = last.offset + 1;
        let upto = self.upto;
        let records = page.into_iter().filter(|(at, _)| at.offset < upto).map(|(at, record)| (at.offset, record));
        Ok(log_frames(records.collect()))
    }
}

/// What was written or restored.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    /// Bytes of the backup.
    pub(crate) bytes: u64,
    /// Records of the log; known on restoring only.
    pub(crate) records: u64,
    /// Sessions in the state; known on restoring only.
    pub(crate) sessions: u64,
    /// Records and rows that cannot be read because their key is gone; known on restoring only.
    pub(crate) erased: u64,
    /// Milliseconds that it took.
    pub(crate) millis: u64,
}

/// Writes a backup to `to`: from the running collector of `config`, or if none runs from its data folder. The file has its name once it is
/// whole.
///
/// # Errors
/// [`BackupError`].
pub(crate) async fn export(config: &Config, to: &Path) -> Result<Copied, BackupError> {
    let begun = Instant::now();
    let failed = |source| BackupError::File { path: to.to_owned(), source };
    let coming = to.with_extension("part");
    let mut file = BufWriter::new(File::create(&coming).map_err(failed)?);
    let mut bytes = 0;
    let mut take = |chunk: &[u8]| {
        bytes += chunk.len() as u64;
        file.write_all(chunk).map_err(failed)
    };
    match Stores::open(config) {
        Ok(stores) => {
            let (sites, _) = Sites::load(&config.sites).map_err(StartError::from)?;
            let keyring = Arc::new(open_keyring(config, &sites, Host::system()).await?);
            let state = bring_up(&stores.log, &stores.snapshots, &sites, &keyring).await?;
            let archive = PolicyArchive::of(&config.server.data_dir);
            let mut chunks = std::pin::pin!(stream(Arc::new(stores.log), &state, &archive, &keyring));
            while let Some(chunk) = chunks.next().await {
                take(&chunk?)?;
            }
        }
        Err(StoreError::Locked { .. }) => fetch(config, &mut take).await?,
        Err(error) => return Err(error.into()),
    }
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    // A collector that stopped in the middle leaves a file without its end.
    let mut reader = open(&coming)?;
    while next(&mut reader, &coming)?.is_some() {}
    fs::rename(&coming, to).map_err(failed)?;
    Ok(Copied { bytes, millis: millis(begun.elapsed()), ..Copied::default() })
}

/// Asks the running collector.
async fn fetch(config: &Config, take: &mut impl FnMut(&[u8]) -> Result<(), BackupError>) -> Result<(), BackupError> {
    let address = config.server.listen;
    let refused = |reason: String| BackupError::Refused { address: address.to_string(), reason };
    let mut answer = running::ask(config, Method::GET, "/v1/export", Vec::new()).await.map_err(refused)?;
    if answer.status() != 200 {
        return Err(refused(format!("it answered {}", answer.status())));
    }
    while let Some(frame) = answer.frame().await {
        if let Ok(chunk) = frame.map_err(|error| refused(error.to_string()))?.into_data() {
            take(&chunk)?;
        }
    }
    Ok(())
}

/// Fills the empty data folder of `config` from the backup `from`.
///
/// # Errors
/// [`BackupError`]. A folder that was filled in part is refused from then on.
pub(crate) async fn restore(config: &Config, from: &Path) -> Result<Copied, BackupError> {
    let begun = Instant::now();
    let folder = &config.server.data_dir;
    expect_finished(folder)?;
    // Read to its end first: nothing is written for the sake of a backup that is of no use.
    let mut whole = open(from)?;
    while next(&mut whole, from)?.is_some() {}
    let reader = Arc::new(Mutex::new(open(from)?));
    let stores = Stores::open(config)?;
    if stores.log.end() > 0 || stores.snapshots.load().await?.is_some() {
        return Err(BackupError::Occupied(folder.clone()));
    }
    let mark = folder.join(UNFINISHED);
    let failed = |source| BackupError::File { path: mark.clone(), source };
    File::create(&mark).and_then(|file| file.sync_all()).map_err(failed)?;

    let archive = PolicyArchive::of(folder);
    let mut copied =
        Copied { bytes: fs::metadata(from).map(|metadata| metadata.len()).unwrap_or_default(), ..Copied::default() };
    let mut frame = take_next(&reader, from)?;
    while let Some(Frame::Policy(text)) = &frame {
        if let Ok((policy, _)) = Policy::parse(text) {
            archive.keep(policy.version(), text).map_err(failed)?;
        }
        frame = take_next(&reader, from)?;
    }
    let left = Arc::new(Mutex::new(Ok(frame)));
    stores
        .snapshots
        .save(Box::new(StateParts { reader: Arc::clone(&reader), from: from.to_owned(), left: Arc::clone(&left) }))
        .await?;
    let mut frame = std::mem::replace(&mut *lock(&left), Ok(None))?;
    while let Some(Frame::Log(first, group)) = frame {
        stores.log.skip_to(first).await?;
        copied.records += group.len() as u64;
        stores.log.append(&group).await?;
        frame = take_next(&reader, from)?;
    }
    if frame.is_some() {
        return Err(BackupError::Export { path: from.to_owned(), source: ExportError::Damaged });
    }
    let (sites, _) = Sites::load(&config.sites).map_err(StartError::from)?;
    let keyring = open_keyring(config, &sites, Host::system()).await?;
    let state = bring_up(&stores.log, &stores.snapshots, &sites, &keyring).await?;
    copied.erased = keyring.counts().erased;
    copied.sessions = state.sessions() as u64;
    fs::remove_file(&mark).map_err(failed)?;
    copied.millis = millis(begun.elapsed());
    Ok(copied)
}

/// Refuses a folder that a restore filled in part.
///
/// # Errors
/// [`BackupError::Unfinished`].
pub(crate) fn expect_finished(folder: &Path) -> Result<(), BackupError> {
    if folder.join(UNFINISHED).exists() { Err(BackupError::Unfinished(folder.to_owned())) } else { Ok(()) }
}

type FileReader = ExportReader<BufReader<File>>;

/// The parts of the state in a backup; leaves the frame behind them, or what went wrong, in `left`.
struct StateParts {
    reader: Arc<Mutex<FileReader>>,
    from: PathBuf,
    left: Arc<Mutex<Result<Option<Frame>, BackupError>>>,
}

impl Iterator for StateParts {
    type Item = Result<Part, StoreError>;

    fn next(&mut self) -> Option<Result<Part, StoreError>> {
        let mut left = lock(&self.left);
        match std::mem::replace(&mut *left, Ok(None)) {
            Ok(Some(Frame::State(part))) => {
                *left = take_next(&self.reader, &self.from);
                Some(Ok(part))
            }
            Err(error) => {
                let reason = error.to_string();
                *left = Err(error);
                Some(Err(StoreError::Write(reason)))
            }
            behind => {
                *left = behind;
                None
            }
        }
    }
}

fn open(path: &Path) -> Result<FileReader, BackupError> {
    let file = File::open(path).map_err(|source| BackupError::File { path: path.to_owned(), source })?;
    ExportReader::begin(BufReader::new(file)).map_err(|source| BackupError::Export { path: path.to_owned(), source })
}

fn next(reader: &mut FileReader, path: &Path) -> Result<Option<Frame>, BackupError> {
    reader.next_frame().map_err(|source| BackupError::Export { path: path.to_owned(), source })
}

fn take_next(reader: &Mutex<FileReader>, path: &Path) -> Result<Option<Frame>, BackupError> {
    next(&mut lock(reader), path)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
