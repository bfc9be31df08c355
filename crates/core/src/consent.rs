//! The consent gate. Nothing derived from behaviour leaves the browser unless it is wrapped in [`Consented`], and only an open
//! [`Gate`] wraps (invariant I1): queue and transport accept nothing else, so an unconsented send does not compile.

#[cfg(test)]
mod interleavings;
mod purpose;
pub mod tc_string;
pub mod tcf;

use waver_schema::{ConsentChoice, ConsentSource};

pub use purpose::{Purpose, PurposeSet, PurposeState, Reading};

const SOURCES: usize = ConsentSource::ALL.len();

/// A value that may leave, since its purpose was granted when it was made. Only [`Gate::permit`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Consented<T> {
    value: T,
    purpose: Purpose,
    epoch: u32,
}

impl<T> Consented<T> {
    /// The value, to look at.
    pub const fn get(&self) -> &T {
        &self.value
    }
}

/// What a change of readings did to the gate. Whatever it is but [`GateChange::Unchanged`], what was permitted before is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateChange {
    /// Nothing.
    Unchanged,
    /// A purpose was granted where none was: a new session may begin.
    Opened,
    /// More is granted than before: another session has to begin, since a session never outlives the set it was granted for.
    Widened,
    /// Something that was granted is not any more, and something is: a withdrawal, after which another session has to begin.
    Narrowed,
    /// A source's own dialogue is open. Nothing may leave, and nothing was withdrawn yet.
    Paused,
    /// The dialogue was closed with just what was granted before it: the session goes on.
    Resumed,
    /// Nothing is granted any more: a withdrawal. Local state must go.
    Closed,
}

/// The state machine of consent: the last reading of each source, and what follows from all of them.
///
/// The rule: a purpose is granted if at least one source that can grant says so, no source denies it, and no present source is
/// still without an answer. Everything else is not granted. A timeout never grants.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    readings: [Option<Reading>; SOURCES],
    states: [PurposeState; Purpose::ALL.len()],
    granted: PurposeSet,
    /// What was granted when a dialogue opened, while it is open.
    held: PurposeSet,
    epoch: u32,
}

impl Gate {
    /// A closed gate without any source.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Takes the current reading of `source`; `None` where the source is absent. Readings replace each other.
    pub fn read(&mut self, source: ConsentSource, reading: Option<Reading>) -> GateChange {
        self.read_all([(source, reading)])
    }

    /// Takes readings of the same moment together, so that no order among them opens the gate in between.
    pub fn read_all(&mut self, readings: impl IntoIterator<Item = (ConsentSource, Option<Reading>)>) -> GateChange {
        for (source, reading) in readings {
            self.readings[source as usize] = reading;
        }
        let before = self.granted;
        let was_paused = !self.held.is_empty();
        let stood = if was_paused { self.held } else { before };
        self.decide_all();
        let after = self.granted;
        if after != before {
            self.epoch = self.epoch.wrapping_add(1);
        }
        let paused = after.is_empty() && self.is_paused(stood);
        self.held = if paused { stood } else { PurposeSet::NONE };
        match () {
            () if stood.is_empty() && after.is_empty() => GateChange::Unchanged,
            () if stood.is_empty() => GateChange::Opened,
            () if paused && was_paused => GateChange::Unchanged,
            () if paused => GateChange::Paused,
            () if after.is_empty() => GateChange::Closed,
            () if after == stood && was_paused => GateChange::Resumed,
            () if after == stood => GateChange::Unchanged,
            () if after.contains(stood) => GateChange::Widened,
            () => GateChange::Narrowed,
        }
    }

    /// What is known of `purpose`, from where, and since which epoch.
    pub fn state(&self, purpose: Purpose) -> PurposeState {
        self.states[purpose as usize]
    }

    /// What follows for `purpose` from all sources together.
    pub fn choice(&self, purpose: Purpose) -> ConsentChoice {
        self.state(purpose).choice
    }

    /// Whether `purpose` is granted now.
    pub fn is_granted(&self, purpose: Purpose) -> bool {
        self.granted.has(purpose)
    }

    /// What is granted now.
    pub fn granted(&self) -> PurposeSet {
        self.granted
    }

    /// Whether any purpose is granted now.
    pub fn is_open(&self) -> bool {
        !self.granted.is_empty()
    }

    /// What is granted, or was when a dialogue opened that is still open: what the session stands on.
    pub fn stands(&self) -> PurposeSet {
        if self.held.is_empty() { self.granted } else { self.held }
    }

    /// The source that a consent record names: of what is granted if anything is, else of what is denied.
    pub fn deciding_source(&self) -> Option<ConsentSource> {
        let of = |choice| self.states.iter().find(move |state| state.choice == choice);
        let decided = of(ConsentChoice::Granted).or(of(ConsentChoice::Denied)).or(of(ConsentChoice::Unknown));
        decided.and_then(|state| state.source)
    }

    /// The present sources and what each said last.
    pub fn readings(&self) -> impl Iterator<Item = (ConsentSource, Reading)> {
        let all = ConsentSource::ALL.iter().zip(&self.readings);
        all.filter_map(|(source, reading)| Some((*source, (*reading)?)))
    }

    /// Whether `source` was last seen to deny something.
    pub fn denies(&self, source: ConsentSource) -> bool {
        let denied = |reading: Reading| Purpose::ALL.iter().any(|p| reading.of(*p) == Some(ConsentChoice::Denied));
        self.readings[source as usize].is_some_and(denied)
    }

    /// Wraps `value` if `purpose` is granted now, else gives it up.
    pub fn permit<T>(&self, purpose: Purpose, value: T) -> Option<Consented<T>> {
        self.is_granted(purpose).then_some(Consented { value, purpose, epoch: self.epoch })
    }

    /// Releases a permitted value just before it is sent, if it is *still* permitted: the choice may have changed while it waited.
    /// A value from before any change of the gate is void even if its purpose was granted again since.
    pub fn release<T>(&self, consented: Consented<T>) -> Option<T> {
        (consented.epoch == self.epoch && self.is_granted(consented.purpose)).then_some(consented.value)
    }

    fn decide_all(&mut self) {
        let before = self.granted;
        for purpose in Purpose::ALL {
            let (choice, source) = self.decide(purpose);
            self.granted.put(purpose, choice == ConsentChoice::Granted);
            let state = &mut self.states[purpose as usize];
            state.source = source;
            state.choice = choice;
        }
        for purpose in Purpose::ALL {
            if before.has(purpose) != self.granted.has(purpose) {
                self.states[purpose as usize].epoch = self.epoch.wrapping_add(1);
            }
        }
    }

    /// What follows for `purpose`, and the source that decided it.
    fn decide(&self, purpose: Purpose) -> (ConsentChoice, Option<ConsentSource>) {
        let says = |choice| {
            let said = move |(_, reading): &(ConsentSource, Reading)| reading.of(purpose) == Some(choice);
            self.readings().filter(said).map(|(source, _)| source)
        };
        // Where several deny, the shopper's own signal is the one to name.
        let signal = |source: &ConsentSource| matches!(source, ConsentSource::Gpc | ConsentSource::Dnt);
        if let Some(denied) = says(ConsentChoice::Denied).find(signal).or(says(ConsentChoice::Denied).next()) {
            (ConsentChoice::Denied, Some(denied))
        } else if let Some(silent) = says(ConsentChoice::Unknown).next() {
            (ConsentChoice::Unknown, Some(silent))
        } else if let Some(granted) = says(ConsentChoice::Granted).find(|source| can_grant(*source)) {
            (ConsentChoice::Granted, Some(granted))
        } else {
            (ConsentChoice::Unknown, None)
        }
    }

    /// Whether an open dialogue is why nothing is granted, and nothing that stood is denied.
    fn is_paused(&self, stood: PurposeSet) -> bool {
        let denied = Purpose::ALL.iter().any(|p| stood.has(*p) && self.choice(*p) == ConsentChoice::Denied);
        !denied && self.readings().any(|(_, reading)| reading.paused)
    }
}

const fn can_grant(source: ConsentSource) -> bool {
    use ConsentSource::{Dnt, Gpc, OtherTab, Usp};
    !matches!(source, Gpc | Dnt | Usp | OtherTab)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: Option<Reading> = Some(Reading::all(ConsentChoice::Granted));
    const DENY: Option<Reading> = Some(Reading::all(ConsentChoice::Denied));
    const UNANSWERED: Option<Reading> = Some(Reading::all(ConsentChoice::Unknown));
    const ONLY_MEASURE: Option<Reading> = Some(Reading::new(ConsentChoice::Granted, ConsentChoice::Denied));

    #[test]
    fn silence_and_vetoes_never_grant() {
        let mut gate = Gate::new();
        assert!(!gate.is_open());
        assert_eq!(gate.permit(Purpose::Measure, ()), None);
        for source in [ConsentSource::Gpc, ConsentSource::Dnt, ConsentSource::Usp, ConsentSource::OtherTab] {
            assert_eq!(gate.read(source, GRANT), GateChange::Unchanged);
        }
        assert_eq!(gate.read(ConsentSource::Gpp, Some(Reading::SILENT)), GateChange::Unchanged);
        assert!(!gate.is_open());
    }

    #[test]
    fn a_veto_overrides_a_grant_and_voids_what_waits() {
        let mut gate = Gate::new();
        assert_eq!(gate.read(ConsentSource::CookieConsent, GRANT), GateChange::Opened);
        let waiting = gate.permit(Purpose::Measure, 7).expect("granted");
        assert_eq!(gate.read(ConsentSource::Gpc, DENY), GateChange::Closed);
        assert_eq!(gate.release(waiting), None);
        assert_eq!(gate.state(Purpose::Measure).source, Some(ConsentSource::Gpc));
    }

    #[test]
    fn a_source_without_an_answer_holds_the_gate_shut() {
        let mut gate = Gate::new();
        gate.read(ConsentSource::Tcf, UNANSWERED);
        assert_eq!(gate.read(ConsentSource::PageCall, GRANT), GateChange::Unchanged);
        assert_eq!(gate.choice(Purpose::Measure), ConsentChoice::Unknown);
        assert_eq!(gate.read(ConsentSource::Tcf, GRANT), GateChange::Opened);
    }

    #[test]
    fn what_was_permitted_before_a_withdrawal_stays_void_after_a_new_grant() {
        let mut gate = Gate::new();
        gate.read(ConsentSource::PageCall, GRANT);
        let old = gate.permit(Purpose::Measure, ()).expect("granted");
        gate.read(ConsentSource::PageCall, DENY);
        gate.read(ConsentSource::PageCall, GRANT);
        assert!(gate.is_open());
        assert_eq!(gate.release(old), None);
    }

    #[test]
    fn purposes_are_separate() {
        let mut gate = Gate::new();
        assert_eq!(gate.read(ConsentSource::PageCall, ONLY_MEASURE), GateChange::Opened);
        assert!(gate.is_granted(Purpose::Measure) && !gate.is_granted(Purpose::Personalize));
        let since = gate.state(Purpose::Measure).epoch;
        assert_eq!(gate.read(ConsentSource::PageCall, GRANT), GateChange::Widened);
        assert_eq!(gate.state(Purpose::Measure).epoch, since);
        assert!(gate.state(Purpose::Personalize).epoch > since);
        assert_eq!(gate.read(ConsentSource::PageCall, ONLY_MEASURE), GateChange::Narrowed);
        let other = Some(Reading::new(ConsentChoice::Denied, ConsentChoice::Granted));
        assert_eq!(gate.read(ConsentSource::PageCall, other), GateChange::Narrowed);
    }

    #[test]
    fn an_open_dialogue_sends_nothing_and_withdraws_nothing() {
        let mut gate = Gate::new();
        gate.read(ConsentSource::Tcf, Some(Reading::PAUSED));
        assert!(!gate.is_open() && gate.stands().is_empty());
        assert_eq!(gate.read(ConsentSource::Tcf, GRANT), GateChange::Opened);
        let before = gate.permit(Purpose::Measure, ()).expect("granted");
        assert_eq!(gate.read(ConsentSource::Tcf, Some(Reading::PAUSED)), GateChange::Paused);
        assert_eq!(gate.permit(Purpose::Measure, ()), None);
        assert_eq!(gate.read(ConsentSource::PageCall, GRANT), GateChange::Unchanged);
        assert_eq!(gate.read(ConsentSource::Tcf, GRANT), GateChange::Resumed);
        assert_eq!(gate.release(before), None);
        gate.read(ConsentSource::Tcf, Some(Reading::PAUSED));
        assert_eq!(gate.read(ConsentSource::Tcf, ONLY_MEASURE), GateChange::Narrowed);
        gate.read(ConsentSource::Tcf, Some(Reading::PAUSED));
        assert_eq!(gate.read(ConsentSource::Gpc, DENY), GateChange::Closed);
        assert_eq!(gate.read(ConsentSource::Tcf, GRANT), GateChange::Unchanged);
    }

    #[test]
    fn readings_of_one_moment_open_nothing_in_between() {
        let mut gate = Gate::new();
        gate.read_all([(ConsentSource::Klaro, DENY), (ConsentSource::PageCall, GRANT)]);
        let swapped = [(ConsentSource::Klaro, GRANT), (ConsentSource::PageCall, DENY)];
        assert_eq!(gate.read_all(swapped), GateChange::Unchanged);
        assert!(!gate.is_open());
    }
}
