//! `offers.toml`, validated and compiled: what may be offered, to whom, and in which words. Server, replay and trainer share it; the browser
//! module never links it.
//!
//! ```toml
//! [policy]
//! holdout = 0.10          # share of sessions that are never offered anything; what offers are worth is measured against them
//! kill_switch = false     # true: nothing is offered to anybody
//! default_locale = "en"   # every offer has a text in it
//! time_zone = "Europe/Berlin"   # of schedules and budgets; UTC unless set
//! currency = "EUR"        # of costs, margin floors and budgets
//! goal = "revenue"        # of learning: conversion, revenue or margin
//! explore = 0.01          # share of learned choices in which every arm is as likely
//!
//! [[stratum]]             # what is learned is learned of such shoppers apart; the first that holds counts
//! id = "full-cart"
//! when = "cart.value >= 100.0"
//!
//! [[offer]]
//! id = "ten-percent"
//! slots = ["product", "cart"]   # names of data-waver-slot
//! kind = "percent"              # percent, amount, free_shipping, gift, message or help
//! value = 10                    # percent: whole percent; amount: as on a price tag, with `currency`
//! priority = 10                 # higher goes first
//! learn = true                  # or: chosen among all such offers by what was learned, doing nothing included
//! holdout = 0.20                # its own, in place of the file's
//! per_session = 1               # how often at most
//! per_visitor = 3               # and across sessions, where the site remembers browsers (`visitor` in waver.toml); no such cap unless set
//! cooldown = "10m"              # after any other offer
//! stacks_with = ["delivery"]    # what changes a price stands alone, but beside these
//! expires_after = "30m"
//! margin_floor = "5%"           # what has to be left after its `cost`, which a percentage is by itself
//! when = "hesitation.cta_hover >= 0.6 && session.purchases == 0"
//!
//! [offer.schedule]
//! from = 2026-11-27             # and `until`, `days`, `time_zone`
//! hours = "09:00-18:00"
//!
//! [offer.budget]
//! offers = 100                  # or money = 500.00
//! per = "day"                   # day, week, month or total
//! pacing = "even"               # after a `head_start` of a tenth
//!
//! [offer.text.en]
//! text = "10 % off your order"            # {prior_price}: the product's lowest price of the last 30 days
//! disclosure = "This offer was personalised for you by automated decision-making."
//! accept = "Take it"
//! dismiss = "No, thanks"
//! ```
//!
//! `when` is a rule in [CEL](https://cel.dev) over the facts listed in [`facts`]. A rule that does not work switches its offer off with a
//! [`Warning`]; anything else that is wrong refuses the file, with every problem that was found, so that a running collector keeps the policy it has.

mod amount;
mod check;
mod explain;
pub mod facts;
mod file;
mod locale;
mod money;
mod offer;
mod price;
mod problem;
mod rule;
mod schedule;
mod stratum;
mod wording;

use std::fmt;

use waver_core::decision::{self, Allowance, Eligibility, Facts, ItemFacts, Period, Prospect, Running, Terms, Verdict};
use waver_schema::{Currency, Locale, Offer, OfferId, SlotName, StratumName};

pub use problem::{Line, PolicyError, Problem, RuleFailure, Warning};

use locale::Tag;
use offer::Definition;
use rule::{Rule, RuleEngine};

/// Most bytes of a policy.
pub const MOST_BYTES: usize = 256 * 1024;
/// Most offers of a policy: each decision looks at all of them.
pub const MOST_OFFERS: usize = 64;
/// Most strata of a policy: what is learned of each is learned of fewer shoppers.
pub const MOST_STRATA: usize = 8;

/// What is learned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// More sessions that buy.
    Conversion,
    /// More revenue of a session.
    Revenue,
    /// More margin of a session, where orders tell theirs.
    Margin,
}

/// A validated policy with its rules compiled. Cheap to share between threads, immutable.
pub struct Policy {
    version: String,
    kill_switch: bool,
    holdout_milli: u16,
    explore_milli: u16,
    goal: Goal,
    default_locale: Tag,
    engine: RuleEngine,
    /// One for each offer, as are `rules` and `definitions`.
    terms: Vec<Terms>,
    /// `None` where the rule is off.
    rules: Vec<Option<Rule>>,
    definitions: Vec<Definition>,
    /// `None` where the rule is off.
    strata: Vec<(StratumName, Option<Rule>)>,
}

impl Policy {
    /// Reads and compiles the text of an `offers.toml`.
    ///
    /// # Errors
    /// [`PolicyError`] with the problems that make the file unusable, each with its line and what to do. Rules that do not work are
    /// warnings, and switch their offer off.
    pub fn parse(text: &str) -> Result<(Policy, Vec<Warning>), PolicyError> {
        let file = file::read(text)?;
        let engine = RuleEngine::new();
        let mut warnings = Vec::new();
        let mut rules = Vec::with_capacity(file.offers.len());
        for offer in &file.offers {
            rules.push(match engine.compile(&offer.when, &offer.terms.slots) {
                Ok(rule) => Some(rule),
                Err(fault) => {
                    let message = format!("{fault}; the offer is off until its rule works");
                    warnings.push(Warning { line: offer.when_line, offer: Some(offer.terms.id.clone()), message });
                    None
                }
            });
        }
        let slots: Vec<SlotName> = file.offers.iter().flat_map(|offer| offer.terms.slots.clone()).take(1).collect();
        let mut strata = Vec::with_capacity(file.strata.len());
        for stratum in file.strata {
            let rule = engine.compile(&stratum.when, &slots);
            if let Err(fault) = &rule {
                let message = format!("stratum `{}`: {fault}; nobody is of it until its rule works", stratum.name);
                warnings.push(Warning { line: stratum.when_line, offer: None, message });
            }
            strata.push((stratum.name, rule.ok()));
        }
        warnings.sort_by_key(|warning| warning.line);
        let (terms, definitions) = file.offers.into_iter().map(|offer| (offer.terms, offer.definition)).unzip();
        let policy = Policy {
            version: blake3::hash(text.as_bytes()).to_hex()[..16].to_owned(),
            kill_switch: file.kill_switch,
            holdout_milli: file.holdout_milli,
            explore_milli: file.explore_milli,
            goal: file.goal,
            default_locale: file.default_locale,
            engine,
            terms,
            rules,
            definitions,
            strata,
        };
        Ok((policy, warnings))
    }

    /// The first 16 hexadecimal digits of the BLAKE3 hash of the text, as `b3sum offers.toml` prints it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Asks schedules and rules, once, whatever is then decided by them.
    ///
    /// A rule that fails counts as one that does not hold; the failures are kept, to be logged and counted.
    pub fn judge(&self, facts: &Facts) -> Judged<'_> {
        let mut failures = Vec::new();
        // Without consent nothing is evaluated, and with the kill switch there is no need to.
        let eligibility = if facts.personalize && !self.kill_switch {
            self.eligibility(facts, &mut failures)
        } else {
            vec![Eligibility::Rule; self.terms.len()]
        };
        Judged { policy: self, eligibility, failures }
    }

    /// Asks schedules and rules, and decides: [`Policy::judge`] and [`Judged::decide`] at once.
    pub fn decide(&self, facts: &Facts, seed: u64, now: u64) -> (Verdict, Vec<RuleFailure>) {
        let judged = self.judge(facts);
        let verdict = judged.decide(facts, seed, now);
        (verdict, judged.failures)
    }

    /// What is there of the budget of the offer at `index` at `now` (Unix milliseconds), and what it would take of it; `None` if it has none, or
    /// there is no such offer.
    pub fn allowance(&self, index: usize, now: u64, facts: &Facts) -> Option<Allowance> {
        let budget = self.terms.get(index)?.budget?;
        let span = self.definitions.get(index)?.schedule.span(budget.period, now)?;
        let allowance = budget.allowance(span, now, self.cost(index, facts));
        Some(if budget.period == Period::Total { Allowance { period: 0, ..allowance } } else { allowance })
    }

    /// What the offer at `index` would cost the shop, in minor units and their currency, if that is known.
    pub fn cost(&self, index: usize, facts: &Facts) -> Option<(u64, Currency)> {
        self.terms.get(index)?.cost?.of(facts)
    }

    /// The stratum of `facts`: the first whose rule holds, else [`StratumName::rest`]. A rule that fails does not hold.
    pub fn stratum(&self, facts: &Facts) -> StratumName {
        let context = (!self.strata.is_empty()).then(|| self.engine.context(facts));
        let holds = |rule: &Rule| context.as_ref().is_some_and(|context| rule.holds(context).unwrap_or(false));
        let found = self.strata.iter().find(|(_, rule)| rule.as_ref().is_some_and(holds));
        found.map_or_else(StratumName::rest, |(name, _)| name.clone())
    }

    /// The strata that have a name, in the order of the file.
    pub fn strata(&self) -> impl Iterator<Item = &StratumName> {
        self.strata.iter().map(|(name, _)| name)
    }

    /// Share of learned choices, in thousandths, in which every arm is as likely.
    pub const fn explore_milli(&self) -> u16 {
        self.explore_milli
    }

    /// What is learned for.
    pub const fn goal(&self) -> Goal {
        self.goal
    }

    /// What the text of an `offers.toml` says, line by line, and what of it does not work.
    ///
    /// # Errors
    /// As [`Policy::parse`].
    pub fn explain(text: &str) -> Result<(Vec<Line>, Vec<Warning>), PolicyError> {
        let (_, warnings) = Policy::parse(text)?;
        Ok((file::read(text)?.explained, warnings))
    }

    /// The offer at `index` ([`Verdict::offer`]) as the page shows it, decided at `now` (Unix milliseconds of the collector's clock); `None` where
    /// there is no such offer, or it is switched off. The texts are those of `locale`, else of its language, else of the default locale. Decided anew for an offer
    /// that stands already, hand in when it was decided, and it ends at the same instant. A text with `{prior_price}` is about `item`, and there is
    /// no offer without that.
    pub fn offer(&self, index: usize, locale: Option<&Locale>, now: u64, item: Option<&ItemFacts>) -> Option<Offer> {
        let terms = self.terms.get(index).filter(|terms| !terms.is_off)?;
        let definition = self.definitions.get(index)?;
        let (locale, text) = locale::negotiate(&definition.texts, locale, &self.default_locale)?;
        Some(Offer {
            id: terms.id.clone(),
            kind: terms.kind,
            value: definition.value,
            currency: definition.currency,
            text: text.about(item, locale)?,
            disclosure: text.disclosure.clone(),
            accept: text.accept.clone(),
            dismiss: text.dismiss.clone(),
            expires_at: definition.expires_at(now),
            grant: None,
        })
    }

    /// The place of the offer with that name.
    pub fn index_of(&self, offer: &OfferId) -> Option<usize> {
        self.terms.iter().position(|terms| terms.id == *offer)
    }

    /// The terms of each offer, in the order of the file.
    pub fn terms(&self) -> &[Terms] {
        &self.terms
    }

    /// Every slot that an offer may fill, in the order of the file.
    pub fn slots(&self) -> Vec<SlotName> {
        let mut slots: Vec<SlotName> = Vec::new();
        for slot in self.terms.iter().flat_map(|terms| &terms.slots) {
            if !slots.contains(slot) {
                slots.push(slot.clone());
            }
        }
        slots
    }

    /// Share of sessions that serve as controls, in thousandths.
    pub const fn holdout_milli(&self) -> u16 {
        self.holdout_milli
    }

    /// Whether all offers are off.
    pub const fn kill_switch(&self) -> bool {
        self.kill_switch
    }

    fn eligibility(&self, facts: &Facts, failures: &mut Vec<RuleFailure>) -> Vec<Eligibility> {
        let mut context = None;
        let mut eligibility = Vec::with_capacity(self.terms.len());
        for ((terms, rule), definition) in self.terms.iter().zip(&self.rules).zip(&self.definitions) {
            if !terms.slots.contains(&facts.slot) {
                eligibility.push(Eligibility::Rule);
                continue;
            }
            if !definition.schedule.holds(facts.at) {
                eligibility.push(Eligibility::Schedule);
                continue;
            }
            let holds = match rule {
                Some(rule) => {
                    let context = context.get_or_insert_with(|| self.engine.context(facts));
                    rule.holds(context).unwrap_or_else(|fault| {
                        failures.push(RuleFailure { offer: terms.id.clone(), message: fault.to_string() });
                        false
                    })
                }
                None => false,
            };
            eligibility.push(if holds { Eligibility::Eligible } else { Eligibility::Rule });
        }
        eligibility
    }
}

/// What schedules and rules of a policy say of some facts.
#[derive(Debug)]
pub struct Judged<'a> {
    policy: &'a Policy,
    eligibility: Vec<Eligibility>,
    /// The rules that failed.
    pub failures: Vec<RuleFailure>,
}

impl Judged<'_> {
    /// The offers among which is chosen by what was learned, if it comes to that: [`Circumstances::learned`] should know of them before
    /// [`Judged::decide`]. `now` is in milliseconds of the session.
    ///
    /// [`Circumstances::learned`]: waver_core::decision::Circumstances::learned
    pub fn arms(&self, facts: &Facts, now: u64) -> Vec<OfferId> {
        match decision::running(facts, self.seen(), now) {
            Running::Arms(arms) => arms.into_iter().map(|index| self.policy.terms[index].id.clone()).collect(),
            Running::First(_) | Running::Nobody(_) => Vec::new(),
        }
    }

    /// Decides. `facts` are those that were judged, but for what was learned and which budgets are spent; `now` is in milliseconds of the
    /// session, and `seed` is [`decision::seed_of`] the decision. The same in, the same out.
    pub fn decide(&self, facts: &Facts, seed: u64, now: u64) -> Verdict {
        decision::decide(facts, self.seen(), seed, now)
    }

    /// What [`Judged::decide`] may come to: each offer in the running, with the probability that it is drawn and shown but for its holdout, and the share
    /// of sessions (thousandths) in that.
    pub fn prospects(&self, facts: &Facts, now: u64) -> Vec<(OfferId, f64, u16)> {
        let of =
            |prospect: Prospect| (self.policy.terms[prospect.offer].id.clone(), prospect.drawn, prospect.holdout_milli);
        decision::prospects(facts, self.seen(), now).into_iter().map(of).collect()
    }

    fn seen(&self) -> decision::Policy<'_> {
        decision::Policy {
            kill_switch: self.policy.kill_switch,
            holdout_milli: self.policy.holdout_milli,
            terms: &self.policy.terms,
            eligibility: &self.eligibility,
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("version", &self.version).field("terms", &self.terms).finish_non_exhaustive()
    }
}
