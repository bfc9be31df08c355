//! `waver replay`: proves that the state is what the log gives, and that decisions come out again as they were taken.
//!
//! One state is brought up as a start of the collector would, from the last snapshot and the tail of the log. Another is built from
//! the log alone, or where the log's beginning is past its time, from an older snapshot and everything since. Both must be equal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use waver_core::experiment::{Assignment, Sums, day_of};
use waver_core::session::FOLD_VERSION;
use waver_policy::Policy;
use waver_store::{EmbeddedState, EventLog, Key, Pseudonym, SnapshotStore, StateStore};

use crate::collector::{StartError, Stores, bring_up, catch_up, open_keyring};
use crate::committer::{Replayed, forget_letters, forget_over};
use crate::config::Config;
use crate::dead_letter::LETTERS_PER_SITE;
use crate::entry::{Entry, Found};
use crate::host::Host;
use crate::keeper::millis;
use crate::keyring::Keyring;
use crate::outcome::Outcomes;
use crate::policy_archive::PolicyArchive;
use crate::shop;
use crate::site::{SiteIndex, Sites};
use crate::state::{self, GRACE_MS, Session};

/// Most differences that are told.
const MOST_DIFFERENCES: usize = 20;
const MINUTE_MS: u64 = 60 * 1000;

/// What a replay found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Proof {
    /// Offset of the first record that was replayed.
    pub(crate) from_offset: u64,
    /// Offset behind the last.
    pub(crate) to_offset: u64,
    /// Whether the log was replayed from its very beginning, and not from an older snapshot.
    pub(crate) from_scratch: bool,
    /// Records replayed.
    pub(crate) records: u64,
    /// Records among them that cannot be read because their key is gone.
    pub(crate) erased: u64,
    /// Events in them.
    pub(crate) events: u64,
    /// Sessions that were compared.
    pub(crate) sessions: u64,
    /// Budgets, grants, orders and items that were compared, over all sites.
    pub(crate) shop_rows: u64,
    /// Minutes of aggregates that were compared, over all sites.
    pub(crate) minutes: u64,
    /// Sums of what sessions came to as trials of offers that were compared, over all sites.
    pub(crate) trials: u64,
    /// Decisions that were taken again.
    pub(crate) decisions: u64,
    /// Decisions whose policy was not kept, or whose session the replay does not have.
    pub(crate) decisions_unchecked: u64,
    /// Milliseconds that all of it took.
    pub(crate) millis: u64,
    /// How many differences there are.
    pub(crate) differences: u64,
    /// The first of them.
    pub(crate) first_differences: Vec<String>,
}

impl Proof {
    fn differs(&mut self, what: impl FnOnce() -> String) {
        self.differences += 1;
        if self.first_differences.len() < MOST_DIFFERENCES {
            self.first_differences.push(what());
        }
    }
}

/// Replays the data folder of `config`, which no collector may have open, and compares: sessions, books and dead letters as they are now, and
/// aggregates and decisions of `from..to` (Unix milliseconds).
///
/// # Errors
/// [`StartError`] if the folder cannot be read. Differences are no error.
pub(crate) async fn prove(
    config: &Config,
    from: u64,
    to: u64,
    mut say: impl FnMut(u64, u64),
) -> Result<Proof, StartError> {
    let begun = Instant::now();
    let (sites, _) = Sites::load(&config.sites)?;
    let stores = Stores::open(config)?;
    let keyring = open_keyring(config, &sites, Host::system()).await?;
    let now = bring_up(&stores.log, &stores.snapshots, &sites, &keyring).await?;
    let (base, from_scratch) = base(config, &stores, &sites, &keyring, &now, from).await?;

    let mut proof = Proof { from_offset: base.applied(), from_scratch, ..Proof::default() };
    let archive = PolicyArchive::of(&config.server.data_dir);
    let mut policies: BTreeMap<String, Option<Arc<Policy>>> = BTreeMap::new();
    let end = stores.log.end();
    let mut look = |replayed: &Replayed<'_>| {
        proof.records += 1;
        if proof.records.is_multiple_of(100_000) {
            say(replayed.offset, end);
        }
        match replayed.found {
            Found::Erased(_) => proof.erased += 1,
            Found::Entry(Entry::Batch(batch)) => proof.events += batch.events.len() as u64,
            Found::Entry(Entry::Decision(logged)) if (from..to).contains(&logged.record.at) => {
                let recall = || archive.recall(&logged.policy).map(Arc::new);
                let policy = policies.entry(logged.policy.clone()).or_insert_with(recall).clone();
                let again = policy.and_then(|policy| replayed.group.take_again(replayed.from, logged, &policy));
                match again {
                    None => proof.decisions_unchecked += 1,
                    Some(again) => {
                        proof.decisions += 1;
                        if again != **logged {
                            proof.differs(|| {
                                format!(
                                    "decision {} at offset {}: {} {:?} then, {} {:?} now",
                                    logged.record.decision,
                                    replayed.offset,
                                    logged.record.reason.as_str(),
                                    logged.record.offer,
                                    again.record.reason.as_str(),
                                    again.record.offer
                                )
                            });
                        }
                    }
                }
            }
            Found::Entry(_) => {}
        }
    };
    proof.to_offset = catch_up(&stores.log, &base, &sites, &keyring, &mut look).await?;

    let clock = now.clock().max(base.clock());
    for state in [&now, &base] {
        forget_over(state, clock, Some(end)).await?;
        for (site, _) in sites.iter() {
            forget_letters(state, site, clock.saturating_sub(millis(config.retention.dead_letters))).await?;
        }
    }
    let oldest = clock.saturating_sub(millis(config.retention.minutes)) + MINUTE_MS;
    // Where the log begins later than the data folder, sessions of its first days are not whole in it.
    let is_cut = from_scratch && stores.log.begin() > 0;
    let first = stores.log.read(stores.log.begin(), 1).await?.first().map_or(clock, |(_, record)| record.received_at);
    let first_day = if is_cut { day_of(first) + 2 } else { 0 };
    for (site, configured) in sites.iter() {
        compare_sessions(&mut proof, &now, &base, site, configured.key.as_str());
        compare_rows(&mut proof, &now, &base, site, configured.key.as_str());
        compare_trials(&mut proof, &now, &base, site, configured.key.as_str(), first_day);
        let stretch = (from.max(oldest), to.min(clock.saturating_add(MINUTE_MS)));
        compare_minutes(&mut proof, &now, &base, site, configured.key.as_str(), stretch).await?;
    }
    proof.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(proof)
}

/// What the log is replayed upon: nothing, if all of its events are still there, else the latest anchor before `from`, or the earliest.
pub(crate) async fn base(
    config: &Config,
    stores: &Stores,
    sites: &Sites,
    keyring: &Keyring,
    now: &EmbeddedState,
    from: u64,
) -> Result<(EmbeddedState, bool), StartError> {
    let keys = || sites.iter().map(|(_, site)| site.key.clone()).collect::<Vec<_>>();
    let first =
        stores.log.read(stores.log.begin(), 1).await?.first().map_or(now.clock(), |(_, record)| record.received_at);
    if now.clock().saturating_sub(first) < millis(config.retention.events) {
        return Ok((EmbeddedState::new(keys(), GRACE_MS), true));
    }
    let mut anchors = Vec::new();
    for anchor in &stores.anchors {
        if let Some(parts) = anchor.load().await? {
            anchors.push((EmbeddedState::standing(parts)?.1, anchor));
        }
    }
    anchors.sort_by_key(|(clock, _)| *clock);
    let before = anchors.iter().rfind(|(clock, _)| *clock <= from).or(anchors.first());
    match before {
        None => Ok((EmbeddedState::new(keys(), GRACE_MS), true)),
        Some((_, anchor)) => match anchor.load().await? {
            None => Ok((EmbeddedState::new(keys(), GRACE_MS), true)),
            Some(parts) => {
                let begin = stores.log.begin();
                Ok((EmbeddedState::restore(keys(), GRACE_MS, FOLD_VERSION, begin, parts, keyring)?, false))
            }
        },
    }
}

fn compare_sessions(proof: &mut Proof, now: &EmbeddedState, base: &EmbeddedState, site: SiteIndex, key: &str) {
    let known: [BTreeSet<Pseudonym>; 2] =
        [now, base].map(|state| state.pseudonyms(site.number()).into_iter().collect());
    for pseudonym in known[0].union(&known[1]) {
        proof.sessions += 1;
        let session = |state: &EmbeddedState| {
            let row = state.row(Key::Session(site.number(), *pseudonym));
            row.and_then(|row| Session::from_row(&row).ok())
        };
        let (in_state, in_log) = (session(now), session(base));
        if in_state != in_log {
            proof.differs(|| {
                let tell = |session: &Option<Session>| match session {
                    None => "not there".to_owned(),
                    Some(session) => format!("last event at {}", session.state.last_event_at()),
                };
                format!(
                    "site {key}, session {pseudonym}: {} in the state, {} by the log",
                    tell(&in_state),
                    tell(&in_log)
                )
            });
        }
    }
}

/// Books and dead letters.
fn compare_rows(proof: &mut Proof, now: &EmbeddedState, base: &EmbeddedState, site: SiteIndex, key: &str) {
    let books = |state: &EmbeddedState| {
        let row = state.row(Key::Books(site.number()));
        row.and_then(|row| state::read::<Outcomes>(&row).ok()).unwrap_or_default()
    };
    let (in_state, in_log) = (books(now), books(base));
    if in_state != in_log {
        proof.differs(|| {
            format!("site {key}: {} events stored in the state, {} by the log", in_state.stored, in_log.stored)
        });
    }
    let stops = |state: &EmbeddedState| state.row(Key::Stops(site.number())).map(|row| row.bytes);
    if stops(now) != stops(base) {
        proof.differs(|| format!("site {key}: the offers that were stopped"));
    }
    compare_shop(proof, now, base, site, key);
    for place in 0..LETTERS_PER_SITE {
        let letter = |state: &EmbeddedState| state.row(Key::DeadLetter(site.number(), place)).map(|row| row.bytes);
        if letter(now) != letter(base) {
            proof.differs(|| format!("site {key}: the dead letter in place {place}"));
        }
    }
}

/// What sessions came to that were over on the day `from` or later, as far back as the state still knows it.
fn compare_trials(proof: &mut Proof, now: &EmbeddedState, base: &EmbeddedState, site: SiteIndex, key: &str, from: u32) {
    let [in_state, in_log] = [now, base].map(|state| state.trials_now(site.number()));
    let from = in_state.iter().next().map_or(from, |(oldest, _)| from.max(oldest.day));
    let [in_state, in_log] = [&in_state, &in_log]
        .map(|trials| trials.iter().filter(|(assignment, _)| assignment.day >= from).collect::<BTreeMap<_, _>>());
    proof.trials += in_state.len() as u64;
    for assignment in in_state.keys().chain(in_log.keys()).copied().collect::<BTreeSet<&Assignment>>() {
        let sessions = |trials: &BTreeMap<&Assignment, &Sums>| trials.get(assignment).map_or(0, |sums| sums.sessions);
        if in_state.get(assignment) != in_log.get(assignment) {
            proof.differs(|| {
                let (offer, arm) = (&assignment.offer, assignment.arm.as_str());
                format!(
                    "site {key}, offer {offer}, arm {arm}, day {}: {} sessions in the state, {} by the log, or they came to \
                     something else",
                    assignment.day,
                    sessions(&in_state),
                    sessions(&in_log)
                )
            });
        }
    }
}

/// Budgets, grants, orders and items.
fn compare_shop(proof: &mut Proof, now: &EmbeddedState, base: &EmbeddedState, site: SiteIndex, key: &str) {
    let known: BTreeSet<Key> = [now, base].iter().flat_map(|state| state.shop_keys(site.number())).collect();
    for row in known {
        proof.shop_rows += 1;
        if shop::without_holder(now, row) != shop::without_holder(base, row) {
            proof.differs(|| {
                let what = match row {
                    Key::Grant(_, grant) => format!("the grant {grant}"),
                    Key::Order(_, order) => format!("the order {order}"),
                    Key::Item(_, item) => format!("the item {}", item.get()),
                    _ => "the budgets".to_owned(),
                };
                format!("site {key}: {what}")
            });
        }
    }
}

async fn compare_minutes(
    proof: &mut Proof,
    now: &EmbeddedState,
    base: &EmbeddedState,
    site: SiteIndex,
    key: &str,
    (from, to): (u64, u64),
) -> Result<(), StartError> {
    if from >= to {
        return Ok(());
    }
    let in_state = now.report(site.number(), from, to, MINUTE_MS).await?;
    let in_log = base.report(site.number(), from, to, MINUTE_MS).await?;
    for (in_state, in_log) in in_state.windows.iter().zip(&in_log.windows) {
        proof.minutes += 1;
        if in_state != in_log {
            proof.differs(|| {
                format!(
                    "site {key}, minute {}: {} events and {} sessions in the state, {} and {} by the log",
                    in_state.start, in_state.events, in_state.sessions, in_log.events, in_log.sessions
                )
            });
        }
    }
    Ok(())
}
