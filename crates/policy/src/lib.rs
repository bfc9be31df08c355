//! offers.toml validated and compiled: eligibility, schedules, texts.

use waver_core::decision::{Facts, Verdict};
use waver_schema::{Locale, Offer, OfferId};

/// A validated policy with its rules compiled.
#[derive(Debug)]
pub struct Policy {
    version: String,
}

/// Something in the file that is not right, but that the policy works without: the offer is switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Line in the file, from 1.
    pub line: usize,
    /// The offer that is off.
    pub offer: OfferId,
    /// What is wrong and what to do.
    pub message: String,
}

/// Why a file is no policy: every problem that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The problems, in the order of the file; at least one.
    pub problems: Vec<Problem>,
}

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// A rule that failed while a decision was made. Its offer counted as not eligible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFailure {
    /// The offer.
    pub offer: OfferId,
    /// What went wrong.
    pub message: String,
}

impl Policy {
    /// Reads and compiles the text of an `offers.toml`.
    ///
    /// # Errors
    /// [`PolicyError`] with every problem that makes the file unusable. Rules that do not work are warnings, and switch their offer off.
    pub fn parse(text: &str) -> Result<(Policy, Vec<Warning>), PolicyError> {
        let _ = text;
        Ok((Policy { version: String::new() }, Vec::new()))
    }

    /// The first 16 hexadecimal digits of the text's BLAKE3 hash.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Evaluates which rules hold for `facts` and decides. `now` is in milliseconds of the session.
    pub fn decide(&self, facts: &Facts, now: u64) -> (Verdict, Vec<RuleFailure>) {
        let policy = waver_core::decision::Policy { kill_switch: true, holdout_milli: 0, terms: &[], eligible: &[] };
        (waver_core::decision::decide(facts, policy, now), Vec::new())
    }

    /// The offer at `index` ([`Verdict::offer`]) as the page shows it, decided at `now` (Unix milliseconds): `None` where there is no such offer.
    pub fn offer(&self, index: usize, locale: Option<&Locale>, now: u64) -> Option<Offer> {
        let _ = (index, locale, now);
        None
    }

    /// The place of the offer with that name, to show an offer again that was decided before.
    pub fn index_of(&self, offer: &OfferId) -> Option<usize> {
        let _ = offer;
        None
    }
}
