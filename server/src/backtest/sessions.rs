use std::collections::{BTreeMap, HashMap};

use waver_core::session::SessionState;
use waver_policy::Policy;
use waver_schema::{Arm, Currency, SlotName};
use waver_store::{EmbeddedState, Key, Pseudonym, StoreError};

use super::trajectory::{Choice, Prospect, weight};
use crate::committer::Replayed;
use crate::entry::{DecisionEntry, Entry, Found};
use crate::policy_archive::PolicyArchive;
use crate::site::SiteIndex;
use crate::state::{GRACE_MS, Session};

/// Decisions of a session that are looked at; one with more is no shopper's, and cannot be judged.
const MOST_CHOICES: usize = 64;
/// Sessions that are looked at; of a longer log the rest counts as one that cannot be judged.
const MOST_SESSIONS: usize = 1_000_000;

/// What a session had bought, or has since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bought {
    pub(super) orders: u32,
    pub(super) minor: BTreeMap<Currency, u64>,
}

impl Bought {
    fn of(state: &SessionState) -> Bought {
        Bought { orders: state.order_count(), minor: state.revenue() }
    }

    /// This less what there was before. A refund of an earlier order takes nothing from what came after.
    fn since(mut self, before: &Bought) -> Bought {
        self.orders = self.orders.saturating_sub(before.orders);
        for (currency, minor) in &mut self.minor {
            *minor = minor.saturating_sub(before.minor.get(currency).copied().unwrap_or_default());
        }
        self.minor.retain(|_, minor| *minor > 0);
        self
    }
}

/// A session that can be judged.
#[derive(Debug)]
pub(super) struct Seen {
    /// The slot of the first decision at which the policies differ.
    pub(super) slot: SlotName,
    /// That decision.
    pub(super) first: Choice,
    /// How much likelier the policy in question makes all that was shown.
    pub(super) weight: f64,
    /// Probability with which it shows what the policy in force never does.
    pub(super) untried: f64,
    /// What was bought after that decision.
    pub(super) bought: Bought,
}

/// All sessions of the log.
#[derive(Debug, Default)]
pub(super) struct AllSeen {
    /// Those that are judged.
    pub(super) judged: Vec<Seen>,
    /// Those for which both policies do the same.
    pub(super) same: u64,
    /// Those that are not over.
    pub(super) open: u64,
    /// Those that cannot be judged.
    pub(super) unreadable: u64,
}

/// A session under way.
#[derive(Debug, Default)]
struct Tracked {
    choices: Vec<Choice>,
    /// Where the policies first differ: the slot, the place of the choice, and what had been bought.
    differs: Option<(SlotName, usize, Bought)>,
    is_unreadable: bool,
    /// What had been bought when it was last heard of.
    bought: Bought,
    /// When it ends unless it is heard of again, the grace included: Unix milliseconds.
    over_after: u64,
}

impl Tracked {
    fn hear(&mut self, state: &SessionState) {
        self.bought = Bought::of(state);
        self.over_after = state.ends_at().saturating_add(GRACE_MS);
    }
}

/// Collects sessions while the log goes by.
pub(super) struct Sessions<'a> {
    asked: &'a Policy,
    archive: &'a PolicyArchive,
    /// Decisions of this time, Unix milliseconds.
    time: (u64, u64),
    kept: HashMap<String, Option<Policy>>,
    under_way: HashMap<Pseudonym, Tracked>,
    seen: AllSeen,
}

impl<'a> Sessions<'a> {
    pub(super) fn new(asked: &'a Policy, archive: &'a PolicyArchive, time: (u64, u64)) -> Sessions<'a> {
        Sessions { asked, archive, time, kept: HashMap::new(), under_way: HashMap::new(), seen: AllSeen::default() }
    }

    /// A record that is about to be replayed.
    pub(super) fn see(&mut self, replayed: &Replayed<'_>) {
        let pseudonym = replayed.from.pseudonym;
        if let Some(mut tracked) = self.under_way.remove(&pseudonym) {
            let standing = replayed.group.standing(replayed.from);
            if let Some((state, _)) = standing {
                tracked.hear(state);
            }
            // What was offered under this pseudonym before belongs to a session that is over; another begins with this record.
            match standing {
                Some((_, false)) => drop(self.under_way.insert(pseudonym, tracked)),
                _ => self.seen.add(tracked),
            }
        }
        match replayed.found {
            Found::Entry(Entry::Batch(batch)) => {
                if let Some(tracked) = self.under_way.get_mut(&pseudonym)
                    && let Some(state) = replayed.group.with_batch(replayed.from, batch)
                {
                    tracked.hear(&state);
                }
            }
            Found::Entry(Entry::Erasure(_)) => {
                self.under_way.remove(&pseudonym);
            }
            Found::Entry(Entry::Decision(logged)) if (self.time.0..self.time.1).contains(&logged.record.at) => {
                self.decision(replayed, logged);
            }
            _ => {}
        }
    }

    fn decision(&mut self, replayed: &Replayed<'_>, logged: &DecisionEntry) {
        let pseudonym = replayed.from.pseudonym;
        if self.under_way.len() + self.seen.judged.len() >= MOST_SESSIONS && !self.under_way.contains_key(&pseudonym) {
            self.seen.unreadable += 1;
            return;
        }
        let recall = || self.archive.recall(&logged.policy);
        let in_force = self.kept.entry(logged.policy.clone()).or_insert_with(recall).as_ref();
        let shown = if logged.record.arm == Arm::Offer { logged.record.offer.clone() } else { None };
        let choice = in_force.and_then(|in_force| {
            let [in_force, asked] = replayed.group.prospects(replayed.from, logged, [in_force, self.asked])?;
            let prospects = |of: Vec<_>| {
                let prospect = |(offer, drawn, holdout_milli)| Prospect { offer, drawn, holdout_milli };
                of.into_iter().map(prospect).collect()
            };
            Some(Choice { shown, logged: prospects(in_force), asked: prospects(asked) })
        });
        let tracked = match choice {
            // Nothing can be shown by either: there is nothing to judge here.
            Some(choice) if choice.is_empty() && choice.shown.is_none() => return,
            choice => {
                let tracked = self.under_way.entry(pseudonym).or_default();
                match choice {
                    Some(choice) if tracked.choices.len() < MOST_CHOICES => tracked.choices.push(choice),
                    _ => tracked.is_unreadable = true,
                }
                tracked
            }
        };
        let place = tracked.choices.len().saturating_sub(1);
        let differs = tracked.choices.get(place).is_some_and(|choice| !choice.is_the_same());
        if let Some((state, _)) = replayed.group.standing(replayed.from) {
            tracked.hear(state);
        }
        if tracked.differs.is_none() && differs {
            tracked.differs = Some((logged.record.slot.clone(), place, tracked.bought.clone()));
        }
    }

    /// The log is over; `state` is what it gives. Sessions that are not over count only if `with_open`.
    ///
    /// # Errors
    /// [`StoreError::Snapshot`] for a row that cannot be read.
    pub(super) fn end(
        mut self,
        state: &EmbeddedState,
        site: SiteIndex,
        with_open: bool,
    ) -> Result<AllSeen, StoreError> {
        let clock = state.clock();
        // In one order, whatever a map holds them in: what is random follows from the seed alone.
        let mut under_way: Vec<(Pseudonym, Tracked)> = self.under_way.drain().collect();
        under_way.sort_unstable_by_key(|(pseudonym, _)| *pseudonym);
        for (pseudonym, mut tracked) in under_way {
            // The rows of some that are over are gone already.
            if let Some(row) = state.row(Key::Session(site.number(), pseudonym)) {
                tracked.hear(&Session::from_row(&row)?.state);
            }
            if with_open || clock > tracked.over_after || tracked.differs.is_none() {
                self.seen.add(tracked);
            } else {
                self.seen.open += 1;
            }
        }
        Ok(self.seen)
    }
}

impl AllSeen {
    fn add(&mut self, Tracked { mut choices, differs, is_unreadable, bought, .. }: Tracked) {
        let weight = weight(&choices);
        let (Some(weight), false) = (weight, is_unreadable) else {
            self.unreadable += 1;
            return;
        };
        let Some((slot, place, before)) = differs else {
            self.same += 1;
            return;
        };
        let tried: f64 = choices[place..].iter().map(|choice| 1.0 - choice.untried()).product();
        let first = choices.swap_remove(place);
        self.judged.push(Seen { slot, first, weight, untried: 1.0 - tried, bought: bought.since(&before) });
    }
}
