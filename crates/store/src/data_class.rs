use serde::{Deserialize, Serialize};

/// What is kept for the same time. Each class has a retention of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DataClass {
    /// What shoppers did and what was decided for them.
    Events,
    /// Grants and withdrawals.
    Consent,
    /// Events that are not of the schema.
    DeadLetters,
    /// What the shop's backend tells, and what it was promised: orders, catalogue, grants.
    Shop,
}

impl DataClass {
    /// Every class.
    pub const ALL: [DataClass; 4] = [DataClass::Events, DataClass::Consent, DataClass::DeadLetters, DataClass::Shop];
}

/// One value for each [`DataClass`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerClass<T> {
    /// That of [`DataClass::Events`].
    pub events: T,
    /// That of [`DataClass::Consent`].
    pub consent: T,
    /// That of [`DataClass::DeadLetters`].
    pub dead_letters: T,
    /// That of [`DataClass::Shop`].
    pub shop: T,
}

impl<T> PerClass<T> {
    /// The value of `class`.
    pub const fn of(&self, class: DataClass) -> &T {
        match class {
            DataClass::Events => &self.events,
            DataClass::Consent => &self.consent,
            DataClass::DeadLetters => &self.dead_letters,
            DataClass::Shop => &self.shop,
        }
    }

    /// The value of `class`, to be changed.
    pub const fn of_mut(&mut self, class: DataClass) -> &mut T {
        match class {
            DataClass::Events => &mut self.events,
            DataClass::Consent => &mut self.consent,
            DataClass::DeadLetters => &mut self.dead_letters,
            DataClass::Shop => &mut self.shop,
        }
    }
}

/// The time, Unix milliseconds, before which the records of each class go. Of a class with 0 nothing goes.
pub type Cutoffs = PerClass<u64>;

/// What was removed of each class.
pub type Trimmed = PerClass<Removed>;

/// How much was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Records.
    pub records: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}
