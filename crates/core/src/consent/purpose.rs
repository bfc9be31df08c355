//! What consent is given for, and what a source says of it.

use waver_schema::{ConsentChoice, ConsentSource};

/// What something is for. Each purpose is granted or refused on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Measuring behaviour.
    Measure,
    /// Choosing and showing offers.
    Personalize,
}

impl Purpose {
    /// Both.
    pub const ALL: [Purpose; 2] = [Purpose::Measure, Purpose::Personalize];
}

/// A set of purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurposeSet {
    /// [`Purpose::Measure`] is in it.
    pub measure: bool,
    /// [`Purpose::Personalize`] is in it.
    pub personalize: bool,
}

impl PurposeSet {
    /// The empty set.
    pub const NONE: PurposeSet = PurposeSet { measure: false, personalize: false };

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        !self.measure && !self.personalize
    }

    /// Whether `purpose` is in it.
    pub const fn has(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Measure => self.measure,
            Purpose::Personalize => self.personalize,
        }
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: PurposeSet) -> bool {
        (self.measure || !other.measure) && (self.personalize || !other.personalize)
    }

    /// What is in it and not in `other`.
    pub const fn without(self, other: PurposeSet) -> PurposeSet {
        PurposeSet { measure: self.measure && !other.measure, personalize: self.personalize && !other.personalize }
    }

    pub(super) const fn put(&mut self, purpose: Purpose, is_in: bool) {
        match purpose {
            Purpose::Measure => self.measure = is_in,
            Purpose::Personalize => self.personalize = is_in,
        }
    }
}

/// What is known of one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurposeState {
    /// What follows from all sources together.
    pub choice: ConsentChoice,
    /// The source that decided; `None` while there is none.
    pub source: Option<ConsentSource>,
    /// The epoch of the gate in which it was granted or ceased to be. It grows with every change of what is granted; 0 before the first.
    pub epoch: u32,
}

impl Default for PurposeState {
    fn default() -> PurposeState {
        PurposeState { choice: ConsentChoice::Unknown, source: None, epoch: 0 }
    }
}

/// What one present source says of each purpose; `None` where it does not speak about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Of [`Purpose::Measure`].
    pub measure: Option<ConsentChoice>,
    /// Of [`Purpose::Personalize`].
    pub personalize: Option<ConsentChoice>,
    /// Its own dialogue is open: until that is closed nothing counts as granted, and nothing as withdrawn.
    pub paused: bool,
}

impl Reading {
    /// It is there and has nothing to say.
    pub const SILENT: Reading = Reading { measure: None, personalize: None, paused: false };
    /// Its dialogue is open.
    pub const PAUSED: Reading = Reading { paused: true, ..Reading::all(ConsentChoice::Unknown) };

    /// One choice for each purpose.
    pub const fn new(measure: ConsentChoice, personalize: ConsentChoice) -> Reading {
        Reading { measure: Some(measure), personalize: Some(personalize), paused: false }
    }

    /// The same choice for every purpose.
    pub const fn all(choice: ConsentChoice) -> Reading {
        Reading::new(choice, choice)
    }

    /// The choice for `purpose`.
    pub const fn of(&self, purpose: Purpose) -> Option<ConsentChoice> {
        match purpose {
            Purpose::Measure => self.measure,
            Purpose::Personalize => self.personalize,
        }
    }
}
