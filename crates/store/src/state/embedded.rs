use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::{Deserialize, Serialize};
use waver_core::experiment::{Trials, day_of};
use waver_core::window::{EarlierWindows, Kept, Report, Windows};
use waver_schema::SiteKey;

use super::tally::LiveCounts;
use super::{Commit, Key, Life, Part, Parts, Row, RowSeal, SiteNumber, StateStore, Write};
use crate::{Pseudonym, StoreError};

/// Rows are kept in this many maps, so that a writer that meets a snapshot under way copies a small one.
const MAPS: usize = 256;
/// How many of a site's latest writes are remembered.
const LATEST: usize = 4096;
const SECOND_MS: u64 = 1000;
/// Bytes of a part of a snapshot, roughly: sled keeps values in line that are below a quarter of its segments of 512 KiB, and makes files of
/// larger ones.
const PART_BYTES: usize = 64 * 1024;
/// Version of what a snapshot's parts hold. Every version ever written stays readable.
///
/// 1: rows as they are, and windows with all that they gained; at first without the cells that sessions had come to. 2: rows sealed, and windows
/// without the shares of the sessions in them. 3: and trials.
const SNAPSHOT_VERSION: u8 = 3;
/// The last version whose rows lie as they are.
const UNSEALED_VERSION: u8 = 1;

/// The state of one process, in memory; [`EmbeddedState::capture`] gives what a snapshot keeps of it.
///
/// Memory: a session takes its bytes and about 120 beside them.
#[derive(Debug)]
pub struct EmbeddedState {
    /// For how long after its end a session's row is kept, milliseconds.
    grace_ms: u64,
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Keys of the sites by their number. Behind the configured ones stand those that a snapshot knew beside them: they are kept.
    sites: Vec<SiteKey>,
    rows: Vec<Arc<HashMap<Key, Stored>>>,
    sessions: usize,
    tombstones: usize,
    /// Grants, orders and items.
    shop_rows: usize,
    windows: Vec<Windows>,
    /// The windows without the shares of the sessions that are there: what a snapshot holds. A sketch cannot forget, so that these are added up
    /// beside the windows and not taken from them.
    settled: Vec<Windows>,
    /// Of sessions that are over only, so that a snapshot holds them as they are. A copy shares them until one side changes them.
    trials: Vec<Arc<Trials>>,
    /// What the rows of another fold, while they are rebuilt, have to do with the windows.
    rebuilt: Option<Rebuilt>,
    live: LiveCounts,
    /// Rows with a life by the second in which to look whether they are over. Each is in one place, and moves on only when it is looked at.
    due: BTreeMap<u64, Vec<Key>>,
    latest: Vec<VecDeque<Pseudonym>>,
    /// Offset up to which the log is in the rows.
    applied: u64,
    /// Offset up to which the log is in the windows.
    windows_applied: u64,
    clock: u64,
}

/// What becomes of the shares of sessions that the log gives anew.
#[derive(Debug, Clone, Copy)]
enum Rebuilt {
    /// The windows of the snapshot were without them.
    Missing,
    /// They were in the windows, which had nothing settled apart (version 1).
    Included,
}

#[derive(Debug, Clone)]
struct Stored {
    version: u32,
    life: Option<Life>,
    bytes: Arc<[u8]>,
}

impl EmbeddedState {
    /// Nothing, for these sites. Sessions are kept for `grace_ms` after they ended.
    pub fn new(sites: Vec<SiteKey>, grace_ms: u64) -> EmbeddedState {
        EmbeddedState { grace_ms, inner: RwLock::new(Inner::new(sites)) }
    }

    /// Offset up to which the log is in this state.
    pub fn applied(&self) -> u64 {
        self.read().applied
    }

    /// Offset up to which the log is in the aggregates: behind [`EmbeddedState::applied`] never, and before it while rows of another version of
    /// the fold are rebuilt.
    pub fn windows_applied(&self) -> u64 {
        self.read().windows_applied
    }

    /// The latest time that this state knows of, Unix milliseconds. Never goes back.
    pub fn clock(&self) -> u64 {
        self.read().clock
    }

    /// Reads the aggregates of a site.
    pub fn with_windows<R>(&self, site: SiteNumber, read: impl FnOnce(&Windows) -> R) -> R {
        read(&self.read().windows[usize::from(site)])
    }

    /// What [`StateStore::load`] gives for one key, at once.
    pub fn row(&self, key: Key) -> Option<Row> {
        self.read().get(&key).map(Stored::row)
    }

    /// Every session of a site, in no order.
    pub fn pseudonyms(&self, site: SiteNumber) -> Vec<Pseudonym> {
        let inner = self.read();
        let of_site = |key: &Key| match *key {
            Key::Session(of, pseudonym) if of == site => Some(pseudonym),
            _ => None,
        };
        inner.rows.iter().flat_map(|rows| rows.keys().filter_map(of_site)).collect()
    }

    /// The keys of a site's budgets, and of every grant, order and item of it, in no order.
    pub fn shop_keys(&self, site: SiteNumber) -> Vec<Key> {
        let inner = self.read();
        let is_meant = |key: &Key| key.site() == site && (is_of_shop(key) || matches!(key, Key::Budgets(_)));
        inner.rows.iter().flat_map(|rows| rows.keys().copied().filter(is_meant)).collect()
    }

    /// What [`StateStore::live`] gives, at once.
    pub fn live_now(&self, site: SiteNumber, now: u64) -> BTreeMap<u8, u64> {
        self.read().live.at(site, now)
    }

    /// What the sessions of a site that are over came to as trials of offers.
    pub fn trials_now(&self, site: SiteNumber) -> Arc<Trials> {
        Arc::clone(&self.read().trials[usize::from(site)])
    }

    /// Lets go of aggregates that are older than `kept` at `now` (Unix milliseconds); of trials as of hours.
    pub fn expire_windows(&self, now: u64, kept: &Kept) {
        let mut inner = self.write();
        inner.clock = inner.clock.max(now);
        let oldest = day_of(now.saturating_sub(kept.hours_ms));
        for trials in &mut inner.trials {
            if trials.iter().next().is_some_and(|(first, _)| first.day < oldest) {
                Arc::make_mut(trials).expire(oldest);
            }
        }
        let Inner { windows, settled, .. } = &mut *inner;
        windows.iter_mut().chain(settled).for_each(|windows| {
            windows.expire(now, kept);
        });
    }

    /// All of it at this instant, for a snapshot. Takes as long as copying a few pointers and the aggregates; what is written meanwhile is not
    /// in it.
    pub fn capture(&self, fold_version: u16) -> Captured {
        let inner = self.read();
        Captured {
            header: Header {
                version: SNAPSHOT_VERSION,
                fold_version,
                applied: inner.applied,
                windows_applied: inner.windows_applied,
                clock: inner.clock,
                sites: inner.sites.clone(),
            },
            rows: inner.rows.clone(),
            windows: inner.settled.iter().zip(&inner.windows).map(|(settled, all)| settled.as_late_as(all)).collect(),
            trials: inner.trials.clone(),
        }
    }

    /// The state that [`Captured::into_parts`] describe. Rows that `seal` cannot open are left out, and their shares of the aggregates with them.
    ///
    /// Rows that another version of the fold wrote are left out too, and `applied` is then `begin`: the log from there on gives them again, while
    /// aggregates go on where they were; [`EmbeddedState::settle`] is to be called once the rows are there.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] without a path if the parts are not those of a snapshot, or of a later version of Waver.
    pub fn restore(
        sites: Vec<SiteKey>,
        grace_ms: u64,
        fold_version: u16,
        begin: u64,
        parts: impl Iterator<Item = Result<Part, StoreError>>,
        seal: &dyn RowSeal,
    ) -> Result<EmbeddedState, StoreError> {
        let mut inner = Inner::new(sites);
        let mut header: Option<Header> = None;
        let mut numbers = Vec::new();
        let mut windows: BTreeMap<SiteNumber, Vec<u8>> = BTreeMap::new();
        let mut trials: BTreeMap<SiteNumber, Vec<u8>> = BTreeMap::new();
        for part in parts {
            let part = part?;
            let Some(header) = &header else {
                let read = Header::from_part(&part)?;
                numbers = inner.number_sites(&read.sites)?;
                header = Some(read);
                continue;
            };
            match decode::<Content>(&part)? {
                Content::Rows(rows) if header.fold_version == fold_version => {
                    for (key, version, life, bytes) in rows {
                        let site = *numbers.get(usize::from(key.site())).ok_or_else(damaged)?;
                        let key = key.with_site(site);
                        let mut bytes = bytes.into_vec();
                        if header.version > UNSEALED_VERSION {
                            let Some(opened) = seal.open(&inner.sites[usize::from(site)], &key, &bytes)? else {
                                continue;
                            };
                            bytes = opened;
                        }
                        inner.put(key, Stored { version, life, bytes: bytes.into() });
                    }
                }
                Content::Rows(_) => {}
                Content::Windows(site, bytes) => {
                    let site = *numbers.get(usize::from(site)).ok_or_else(damaged)?;
                    windows.entry(site).or_default().extend_from_slice(&bytes);
                }
                Content::Trials(site, bytes) => {
                    let site = *numbers.get(usize::from(site)).ok_or_else(damaged)?;
                    trials.entry(site).or_default().extend_from_slice(&bytes);
                }
            }
        }
        let Some(header) = header else { return Err(damaged()) };
        for (site, bytes) in windows {
            inner.settled[usize::from(site)] = windows_of(&bytes, header.version)?;
        }
        inner.windows.clone_from(&inner.settled);
        for (site, bytes) in trials {
            inner.trials[usize::from(site)] = Arc::new(decode(&bytes)?);
        }
        let rebuilt = if header.version > UNSEALED_VERSION { Rebuilt::Missing } else { Rebuilt::Included };
        if header.fold_version == fold_version {
            inner.applied = header.applied;
            inner.settle(rebuilt, seal)?;
        } else {
            inner.applied = begin;
            inner.rebuilt = Some(rebuilt);
        }
        inner.windows_applied = header.windows_applied;
        inner.clock = header.clock;
        inner.remember_latest();
        Ok(EmbeddedState { grace_ms, inner: RwLock::new(inner) })
    }

    /// Brings the aggregates in line with the rows that were rebuilt from the log: to be called once, when the log is applied up to
    /// [`EmbeddedState::windows_applied`] and sessions that were over by then are gone. Does nothing where no rows had to be rebuilt.
    ///
    /// # Errors
    /// As [`RowSeal::share`].
    pub fn settle(&self, seal: &dyn RowSeal) -> Result<(), StoreError> {
        let mut inner = self.write();
        inner.rebuilt.take().map_or(Ok(()), |rebuilt| inner.settle(rebuilt, seal))
    }

    /// The offset and the time (Unix milliseconds) of the state that these parts are of.
    ///
    /// # Errors
    /// [`StoreError::Snapshot`] if they are not those of a snapshot.
    pub fn standing(mut parts: impl Iterator<Item = Result<Part, StoreError>>) -> Result<(u64, u64), StoreError> {
        let header = Header::from_part(&parts.next().ok_or_else(damaged)??)?;
        Ok((header.applied, header.clock))
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for EmbeddedState {
    async fn load(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        let inner = self.read();
        Ok(keys.iter().map(|key| inner.get(key).map(Stored::row)).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<bool, StoreError> {
        let mut inner = self.write();
        let version = |key: &Key| inner.get(key).map_or(0, |row| row.version);
        let is_expected = |write: &Write| write.expected.is_none_or(|expected| version(&write.key) == expected);
        if !commit.writes.iter().all(is_expected) {
            return Ok(false);
        }
        for write in commit.writes {
            inner.write(write);
        }
        if commit.from >= inner.windows_applied {
            for (site, changes) in commit.changes {
                inner.windows[usize::from(site)].fold(&changes);
            }
            for (site, changes) in commit.settled {
                inner.settled[usize::from(site)].fold(&changes);
            }
            for (site, assignment, sums) in commit.trials {
                Arc::make_mut(&mut inner.trials[usize::from(site)]).add(assignment, &sums);
            }
            inner.windows_applied = inner.windows_applied.max(commit.upto);
        }
        inner.applied = inner.applied.max(commit.upto);
        inner.clock = inner.clock.max(commit.clock);
        Ok(true)
    }

    fn sessions(&self) -> usize {
        self.read().sessions
    }

    fn tombstones(&self) -> usize {
        self.read().tombstones
    }

    fn shop_rows(&self) -> usize {
        self.read().shop_rows
    }

    async fn live(&self, site: SiteNumber, now: u64) -> Result<BTreeMap<u8, u64>, StoreError> {
        Ok(self.live_now(site, now))
    }

    async fn latest(&self, site: SiteNumber, most: usize) -> Result<Vec<(Pseudonym, Row)>, StoreError> {
        let inner = self.read();
        let mut seen = HashSet::new();
        let latest = inner.latest[usize::from(site)].iter().rev().filter(|pseudonym| seen.insert(**pseudonym));
        let rows = latest.filter_map(|pseudonym| {
            inner.get(&Key::Session(site, *pseudonym)).map(|stored| (*pseudonym, stored.row()))
        });
        Ok(rows.take(most).collect())
    }

    async fn over(&self, now: u64, most: usize) -> Result<Vec<(Key, Row)>, StoreError> {
        let Some(ended_by) = now.checked_sub(self.grace_ms + 1) else { return Ok(Vec::new()) };
        let mut inner = self.write();
        let mut over: BTreeMap<Key, Row> = BTreeMap::new();
        let mut later = Vec::new();
        while over.len() < most {
            let Some(mut bucket) = inner.due.first_entry().filter(|bucket| *bucket.key() <= ended_by / SECOND_MS)
            else {
                break;
            };
            let popped = bucket.get_mut().pop();
            if bucket.get().is_empty() {
                bucket.remove();
            }
            let Some(key) = popped else { continue };
            let Some((row, life)) = inner.get(&key).and_then(|stored| Some((stored.row(), stored.life?))) else {
                continue;
            };
            if life.live_until <= ended_by {
                over.insert(key, row);
            }
            // Looked at again when it ends; and soon, should the caller not come to remove it.
            later.push((life.live_until / SECOND_MS, key));
        }
        for (second, key) in later {
            inner.due.entry(second).or_default().push(key);
        }
        Ok(over.into_iter().collect())
    }

    async fn report(&self, site: SiteNumber, from: u64, to: u64, step_ms: u64) -> Result<Report, StoreError> {
        Ok(self.with_windows(site, |windows| windows.report(from, to, step_ms)))
    }

    async fn trials(&self, site: SiteNumber) -> Result<Arc<Trials>, StoreError> {
        Ok(self.trials_now(site))
    }
}

impl Inner {
    fn new(sites: Vec<SiteKey>) -> Inner {
        Inner {
            rows: std::iter::repeat_with(Arc::default).take(MAPS).collect(),
            sessions: 0,
            tombstones: 0,
            shop_rows: 0,
            windows: std::iter::repeat_with(Windows::default).take(sites.len()).collect(),
            settled: std::iter::repeat_with(Windows::default).take(sites.len()).collect(),
            trials: std::iter::repeat_with(Arc::default).take(sites.len()).collect(),
            rebuilt: None,
            live: LiveCounts::default(),
            due: BTreeMap::new(),
            latest: std::iter::repeat_with(VecDeque::new).take(sites.len()).collect(),
            applied: 0,
            windows_applied: 0,
            clock: 0,
            sites,
        }
    }

    fn get(&self, key: &Key) -> Option<&Stored> {
        self.rows[map_of(key)].get(key)
    }

    fn write(&mut self, write: Write) {
        let Some(bytes) = write.bytes else {
            self.remove(&write.key);
            return;
        };
        let before = self.get(&write.key).map_or(0, |row| row.version);
        let version = before.wrapping_add(1).max(1);
        self.put(write.key, Stored { version, life: write.life, bytes: bytes.into() });
        if let Key::Session(site, pseudonym) = write.key {
            let latest = &mut self.latest[usize::from(site)];
            if latest.back() != Some(&pseudonym) {
                latest.push_back(pseudonym);
                if latest.len() > LATEST {
                    latest.pop_front();
                }
            }
        }
    }

    fn put(&mut self, key: Key, stored: Stored) {
        let life = stored.life;
        let before = Arc::make_mut(&mut self.rows[map_of(&key)]).insert(key, stored);
        if let (Key::Tombstone(..), None) = (key, &before) {
            self.tombstones += 1;
        }
        if is_of_shop(&key) && before.is_none() {
            self.shop_rows += 1;
        }
        if let (Some(life), None) = (life, &before) {
            self.due.entry(life.live_until / SECOND_MS).or_default().push(key);
        }
        if let Key::Session(site, _) = key {
            match &before {
                Some(before) => {
                    if let Some(life) = before.life {
                        self.live.remove(site, life.tag, life.live_until);
                    }
                }
                None => self.sessions += 1,
            }
            if let Some(life) = life {
                self.live.add(site, life.tag, life.live_until);
            }
        }
    }

    fn remove(&mut self, key: &Key) {
        let Some(before) = Arc::make_mut(&mut self.rows[map_of(key)]).remove(key) else { return };
        match key {
            Key::Session(site, _) => {
                self.sessions -= 1;
                if let Some(life) = before.life {
                    self.live.remove(*site, life.tag, life.live_until);
                }
            }
            Key::Tombstone(..) => self.tombstones -= 1,
            key if is_of_shop(key) => self.shop_rows -= 1,
            _ => {}
        }
    }

    /// This process's numbers of a snapshot's sites.
    fn number_sites(&mut self, known: &[SiteKey]) -> Result<Vec<SiteNumber>, StoreError> {
        let mut numbers = Vec::new();
        for key in known {
            let place = self.sites.iter().position(|site| site == key).unwrap_or_else(|| {
                self.sites.push(key.clone());
                self.windows.push(Windows::default());
                self.settled.push(Windows::default());
                self.trials.push(Arc::default());
                self.latest.push(VecDeque::new());
                self.sites.len() - 1
            });
            numbers.push(SiteNumber::try_from(place).map_err(|_| damaged())?);
        }
        Ok(numbers)
    }

    /// Makes the windows what is settled and the shares of all sessions together.
    fn settle(&mut self, rebuilt: Rebuilt, seal: &dyn RowSeal) -> Result<(), StoreError> {
        let Inner { rows, windows, settled, .. } = self;
        for (key, stored) in rows.iter().flat_map(|rows| rows.iter()) {
            let mut share = seal.share(key, &stored.bytes)?;
            let site = usize::from(key.site());
            match rebuilt {
                Rebuilt::Missing => windows[site].fold_again(&share),
                Rebuilt::Included => {
                    share.iter_mut().for_each(|change| change.by = change.by.saturating_neg());
                    settled[site].fold_again(&share);
                }
            }
        }
        Ok(())
    }

    /// Those that end last stand for those that were written last, which a snapshot does not know.
    fn remember_latest(&mut self) {
        let mut by_end: Vec<Vec<(u64, Pseudonym)>> = vec![Vec::new(); self.sites.len()];
        for (key, stored) in self.rows.iter().flat_map(|rows| rows.iter()) {
            if let (Key::Session(site, pseudonym), Some(life)) = (key, stored.life) {
                by_end[usize::from(*site)].push((life.live_until, *pseudonym));
            }
        }
        for (sessions, latest) in by_end.iter_mut().zip(&mut self.latest) {
            sessions.sort_unstable();
            let skipped = sessions.len().saturating_sub(LATEST);
            latest.extend(sessions[skipped..].iter().map(|(_, pseudonym)| *pseudonym));
        }
    }
}

impl Stored {
    fn row(&self) -> Row {
        Row { version: self.version, bytes: Arc::clone(&self.bytes) }
    }
}

/// Whether it is a row of what the shop's backend told, or was promised.
const fn is_of_shop(key: &Key) -> bool {
    matches!(key, Key::Grant(..) | Key::Order(..) | Key::Item(..))
}

fn map_of(key: &Key) -> usize {
    match key {
        // Other bits than those of the shard, which may be the same for all sessions of a process.
        Key::Session(_, name)
        | Key::Tombstone(_, name)
        | Key::Visitor(_, name)
        | Key::Grant(_, name)
        | Key::Order(_, name) => usize::from(name.as_bytes()[3]),
        Key::Item(_, item) => item.get().to_le_bytes()[0].into(),
        _ => 0,
    }
}

/// A state at one instant.
#[derive(Debug)]
pub struct Captured {
    header: Header,
    rows: Vec<Arc<HashMap<Key, Stored>>>,
    windows: Vec<Windows>,
    trials: Vec<Arc<Trials>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Header {
    version: u8,
    fold_version: u16,
    applied: u64,
    windows_applied: u64,
    clock: u64,
    sites: Vec<SiteKey>,
}

impl Header {
    fn from_part(part: &[u8]) -> Result<Header, StoreError> {
        match part.first() {
            Some(UNSEALED_VERSION..=SNAPSHOT_VERSION) => decode(part),
            Some(version) => Err(unreadable(format!(
                "the snapshot has version {version}, and this build reads up to version {SNAPSHOT_VERSION}"
            ))),
            None => Err(damaged()),
        }
    }
}

type StoredRow = (Key, u32, Option<Life>, serde_bytes::ByteBuf);

/// What a part behind the header holds.
#[derive(Serialize, Deserialize)]
enum Content {
    Rows(Vec<StoredRow>),
    /// A piece of the windows of a site; all of its pieces in order are the whole.
    Windows(SiteNumber, serde_bytes::ByteBuf),
    /// A piece of the trials of a site, likewise.
    Trials(SiteNumber, serde_bytes::ByteBuf),
}

impl Captured {
    /// Offset up to which the log is in it.
    pub fn applied(&self) -> u64 {
        self.header.applied
    }

    /// The time of the state, Unix milliseconds.
    pub fn clock(&self) -> u64 {
        self.header.clock
    }

    /// Its bytes in parts of some 64 KiB, the header first, with the rows as `seal` leaves them. Made one after the other, so that they are never
    /// all in memory.
    pub fn into_parts(self, seal: Arc<dyn RowSeal>) -> Parts {
        let sites = self.header.sites.clone();
        let rows = self.rows.into_iter().flat_map(move |rows| in_parts(&rows, &sites, &*seal));
        let windows = (0..).zip(self.windows).flat_map(|(site, windows)| in_pieces(site, &windows, Content::Windows));
        let trials = (0..).zip(self.trials).flat_map(|(site, trials)| in_pieces(site, &*trials, Content::Trials));
        let contents = rows.chain(windows).chain(trials).map(|content| content.and_then(|content| encode(&content)));
        Box::new(std::iter::once(encode(&self.header)).chain(contents))
    }
}

/// The windows or trials of one site, cut into pieces of [`PART_BYTES`].
fn in_pieces(
    site: SiteNumber,
    whole: &impl Serialize,
    content: fn(SiteNumber, serde_bytes::ByteBuf) -> Content,
) -> Vec<Result<Content, StoreError>> {
    match postcard::to_allocvec(whole) {
        Ok(bytes) => {
            let piece = |piece: &[u8]| Ok(content(site, serde_bytes::ByteBuf::from(piece)));
            bytes.chunks(PART_BYTES).map(piece).collect()
        }
        Err(error) => vec![Err(not_encoded(error))],
    }
}

/// The rows of one map, cut into contents of about [`PART_BYTES`].
fn in_parts(rows: &HashMap<Key, Stored>, sites: &[SiteKey], seal: &dyn RowSeal) -> Vec<Result<Content, StoreError>> {
    let mut contents = Vec::new();
    let mut part = Vec::new();
    let mut bytes = 0;
    for (key, stored) in rows {
        let sealed = match seal.seal(&sites[usize::from(key.site())], key, &stored.bytes) {
            Ok(Some(sealed)) => sealed,
            Ok(None) => continue,
            Err(error) => {
                contents.push(Err(error));
                break;
            }
        };
        bytes += sealed.len() + 40;
        part.push((*key, stored.version, stored.life, serde_bytes::ByteBuf::from(sealed)));
        if bytes >= PART_BYTES {
            contents.push(Ok(Content::Rows(std::mem::take(&mut part))));
            bytes = 0;
        }
    }
    if !part.is_empty() {
        contents.push(Ok(Content::Rows(part)));
    }
    contents
}

/// The windows of a site. Their encoding grew once while the version stayed 1, so that both forms are looked for there.
fn windows_of(bytes: &[u8], version: u8) -> Result<Windows, StoreError> {
    match decode(bytes) {
        Err(_) if version == UNSEALED_VERSION => decode::<EarlierWindows>(bytes).map(Windows::from),
        windows => windows,
    }
}

fn encode(value: &impl Serialize) -> Result<Part, StoreError> {
    postcard::to_allocvec(value).map_err(not_encoded)
}

fn not_encoded(error: postcard::Error) -> StoreError {
    StoreError::Write(format!("the state cannot be written as bytes: {error}"))
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, StoreError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(damaged()),
    }
}

fn damaged() -> StoreError {
    unreadable("the snapshot of the state is not what was written".to_owned())
}

fn unreadable(reason: String) -> StoreError {
    StoreError::Snapshot { reason }
}
