//! The consent gate. Nothing derived from behaviour leaves the browser unless it is wrapped in [`Consented`], and only an open
//! [`Gate`] wraps (invariant I1): queue and transport accept nothing else, so an unconsented send does not compile.

use waver_schema::{ConsentChoice, ConsentSource};

const SOURCES: usize = ConsentSource::ALL.len();

/// What something is for. Each purpose is granted or refused on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Measuring behaviour.
    Measure,
    /// Choosing and showing offers.
    Personalize,
}

/// What one source says of each purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Of [`Purpose::Measure`].
    pub measure: ConsentChoice,
    /// Of [`Purpose::Personalize`].
    pub personalize: ConsentChoice,
}

impl Reading {
    /// The same choice for every purpose.
    pub const fn all(choice: ConsentChoice) -> Reading {
        Reading { measure: choice, personalize: choice }
    }

    /// The choice for `purpose`.
    pub const fn of(&self, purpose: Purpose) -> ConsentChoice {
        match purpose {
            Purpose::Measure => self.measure,
            Purpose::Personalize => self.personalize,
        }
    }
}

/// A value that may leave, since its purpose was granted when it was made. Only [`Gate::permit`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Consented<T> {
    value: T,
    purpose: Purpose,
    generation: u32,
}

impl<T> Consented<T> {
    /// The value, to look at.
    pub const fn get(&self) -> &T {
        &self.value
    }
}

/// What a change of readings did to the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateChange {
    /// Nothing.
    Unchanged,
    /// A purpose was granted where none was: a new session may begin.
    Opened,
    /// The set of granted purposes changed, and something is still granted. What was permitted before is void.
    Altered,
    /// Nothing is granted any more. What was permitted before is void, and local state must go.
    Closed,
}

/// The state machine of consent: the last reading of each source, and what follows from all of them.
///
/// The rule: a purpose is granted if at least one source that can grant says so, no source denies it, and no present source is
/// still without an answer. Everything else is not granted. A timeout never grants. GPC and DNT can only deny.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    readings: [Option<Reading>; SOURCES],
    generation: u32,
}

impl Gate {
    /// A closed gate without any source.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Takes the current reading of `source`; `None` where the source is absent. Readings replace each other.
    pub fn read(&mut self, source: ConsentSource, reading: Option<Reading>) -> GateChange {
        let before = self.granted();
        self.readings[source as usize] = reading;
        let after = self.granted();
        if before == after {
            return GateChange::Unchanged;
        }
        self.generation = self.generation.wrapping_add(1);
        match (before, after) {
            ([false, false], _) => GateChange::Opened,
            (_, [false, false]) => GateChange::Closed,
            _ => GateChange::Altered,
        }
    }

    /// What follows for `purpose` from all sources together.
    pub fn choice(&self, purpose: Purpose) -> ConsentChoice {
        let mut granted = false;
        let mut unanswered = false;
        for (source, reading) in ConsentSource::ALL.iter().zip(&self.readings) {
            match reading.map(|reading| reading.of(purpose)) {
                Some(ConsentChoice::Denied) => return ConsentChoice::Denied,
                Some(ConsentChoice::Granted) => granted |= can_grant(*source),
                Some(ConsentChoice::Unknown) => unanswered = true,
                None => {}
            }
        }
        if granted && !unanswered { ConsentChoice::Granted } else { ConsentChoice::Unknown }
    }

    /// Whether `purpose` is granted now.
    pub fn is_granted(&self, purpose: Purpose) -> bool {
        self.choice(purpose) == ConsentChoice::Granted
    }

    /// Whether any purpose is granted now.
    pub fn is_open(&self) -> bool {
        self.granted() != [false, false]
    }

    /// The source that decided: the first that denies anything, else the first that grants.
    pub fn deciding_source(&self) -> Option<ConsentSource> {
        let says = |choice| {
            ConsentSource::ALL
                .iter()
                .zip(&self.readings)
                .find(|(_, reading)| {
                    reading.is_some_and(|reading| reading.measure == choice || reading.personalize == choice)
                })
                .map(|(source, _)| *source)
        };
        if self.is_open() {
            says(ConsentChoice::Granted)
        } else {
            says(ConsentChoice::Denied).or(says(ConsentChoice::Unknown))
        }
    }

    /// Whether `source` was last seen to deny something.
    pub fn denies(&self, source: ConsentSource) -> bool {
        self.readings[source as usize].is_some_and(|reading| {
            reading.measure == ConsentChoice::Denied || reading.personalize == ConsentChoice::Denied
        })
    }

    /// Wraps `value` if `purpose` is granted now, else gives it up.
    pub fn permit<T>(&self, purpose: Purpose, value: T) -> Option<Consented<T>> {
        self.is_granted(purpose).then(|| Consented { value, purpose, generation: self.generation })
    }

    /// Releases a permitted value just before it is sent, if it is *still* permitted: the choice may have changed while it waited.
    /// A value from before any change of the gate is void even if its purpose was granted again since.
    pub fn release<T>(&self, consented: Consented<T>) -> Option<T> {
        (consented.generation == self.generation && self.is_granted(consented.purpose)).then_some(consented.value)
    }

    fn granted(&self) -> [bool; 2] {
        [self.is_granted(Purpose::Measure), self.is_granted(Purpose::Personalize)]
    }
}

const fn can_grant(source: ConsentSource) -> bool {
    !matches!(source, ConsentSource::Gpc | ConsentSource::Dnt)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: Option<Reading> = Some(Reading::all(ConsentChoice::Granted));
    const DENY: Option<Reading> = Some(Reading::all(ConsentChoice::Denied));
    const UNANSWERED: Option<Reading> = Some(Reading::all(ConsentChoice::Unknown));

    #[test]
    fn silence_and_vetoes_never_grant() {
        let mut gate = Gate::new();
        assert!(!gate.is_open());
        assert_eq!(gate.permit(Purpose::Measure, ()), None);
        assert_eq!(gate.read(ConsentSource::Gpc, GRANT), GateChange::Unchanged);
        assert_eq!(gate.read(ConsentSource::Dnt, GRANT), GateChange::Unchanged);
        assert!(!gate.is_open());
    }

    #[test]
    fn a_veto_overrides_a_grant_and_voids_what_waits() {
        let mut gate = Gate::new();
        assert_eq!(gate.read(ConsentSource::CookieConsent, GRANT), GateChange::Opened);
        let waiting = gate.permit(Purpose::Measure, 7).expect("granted");
        assert_eq!(gate.read(ConsentSource::Gpc, DENY), GateChange::Closed);
        assert_eq!(gate.release(waiting), None);
        assert_eq!(gate.deciding_source(), Some(ConsentSource::Gpc));
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
        let only_measure = Reading { measure: ConsentChoice::Granted, personalize: ConsentChoice::Denied };
        assert_eq!(gate.read(ConsentSource::PageCall, Some(only_measure)), GateChange::Opened);
        assert!(gate.is_granted(Purpose::Measure) && !gate.is_granted(Purpose::Personalize));
        assert_eq!(gate.read(ConsentSource::PageCall, GRANT), GateChange::Altered);
    }
}
