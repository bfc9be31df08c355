//! `offers.toml`, validated and compiled: what may be offered, to whom, and in which words. Server, replay and trainer share it; the browser
//! module never links it.
//!
//! ```toml
//! [policy]
//! holdout = 0.10          # share of sessions that are never offered anything; what offers are worth is measured against them
//! kill_switch = false     # true: nothing is offered to anybody
//! default_locale = "en"   # every offer has a text in it
//!
//! [[offer]]
//! id = "ten-percent"
//! slots = ["product", "cart"]   # names of data-waver-slot
//! kind = "percent"              # percent, amount, free_shipping, gift, message or help
//! value = 10                    # percent: whole percent; amount: as on a price tag, with `currency`
//! priority = 10                 # higher goes first
//! per_session = 1               # how often at most
//! per_visitor = 3               # and across sessions, where the site remembers browsers (`visitor` in waver.toml); no such cap unless set
//! cooldown = "10m"              # after any other offer
//! expires_after = "30m"
//! when = "hesitation.cta_hover >= 0.6 && session.purchases == 0"
//!
//! [offer.text.en]
//! text = "10 % off your order"
//! disclosure = "This offer was personalised for you by automated decision-making."
//! accept = "Take it"
//! dismiss = "No, thanks"
//! ```
//!
//! `when` is a rule in [CEL](https://cel.dev) over the facts listed in [`facts`]. A rule that does not work switches its offer off with a
//! [`Warning`]; anything else that is wrong refuses the file, with every problem that was found, so that a running collector keeps the policy it has.

mod check;
pub mod facts;
mod file;
mod locale;
mod money;
mod offer;
mod problem;
mod rule;
mod wording;

use std::fmt;

use waver_core::decision::{self, Allowance, Eligibility, Facts, ItemFacts, Running, Terms, Verdict};
use waver_schema::{Locale, Offer, OfferId, SlotName};

pub use problem::{PolicyError, Problem, RuleFailure, Warning};

use locale::Tag;
use offer::Definition;
use rule::{Rule, RuleEngine};

/// Most bytes of a policy.
pub const MOST_BYTES: usize = 256 * 1024;
/// Most offers of a policy: each decision looks at all of them.
pub const MOST_OFFERS: usize = 64;

/// A validated policy with its rules compiled. Cheap to share between threads, immutable.
pub struct Policy {
    version: String,
    kill_switch: bool,
    holdout_milli: u16,
    default_locale: Tag,
    engine: RuleEngine,
    /// One for each offer, as are `rules` and `definitions`.
    terms: Vec<Terms>,
    /// `None` where the rule is off.
    rules: Vec<Option<Rule>>,
    definitions: Vec<Definition>,
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
                    warnings.push(Warning { line: offer.when_line, offer: offer.terms.id.clone(), message });
                    None
                }
            });
        }
        let (terms, definitions) = file.offers.into_iter().map(|offer| (offer.terms, offer.definition)).unzip();
        let policy = Policy {
            version: blake3::hash(text.as_bytes()).to_hex()[..16].to_owned(),
            kill_switch: file.kill_switch,
            holdout_milli: file.holdout_milli,
            default_locale: file.default_locale,
            engine,
            terms,
            rules,
            definitions,
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
        let _ = (self.terms.get(index)?.budget?, now, facts);
        None
    }

    /// The offer at `index` ([`Verdict::offer`]) as the page shows it, decided at `now` (Unix milliseconds of the collector's clock); `None` where
    /// there is no such offer. The texts are those of `locale`, else of its language, else of the default locale. Decided anew for an offer
    /// that stands already, hand in when it was decided, and it ends at the same instant.
    pub fn offer(&self, index: usize, locale: Option<&Locale>, now: u64, item: Option<&ItemFacts>) -> Option<Offer> {
        let definition = self.definitions.get(index)?;
        let _ = item;
        let text = locale::negotiate(&definition.texts, locale, &self.default_locale)?;
        Some(Offer {
            id: self.terms.get(index)?.id.clone(),
            kind: self.terms.get(index)?.kind,
            value: definition.value,
            currency: definition.currency,
            text: text.text.clone(),
            disclosure: text.disclosure.clone(),
            accept: text.accept.clone(),
            dismiss: text.dismiss.clone(),
            expires_at: now.saturating_add(definition.expires_after_ms),
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
        for (terms, rule) in self.terms.iter().zip(&self.rules) {
            let holds = match rule {
                Some(rule) if terms.slots.contains(&facts.slot) => {
                    let context = context.get_or_insert_with(|| self.engine.context(facts));
                    rule.holds(context).unwrap_or_else(|fault| {
                        failures.push(RuleFailure { offer: terms.id.clone(), message: fault.to_string() });
                        false
                    })
                }
                _ => false,
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
