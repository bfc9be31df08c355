//! What the collector knows: sessions, windows and books, all a function of the log (invariant I4).

use std::collections::{BTreeSet, HashMap};

use waver_core::session::{Change, Client, MOST_OFFERS, SessionState};
use waver_core::window::Windows;
use waver_schema::DecisionId;
use waver_store::Pseudonym;

use crate::outcome::Outcomes;
use crate::site::SiteIndex;

/// One session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Session {
    pub(crate) site: SiteIndex,
    pub(crate) state: SessionState,
    /// With which probability each offer was made, to say the same when it is asked for again.
    propensities: Vec<(DecisionId, f64)>,
}

impl Session {
    pub(crate) fn new(site: SiteIndex, received_at: u64) -> Session {
        Session { site, state: SessionState::new(received_at, Client::default()), propensities: Vec::new() }
    }

    pub(crate) fn remember_propensity(&mut self, decision: DecisionId, propensity: f64) {
        if self.propensities.len() == MOST_OFFERS {
            self.propensities.remove(0);
        }
        self.propensities.push((decision, propensity));
    }

    pub(crate) fn propensity(&self, decision: DecisionId) -> Option<f64> {
        self.propensities.iter().find(|(known, _)| *known == decision).map(|(_, propensity)| *propensity)
    }
}

/// What a site knows beside its sessions.
#[derive(Debug, Default)]
pub(crate) struct SiteState {
    pub(crate) windows: Windows,
    pub(crate) outcomes: Outcomes,
    /// Changes for windows that are not kept any more.
    pub(crate) late: u64,
}

/// Everything that a group of commands does to the state, ready to be done at once.
#[derive(Debug, Default)]
pub(crate) struct Update {
    pub(crate) sessions: HashMap<Pseudonym, Session>,
    pub(crate) changes: Vec<(SiteIndex, Vec<Change>)>,
    pub(crate) outcomes: Vec<(SiteIndex, Outcomes)>,
    /// Number of records in the log that this follows from.
    pub(crate) records: u64,
}

/// The state of the collector.
#[derive(Debug)]
pub(crate) struct State {
    sessions: HashMap<Pseudonym, Session>,
    /// The sessions by when they end, so that those that ended are at the front and those that live at the back.
    by_end: BTreeSet<(u64, Pseudonym)>,
    most_sessions: usize,
    sites: Vec<SiteState>,
    /// Offset up to which the log is in this state.
    applied: u64,
}

impl State {
    pub(crate) fn new(sites: usize, most_sessions: usize) -> State {
        State {
            sessions: HashMap::new(),
            by_end: BTreeSet::new(),
            most_sessions,
            sites: std::iter::repeat_with(SiteState::default).take(sites).collect(),
            applied: 0,
        }
    }

    pub(crate) fn session(&self, pseudonym: Pseudonym) -> Option<&Session> {
        self.sessions.get(&pseudonym)
    }

    pub(crate) fn site(&self, site: SiteIndex) -> &SiteState {
        &self.sites[site.0]
    }

    pub(crate) fn outcomes_mut(&mut self, site: SiteIndex) -> &mut Outcomes {
        &mut self.sites[site.0].outcomes
    }

    /// Offset up to which the log is in this state.
    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    /// Says that the log is in this state up to `offset`, records of sites that are not configured any more included.
    pub(crate) fn set_applied(&mut self, offset: u64) {
        self.applied = offset;
    }

    /// Number of sessions kept.
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether `new` more sessions would be too many.
    pub(crate) fn lacks_room_for(&self, new: usize) -> bool {
        self.sessions.len() + new > self.most_sessions
    }

    /// Lets go of sessions that ended by `now`, those that ended first first: a sixteenth of the bound, so that it is seldom needed.
    pub(crate) fn make_room(&mut self, now: u64) {
        for _ in 0..(self.most_sessions / 16).max(1) {
            match self.by_end.first() {
                Some((ends_at, pseudonym)) if *ends_at <= now => self.sessions.remove(pseudonym),
                _ => return,
            };
            self.by_end.pop_first();
        }
    }

    /// The sessions that had not ended at `now`, of every site.
    pub(crate) fn live(&self, now: u64) -> impl Iterator<Item = &Session> {
        let first = (now.saturating_add(1), Pseudonym::from_bytes([0; 16]));
        self.by_end.range(first..).filter_map(|(_, pseudonym)| self.sessions.get(pseudonym))
    }

    /// The sessions of `site`, those that end last first.
    pub(crate) fn latest(&self, site: SiteIndex) -> impl Iterator<Item = (Pseudonym, &Session)> {
        let of_site = move |session: &&Session| session.site == site;
        self.by_end.iter().rev().filter_map(move |(_, pseudonym)| {
            self.sessions.get(pseudonym).filter(of_site).map(|session| (*pseudonym, session))
        })
    }

    /// Takes in what a group did.
    pub(crate) fn apply(&mut self, update: Update) {
        for (pseudonym, session) in update.sessions {
            let ends_at = session.state.ends_at();
            if let Some(before) = self.sessions.insert(pseudonym, session) {
                self.by_end.remove(&(before.state.ends_at(), pseudonym));
            }
            self.by_end.insert((ends_at, pseudonym));
        }
        for (site, changes) in update.changes {
            let site = &mut self.sites[site.0];
            site.late += site.windows.fold(&changes);
        }
        for (site, outcomes) in update.outcomes {
            self.sites[site.0].outcomes.add(&outcomes);
        }
        self.applied += update.records;
    }
}

#[cfg(test)]
impl State {
    /// All of it but the counts of outcomes that leave no trace in the log, for comparisons.
    pub(crate) fn without_refusals(&self) -> impl std::fmt::Debug + PartialEq + '_ {
        let sites: Vec<_> = self.sites.iter().map(|site| (&site.windows, site.outcomes.stored, site.late)).collect();
        (&self.sessions, &self.by_end, sites, self.applied)
    }
}

#[cfg(test)]
mod tests {
    use waver_schema::limits::SESSION_IDLE_MS;

    use super::*;

    fn with_sessions(most: usize, begun: &[u64]) -> State {
        let mut state = State::new(1, most);
        for (number, received_at) in begun.iter().enumerate() {
            let pseudonym = Pseudonym::from_bytes([u8::try_from(number).expect("few"); 16]);
            let sessions = HashMap::from([(pseudonym, Session::new(SiteIndex(0), *received_at))]);
            state.apply(Update { sessions, records: 1, ..Update::default() });
        }
        state
    }

    #[test]
    fn the_sessions_that_ended_first_make_room_and_open_ones_stay() {
        let mut state = with_sessions(3, &[20, 10, 30]);
        let kept = |state: &State| [0, 1, 2].map(|number| state.session(Pseudonym::from_bytes([number; 16])).is_some());
        assert!(state.lacks_room_for(1) && !state.lacks_room_for(0));
        state.make_room(SESSION_IDLE_MS + 9);
        assert_eq!(kept(&state), [true; 3], "all are open");
        state.make_room(SESSION_IDLE_MS + 20);
        assert_eq!(kept(&state), [true, false, true]);
        assert!(!state.lacks_room_for(1));
        assert_eq!((state.len(), state.applied()), (2, 3));
    }

    #[test]
    fn sessions_are_found_by_when_they_end() {
        let state = with_sessions(9, &[10, 30, 20]);
        assert_eq!(state.live(SESSION_IDLE_MS + 10).count(), 2);
        let latest: Vec<u64> = state.latest(SiteIndex(0)).map(|(_, session)| session.state.started_at()).collect();
        assert_eq!(latest, [30, 20, 10]);
    }
}
