use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::{Arm, OfferId, PolicyVersion, StratumName};

use super::Sums;

/// Most cells of a site. A day has one for each offer, stratum, arm and version of the policy that sessions came to; beyond this the oldest
/// go.
pub const MOST_CELLS: usize = 100_000;
/// Length of a day, which sums are kept by.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Under which terms a decision is a trial of the offer that it made, or would have made but for its arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Version of the policy.
    pub policy: PolicyVersion,
    /// The stratum of the context.
    pub stratum: StratumName,
    /// Share of sessions, in thousandths, in the holdout of the offer.
    pub holdout_milli: u16,
}

/// What sessions are summed by: what one was assigned to, and the day on which it was over.
///
/// Sessions are counted when they are over, with all that they came to. So no session is half there, those that were erased before were never
/// there, and a day that is past says the same for good, but for the offset that a later refund has in the day on which it came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assignment {
    /// Days since 1970.
    pub day: u32,
    /// The offer, in the other arms the one that would have been made.
    pub offer: OfferId,
    /// Version of the policy.
    pub policy: PolicyVersion,
    /// Share of sessions, in thousandths, in the holdout of the offer then.
    pub holdout_milli: u16,
    /// The stratum of the context.
    pub stratum: StratumName,
    /// The arm.
    pub arm: Arm,
    /// Whether the offer was rendered, or in the other arms would have been.
    pub exposed: bool,
}

/// The number of the day that `at` (Unix milliseconds) is in.
pub fn day_of(at: u64) -> u32 {
    u32::try_from(at / DAY_MS).unwrap_or(u32::MAX)
}

/// What the sessions of one site came to, by what they were assigned to. Sums, which any number of writers add up in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trials(BTreeMap<Assignment, Sums>);

impl Trials {
    /// Adds what sessions came to.
    pub fn add(&mut self, assignment: Assignment, sums: &Sums) {
        self.0.entry(assignment).or_default().add(sums);
        while self.0.len() > MOST_CELLS {
            self.0.pop_first();
        }
    }

    /// Forgets the days before `day`.
    pub fn expire(&mut self, day: u32) {
        while self.0.first_key_value().is_some_and(|(first, _)| first.day < day) {
            self.0.pop_first();
        }
    }

    /// The cells in order of day, and within a day of offer.
    pub fn iter(&self) -> impl Iterator<Item = (&Assignment, &Sums)> {
        self.0.iter()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

// As a list of pairs, since not every format has maps with such keys.
impl Serialize for Trials {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de> Deserialize<'de> for Trials {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Trials, D::Error> {
        Ok(Trials(Vec::<(Assignment, Sums)>::deserialize(deserializer)?.into_iter().collect()))
    }
}
